/* Sessions of all connections: for each connection a few threads, each with one session, and the calls that wait for
 * one of them. A thread that found nothing to do for a while closes its session and ends; the pool goes with the last.
 * Must not know SQL. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "connector/sql/postgres.h"

enum { STACK_SIZE = 512 * KIB, SECRET_US = LIMIT_POSTGRES_SESSION_MS * 1000 };

struct postgres_pools {
  pthread_mutex_t lock;              /* of all that stands below, in pools and in jobs */
  pthread_cond_t left;               /* a thread has ended */
  const struct address_guard *guard; /* borrowed */
  const char *ca_file;
  struct map by_connection; /* the newest version's */
  unsigned n_sessions;
  bool is_stopping, is_orphaned;
};

struct postgres_pool {
  struct postgres_pools *pools;
  struct arena arena; /* of what follows: the snapshot that it is from may go before */
  struct uuid connection_id;
  int64_t version;
  struct postgres_target target;
  struct str organisation;
  struct secret *credential; /* or NULL */
  int64_t credential_us;     /* since when it is kept */
  pthread_cond_t wake;
  struct postgres_job *first, **end;
  unsigned n_waiting, n_threads, n_idle;
  bool is_retired;        /* another version has come */
  atomic_bool has_looked; /* at its role */
  char notice[ERR_TEXT_SIZE];
};

/* ---- pools; the lock is held ---- */

static void pool_free(struct postgres_pool *pool) {
  struct postgres_pools *pools = pool->pools;
  struct str key = uuid_bytes(&pool->connection_id);
  if (map_get(&pools->by_connection, key) == pool) (void)map_remove(&pools->by_connection, key);
  secret_free(pool->credential);
  pthread_cond_destroy(&pool->wake);
  arena_release(&pool->arena);
  free(pool);
}

static bool copy_target(struct postgres_pool *pool, const struct postgres_target *target, struct str organisation) {
  pool->target = *target;
  pool->target.host = arena_str(&pool->arena, target->host);
  pool->target.database = arena_str(&pool->arena, target->database);
  pool->target.user = arena_str(&pool->arena, target->user);
  pool->target.ca = arena_str(&pool->arena, target->ca);
  pool->organisation = arena_str(&pool->arena, organisation);
  return pool->target.host.p && pool->target.database.p && pool->target.user.p && pool->target.ca.p &&
         pool->organisation.p;
}

static struct postgres_pool *pool_new(struct postgres_pools *pools, const struct connector_call *call,
                                      const struct postgres_target *target) {
  struct postgres_pool *pool = calloc(1, sizeof(*pool));
  pthread_condattr_t attributes;
  if (!pool) return NULL;
  pool->pools = pools;
  pool->connection_id = call->connection->policy.id;
  pool->version = call->connection->version;
  pool->end = &pool->first;
  arena_init(&pool->arena, 0);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&pool->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  struct str organisation = call->caller ? call->caller->organisation : STR("");
  bool is_made = copy_target(pool, target, organisation) &&
                 map_put(&pools->by_connection, uuid_bytes(&pool->connection_id), pool) == ERR_NONE;
  if (is_made) return pool;
  pool_free(pool);
  return NULL;
}

/* What came with the latest call: nobody keeps a credential for longer than a session lasts. */
static bool take_credential(struct postgres_pool *pool, const struct secret *credential) {
  int64_t now_us = clock_monotonic_us();
  if (!credential || (pool->credential && now_us - pool->credential_us < SECRET_US)) return true;
  struct str opened = secret_open(credential);
  struct secret *copy = secret_new(opened.p, opened.n);
  if (!copy) return false;
  secret_free(pool->credential);
  pool->credential = copy;
  pool->credential_us = now_us;
  return true;
}

static void pool_retire(struct postgres_pools *pools, struct postgres_pool *pool) {
  (void)map_remove(&pools->by_connection, uuid_bytes(&pool->connection_id));
  pool->is_retired = true;
  pthread_cond_broadcast(&pool->wake);
}

/* The pool for this call; a new one where its connection has changed. */
static struct postgres_pool *pool_find(struct postgres_pools *pools, const struct connector_call *call,
                                       const struct postgres_target *target, struct err *err) {
  const struct connector_connection *connection = call->connection;
  struct postgres_pool *pool = map_get(&pools->by_connection, uuid_bytes(&connection->policy.id));
  if (pool && pool->version > connection->version) {
    (void)err_set(err, ERR_UNAVAILABLE, "the connection has just been changed; try again");
    return NULL;
  }
  if (pool && pool->version < connection->version) {
    pool_retire(pools, pool);
    pool = NULL;
  }
  if (!pool) pool = pool_new(pools, call, target);
  if (pool && take_credential(pool, call->credential)) return pool;
  if (pool && pool->n_threads == 0) pool_free(pool);
  (void)err_no_memory(err);
  return NULL;
}

static void pool_append(struct postgres_pool *pool, struct postgres_job *job) {
  job->next = NULL;
  job->pool = pool;
  *pool->end = job;
  pool->end = &job->next;
  pool->n_waiting++;
}

static bool pool_unlink(struct postgres_pool *pool, struct postgres_job *job) {
  struct postgres_job **at = &pool->first;
  while (*at && *at != job)
    at = &(*at)->next;
  if (!*at) return false;
  *at = job->next;
  if (pool->end == &job->next) pool->end = at;
  pool->n_waiting--;
  return true;
}

/* ---- a thread ---- */

struct served {
  struct postgres_pool *pool;
  struct postgres_session session;
};

/* A copy, so that the lock need not be held for as long as connecting takes. */
static struct secret *credential_of(struct postgres_pool *pool) {
  if (!pool->credential) return NULL;
  struct str opened = secret_open(pool->credential);
  return secret_new(opened.p, opened.n);
}

/* Without the lock. */
static void run(struct served *served, struct postgres_job *job, const struct secret *credential) {
  struct postgres_pool *pool = served->pool;
  struct postgres_session *session = &served->session;
  const struct postgres_reach reach = {.target = &pool->target,
                                       .organisation = pool->organisation,
                                       .guard = pool->pools->guard,
                                       .ca_file = pool->pools->ca_file};
  session->job = job;
  job->code = postgres_session_open(session, &reach, credential, &job->err);
  job->is_refused = job->code != ERR_NONE && session->is_refused;
  if (job->code != ERR_NONE) return;
  if (!pool->has_looked) { /* two at once look twice: the same */
    char notice[ERR_TEXT_SIZE];
    postgres_look_at_role(session, pool->target.may_write, notice);
    pthread_mutex_lock(&pool->pools->lock);
    memcpy(pool->notice, notice, sizeof(notice));
    pool->has_looked = true;
    pthread_mutex_unlock(&pool->pools->lock);
  }
  postgres_run(session, job);
}

static void serve_one(struct served *served, struct postgres_job *job) {
  struct postgres_pool *pool = served->pool;
  struct postgres_pools *pools = pool->pools;
  struct secret *credential = credential_of(pool);
  job->state = POSTGRES_RUNS;
  job->session = &served->session;
  pthread_mutex_unlock(&pools->lock);
  run(served, job, credential);
  secret_free(credential);
  pthread_mutex_lock(&pools->lock);
  memcpy(job->notice, pool->notice, sizeof(job->notice));
  job->state = POSTGRES_ENDED;
  job->session = NULL;
  /* Loops may have gone by now where the process ends without us. */
  if (!pools->is_orphaned) loop_post(job->loop, &job->task);
  pthread_mutex_unlock(&pools->lock);
  postgres_session_reset(&served->session); /* its caller has the answer already */
  pthread_mutex_lock(&pools->lock);
}

/* False: it has been idle for long enough. */
static bool wait_idle(struct postgres_pool *pool) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LIMIT_POSTGRES_IDLE_MS / 1000;
  int result = 0;
  pool->n_idle++;
  while (!pool->first && !pool->is_retired && !pool->pools->is_stopping && result == 0)
    result = pthread_cond_timedwait(&pool->wake, &pool->pools->lock, &until);
  pool->n_idle--;
  return result == 0;
}

static void *serve(void *argument) {
  struct served *served = argument;
  struct postgres_pool *pool = served->pool;
  struct postgres_pools *pools = pool->pools;
  pthread_setname_np(pthread_self(), "postgres");
  pthread_mutex_lock(&pools->lock);
  for (;;) {
    struct postgres_job *job = pool->first;
    if (job && pool_unlink(pool, job))
      serve_one(served, job);
    else if (pool->is_retired || pools->is_stopping || !wait_idle(pool))
      break;
  }
  pthread_mutex_unlock(&pools->lock);
  postgres_session_close(&served->session);
  close(served->session.wake);
  free(served);
  pthread_mutex_lock(&pools->lock);
  pools->n_sessions--;
  if (--pool->n_threads == 0 && !pool->first) pool_free(pool);
  pthread_cond_broadcast(&pools->left);
  pthread_mutex_unlock(&pools->lock);
  return NULL;
}

/* The lock is held. False: there is none more to be had. */
static bool start_thread(struct postgres_pool *pool) {
  struct postgres_pools *pools = pool->pools;
  pthread_attr_t attributes;
  pthread_t thread;
  if (pools->n_sessions >= LIMIT_POSTGRES_SESSIONS) return false;
  struct served *served = calloc(1, sizeof(*served));
  if (!served) return false;
  served->pool = pool;
  served->session.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bool is_started = false;
  if (served->session.wake >= 0 && pthread_attr_init(&attributes) == 0) {
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    is_started = pthread_create(&thread, &attributes, serve, served) == 0;
    pthread_attr_destroy(&attributes);
  }
  if (is_started) {
    pool->n_threads++;
    pools->n_sessions++;
    return true;
  }
  if (served->session.wake >= 0) close(served->session.wake);
  free(served);
  return false;
}

/* ---- from a worker ---- */

static bool submit(struct postgres_pools *pools, const struct connector_call *call,
                   const struct postgres_target *target, struct postgres_job *job, struct err *err) {
  if (pools->is_stopping) {
    (void)err_set(err, ERR_UNAVAILABLE, "Connek is stopping");
    return false;
  }
  struct postgres_pool *pool = pool_find(pools, call, target, err);
  if (!pool) return false;
  bool wants_thread = pool->n_idle <= pool->n_waiting && pool->n_threads < pool->target.n_sessions;
  bool has_thread = (wants_thread && start_thread(pool)) || pool->n_threads > 0;
  if (has_thread && pool->n_waiting < LIMIT_POSTGRES_QUEUE) {
    pool_append(pool, job);
    pthread_cond_signal(&pool->wake);
    return true;
  }
  (void)err_set(err, ERR_UNAVAILABLE, "too many database calls are waiting; try again in a moment");
  if (pool->n_threads == 0) pool_free(pool);
  return false;
}

bool postgres_pools_submit(struct postgres_pools *pools, const struct connector_call *call,
                           const struct postgres_target *target, struct postgres_job *job, struct err *err) {
  pthread_mutex_lock(&pools->lock);
  bool is_taken = submit(pools, call, target, job, err);
  pthread_mutex_unlock(&pools->lock);
  return is_taken;
}

enum postgres_state postgres_pools_withdraw(struct postgres_pools *pools, struct postgres_job *job) {
  pthread_mutex_lock(&pools->lock);
  enum postgres_state state = job->state;
  if (state == POSTGRES_WAITS && pool_unlink(job->pool, job)) job->state = POSTGRES_ENDED;
  pthread_mutex_unlock(&pools->lock);
  return state;
}

enum postgres_state postgres_pools_wake(struct postgres_pools *pools, struct postgres_job *job) {
  pthread_mutex_lock(&pools->lock);
  enum postgres_state state = job->state;
  if (state == POSTGRES_RUNS) (void)!eventfd_write(job->session->wake, 1);
  pthread_mutex_unlock(&pools->lock);
  return state;
}

/* ---- all of them ---- */

struct postgres_pools *postgres_pools_new(const struct http_client_options *options) {
  struct postgres_pools *pools = calloc(1, sizeof(*pools));
  pthread_condattr_t attributes;
  if (!pools) return NULL;
  pthread_mutex_init(&pools->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&pools->left, &attributes);
  pthread_condattr_destroy(&attributes);
  map_init(&pools->by_connection);
  pools->guard = options->guard;
  pools->ca_file = options->ca_file;
  return pools;
}

/* Wakes all: who idles ends, and who waits for a server is told that nobody wants to know. */
static void wake_all(struct postgres_pools *pools) {
  void *value;
  struct str key;
  for (size_t i = 0; map_next(&pools->by_connection, &i, &key, &value);)
    pthread_cond_broadcast(&((struct postgres_pool *)value)->wake);
}

bool postgres_pools_free(struct postgres_pools *pools) {
  struct timespec until;
  int result = 0;
  if (!pools) return true;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LIMIT_POSTGRES_STOP_MS / 1000;
  pthread_mutex_lock(&pools->lock);
  pools->is_stopping = true;
  wake_all(pools);
  while (pools->n_sessions > 0 && result == 0)
    result = pthread_cond_timedwait(&pools->left, &pools->lock, &until);
  /* One that its server keeps busy cannot be ended: it keeps what it uses until the process ends. */
  pools->is_orphaned = pools->n_sessions > 0;
  pthread_mutex_unlock(&pools->lock);
  if (pools->is_orphaned) return false;
  map_release(&pools->by_connection);
  pthread_cond_destroy(&pools->left);
  pthread_mutex_destroy(&pools->lock);
  free(pools);
  return true;
}
