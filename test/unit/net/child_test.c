#include "net/child.h"

#include "wait.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"

struct fixture {
  struct loop loop;
  struct child *child;
  int n_lines, n_errors, n_ended;
  char lines[8192], errors[4096], how[128];
};

static void add(char *text, size_t size, struct str line) {
  size_t n = strlen(text);
  snprintf(text + n, size - n, "%.*s\n", STR_ARG(line));
}

static void on_line(void *context, struct str line) {
  struct fixture *f = context;
  f->n_lines++;
  add(f->lines, sizeof(f->lines), line);
}

static void on_error_line(void *context, struct str line) {
  struct fixture *f = context;
  f->n_errors++;
  add(f->errors, sizeof(f->errors), line);
}

static void on_ended(void *context, const char *how) {
  struct fixture *f = context;
  f->n_ended++;
  f->child = NULL;
  snprintf(f->how, sizeof(f->how), "%s", how);
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_ok(loop_init(&f->loop, &test_err));
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  free(f);
  return 0;
}

static enum err_code try_start(struct fixture *f, const char *const *command) {
  static const char *const environment[] = {"PATH=/usr/bin:/bin", "OWN=yes", NULL};
  const struct child_options options = {.command = command,
                                        .environment = environment,
                                        .directory = "/tmp",
                                        .max_line = 64 * 1024,
                                        .max_unread = 256 * 1024,
                                        .on_line = on_line,
                                        .on_error_line = on_error_line,
                                        .on_ended = on_ended,
                                        .context = f};
  return child_start(&f->loop, &options, &f->child, &test_err);
}

static void start(struct fixture *f, const char *script) {
  const char *const command[] = {"sh", "-c", script, NULL};
  assert_ok(try_start(f, command));
}

static void wait_for_end(struct fixture *f) {
  while (!f->n_ended)
    uv_run(&f->loop.uv, UV_RUN_ONCE);
  assert_int_equal(f->n_ended, 1);
}

static void wait_for_lines(struct fixture *f, int n) {
  WAIT_UNTIL(f->n_lines >= n, loop_turn(&f->loop));
}

static int n_descriptors(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

static bool is_alive(long pid) {
  return kill((pid_t)pid, 0) == 0;
}

static void lines_go_both_ways(void **state) {
  struct fixture *f = *state;
  start(f, "while read -r line; do echo \"got $line\"; done; echo end; echo no line end | tr -d '\\n'");
  child_write(f->child, STR("one"));
  child_write(f->child, STR("two words"));
  wait_for_lines(f, 2);
  assert_string_equal(f->lines, "got one\ngot two words\n");
  child_stop(f->child);
  wait_for_end(f);
}

static void what_it_says_at_its_end_is_heard(void **state) {
  struct fixture *f = *state;
  start(f, "echo a; echo; printf 'b\\r\\nc'; echo oops >&2; exit 3");
  wait_for_end(f);
  assert_string_equal(f->lines, "a\nb\nc\n");
  assert_string_equal(f->errors, "oops\n");
  assert_string_equal(f->how, "ended with status 3");
}

static void its_environment_is_its_own(void **state) {
  struct fixture *f = *state;
  const char *const command[] = {"env", NULL};
  setenv("CONNEK_SECRET_OF_OURS", "canary", 1);
  assert_ok(try_start(f, command));
  wait_for_end(f);
  assert_string_equal(f->lines, "PATH=/usr/bin:/bin\nOWN=yes\n");
}

static void it_has_three_descriptors_and_no_more(void **state) {
  struct fixture *f = *state;
  int stray = dup(2); /* without close-on-exec */
  start(f, "exec ls /proc/self/fd");
  wait_for_end(f);
  close(stray);
  assert_string_equal(f->lines, "0\n1\n2\n3\n"); /* 3 is that folder */
}

static void it_has_limits_and_a_session_of_its_own(void **state) {
  struct fixture *f = *state;
  start(f,
        "ulimit -c; ulimit -n; ulimit -d; ulimit -t; cat /proc/$$/status | grep NoNewPrivs | tr -d '\\t'; "
        "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo own; "
        "trap | wc -l");
  wait_for_end(f);
  char expected[256];
  snprintf(expected, sizeof(expected), "0\n%d\n%d\n%d\nNoNewPrivs:1\nown\n0\n", LIMIT_CHILD_DESCRIPTORS,
           LIMIT_CHILD_MEMORY_MIB * 1024, LIMIT_CHILD_CPU_S);
  assert_string_equal(f->lines, expected);
}

static void too_much_memory_is_refused(void **state) {
  struct fixture *f = *state;
  const char *const command[] = {"python3", "-c", "x = bytearray(3 * 1024 * 1024 * 1024)\nprint('had it')", NULL};
  assert_ok(try_start(f, command));
  wait_for_end(f);
  assert_string_equal(f->lines, "");
  assert_non_null(strstr(f->errors, "MemoryError"));
}

static void a_program_that_is_not_there_is_an_error(void **state) {
  struct fixture *f = *state;
  const char *const none[] = {"connek-no-such-program", NULL}, *const folder[] = {"/tmp", NULL};
  int before = n_descriptors();
  assert_int_equal(try_start(f, none), ERR_UNAVAILABLE);
  assert_string_equal(test_err.text, "there is no program connek-no-such-program");
  assert_int_equal(try_start(f, folder), ERR_UNAVAILABLE);
  assert_non_null(strstr(test_err.text, "Permission denied"));
  assert_int_equal(n_descriptors(), before);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left */
}

static void one_that_ignores_sigterm_is_killed_with_its_group(void **state) {
  struct fixture *f = *state;
  start(f, "trap '' TERM HUP INT; sleep 1000 & echo $!; echo $$; while :; do sleep 1000; done");
  wait_for_lines(f, 2);
  long grandchild = strtol(f->lines, NULL, 10);
  assert_true(is_alive(grandchild));
  child_stop(f->child);
  child_stop(f->child);
  wait_for_end(f);
  assert_string_equal(f->how, "was ended by signal 9 (Killed)");
  for (int i = 0; i < 200 && is_alive(grandchild); i++)
    usleep(10 * 1000); /* whoever inherited it reaps it */
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void what_it_leaves_behind_is_ended_with_it(void **state) {
  struct fixture *f = *state;
  start(f, "sleep 1000 & echo $!; exit 0");
  wait_for_end(f); /* though the sleep holds the pipes */
  assert_string_equal(f->how, "ended with status 0");
}

static void one_that_ends_with_its_input_needs_no_signal(void **state) {
  struct fixture *f = *state;
  start(f, "trap 'echo term; exit 0' TERM; echo up; while read -r line; do :; done; echo end of input; exit 0");
  wait_for_lines(f, 1);
  child_stop(f->child);
  wait_for_end(f);
  assert_string_equal(f->how, "ended with status 0");
}

static void a_line_without_an_end_ends_it(void **state) {
  struct fixture *f = *state;
  start(f, "head -c 65536 /dev/zero | tr '\\0' x; echo; head -c 65537 /dev/zero | tr '\\0' y; sleep 1000");
  wait_for_end(f);
  assert_int_equal(f->n_lines, 1);
  assert_non_null(strstr(f->errors, "too long"));
  assert_string_equal(f->how, "was ended by signal 9 (Killed)");
}

static void one_that_never_reads_is_ended(void **state) {
  struct fixture *f = *state;
  static char line[32 * 1024];
  memset(line, 'x', sizeof(line));
  start(f, "exec sleep 1000");
  for (int i = 0; i < 20; i++)
    child_write(f->child, str_make(line, sizeof(line)));
  assert_non_null(strstr(f->errors, "does not read"));
  wait_for_end(f);
}

static void long_lines_of_standard_error_are_cut(void **state) {
  struct fixture *f = *state;
  start(f, "head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo short >&2");
  wait_for_end(f);
  assert_int_equal(f->n_errors, 2);
  assert_string_equal(f->errors + 1024, "\nshort\n");
}

/* In a sandbox, `hidden` hidden from it; until it has ended. */
static void run_sandboxed(struct fixture *f, const char *script, const char *folder, const char *hidden) {
  const char *const command[] = {"sh", "-c", script, NULL};
  const char *const environment[] = {"PATH=/usr/bin:/bin", "OWN=yes", NULL}, *const all_hidden[] = {hidden, NULL};
  const struct child_options options = {.command = command,
                                        .environment = environment,
                                        .directory = folder,
                                        .is_sandboxed = true,
                                        .hidden = all_hidden,
                                        .max_line = 1024,
                                        .max_unread = 1024,
                                        .on_line = on_line,
                                        .on_error_line = on_error_line,
                                        .on_ended = on_ended,
                                        .context = f};
  assert_ok(child_start(&f->loop, &options, &f->child, &test_err));
  wait_for_end(f);
}

static void a_sandboxed_one_may_write_to_its_own_folder_alone(void **state) {
  struct fixture *f = *state;
  if (child_sandbox_problem()) skip_because("no bubblewrap that works here");
  char folder[] = "/var/tmp/connek-child-XXXXXX", hidden[] = "/var/tmp/connek-hidden-XXXXXX", file[64], script[512];
  assert_non_null(mkdtemp(folder));
  assert_non_null(mkdtemp(hidden));
  snprintf(file, sizeof(file), "%s/secret", hidden);
  fclose(fopen(file, "w"));
  snprintf(script, sizeof(script),
           "echo x > mine && cat mine; ls %s | wc -l; echo x > /var/tmp/connek-not-mine || echo refused; "
           "ls /tmp | wc -l; echo $OWN",
           hidden);
  run_sandboxed(f, script, folder, hidden);
  snprintf(file, sizeof(file), "%s/secret", hidden);
  unlink(file);
  rmdir(hidden);
  snprintf(file, sizeof(file), "%s/mine", folder);
  assert_int_equal(unlink(file), 0);
  rmdir(folder);
  assert_string_equal(f->lines, "x\n0\nrefused\n0\nyes\n");
}

static void many_starts_leave_nothing_behind(void **state) {
  struct fixture *f = *state;
  int before = 0;
  for (int i = 0; i < 60; i++) {
    f->n_ended = 0;
    start(f, "cat");
    if (i % 2) child_write(f->child, STR("x"));
    child_stop(f->child);
    wait_for_end(f);
    if (i == 1) before = n_descriptors();
  }
  assert_int_equal(n_descriptors(), before);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* What is hidden stays so, also where the folder that was named lies around it. */
static void a_folder_that_was_named_shows_nothing_that_is_hidden(void **state) {
  struct fixture *f = *state;
  if (child_sandbox_problem()) skip_because("no bubblewrap that works here");
  char folder[] = "/var/tmp/connek-child-XXXXXX", hidden[64], file[80];
  assert_non_null(mkdtemp(folder));
  snprintf(hidden, sizeof(hidden), "%s/data", folder);
  assert_int_equal(mkdir(hidden, 0700), 0);
  snprintf(file, sizeof(file), "%s/secret", hidden);
  fclose(fopen(file, "w"));
  run_sandboxed(f, "ls data | wc -l; ls", folder, hidden);
  unlink(file);
  rmdir(hidden);
  rmdir(folder);
  assert_string_equal(f->lines, "0\ndata\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(lines_go_both_ways),
      TEST(what_it_says_at_its_end_is_heard),
      TEST(its_environment_is_its_own),
      TEST(it_has_three_descriptors_and_no_more),
      TEST(it_has_limits_and_a_session_of_its_own),
      TEST(too_much_memory_is_refused),
      TEST(a_program_that_is_not_there_is_an_error),
      TEST(one_that_ignores_sigterm_is_killed_with_its_group),
      TEST(what_it_leaves_behind_is_ended_with_it),
      TEST(one_that_ends_with_its_input_needs_no_signal),
      TEST(a_line_without_an_end_ends_it),
      TEST(one_that_never_reads_is_ended),
      TEST(long_lines_of_standard_error_are_cut),
      TEST(a_sandboxed_one_may_write_to_its_own_folder_alone),
      TEST(a_folder_that_was_named_shows_nothing_that_is_hidden),
      TEST(many_starts_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
