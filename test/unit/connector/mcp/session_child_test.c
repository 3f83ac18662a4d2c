#include "fixture.h"

#include <sys/wait.h>

#include "net/child.h"

/* An MCP server over stdio, of the era that its first argument names. */
static const char script[] =
    "import json, os, sys, time\n"
    "era = sys.argv[1]\n"
    "def say(m):\n"
    "  sys.stdout.write(json.dumps(m, separators=(',', ':')) + '\\n'); sys.stdout.flush()\n"
    "def answer(i, r):\n"
    "  say({'jsonrpc': '2.0', 'id': i, 'result': r})\n"
    "print('started ' + os.environ.get('TOKEN', 'none'), file=sys.stderr, flush=True)\n"
    "if era == 'noise':\n"
    "  while True: say('no message')\n"
    "for line in sys.stdin:\n"
    "  m = json.loads(line); i = m.get('id'); method = m.get('method'); p = m.get('params', {})\n"
    "  if method == 'server/discover' and era == 'modern':\n"
    "    answer(i, {'resultType': 'complete', 'supportedVersions': ['2026-07-28'], 'capabilities': {'tools': {}}})\n"
    "  elif method == 'server/discover' and era == 'touchy': sys.exit(2)\n"
    "  elif method == 'initialize' and era != 'modern':\n"
    "    answer(i, {'protocolVersion': '2025-11-25', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'x', "
    "'version': '1'}})\n"
    "  elif method == 'tools/call':\n"
    "    name = p['name']\n"
    "    if name == 'env': answer(i, {'env': sorted(os.environ), 'cwd': os.getcwd(), 'nonce': os.urandom(8).hex()})\n"
    "    elif name == 'progress':\n"
    "      for n in range(3):\n"
    "        say({'jsonrpc': '2.0', 'method': 'notifications/progress', 'params': {'progressToken': "
    "p['_meta']['progressToken'], 'progress': n}})\n"
    "      answer(i, {'content': []}); answer(i, {'content': ['again']})\n"
    "    elif name == 'crash': os._exit(7)\n"
    "    elif name == 'hang': pass\n"
    "    elif name == 'garbage': print('this is no JSON', flush=True); answer(i, {'content': []})\n"
    "    else: answer(i, {'content': [], 'name': name})\n"
    "  elif method == 'notifications/cancelled': open(os.environ['HOME'] + '/cancelled', 'w').close()\n"
    "  elif i is not None: say({'jsonrpc': '2.0', 'id': i, 'error': {'code': -32601, 'message': 'unknown'}})\n";

static const char *command[] = {"python3", "-c", script, "modern", NULL};
static const char *const plain[] = {"PLAIN=1", NULL};
static char folder[64];

static struct fixture *start(const char *era, bool has_thread) {
  struct fixture *f = fixture_start(SERVER_MODERN, has_thread);
  command[3] = era;
  snprintf(folder, sizeof(folder), "/tmp/connek-mcp-XXXXXX");
  assert_non_null(mkdtemp(folder));
  f->target->url = STR_NONE;
  f->target->command = command;
  f->target->plain_environment = plain;
  f->target->directory = folder;
  secret_free(f->credential);
  f->credential = secret_new("{\"environment\":{\"TOKEN\":\"canary-canary\"}}", 41);
  return f;
}

static void stop(struct fixture *f) {
  char file[128];
  fixture_stop(f);
  snprintf(file, sizeof(file), "%s/cancelled", folder);
  unlink(file);
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void run(struct fixture *f, struct trial *trial, const char *tool) {
  trial_init(f, trial, tool);
  trial_run(trial);
}

static void either_era_is_spoken_over_stdio(void **state) {
  const char *eras[] = {"modern", "legacy", "touchy"};
  for (int i = 0; i < 6; i++) {
    struct fixture *f = start(eras[i % 3], i >= 3);
    for (int j = 0; j < 3; j++) {
      struct trial trial;
      run(f, &trial, "any");
      if (trial.call.result.is_error) fail_msg("%s: %.*s", eras[i % 3], STR_ARG(trial.call.result.text));
      assert_text(trial.call.result.whole, "\"name\":\"any\"");
      trial_end(&trial);
    }
    stop(f);
  }
}

static void its_environment_is_its_own_and_holds_its_secrets(void **state) {
  struct fixture *f = start("legacy", false);
  struct trial trial;
  run(f, &trial, "env");
  const char *sandboxed = "\"env\":[\"HOME\",\"LANG\",\"PATH\",\"PLAIN\",\"PWD\",\"TOKEN\"]";
  const char *bare = "\"env\":[\"HOME\",\"LANG\",\"PATH\",\"PLAIN\",\"TOKEN\"]";
  assert_text(trial.call.result.whole, child_sandbox_problem() ? bare : sandboxed);
  assert_text(trial.call.result.whole, folder);
  trial_end(&trial);
  run_until(f, atomic_load(&f->n_lines) >= 1);
  stop(f);
}

static void progress_comes_and_what_is_answered_twice_counts_once(void **state) {
  struct fixture *f = start("modern", false);
  for (int i = 0; i < 2; i++) {
    struct trial trial;
    run(f, &trial, "progress");
    assert_int_equal(trial.n_notes, 3);
    assert_text(trial.call.result.whole, "\"content\":[]");
    trial_end(&trial);
  }
  stop(f);
}

static void a_crash_fails_its_calls_and_the_next_start_waits(void **state) {
  struct fixture *f = start("legacy", false);
  struct trial trials[2], trial;
  trial_init(f, &trials[0], "hang");
  trial_init(f, &trials[1], "crash");
  trial_begin(&trials[0]);
  trial_begin(&trials[1]);
  for (int i = 0; i < 2; i++) {
    trial_wait(&trials[i]);
    assert_int_equal(trials[i].call.result.error, ERR_UPSTREAM);
    assert_text(trials[i].call.result.text, "everything ended with status 7 before it had answered");
    assert_true(trials[i].call.result.is_unknown);
    trial_end(&trials[i]);
  }
  run(f, &trial, "any");
  assert_int_equal(trial.call.result.error, ERR_UNAVAILABLE);
  assert_text(trial.call.result.text, "keeps ending and is left alone");
  trial_end(&trial);
  loop_age(&f->loops[0], 2 * 1000 * 1000);
  run(f, &trial, "any");
  assert_false(trial.call.result.is_error);
  trial_end(&trial);
  stop(f);
}

static void a_cancelled_call_is_told_to_it(void **state) {
  struct fixture *f = start("modern", false);
  struct trial trial;
  char file[128];
  snprintf(file, sizeof(file), "%s/cancelled", folder);
  run(f, &trial, "any");
  trial_end(&trial);
  trial_init(f, &trial, "hang");
  trial_begin(&trial);
  run_for_a_while(f);
  mcp_cancel(&trial.call);
  trial_wait(&trial);
  assert_int_equal(trial.call.result.error, ERR_CANCELLED);
  run_until(f, access(file, F_OK) == 0);
  trial_end(&trial);
  stop(f);
}

static void garbage_between_messages_is_left_out(void **state) {
  struct fixture *f = start("legacy", false);
  struct trial trial;
  run(f, &trial, "garbage");
  assert_false(trial.call.result.is_error);
  trial_end(&trial);
  stop(f);
}

static void one_that_says_nothing_but_nonsense_is_stopped(void **state) {
  struct fixture *f = start("noise", false);
  struct trial trial;
  run(f, &trial, "any");
  assert_true(trial.call.result.is_error);
  trial_end(&trial);
  stop(f);
}

static void one_that_nobody_wants_is_stopped_and_started_again(void **state) {
  struct fixture *f = start("legacy", false);
  struct trial first, second;
  run(f, &first, "env");
  loop_age(&f->loops[0], (LIMIT_MCP_CHILD_IDLE_MS + 2000) * INT64_C(1000));
  run_until(f, waitpid(-1, NULL, WNOHANG | WNOWAIT) != 0 || !f->upstreams->homes[0].first->child);
  run(f, &second, "env");
  assert_false(second.call.result.is_error);
  assert_false(str_eq(first.call.result.whole, second.call.result.whole)); /* another process */
  trial_end(&first);
  trial_end(&second);
  stop(f);
}

static void a_program_that_is_not_there_is_named(void **state) {
  struct fixture *f = start("legacy", false);
  struct trial trial;
  const char *const none[] = {"connek-no-such-program", NULL};
  f->target->command = none;
  run(f, &trial, "any");
  assert_text(trial.call.result.text, "everything: there is no program connek-no-such-program");
  trial_end(&trial);
  stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(either_era_is_spoken_over_stdio),
      cmocka_unit_test(its_environment_is_its_own_and_holds_its_secrets),
      cmocka_unit_test(progress_comes_and_what_is_answered_twice_counts_once),
      cmocka_unit_test(a_crash_fails_its_calls_and_the_next_start_waits),
      cmocka_unit_test(a_cancelled_call_is_told_to_it),
      cmocka_unit_test(garbage_between_messages_is_left_out),
      cmocka_unit_test(one_that_says_nothing_but_nonsense_is_stopped),
      cmocka_unit_test(one_that_nobody_wants_is_stopped_and_started_again),
      cmocka_unit_test(a_program_that_is_not_there_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
