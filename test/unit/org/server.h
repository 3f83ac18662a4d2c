/* A server in miniature around a fixture: a main loop and two workers, a thread each; and raw clients of its socket. */
#ifndef CONNEK_TEST_UNIT_ORG_SERVER_H
#define CONNEK_TEST_UNIT_ORG_SERVER_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/limits.h"
#include "fixture.h"
#include "org/coherence.h"
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

static inline void *run_loop(void *loop) {
  loop_run(loop);
  return NULL;
}

static inline void note_problem(void *context, const struct err *err) {
  struct server *server = context;
  pthread_mutex_lock(&server->lock);
  size_t used = strlen(server->problems);
  (void)snprintf(server->problems + used, sizeof(server->problems) - used, "%s\n", err->text);
  pthread_mutex_unlock(&server->lock);
}

static inline bool was_told(struct server *server, const char *text) {
  pthread_mutex_lock(&server->lock);
  bool is_there = strstr(server->problems, text) != NULL;
  pthread_mutex_unlock(&server->lock);
  return is_there;
}

/* Everything but the threads: workers see nothing yet. */
static inline void server_prepare(struct server *server, struct fixture *f) {
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

static inline void server_run(struct server *server) {
  assert_ok(coherence_start(server->coherence, &test_err));
  for (int i = 0; i < N_WORKERS; i++) {
    assert_int_equal(pthread_create(&server->worker_threads[i], NULL, run_loop, &server->workers[i]), 0);
  }
  assert_int_equal(pthread_create(&server->main_thread, NULL, run_loop, &server->main), 0);
}

static inline void server_start(struct server *server, struct fixture *f) {
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

static inline void errand_run(struct loop_task *task) {
  struct errand *errand = (struct errand *)task;
  errand->run(errand->context);
  sem_post(&errand->is_done);
}

static inline void errand_send(struct loop *loop, struct errand *errand, void (*run)(void *context), void *context) {
  *errand = (struct errand){.task.run = errand_run, .run = run, .context = context};
  sem_init(&errand->is_done, 0, 0);
  loop_post(loop, &errand->task);
}

static inline void errand_wait(struct errand *errand) {
  while (sem_wait(&errand->is_done) != 0) {
  }
  sem_destroy(&errand->is_done);
}

static inline void on_loop(struct loop *loop, void (*run)(void *context), void *context) {
  struct errand errand;
  errand_send(loop, &errand, run, context);
  errand_wait(&errand);
}

static inline void stop_loop(void *loop) {
  loop_stop(loop);
}

static inline void stop_main(void *context) {
  struct server *server = context;
  coherence_stop(server->coherence);
  coherence_stop(server->coherence);
  loop_stop(&server->main);
}

static inline void server_end(struct server *server) {
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

static inline void look(void *context) {
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

static inline struct sight see(struct server *server, const char *token) {
  struct sight sight = {.server = server, .token = token};
  on_loop(&server->workers[0], look, &sight);
  return sight;
}

static inline void ask(struct server *server) {
  bool is_running = false;
  assert_ok(coherence_ask(server->f->dir, ASK_MS, &is_running, &test_err));
  assert_true(is_running);
}

static inline void revoke_token(struct fixture *f, struct uuid organisation, struct uuid token) {
  struct uuid ids[2] = {organisation, token};
  write_row(f, work_revoke, ids);
  log_token(f, organisation, token);
}

/* Raw clients of the socket. */

static inline int dial(struct server *server) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", server->f->dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  return fd;
}

static inline void say(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A line without its end; "" when the server has hung up. */
static inline void hear(int fd, char line[CONTROL_LINE]) {
  size_t n = 0;
  while (n + 1 < CONTROL_LINE && recv(fd, line + n, 1, 0) == 1 && line[n] != '\n')
    n++;
  line[n] = '\0';
}

static inline void wait_on_semaphore(void *semaphore) {
  while (sem_wait(semaphore) != 0) {
  }
}

static inline void do_nothing(void *context) {}

/* What clients have sent has been read: one turn accepts, one reads. */
static inline void let_main_loop_turn(struct server *server) {
  for (int i = 0; i < 4; i++)
    on_loop(&server->main, do_nothing, NULL);
}

#endif
