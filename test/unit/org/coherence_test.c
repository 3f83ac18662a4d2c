#include "org/coherence.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "fixture.h"
#include "org/control_socket.h"

enum { N_WORKERS = 2, ASK_MS = 30 * 1000 };

/* A server in miniature: a main loop and two workers, a thread each. */
struct server {
  struct fixture *f;
  struct loop main, workers[N_WORKERS];
  struct loop *worker_list[N_WORKERS];
  pthread_t main_thread, worker_threads[N_WORKERS];
  struct coherence *coherence;
  pthread_mutex_t lock; /* of problems */
  char problems[4096];
};

static void *run_loop(void *loop) {
  loop_run(loop);
  return NULL;
}

static void note_problem(void *context, const struct err *err) {
  struct server *server = context;
  pthread_mutex_lock(&server->lock);
  size_t used = strlen(server->problems);
  (void)snprintf(server->problems + used, sizeof(server->problems) - used, "%s\n", err->text);
  pthread_mutex_unlock(&server->lock);
}

static bool was_told(struct server *server, const char *text) {
  pthread_mutex_lock(&server->lock);
  bool is_there = strstr(server->problems, text) != NULL;
  pthread_mutex_unlock(&server->lock);
  return is_there;
}

/* Everything but the threads: workers see nothing yet. */
static void server_prepare(struct server *server, struct fixture *f) {
  *server = (struct server){.f = f};
  pthread_mutex_init(&server->lock, NULL);
  assert_ok(loop_init(&server->main, &test_err));
  for (int i = 0; i < N_WORKERS; i++) {
    assert_ok(loop_init(&server->workers[i], &test_err));
    server->worker_list[i] = &server->workers[i];
  }
  const struct coherence_options options = {.db = f->db,
                                            .vault = f->vault,
                                            .loop = &server->main,
                                            .workers = server->worker_list,
                                            .n_workers = N_WORKERS,
                                            .dir = f->dir,
                                            .on_problem = note_problem,
                                            .context = server};
  assert_ok(coherence_new(&options, f->conn, &server->coherence, &test_err));
}

static void server_run(struct server *server) {
  assert_ok(coherence_start(server->coherence, &test_err));
  for (int i = 0; i < N_WORKERS; i++) {
    assert_int_equal(pthread_create(&server->worker_threads[i], NULL, run_loop, &server->workers[i]), 0);
  }
  assert_int_equal(pthread_create(&server->main_thread, NULL, run_loop, &server->main), 0);
}

static void server_start(struct server *server, struct fixture *f) {
  server_prepare(server, f);
  server_run(server);
}

/* Runs something on a loop's thread and waits for it. */
struct errand {
  struct loop_task task;
  void (*run)(void *context);
  void *context;
  sem_t is_done;
};

static void errand_run(struct loop_task *task) {
  struct errand *errand = (struct errand *)task;
  errand->run(errand->context);
  sem_post(&errand->is_done);
}

static void errand_send(struct loop *loop, struct errand *errand, void (*run)(void *context), void *context) {
  *errand = (struct errand){.task.run = errand_run, .run = run, .context = context};
  sem_init(&errand->is_done, 0, 0);
  loop_post(loop, &errand->task);
}

static void errand_wait(struct errand *errand) {
  while (sem_wait(&errand->is_done) != 0) {
  }
  sem_destroy(&errand->is_done);
}

static void on_loop(struct loop *loop, void (*run)(void *context), void *context) {
  struct errand errand;
  errand_send(loop, &errand, run, context);
  errand_wait(&errand);
}

static void stop_loop(void *loop) {
  loop_stop(loop);
}

static void stop_main(void *context) {
  struct server *server = context;
  coherence_stop(server->coherence);
  coherence_stop(server->coherence);
  loop_stop(&server->main);
}

static void server_end(struct server *server) {
  for (int i = 0; i < N_WORKERS; i++) {
    on_loop(&server->workers[i], stop_loop, &server->workers[i]);
    pthread_join(server->worker_threads[i], NULL);
  }
  on_loop(&server->main, stop_main, server);
  pthread_join(server->main_thread, NULL);
  for (int i = 0; i < N_WORKERS; i++)
    loop_release(&server->workers[i]);
  coherence_free(server->coherence);
  loop_release(&server->main);
  pthread_mutex_destroy(&server->lock);
}

/* What a worker sees, looked at in one of its turns. */
struct sight {
  struct server *server;
  const char *token;
  bool has_token, has_organisation;
  int64_t version;
  char name[LIMIT_NAME + 1];
  size_t n_users;
  bool has_problem, is_all_denied, has_user;
};

static void look(void *context) {
  struct sight *sight = context;
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(str_of(sight->token), hash);
  struct token_entry *entry = token_index_find(coherence_tokens(sight->server->coherence), hash);
  sight->has_token = entry != NULL;
  if (!entry) return;
  struct org_snapshot *snapshot = org_slot_take(entry->organisation);
  sight->has_organisation = snapshot != NULL;
  if (!snapshot) return;
  sight->version = snapshot->version;
  sight->n_users = snapshot->n_users;
  sight->has_problem = snapshot->problem != NULL;
  sight->has_user = org_snapshot_user(snapshot, entry->user_id) != NULL;
  sight->is_all_denied = true;
  for (size_t i = 0; i < snapshot->n_users; i++)
    sight->is_all_denied &= !snapshot->users[i].principal.is_loaded;
  (void)snprintf(sight->name, sizeof(sight->name), "%.*s", STR_ARG(snapshot->name));
  org_snapshot_unref(snapshot);
}

static struct sight see(struct server *server, const char *token) {
  struct sight sight = {.server = server, .token = token};
  on_loop(&server->workers[0], look, &sight);
  return sight;
}

static void ask(struct server *server) {
  bool is_running = false;
  assert_ok(coherence_ask(server->f->dir, ASK_MS, &is_running, &test_err));
  assert_true(is_running);
}

static void revoke_token(struct fixture *f, struct uuid organisation, struct uuid token) {
  struct uuid ids[2] = {organisation, token};
  write_row(f, work_revoke, ids);
  log_token(f, organisation, token);
}

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
      "SELECT i, x'000102030405060708090a0b0c0d0e0f', 'access_token', x'000102030405060708090a0b0c0d0e0f', 0 FROM n";
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
  static char breaking[] = "UPDATE organisation SET data_key = x'00' WHERE name = 'acme'";
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
  static char breaking[] = "UPDATE organisation SET data_key = x'00' WHERE name = 'acme'";
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

/* Raw clients of the socket. */

static int dial(struct server *server) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", server->f->dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  return fd;
}

static void say(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A line without its end; "" when the server has hung up. */
static void hear(int fd, char line[CONTROL_LINE]) {
  size_t n = 0;
  while (n + 1 < CONTROL_LINE && recv(fd, line + n, 1, 0) == 1 && line[n] != '\n')
    n++;
  line[n] = '\0';
}

static void wait_on_semaphore(void *semaphore) {
  while (sem_wait(semaphore) != 0) {
  }
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

static void do_nothing(void *context) {}

/* What clients have sent has been read: one turn accepts, one reads. */
static void let_main_loop_turn(struct server *server) {
  for (int i = 0; i < 4; i++)
    on_loop(&server->main, do_nothing, NULL);
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

static void a_client_that_leaves_does_no_harm(void **state) {
  struct fixture *f = *state;
  struct server server;
  server_start(&server, f);
  sem_t gate;
  sem_init(&gate, 0, 0);
  struct errand errand;
  errand_send(&server.workers[1], &errand, wait_on_semaphore, &gate);
  log_organisation(f, f->organisation);
  for (int i = 0; i < 5; i++) {
    int fd = dial(&server);
    say(fd, "{\"op\":\"sync\"}\n");
    close(fd);
  }
  let_main_loop_turn(&server);
  sem_post(&gate);
  errand_wait(&errand);
  ask(&server);
  sem_destroy(&gate);
  server_end(&server);
}

static void what_is_no_request_is_told_so(void **state) {
  static const char *const lines[] = {
      "{\"op\":\"shutdown\"}\n",
      "{\"op\":\"Sync\"}\n",
      "{\"op\":7}\n",
      "{}\n",
      "[]\n",
      "\n",
      "sync\n",
      "{\"op\":\"sync\",\"op\":\"sync\"}\n",
  };
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    say(fd, lines[i]);
    hear(fd, line);
    assert_memory_equal(line, "{\"ok\":false,\"error\":\"", strlen("{\"ok\":false,\"error\":\""));
  }
  say(fd, "{\"op\":\"sync\"}\n"); /* the connection goes on */
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":true,\"version\":0}");
  close(fd);
  server_end(&server);
}

static void several_lines_at_once_are_answered_in_order(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  say(fd, "{\"op\":\"sync\"}\n{\"op\":\"no\"}\n{\"op\":\"sync\"}\n{\"op\":");
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":false,\"error\":\"unknown op\"}");
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  say(fd, "\"sync\"}\n");
  shutdown(fd, SHUT_WR); /* who has said all still gets the answer */
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  hear(fd, line);
  assert_string_equal(line, "");
  close(fd);
  server_end(&server);
}

static void a_line_without_end_is_cut_off(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  for (int i = 0; i < CONTROL_LINE; i += 64) {
    say(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  }
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":false,\"error\":\"the line is too long\"}");
  hear(fd, line);
  assert_string_equal(line, "");
  close(fd);
  server_end(&server);
}

static void too_many_connections_are_closed_and_places_come_free(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  int fds[CONTROL_CONNECTIONS];
  server_start(&server, *state);
  for (int i = 0; i < CONTROL_CONNECTIONS; i++)
    fds[i] = dial(&server);
  say(fds[CONTROL_CONNECTIONS - 1], "{\"op\":\"sync\"}\n");
  hear(fds[CONTROL_CONNECTIONS - 1], line); /* all have been accepted */
  int extra = dial(&server);
  hear(extra, line);
  assert_string_equal(line, "");
  close(extra);
  for (int i = 0; i < CONTROL_CONNECTIONS; i++)
    close(fds[i]);
  bool is_running;
  while (coherence_ask(server.f->dir, ASK_MS, &is_running, &test_err) != ERR_NONE) {
  }
  server_end(&server);
}

static void only_its_owner_may_open_the_socket(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct stat found;
  char path[128];
  server_start(&server, f);
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  assert_int_equal(stat(path, &found), 0);
  assert_true(S_ISSOCK(found.st_mode));
  assert_int_equal(found.st_mode & 0777, 0600);
  server_end(&server);
  assert_int_equal(stat(path, &found), -1); /* and it is gone with the server */
}

/* Even where the file's mode has been loosened. Needs root, to become somebody else. */
static void another_user_is_hung_up_on(void **state) {
  enum { NOBODY = 65534, HUNG_UP = 7, HEARD = 8 };
  struct fixture *f = *state;
  struct server server;
  char path[128];
  if (geteuid() != 0) skip();
  server_start(&server, f);
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  assert_int_equal(chmod(f->dir, 0755) | chmod(path, 0666), 0);
  for (int as_nobody = 0; as_nobody < 2; as_nobody++) {
    pid_t child = fork();
    if (child == 0) {
      char byte;
      if (as_nobody && setresuid(NOBODY, NOBODY, NOBODY) != 0) _exit(1);
      int fd = dial(&server);
      (void)!send(fd, "{\"op\":\"sync\"}\n", 14, MSG_NOSIGNAL);
      _exit(recv(fd, &byte, 1, 0) == 1 ? HEARD : HUNG_UP);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), as_nobody ? HUNG_UP : HEARD);
  }
  server_end(&server);
}

static void a_socket_left_by_a_killed_server_is_replaced(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", f->dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  close(fd);
  bool is_running = true;
  assert_ok(coherence_ask(f->dir, ASK_MS, &is_running, &test_err));
  assert_false(is_running);
  server_start(&server, f);
  ask(&server);
  server_end(&server);
}

static void a_file_in_the_sockets_place_is_left_alone(void **state) {
  struct fixture *f = *state;
  struct server server;
  char path[128];
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  server_prepare(&server, f);
  assert_int_equal(coherence_start(server.coherence, &test_err), ERR_CONFLICT);
  coherence_free(server.coherence);
  loop_release(&server.main);
  for (int i = 0; i < N_WORKERS; i++)
    loop_release(&server.workers[i]);
  assert_int_equal(access(path, F_OK), 0);
}

static void where_nobody_listens_nobody_is_asked(void **state) {
  struct fixture *f = *state;
  bool is_running = true;
  assert_ok(coherence_ask(f->dir, ASK_MS, &is_running, &test_err));
  assert_false(is_running);
  is_running = true;
  assert_ok(coherence_ask("/nonexistent/folder", ASK_MS, &is_running, &test_err));
  assert_false(is_running);
}

/* sun_path has 108 bytes. */
static void a_long_folder_name_is_no_obstacle(void **state) {
  struct fixture *f = *state;
  struct server server;
  char dir[400], was[sizeof(f->dir)];
  (void)snprintf(dir, sizeof(dir), "%s/%.*s", f->dir, 200,
                 "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-"
                 "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name");
  assert_int_equal(mkdir(dir, 0700), 0);
  memcpy(was, f->dir, sizeof(was));
  server = (struct server){.f = f};
  pthread_mutex_init(&server.lock, NULL);
  assert_ok(loop_init(&server.main, &test_err));
  const struct coherence_options options = {.db = f->db, .vault = f->vault, .loop = &server.main, .dir = dir};
  assert_ok(coherence_new(&options, f->conn, &server.coherence, &test_err));
  assert_ok(coherence_start(server.coherence, &test_err));
  assert_int_equal(pthread_create(&server.main_thread, NULL, run_loop, &server.main), 0);
  bool is_running = false;
  log_organisation(f, f->organisation); /* a barrier of no workers at all */
  assert_ok(coherence_ask(dir, ASK_MS, &is_running, &test_err));
  assert_true(is_running);
  assert_int_equal(coherence_version(server.coherence), 1);
  on_loop(&server.main, stop_main, &server);
  pthread_join(server.main_thread, NULL);
  loop_release(&server.main);
  coherence_free(server.coherence);
  pthread_mutex_destroy(&server.lock);
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
      fixture_test(a_client_that_leaves_does_no_harm),
      fixture_test(what_is_no_request_is_told_so),
      fixture_test(several_lines_at_once_are_answered_in_order),
      fixture_test(a_line_without_end_is_cut_off),
      fixture_test(too_many_connections_are_closed_and_places_come_free),
      fixture_test(only_its_owner_may_open_the_socket),
      fixture_test(another_user_is_hung_up_on),
      fixture_test(a_socket_left_by_a_killed_server_is_replaced),
      fixture_test(a_file_in_the_sockets_place_is_left_alone),
      fixture_test(where_nobody_listens_nobody_is_asked),
      fixture_test(a_long_folder_name_is_no_obstacle),
      fixture_test(a_stop_in_the_middle_of_a_barrier_frees_everything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
