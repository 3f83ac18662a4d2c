/* Which home an upstream has, its life there, and the ways in from other threads. Must not know what is said to it. */
#include "connector/mcp/upstream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

/* ---- homes ---- */

struct mcp_upstreams *mcp_upstreams_new(const struct mcp_upstreams_options *options) {
  struct mcp_upstreams *upstreams = calloc(1, sizeof(*upstreams) + options->n_workers * sizeof(upstreams->homes[0]));
  if (!upstreams) return NULL;
  upstreams->options = *options;
  upstreams->n_homes = options->n_workers;
  upstreams->data_dir = options->data_dir ? realpath(options->data_dir, NULL) : NULL;
  for (unsigned i = 0; i < upstreams->n_homes; i++) {
    upstreams->homes[i].upstreams = upstreams;
    upstreams->homes[i].index = i;
  }
  return upstreams;
}

void mcp_upstreams_free(struct mcp_upstreams *upstreams) {
  for (unsigned i = 0; upstreams && i < upstreams->n_homes; i++)
    mcp_subscriptions_free(&upstreams->homes[i]);
  if (upstreams) free(upstreams->data_dir);
  free(upstreams);
}

enum err_code mcp_upstreams_join(struct mcp_upstreams *upstreams, const struct connector_host *host, struct err *err) {
  upstreams->homes[host->worker].host = host;
  atomic_fetch_add(&upstreams->n_joined, 1);
  return ERR_NONE;
}

/* The same on every thread: the low bytes of an id are random. */
struct mcp_home *mcp_home_of(struct mcp_upstreams *upstreams, struct uuid connection_id) {
  uint32_t low;
  memcpy(&low, connection_id.b + 12, sizeof(low));
  return &upstreams->homes[low % upstreams->n_homes];
}

/* ---- an upstream's life ---- */

struct str mcp_upstream_name(const struct mcp_upstream *upstream) {
  return upstream->target->connection_name;
}

void mcp_upstream_log(struct mcp_upstream *upstream, const char *format, ...) {
  const struct mcp_upstreams_options *options = &upstream->home->upstreams->options;
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  if (options->on_line) options->on_line(options->context, upstream->target->connection_id, line);
}

void mcp_upstream_keep(struct mcp_upstream *upstream, const struct secret *credential) {
  if (!credential) return;
  struct str now = secret_open(credential), kept = upstream->credential ? secret_open(upstream->credential) : STR_NONE;
  if (upstream->credential && str_eq_constant_time(now, kept)) return;
  struct secret *copy = secret_new(now.p, now.n);
  if (!copy) return;
  secret_free(upstream->credential);
  upstream->credential = copy;
}

static bool is_idle(const struct mcp_upstream *upstream) {
  return !upstream->queued && !upstream->active && !upstream->lingering && !upstream->handshake && !upstream->links;
}

static void home_settle(struct mcp_home *home);

static void upstream_free(struct mcp_upstream *upstream) {
  struct mcp_home *home = upstream->home;
  if (upstream->previous) upstream->previous->next = upstream->next;
  if (!upstream->previous) home->first = upstream->next;
  if (upstream->next) upstream->next->previous = upstream->previous;
  home->n_upstreams--;
  mcp_idle_end(upstream);
  mcp_listen_free(upstream);
  arena_release(&upstream->about);
  secret_free(upstream->credential);
  mcp_target_unref(upstream->target);
  free(upstream);
  home_settle(home);
}

static void on_settle(struct loop_task *task) {
  struct mcp_upstream *upstream = (struct mcp_upstream *)((char *)task - offsetof(struct mcp_upstream, settle_task));
  upstream->is_settling = false;
  if (!upstream->is_ending) return;
  if (!upstream->is_gone && !upstream->queued && upstream->n_active == 0 && !upstream->handshake)
    mcp_upstream_end(upstream); /* and comes here again */
  else if (upstream->is_gone && is_idle(upstream) && mcp_wire_is_closed(upstream))
    upstream_free(upstream);
}

void mcp_upstream_settle(struct mcp_upstream *upstream) {
  if (!upstream->is_ending || upstream->is_settling) return;
  upstream->is_settling = true;
  upstream->settle_task.run = on_settle;
  loop_post(upstream->home->host->loop, &upstream->settle_task);
}

void mcp_upstream_end(struct mcp_upstream *upstream) {
  upstream->is_ending = upstream->is_failing = true;
  if (upstream->is_gone) return;
  upstream->is_gone = true;
  mcp_listen_end(upstream);
  mcp_park_end(upstream);
  mcp_requests_fail(upstream, ERR_CANCELLED, "The call was cancelled.");
  mcp_wire_close(upstream);
  mcp_upstream_settle(upstream);
}

static void retire(struct mcp_upstream *upstream) {
  upstream->is_ending = true;
  mcp_upstream_settle(upstream);
}

static struct mcp_upstream *find(const struct mcp_home *home, struct uuid connection_id) {
  struct mcp_upstream *upstream = home->first;
  while (upstream && (upstream->is_ending || !uuid_eq(upstream->target->connection_id, connection_id)))
    upstream = upstream->next;
  return upstream;
}

static struct mcp_upstream *upstream_new(struct mcp_home *home, struct mcp_target *target) {
  struct mcp_upstream *upstream = calloc(1, sizeof(*upstream));
  if (!upstream) return NULL;
  upstream->home = home;
  upstream->target = mcp_target_ref(target);
  arena_init(&upstream->about, 0);
  upstream->next = home->first;
  if (home->first) home->first->previous = upstream;
  home->first = upstream;
  home->n_upstreams++;
  return upstream;
}

enum err_code mcp_upstream_find(struct mcp_home *home, struct mcp_target *target, struct mcp_upstream **ret_upstream,
                                struct err *err) {
  struct mcp_upstream *upstream = find(home, target->connection_id);
  if (home->is_closing || !home->host) return err_set(err, ERR_CANCELLED, "The server is stopping.");
  if (upstream) {
    const struct mcp_target *current = upstream->target;
    bool is_same = current->version == target->version && current->connector_version == target->connector_version;
    bool is_older = target->version < current->version || target->connector_version < current->connector_version;
    /* It would bring a credential to where that does not belong. */
    if (!is_same && is_older)
      return err_set(err, ERR_CONFLICT, "%.*s has just changed; call again", STR_ARG(target->connection_name));
    if (!is_same) retire(upstream);
    if (!is_same) upstream = NULL;
  }
  if (!upstream) upstream = upstream_new(home, target);
  if (!upstream) return err_no_memory(err);
  *ret_upstream = upstream;
  return ERR_NONE;
}

/* ---- dropping one, from any thread ---- */

struct drop {
  struct loop_task task;
  struct mcp_home *home;
  struct uuid connection_id;
};

static void on_drop(struct loop_task *task) {
  struct drop *drop = (struct drop *)(void *)task;
  struct mcp_upstream *upstream = find(drop->home, drop->connection_id);
  if (upstream) retire(upstream);
  free(drop);
}

void mcp_upstreams_drop(struct mcp_upstreams *upstreams, struct uuid connection_id) {
  struct drop *drop = calloc(1, sizeof(*drop));
  if (!drop) return; /* it stays until the end, unused */
  drop->home = mcp_home_of(upstreams, connection_id);
  drop->connection_id = connection_id;
  drop->task.run = on_drop;
  loop_post(drop->home->host->loop, &drop->task);
}

/* ---- the end: no home closes before every worker has left, since its calls may be at any home ---- */

static void home_settle(struct mcp_home *home) {
  if (!home->is_closing || home->first || !home->left) return;
  void (*left)(void *) = home->left;
  home->left = NULL;
  left(home->left_context);
}

static void on_close(struct loop_task *task) {
  struct mcp_home *home = (struct mcp_home *)((char *)task - offsetof(struct mcp_home, close_task));
  home->is_closing = true;
  for (struct mcp_upstream *upstream = home->first; upstream; upstream = upstream->next)
    mcp_upstream_end(upstream);
  home_settle(home);
}

void mcp_upstreams_leave(struct mcp_upstreams *upstreams, unsigned worker, void (*left)(void *context), void *context) {
  if (!upstreams->homes[worker].host) return;
  upstreams->homes[worker].left = left;
  upstreams->homes[worker].left_context = context;
  if (atomic_fetch_add(&upstreams->n_left, 1) + 1 < atomic_load(&upstreams->n_joined)) return;
  for (unsigned i = 0; i < upstreams->n_homes; i++) {
    struct mcp_home *home = &upstreams->homes[i];
    if (!home->host) continue;
    home->close_task.run = on_close;
    loop_post(home->host->loop, &home->close_task);
  }
}
