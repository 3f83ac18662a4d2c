#include "org/coherence.h"

#include "server.h"

static void what_is_there_at_the_start_is_loaded(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid other = add_organisation(f, "globex");
  struct uuid hank = add_user_to(f, other, "hank@globex.example", 0);
  add_token(f, f->organisation, user, "ann", 0);
  add_token(f, other, hank, "hank", clock_utc_us() + 3600 * INT64_C(1000000));
  add_token(f, other, hank, "expired", 1);
  struct uuid dead = add_token(f, other, hank, "revoked", 0);
  revoke_token(f, other, dead);
  server_start(&server, f);
  assert_true(coherence_is_current(server.coherence));
  assert_string_equal(see(&server, "ann").name, "acme");
  assert_string_equal(see(&server, "hank").name, "globex");
  assert_false(see(&server, "expired").has_token);
  assert_false(see(&server, "revoked").has_token);
  assert_int_equal(token_index_count(coherence_tokens(server.coherence)), 2);
  server_end(&server);
}

static void a_revoked_token_is_gone_when_the_answer_comes(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  add_token(f, f->organisation, user, "ann's other", 0);
  server_start(&server, f);
  assert_true(see(&server, "ann").has_token);
  revoke_token(f, f->organisation, token);
  ask(&server);
  assert_false(see(&server, "ann").has_token);
  assert_true(see(&server, "ann's other").has_token);
  server_end(&server);
}

static void a_new_token_works_when_the_answer_comes(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  server_start(&server, f);
  assert_false(see(&server, "new").has_token);
  struct uuid token = add_token(f, f->organisation, user, "new", 0);
  log_token(f, f->organisation, token);
  ask(&server);
  struct sight sight = see(&server, "new");
  assert_true(sight.has_token && sight.has_organisation && sight.has_user);
  server_end(&server);
}

static void a_changed_organisation_is_seen_when_the_answer_comes(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  struct sight before = see(&server, "ann");
  add_user(f, "bob@acme.example");
  log_organisation(f, f->organisation);
  ask(&server);
  struct sight after = see(&server, "ann");
  assert_int_equal(before.n_users, 1);
  assert_int_equal(after.n_users, 2);
  assert_int_equal(after.version, before.version + 1);
  server_end(&server);
}

/* What a call holds across turns outlives the change: its own reference. */
static void a_snapshot_in_use_outlives_its_replacement(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(STR("ann"), hash);
  struct token_entry *entry = token_index_find(coherence_tokens(server.coherence), hash);
  struct org_snapshot *held = org_slot_take(entry->organisation);
  log_organisation(f, f->organisation);
  ask(&server);
  assert_int_equal(held->version + 1, see(&server, "ann").version);
  assert_str(held->name, "acme");
  org_snapshot_unref(held);
  server_end(&server);
}

static void a_new_organisation_gets_its_place(void **state) {
  struct fixture *f = *state;
  struct server server;
  server_start(&server, f);
  struct uuid other = add_organisation(f, "globex");
  struct uuid hank = add_user_to(f, other, "hank@globex.example", 0);
  struct uuid token = add_token(f, other, hank, "hank", 0);
  log_organisation(f, other);
  log_token(f, other, token);
  ask(&server);
  assert_string_equal(see(&server, "hank").name, "globex");
  server_end(&server);
}

static void a_deleted_user_takes_their_tokens_along(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  add_token(f, f->organisation, add_user(f, "bob@acme.example"), "bob", 0);
  server_start(&server, f);
  struct uuid ids[2] = {f->organisation, user};
  write_row(f, work_user_delete, ids);
  log_organisation(f, f->organisation);
  ask(&server);
  assert_false(see(&server, "ann").has_user); /* nothing was said of the token, but it is nobody's */
  log_token(f, f->organisation, token);
  ask(&server);
  assert_false(see(&server, "ann").has_token);
  assert_true(see(&server, "bob").has_user);
  server_end(&server);
}

static void what_was_committed_before_the_socket_listened_is_not_lost(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  server_prepare(&server, f);
  bool is_running = true;
  revoke_token(f, f->organisation, token);
  assert_ok(coherence_ask(f->dir, ASK_MS, &is_running, &test_err));
  assert_false(is_running);
  server_run(&server);
  assert_false(see(&server, "ann").has_token);
  server_end(&server);
}

static void more_changes_than_one_batch_are_all_applied(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  static char many[] =
      "INSERT INTO change_log (seq, organisation_id, kind, object_id, time) "
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
      "SELECT i, zeroblob(16), 'access_token', zeroblob(16), 0 FROM n";
  write_row(f, work_sql, many);
  revoke_token(f, f->organisation, token);
  ask(&server);
  assert_false(see(&server, "ann").has_token);
  assert_int_equal(coherence_version(server.coherence), 9001);
  server_end(&server);
}

static void a_rule_that_cannot_be_read_denies_all(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  assert_false(see(&server, "ann").is_all_denied);
  add_rule(f, add_role(f, "finance"), "allow", "connection", "ledger", "[\"read\"", NULL);
  log_organisation(f, f->organisation);
  ask(&server);
  struct sight sight = see(&server, "ann");
  assert_true(sight.has_problem && sight.is_all_denied);
  assert_true(was_told(&server, "organisation acme: its policy cannot be read"));
  assert_true(was_told(&server, "rule 1 of role finance"));
  server_end(&server);
}

static void a_broken_organisation_is_closed_and_the_others_go_on(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  add_token(f, f->organisation, user, "ann", 0);
  struct uuid other = add_organisation(f, "globex");
  struct uuid hank = add_user_to(f, other, "hank@globex.example", 0);
  struct uuid token = add_token(f, other, hank, "hank", 0);
  static char keeping[] = "CREATE TABLE kept AS SELECT data_key FROM organisation WHERE name = 'acme'";
  static char breaking[] = "UPDATE organisation SET data_key = zeroblob(1) WHERE name = 'acme'";
  static char mending[] = "UPDATE organisation SET data_key = (SELECT data_key FROM kept) WHERE name = 'acme'";
  server_start(&server, f);
  write_row(f, work_sql, keeping);
  write_row(f, work_sql, breaking);
  log_organisation(f, f->organisation);
  revoke_token(f, other, token);
  bool is_running = false;
  assert_int_equal(coherence_ask(f->dir, ASK_MS, &is_running, &test_err), ERR_UNAVAILABLE);
  assert_false(see(&server, "ann").has_organisation);
  assert_false(see(&server, "hank").has_token);
  assert_false(coherence_is_current(server.coherence));
  assert_true(was_told(&server, "cannot be loaded, everything is denied"));
  write_row(f, work_sql, mending); /* nothing is logged: it is tried again whatever the log says */
  ask(&server);
  assert_string_equal(see(&server, "ann").name, "acme");
  assert_true(coherence_is_current(server.coherence));
  server_end(&server);
}

static void a_broken_organisation_does_not_keep_the_server_from_starting(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  add_token(f, f->organisation, user, "ann", 0);
  struct uuid other = add_organisation(f, "globex");
  add_token(f, other, add_user_to(f, other, "hank@globex.example", 0), "hank", 0);
  static char breaking[] = "UPDATE organisation SET data_key = zeroblob(1) WHERE name = 'acme'";
  write_row(f, work_sql, breaking);
  server_start(&server, f);
  assert_false(coherence_is_current(server.coherence));
  assert_true(see(&server, "ann").has_token);
  assert_false(see(&server, "ann").has_organisation);
  assert_true(see(&server, "hank").has_organisation);
  server_end(&server);
}

static void a_database_that_cannot_be_read_is_no_confirmation(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  static char hiding[] = "ALTER TABLE change_log RENAME TO hidden";
  static char showing[] = "ALTER TABLE hidden RENAME TO change_log";
  revoke_token(f, f->organisation, token);
  write_row(f, work_sql, hiding);
  bool is_running = false;
  assert_int_equal(coherence_ask(f->dir, ASK_MS, &is_running, &test_err), ERR_UNAVAILABLE);
  assert_false(coherence_is_current(server.coherence));
  assert_true(see(&server, "ann").has_token);
  write_row(f, work_sql, showing);
  ask(&server);
  assert_true(coherence_is_current(server.coherence));
  assert_false(see(&server, "ann").has_token);
  server_end(&server);
}

/* The barrier: while a worker is inside a turn, it may still use what it found there. */
static void no_answer_comes_while_a_worker_may_still_hold_the_old(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid token = add_token(f, f->organisation, user, "ann", 0);
  server_start(&server, f);
  sem_t gate;
  sem_init(&gate, 0, 0);
  struct errand errand;
  errand_send(&server.workers[1], &errand, wait_on_semaphore, &gate);
  revoke_token(f, f->organisation, token);
  bool is_running = false;
  assert_int_equal(coherence_ask(f->dir, 300, &is_running, &test_err), ERR_TIMEOUT);
  assert_false(see(&server, "ann").has_token); /* already published, not yet proved */
  sem_post(&gate);
  errand_wait(&errand);
  ask(&server);
  sem_destroy(&gate);
  server_end(&server);
}

static int64_t version_in(const char *line) {
  const char *text = strstr(line, "\"version\":");
  assert_non_null(text);
  return strtoll(text + strlen("\"version\":"), NULL, 10);
}

/* Requests that come during a run share the next one, which reads what was committed meanwhile. */
static void requests_during_a_run_wait_for_the_next(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct uuid user = add_user(f, "ann@acme.example");
  struct uuid first = add_token(f, f->organisation, user, "first", 0);
  struct uuid second = add_token(f, f->organisation, user, "second", 0);
  server_start(&server, f);
  sem_t gate;
  char line[CONTROL_LINE];
  sem_init(&gate, 0, 0);
  struct errand errand;
  errand_send(&server.workers[1], &errand, wait_on_semaphore, &gate);
  revoke_token(f, f->organisation, first);
  int early = dial(&server);
  say(early, "{\"op\":\"sync\"}\n");
  while (see(&server, "first").has_token) { /* the run is at its barrier once this has gone */
  }
  int64_t version = coherence_version(server.coherence);
  revoke_token(f, f->organisation, second);
  int late[3];
  for (int i = 0; i < 3; i++)
    say(late[i] = dial(&server), "{\"op\":\"sync\"}\n");
  let_main_loop_turn(&server);
  sem_post(&gate);
  errand_wait(&errand);
  hear(early, line);
  assert_true(version_in(line) >= version);
  for (int i = 0; i < 3; i++) {
    hear(late[i], line);
    assert_non_null(strstr(line, "\"ok\":true"));
    assert_int_equal(version_in(line), version + 1);
    close(late[i]);
  }
  assert_false(see(&server, "second").has_token);
  close(early);
  sem_destroy(&gate);
  server_end(&server);
}

/* A worker that never comes back to its loop must not keep the server from ending. */
static void a_stop_in_the_middle_of_a_barrier_frees_everything(void **state) {
  struct fixture *f = *state;
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, f);
  sem_t gate;
  sem_init(&gate, 0, 0);
  struct errand errand;
  errand_send(&server.workers[1], &errand, wait_on_semaphore, &gate);
  log_organisation(f, f->organisation);
  int fd = dial(&server);
  say(fd, "{\"op\":\"sync\"}\n");
  while (coherence_version(server.coherence) == 0)
    sched_yield();
  on_loop(&server.main, stop_main, &server);
  pthread_join(server.main_thread, NULL);
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":false,\"error\":\"the server is stopping\"}");
  close(fd);
  sem_post(&gate);
  errand_wait(&errand);
  for (int i = 0; i < N_WORKERS; i++) {
    on_loop(&server.workers[i], stop_loop, &server.workers[i]);
    pthread_join(server.worker_threads[i], NULL);
    loop_release(&server.workers[i]);
  }
  coherence_free(server.coherence);
  loop_release(&server.main);
  sem_destroy(&gate);
  pthread_mutex_destroy(&server.lock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(what_is_there_at_the_start_is_loaded),
      fixture_test(a_revoked_token_is_gone_when_the_answer_comes),
      fixture_test(a_new_token_works_when_the_answer_comes),
      fixture_test(a_changed_organisation_is_seen_when_the_answer_comes),
      fixture_test(a_snapshot_in_use_outlives_its_replacement),
      fixture_test(a_new_organisation_gets_its_place),
      fixture_test(a_deleted_user_takes_their_tokens_along),
      fixture_test(what_was_committed_before_the_socket_listened_is_not_lost),
      fixture_test(more_changes_than_one_batch_are_all_applied),
      fixture_test(a_rule_that_cannot_be_read_denies_all),
      fixture_test(a_broken_organisation_is_closed_and_the_others_go_on),
      fixture_test(a_broken_organisation_does_not_keep_the_server_from_starting),
      fixture_test(a_database_that_cannot_be_read_is_no_confirmation),
      fixture_test(no_answer_comes_while_a_worker_may_still_hold_the_old),
      fixture_test(requests_during_a_run_wait_for_the_next),
      fixture_test(a_stop_in_the_middle_of_a_barrier_frees_everything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
