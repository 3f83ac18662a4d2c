/* Session state at its home: a watch whose words go into the session's one log. */
#include "gateway/session_home.h"

#include <stdlib.h>

#include "base/limits.h"
#include "gateway/worker.h"
#include "mcp/passed.h"

struct session_home {
  struct watch watch;
  struct session session; /* its nonce alone: the texts are the request's that told */
  struct event_log *log;  /* NULL: nobody has listened yet */
  const struct event_reader *reader;
  int64_t idle_since_us;
};

static struct str key_of(const uint8_t *nonce) {
  return str_make((const char *)nonce, SESSION_NONCE);
}

struct worker *session_home_worker(const struct worker *worker, const struct session *session) {
  return &worker->server->workers[session->home % worker->server->n_workers];
}

static void home_free(struct session_home *home) {
  struct worker *worker = home->watch.worker;
  map_remove(&worker->homes.by_nonce, key_of(home->session.nonce));
  if (home->log) event_log_end(home->log);
  watch_end(&home->watch);
  free(home);
}

static bool tell(struct watch *watch, struct str method, struct str params, const struct mcp_passing *names) {
  struct session_home *home = (struct session_home *)watch;
  struct arena scratch;
  struct buf out;
  if (!home->log) return true; /* nobody listens: nothing was promised */
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  buf_init(&out, &scratch, LIMIT_HTTP_REQUEST_ARENA);
  struct mcp_passing passing = names ? *names : (struct mcp_passing){0};
  passing.arena = &scratch;
  passing.era = MCP_LEGACY;
  const struct mcp_notification notification = {.method = method, .passing = &passing};
  if (mcp_write_notification(&out, params, &notification, NULL) == ERR_NONE) event_log_append(home->log, buf_str(&out));
  arena_release(&scratch);
  return true;
}

static int log_level(struct watch *watch) {
  const struct session_home *home = (const struct session_home *)watch;
  return session_log_level(watch->worker, &home->session);
}

static void end(struct watch *watch) {
  home_free((struct session_home *)watch);
}

struct session_home *session_home_of(struct worker *worker, const struct session *session,
                                     const struct watcher *watcher) {
  struct session_home *home = map_get(&worker->homes.by_nonce, key_of(session->nonce));
  if (home) {
    home->watch.watcher = *watcher; /* the same user, perhaps by a newer token */
    return home;
  }
  home = calloc(1, sizeof(*home));
  if (!home) return NULL;
  memcpy(home->session.nonce, session->nonce, sizeof(home->session.nonce));
  home->watch.wants_tools = home->watch.wants_prompts = home->watch.wants_resources = true;
  home->watch.wants_messages = true;
  home->watch.tell = tell;
  home->watch.log_level = log_level;
  home->watch.end = end;
  home->idle_since_us = loop_now_us(&worker->loop);
  if (session_has_ended(worker, session) || !watch_begin(&home->watch, worker, watcher)) {
    free(home);
    return NULL;
  }
  if (map_put(&worker->homes.by_nonce, key_of(home->session.nonce), home) != ERR_NONE) {
    watch_end(&home->watch);
    free(home);
    return NULL;
  }
  event_streams_wake(worker);
  return home;
}

void session_home_read(struct session_home *home, struct event_reader *reader) {
  struct worker *worker = home->watch.worker;
  if (!home->log) home->log = event_log_new(worker, home->watch.watcher.user_id, &home->session);
  if (!home->log) {
    reader->end(reader, false);
    return;
  }
  home->reader = reader;
  event_log_read(home->log, reader, UINT64_MAX);
  event_log_prime(home->log);
}

void session_home_leave(struct worker *worker, const uint8_t *nonce, const struct event_reader *reader) {
  struct session_home *home = map_get(&worker->homes.by_nonce, key_of(nonce));
  if (!home || !home->log) return;
  event_log_leave(home->log, reader);
  if (home->reader == reader) home->reader = NULL;
  home->idle_since_us = loop_now_us(&worker->loop);
}

void session_home_end(struct worker *worker, const uint8_t *nonce) {
  struct session_home *home = map_get(&worker->homes.by_nonce, key_of(nonce));
  if (home) home_free(home);
}

void session_homes_sweep(struct worker *worker) {
  int64_t old_us = loop_now_us(&worker->loop) - LIMIT_SESSION_IDLE_MS * INT64_C(1000);
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&worker->homes.by_nonce, &i, &key, &value);) {
    struct session_home *home = value;
    if (home->reader || home->idle_since_us > old_us) continue;
    home_free(home);
    return; /* the table has changed: the next one with the next beat */
  }
}

void session_homes_free(struct worker *worker) {
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&worker->homes.by_nonce, &i, &key, &value); i = 0)
    home_free(value);
  map_release(&worker->homes.by_nonce);
}

/* ---- subscriptions, from any worker ---- */

struct errand {
  struct loop_task task;
  struct worker *home, *from;
  struct session session;
  struct watcher watcher;
  struct watched *uri; /* to be added; NULL: `text` is dropped */
  size_t n;
  char text[];
};

static void on_errand(struct loop_task *task) {
  struct errand *errand = (struct errand *)task;
  struct session_home *home = session_home_of(errand->home, &errand->session, &errand->watcher);
  if (!home) {
    if (errand->uri) watched_free(errand->home, errand->uri);
  } else {
    home->idle_since_us = loop_now_us(&errand->home->loop);
    if (errand->uri)
      watch_add(&home->watch, errand->uri);
    else
      watch_drop_resource(&home->watch, str_make(errand->text, errand->n));
  }
  free(errand);
}

static bool send_errand(struct exchange *exchange, struct watched *uri, struct str text) {
  struct errand *errand = malloc(sizeof(*errand) + text.n);
  if (!errand) return false;
  *errand = (struct errand){.task = {.run = on_errand},
                            .home = session_home_worker(exchange->worker, &exchange->held),
                            .session = exchange->held,
                            .uri = uri,
                            .n = text.n};
  watcher_of(exchange, &errand->watcher);
  if (text.n) memcpy(errand->text, text.p, text.n);
  loop_post(&errand->home->loop, &errand->task);
  return true;
}

bool session_home_subscribe(struct exchange *exchange, struct watched *uri) {
  return send_errand(exchange, uri, STR_NONE);
}

bool session_home_unsubscribe(struct exchange *exchange, struct str public_uri) {
  return send_errand(exchange, NULL, public_uri);
}
