/* What an upstream says unasked: a modern one on the stream of subscriptions/listen, a legacy one over HTTP on that of
 * a GET; over stdio and HTTP+SSE it comes with all else. Streams that end are begun again, later and later.
 *
 * Subscriptions are counted here for the whole home: they outlive sessions and upstreams of the same connection. */
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

struct mcp_listen {
  struct mcp_upstream *upstream;
  struct mcp_request *request; /* modern */
  struct mcp_http http;        /* legacy */
  bool has_stream;             /* of http */
  bool is_off;                 /* it has none */
  struct timer again;
  bool had_tasks, is_without_tasks; /* modern: they were asked for; they were refused */
  unsigned n_failures;
  int64_t retry_ms;
  char last_event_id[256];
};

struct mcp_subscription {
  struct mcp_subscription *next;
  struct uuid connection_id;
  enum mcp_subject subject;
  size_t count, n;
  char name[];
};

static void begin(struct mcp_listen *listen);

static void begin_later(struct mcp_listen *listen) {
  struct mcp_upstream *upstream = listen->upstream;
  unsigned n = listen->n_failures++;
  int64_t wait_ms = listen->retry_ms >= 0 ? listen->retry_ms : n < 6 ? INT64_C(1000) << n : LIMIT_MCP_BACK_OFF_MS;
  if (n >= 6 || wait_ms > LIMIT_MCP_BACK_OFF_MS) wait_ms = LIMIT_MCP_BACK_OFF_MS;
  timers_set(upstream->home->host->timers, &listen->again, mcp_now_us(upstream) + wait_ms * 1000);
}

/* ---- modern ---- */

static bool is_of(const struct mcp_subscription *one, const struct mcp_upstream *upstream, enum mcp_subject subject) {
  return one->subject == subject && uuid_eq(one->connection_id, upstream->target->connection_id);
}

/* How many it wrote. */
static size_t names_write(struct buf *out, const struct mcp_upstream *upstream, enum mcp_subject subject) {
  size_t n = 0;
  buf_append_byte(out, '[');
  for (const struct mcp_subscription *one = upstream->home->subscriptions; one; one = one->next) {
    if (!is_of(one, upstream, subject)) continue;
    if (n++) buf_append_byte(out, ',');
    json_write_str(out, str_make(one->name, one->n));
  }
  buf_append_byte(out, ']');
  return n;
}

static bool has_tasks(const struct mcp_upstream *upstream) {
  for (const struct mcp_subscription *one = upstream->home->subscriptions; one; one = one->next)
    if (is_of(one, upstream, MCP_SUBJECT_TASK)) return true;
  return false;
}

static void filter_write(struct buf *out, const struct mcp_upstream *upstream, bool wants_tasks) {
  buf_append_c(out, "\"notifications\":{");
  if (upstream->tells_tools) buf_append_c(out, "\"toolsListChanged\":true,");
  if (upstream->tells_prompts) buf_append_c(out, "\"promptsListChanged\":true,");
  if (upstream->tells_resources) buf_append_c(out, "\"resourcesListChanged\":true,");
  buf_append_c(out, "\"resourceSubscriptions\":");
  names_write(out, upstream, MCP_SUBJECT_RESOURCE);
  if (wants_tasks) {
    buf_append_c(out, ",\"taskIds\":");
    names_write(out, upstream, MCP_SUBJECT_TASK);
  }
  buf_append_byte(out, '}');
}

static void on_request_ended(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_upstream *upstream = request->upstream;
  struct mcp_listen *listen = upstream->listen;
  if (!listen || listen->request != request) return;
  listen->request = NULL;
  if (reply->error && listen->had_tasks) { /* perhaps because of one that it knows no more: the rest is to be heard */
    listen->is_without_tasks = true;
    begin(listen);
    return;
  }
  if (mcp_error_code(reply->error) == JSONRPC_METHOD_NOT_FOUND || upstream->phase != MCP_PHASE_READY) return;
  begin_later(listen);
}

static void begin_request(struct mcp_listen *listen) {
  struct mcp_upstream *upstream = listen->upstream;
  bool wants =
      upstream->tells_tools || upstream->tells_prompts || upstream->tells_resources || upstream->n_subscriptions > 0;
  struct mcp_request *before = listen->request, *request = wants ? mcp_request_new(upstream) : NULL;
  listen->request = request;
  listen->had_tasks = request && !listen->is_without_tasks && has_tasks(upstream);
  if (request) {
    struct buf members;
    buf_init(&members, &request->arena, LIMIT_MCP_REQUEST);
    filter_write(&members, upstream, listen->had_tasks);
    if (listen->had_tasks) request->capabilities = STR("{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}");
    request->method = STR("subscriptions/listen");
    request->members = buf_str(&members);
    request->is_endless = true;
    request->done = on_request_ended;
    mcp_request_begin(request);
  }
  /* The one before goes when its follower is on its way: little is missed. */
  if (before) mcp_request_cancel(before, ERR_CANCELLED, "another one took its place");
}

/* ---- legacy, over HTTP ---- */

static void stream_end(struct mcp_listen *listen) {
  if (!listen->has_stream) return;
  listen->has_stream = false;
  mcp_http_release(&listen->http);
}

/* Not within its own events: what is being read cannot be freed. */
static void on_stream_ended(struct mcp_http *http, const struct err *err) {
  struct mcp_listen *listen = (struct mcp_listen *)(void *)((char *)http - offsetof(struct mcp_listen, http));
  int status = http->status;
  listen->retry_ms = http->sse.retry_ms;
  stream_end(listen);
  if (listen->upstream->phase != MCP_PHASE_READY) return;
  /* 2025-11-25, basic/transports: 405 says that there is none. */
  if (status >= 400 && status < 500)
    listen->is_off = true;
  else
    begin_later(listen);
}

static bool on_stream_event(struct mcp_http *http, const struct sse_event *event) {
  struct mcp_listen *listen = (struct mcp_listen *)(void *)((char *)http - offsetof(struct mcp_listen, http));
  struct err err;
  listen->n_failures = 0;
  if (event->has_id && event->id.n < sizeof(listen->last_event_id))
    snprintf(listen->last_event_id, sizeof(listen->last_event_id), "%.*s", STR_ARG(event->id));
  if (event->data.n == 0 || !str_eq(event->type, STR("message"))) return true;
  if (mcp_receive(listen->upstream, NULL, event->data, &err) != ERR_NONE && http->transfer) {
    mcp_http_stop(http); /* what it holds goes with the next one */
    mcp_upstream_log(listen->upstream, "%s", err.text);
    begin_later(listen);
  }
  return http->transfer != NULL;
}

static void begin_stream(struct mcp_listen *listen) {
  stream_end(listen);
  listen->http = (struct mcp_http){.ended = on_stream_ended, .on_event = on_stream_event};
  listen->has_stream = mcp_http_get(&listen->http, listen->upstream, listen->last_event_id, NULL) == ERR_NONE;
  if (!listen->has_stream) mcp_http_release(&listen->http);
}

/* ---- both ---- */

static void begin(struct mcp_listen *listen) {
  struct mcp_upstream *upstream = listen->upstream;
  if (upstream->phase != MCP_PHASE_READY || listen->is_off || upstream->is_ending) return;
  if (upstream->era == MCP_ERA_MODERN)
    begin_request(listen);
  else if (upstream->wire == MCP_WIRE_HTTP)
    begin_stream(listen);
}

static void on_again(struct timer *timer) {
  struct mcp_listen *listen = (struct mcp_listen *)(void *)((char *)timer - offsetof(struct mcp_listen, again));
  begin(listen);
}

static void post_subscription(struct mcp_upstream *upstream, const char *method, struct str uri) {
  struct buf out;
  buf_init(&out, NULL, 64 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_u64(&out, ++upstream->last_id); /* its answer is nobody's */
  buf_printf(&out, ",\"method\":\"%s\",\"params\":{\"uri\":", method);
  json_write_str(&out, uri);
  buf_append_c(&out, "}}");
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}

static size_t subscriptions_of(const struct mcp_upstream *upstream) {
  size_t n = 0;
  for (const struct mcp_subscription *one = upstream->home->subscriptions; one; one = one->next)
    n += uuid_eq(one->connection_id, upstream->target->connection_id);
  return n;
}

void mcp_listen_begin(struct mcp_upstream *upstream) {
  upstream->n_subscriptions = subscriptions_of(upstream);
  if (!upstream->listen) {
    upstream->listen = calloc(1, sizeof(*upstream->listen));
    if (!upstream->listen) return;
    *upstream->listen = (struct mcp_listen){.upstream = upstream, .retry_ms = -1, .again = {.run = on_again}};
  }
  upstream->listen->is_off = false;
  begin(upstream->listen);
  if (upstream->era == MCP_ERA_MODERN || !upstream->has_subscribe) return;
  for (const struct mcp_subscription *one = upstream->home->subscriptions; one; one = one->next)
    if (is_of(one, upstream, MCP_SUBJECT_RESOURCE))
      post_subscription(upstream, "resources/subscribe", str_make(one->name, one->n));
}

void mcp_listen_end(struct mcp_upstream *upstream) {
  struct mcp_listen *listen = upstream->listen;
  if (!listen) return;
  struct mcp_request *request = listen->request;
  listen->request = NULL;
  timers_cancel(upstream->home->host->timers, &listen->again);
  if (listen->http.is_inside) {
    mcp_http_stop(&listen->http); /* it is what lost the session: the rest goes with the next stream or the upstream */
  } else {
    stream_end(listen);
  }
  listen->last_event_id[0] = '\0';
  if (request) mcp_request_cancel(request, ERR_CANCELLED, "nobody listens any more");
}

void mcp_listen_free(struct mcp_upstream *upstream) {
  if (!upstream->listen) return;
  timers_cancel(upstream->home->host->timers, &upstream->listen->again);
  stream_end(upstream->listen);
  free(upstream->listen);
  upstream->listen = NULL;
}

void mcp_listen_rest(struct mcp_upstream *upstream) {
  struct mcp_listen *listen = upstream->listen;
  if (!listen) return;
  mcp_listen_end(upstream);
  listen->n_failures = 6;
  begin_later(listen);
}

/* ---- subscriptions, from any thread ---- */

struct wish {
  struct loop_task task;
  struct mcp_home *home;
  struct mcp_target *target;
  struct secret *credential;
  bool is_on;
  enum mcp_subject subject;
  size_t n;
  char name[];
};

static struct mcp_subscription **find(struct mcp_home *home, const struct wish *wish) {
  struct mcp_subscription **link = &home->subscriptions;
  for (; *link; link = &(*link)->next) {
    const struct mcp_subscription *one = *link;
    if (one->subject == wish->subject && uuid_eq(one->connection_id, wish->target->connection_id) &&
        str_eq(str_make(one->name, one->n), str_make(wish->name, wish->n)))
      break;
  }
  return link;
}

/* Whether the upstream has to be told. */
static bool count(struct mcp_home *home, const struct wish *wish) {
  struct mcp_subscription **link = find(home, wish), *one = *link;
  if (one && wish->is_on) {
    one->count++;
    return false;
  }
  if (one) {
    if (--one->count > 0) return false;
    *link = one->next;
    free(one);
    home->n_subscriptions--;
    return true;
  }
  if (!wish->is_on || home->n_subscriptions >= LIMIT_MCP_SUBSCRIPTIONS) return false;
  one = calloc(1, sizeof(*one) + wish->n);
  if (!one) return false;
  memcpy(one->name, wish->name, wish->n);
  one->n = wish->n;
  one->subject = wish->subject;
  one->count = 1;
  one->connection_id = wish->target->connection_id;
  one->next = home->subscriptions;
  home->subscriptions = one;
  home->n_subscriptions++;
  return true;
}

static void on_there(struct mcp_request *request, const struct mcp_reply *reply) {}

static void tell_upstream(struct mcp_home *home, const struct wish *wish) {
  struct mcp_upstream *upstream;
  if (mcp_upstream_find(home, wish->target, &upstream, NULL) != ERR_NONE) return;
  mcp_upstream_keep(upstream, wish->credential);
  upstream->n_subscriptions = subscriptions_of(upstream);
  if (upstream->phase == MCP_PHASE_READY) {
    if (upstream->era == MCP_ERA_MODERN && upstream->listen) {
      upstream->listen->is_without_tasks &= wish->subject != MCP_SUBJECT_TASK;
      begin(upstream->listen);
    } else if (upstream->has_subscribe && wish->subject == MCP_SUBJECT_RESOURCE) {
      post_subscription(upstream, wish->is_on ? "resources/subscribe" : "resources/unsubscribe",
                        str_make(wish->name, wish->n));
    }
    return;
  }
  struct mcp_request *request = wish->is_on ? mcp_request_new(upstream) : NULL;
  if (!request) return;
  request->is_greeting = true; /* all subscriptions are told to a session that begins */
  request->credential = upstream->credential;
  request->done = on_there;
  mcp_request_begin(request);
}

static void on_wish(struct loop_task *task) {
  struct wish *wish = (struct wish *)(void *)task;
  if (count(wish->home, wish) && !wish->home->is_closing) tell_upstream(wish->home, wish);
  mcp_target_unref(wish->target);
  secret_free(wish->credential);
  free(wish);
}

static enum err_code wish_post(struct mcp_upstreams *upstreams, struct mcp_target *target,
                               const struct secret *credential, enum mcp_subject subject, struct str name, bool is_on,
                               struct err *err) {
  struct str opened = credential ? secret_open(credential) : STR_NONE;
  struct wish *wish = calloc(1, sizeof(*wish) + name.n);
  if (!wish) return err_no_memory(err);
  wish->credential = credential ? secret_new(opened.p, opened.n) : NULL;
  wish->home = mcp_home_of(upstreams, target->connection_id);
  wish->target = mcp_target_ref(target);
  wish->is_on = is_on;
  wish->subject = subject;
  wish->n = name.n;
  if (name.n > 0) memcpy(wish->name, name.p, name.n);
  wish->task.run = on_wish;
  loop_post(wish->home->host->loop, &wish->task);
  return ERR_NONE;
}

enum err_code mcp_subscribe(struct mcp_upstreams *upstreams, struct mcp_target *target, const struct secret *credential,
                            enum mcp_subject subject, struct str name, struct err *err) {
  return wish_post(upstreams, target, credential, subject, name, true, err);
}

void mcp_unsubscribe(struct mcp_upstreams *upstreams, struct mcp_target *target, enum mcp_subject subject,
                     struct str name) {
  (void)wish_post(upstreams, target, NULL, subject, name, false, NULL);
}

void mcp_subscriptions_free(struct mcp_home *home) {
  while (home->subscriptions) {
    struct mcp_subscription *one = home->subscriptions;
    home->subscriptions = one->next;
    free(one);
  }
}
