/* Messages over Streamable HTTP, of either era: a POST each, answered by JSON or by a stream of events. Must not know
 * what a message is about.
 *
 * An upstream's answer to a POST is judged here as far as HTTP goes: what it let in, and what it refused to look at. */
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

enum { FIELDS = 8, REFUSAL_MAX = 64 * KIB };

/* A message that nobody waits for. */
struct mcp_link {
  struct mcp_http http;
  struct mcp_link *previous, *next;
};

/* ---- what comes back, piece by piece ---- */

static bool is_type(struct str content_type, const char *type) {
  return str_eq_fold(str_trim(str_cut(&content_type, ';')), str_of(type));
}

static void keep_session(struct mcp_http *http, const struct http_client_response *head) {
  struct mcp_upstream *upstream = http->upstream;
  bool is_initialize = http->request && http->request->is_bare;
  for (size_t i = 0; is_initialize && i < head->n_fields; i++) {
    struct str id = head->fields[i].value;
    bool is_visible = str_eq_fold(head->fields[i].name, STR("mcp-session-id")) && id.n < sizeof(upstream->session_id);
    for (size_t c = 0; is_visible && c < id.n; c++)
      is_visible = id.p[c] >= 0x21 && id.p[c] <= 0x7e;
    if (is_visible) snprintf(upstream->session_id, sizeof(upstream->session_id), "%.*s", STR_ARG(id));
  }
}

static void on_head(void *context, const struct http_client_response *head) {
  struct mcp_http *http = context;
  http->status = head->status;
  bool is_ok = head->status >= 200 && head->status < 300;
  http->is_sse = is_ok && is_type(head->content_type, "text/event-stream");
  http->is_json = is_type(head->content_type, "application/json");
  http->whole.max = is_ok ? LIMIT_MCP_MESSAGE : REFUSAL_MAX;
  if (is_ok) keep_session(http, head);
  mcp_challenge_read(http, head);
}

static bool on_event(void *context, const struct sse_event *event) {
  struct mcp_http *http = context;
  return http->on_event(http, event);
}

/* Of the answer to a request. */
static bool on_answer_event(struct mcp_http *http, const struct sse_event *event) {
  struct mcp_request *request = http->request;
  if (event->has_id && event->id.n < sizeof(request->last_event_id))
    snprintf(request->last_event_id, sizeof(request->last_event_id), "%.*s", STR_ARG(event->id));
  request->n_resumed = 0;
  if (event->data.n == 0 || !str_eq(event->type, STR("message"))) return true;
  struct err err;
  if (mcp_receive(http->upstream, request, event->data, &err) != ERR_NONE)
    mcp_request_fail(request, err.code, "%.*s %s", STR_ARG(mcp_upstream_name(http->upstream)), err.text);
  return request->state == MCP_REQUEST_ACTIVE;
}

/* Whoever awaits it may be gone afterwards. */
static void read_events(struct mcp_http *http, struct str piece) {
  struct mcp_request *request = http->request;
  http->is_inside = true;
  enum err_code code = sse_read(&http->sse, piece, &http->failure);
  http->is_inside = false;
  if (code != ERR_NONE && code != ERR_CANCELLED && http->transfer) {
    mcp_http_stop(http);
    http->ended(http, &http->failure);
  } else if (request && request->state == MCP_REQUEST_ENDED && !http->transfer) {
    mcp_request_free(request);
  }
}

static void on_piece(void *context, struct str piece) {
  struct mcp_http *http = context;
  struct mcp_request *request = http->request;
  if (request && request->state == MCP_REQUEST_ENDED) return; /* what follows its answer */
  if (http->is_sse) {
    read_events(http, piece);
    return;
  }
  buf_append_str(&http->whole, piece);
  if (!buf_failed(&http->whole)) return;
  mcp_http_stop(http);
  err_set(&http->failure, ERR_TOO_LARGE, "answered more than %d bytes", (int)http->whole.max);
  http->ended(http, &http->failure);
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct mcp_http *http = context;
  http->transfer = NULL;
  if (http->is_plain && response) http->status = response->status;
  http->ended(http, err);
}

static const struct http_client_stream receiver = {.on_head = on_head, .on_piece = on_piece};

void mcp_http_stop(struct mcp_http *http) {
  if (http->transfer) http_client_cancel(http->transfer);
  http->transfer = NULL;
}

void mcp_http_release(struct mcp_http *http) {
  if (!http->upstream) return;
  mcp_http_stop(http);
  sse_release(&http->sse);
  buf_release(&http->whole);
  arena_release(&http->arena);
  *http = (struct mcp_http){0};
}

/* ---- sending ---- */

struct field_list {
  struct http_field fields[FIELDS + MIRROR_MAX];
  size_t n;
};

static void field(struct field_list *list, const char *name, struct str value) {
  if (list->n < sizeof(list->fields) / sizeof(list->fields[0]))
    list->fields[list->n++] = (struct http_field){str_of(name), value};
}

static enum err_code http_begin(struct mcp_http *http, struct str method, struct str url, struct field_list *list,
                                const struct secret *credential, struct err *err) {
  struct mcp_upstream *upstream = http->upstream;
  const struct mcp_target *target = upstream->target;
  struct mcp_opened opened;
  enum err_code code = mcp_credential_open(&opened, credential ? credential : upstream->credential, err);
  if (code != ERR_NONE) return code;
  struct str key = json_get_str(opened.root, "key"), token = json_get_str(opened.root, "access_token");
  http->grant_version = token.n > 0 ? yyjson_get_sint(json_get(opened.root, "grant_version")) : 0;
  const struct http_client_request request = {.method = method,
                                              .organisation = target->organisation,
                                              .url = url,
                                              .fields = list->fields,
                                              .n_fields = list->n,
                                              .secret_field = token.n > 0 ? STR("Authorization")
                                                              : key.n > 0 ? target->auth_header
                                                                          : STR_NONE,
                                              .secret_prefix = token.n > 0 ? STR("Bearer ") : target->auth_prefix,
                                              .secret_value = token.n > 0 ? token : key,
                                              .body = http->body,
                                              .has_body = http->body.n > 0,
                                              .timeout_ms = http->head_ms > 0 ? http->head_ms : LIMIT_MCP_CALL_MS,
                                              .max_body = http->max_bytes,
                                              .ret_was_sent = &http->was_sent,
                                              .stream = http->is_plain ? NULL : &receiver};
  code = http_client_send(upstream->home->host->http, &http->arena, &request, on_done, http, &http->transfer, err);
  mcp_credential_close(&opened);
  return code;
}

static void http_open(struct mcp_http *http, struct mcp_upstream *upstream) {
  *http = (struct mcp_http){.upstream = upstream,
                            .ended = http->ended,
                            .on_event = http->on_event,
                            .max_bytes = http->max_bytes,
                            .head_ms = http->head_ms,
                            .is_plain = http->is_plain};
  arena_init(&http->arena, 0);
  buf_init(&http->whole, NULL, LIMIT_MCP_MESSAGE);
  sse_init(&http->sse, LIMIT_MCP_MESSAGE, on_event, http);
}

/* What every message of an established session carries. */
static void session_fields(struct field_list *list, const struct mcp_upstream *upstream, bool is_modern) {
  if (is_modern) {
    field(list, "MCP-Protocol-Version", STR(MCP_VERSION_MODERN));
    return;
  }
  if (upstream->session_id[0]) field(list, "Mcp-Session-Id", str_of(upstream->session_id));
  /* Before 2025-06-18 there was no such field, and servers may refuse what they do not know. */
  if (str_cmp(upstream->protocol_version, STR("2025-06-18")) >= 0)
    field(list, "MCP-Protocol-Version", upstream->protocol_version);
}

static void request_fields(struct field_list *list, struct mcp_request *request) {
  bool is_modern = mcp_request_is_modern(request);
  field(list, "Content-Type", STR("application/json"));
  field(list, "Accept", STR("application/json, text/event-stream"));
  if (!request->is_bare) session_fields(list, request->upstream, is_modern);
  if (request->traceparent) field(list, "traceparent", str_of(request->traceparent));
  if (!is_modern) return;
  field(list, "Mcp-Method", request->method);
  if (request->name.n > 0) field(list, "Mcp-Name", request->name);
  for (size_t i = 0; i < request->n_fields; i++)
    if (list->n < sizeof(list->fields) / sizeof(list->fields[0]))
      list->fields[list->n++] = (struct http_field){request->fields[i].name, request->fields[i].value};
}

/* ---- the answer to a request, when its transfer has ended ---- */

static bool resume(struct mcp_request *request);

static void fail_status(struct mcp_request *request) {
  struct str name = mcp_upstream_name(request->upstream);
  int status = request->http.status;
  struct mcp_reply reply = {.code = ERR_UPSTREAM, .status = status, .is_uncertain = status >= 500};
  char text[ERR_TEXT_SIZE];
  if (status == 401 || status == 403) {
    reply.code = ERR_UNAVAILABLE;
    reply.refusal = mcp_challenged(&request->http);
    if (request->is_shaking_hands) request->upstream->refusal = reply.refusal;
    snprintf(text, sizeof(text), "%.*s does not accept the connection's credential (HTTP %d)", STR_ARG(name), status);
  } else if (status == 429) {
    reply.code = ERR_LIMITED;
    snprintf(text, sizeof(text), "%.*s takes no more calls for now (HTTP 429)", STR_ARG(name));
  } else if (status >= 300 && status < 400) {
    snprintf(text, sizeof(text), "%.*s sends to another address (HTTP %d), which is not followed", STR_ARG(name),
             status);
  } else if (status >= 200 && status < 300) {
    reply.is_uncertain = true;
    snprintf(text, sizeof(text), "%.*s ended its answer (HTTP %d) without answering", STR_ARG(name), status);
  } else {
    snprintf(text, sizeof(text), "%.*s failed (HTTP %d)", STR_ARG(name), status);
  }
  reply.is_uncertain |= request->last_event_id[0] != '\0';
  reply.text = text;
  mcp_request_finish(request, &reply);
}

/* A refusal of the whole message: it was not carried out, and may be in another session or the other era. */
static bool is_refused(const struct mcp_request *request, yyjson_val *error) {
  int status = request->http.status;
  int64_t code = mcp_error_code(error);
  if (request->last_event_id[0]) return false; /* it had begun */
  if (request->is_shaking_hands || status < 400 || status >= 500) return false;
  if (status == 401 || status == 403 || status == 429) return false;
  if (!request->is_sent_modern) {
    if (status == 404 && request->has_session_id) return true;
    return mcp_error_is_modern(error) || (status == 400 && !error) || (status == 400 && code == -32000);
  }
  /* -32022: it does not speak this revision any more; -32000 and -32001 are what legacy servers say of sessions. */
  return code == -32022 || code == -32000 || code == -32001 ||
         (!error && (status == 400 || status == 404 || status == 405));
}

/* Others may have been refused before it, and a new session be there already, or on its way. */
static void leave_session(struct mcp_upstream *upstream, unsigned session, bool is_session_alone) {
  if (upstream->session == session) mcp_disconnect(upstream, is_session_alone);
}

static void end_refusal(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  struct arena arena;
  struct err err;
  yyjson_doc *doc = NULL;
  arena_init(&arena, LIMIT_MCP_PARSE);
  struct str text = buf_str(&request->http.whole);
  yyjson_val *root = NULL, *error = NULL;
  if (text.n > 0 && json_read_verbatim(&arena, text, &doc, &err) == ERR_NONE) root = yyjson_doc_get_root(doc);
  error = json_get(root, "error");
  if (!yyjson_is_obj(error) || !json_get(error, "code")) error = NULL;
  bool is_session_alone = request->http.status == 404 && request->has_session_id;
  unsigned session = request->session;
  if (is_refused(request, error) && request->is_endless) {
    fail_status(request); /* the stream of what is said unasked: the next session begins another */
    leave_session(upstream, session, is_session_alone);
  } else if (is_refused(request, error)) {
    leave_session(upstream, session, is_session_alone);
    mcp_request_again(request);
  } else if (error && request->http.status < 500 && request->http.status != 401 && request->http.status != 403) {
    const struct mcp_reply reply = {.status = request->http.status, .error = error};
    mcp_request_finish(request, &reply);
  } else {
    fail_status(request);
  }
  arena_release(&arena);
}

static void on_answer_ended(struct mcp_http *http, const struct err *err) {
  struct mcp_request *request = http->request;
  struct mcp_upstream *upstream = http->upstream;
  struct str name = mcp_upstream_name(upstream);
  struct err problem;
  request->was_sent |= http->was_sent;
  if (request->state == MCP_REQUEST_ENDED) {
    mcp_request_free(request);
  } else if (http->is_sse && (!err || err->code == ERR_UPSTREAM) && resume(request)) {
    return;
  } else if (err) {
    mcp_request_fail(request, err->code, "%.*s: %s", STR_ARG(name), err->text);
  } else if (http->status >= 200 && http->status < 300 && !http->is_sse && http->whole.n > 0) {
    http->is_inside = true;
    if (mcp_receive(upstream, request, buf_str(&http->whole), &problem) != ERR_NONE)
      mcp_request_fail(request, problem.code, "%.*s %s", STR_ARG(name), problem.text);
    http->is_inside = false;
    if (request->state == MCP_REQUEST_ENDED)
      mcp_request_free(request);
    else
      fail_status(request);
  } else if (http->status >= 400 && http->status < 500) {
    end_refusal(request);
  } else {
    fail_status(request);
  }
}

void mcp_http_send(struct mcp_request *request) {
  request->http.ended = on_answer_ended;
  request->http.on_event = on_answer_event;
  mcp_http_send_to(request, request->upstream->target->url);
}

void mcp_http_send_to(struct mcp_request *request, struct str url) {
  struct mcp_http *http = &request->http;
  struct field_list list = {.n = 0};
  struct err err;
  http->is_plain = !http->on_event;
  http->max_bytes = request->is_endless ? 0 : LIMIT_MCP_STREAM;
  http_open(http, request->upstream);
  http->request = request;
  http->body = mcp_request_text(request, &http->arena);
  request_fields(&list, request);
  enum err_code code = http->body.p ? ERR_NONE : err_set(&err, ERR_TOO_LARGE, "the call is too large");
  if (code == ERR_NONE) code = http_begin(http, STR("POST"), url, &list, request->credential, &err);
  if (code != ERR_NONE)
    mcp_request_fail(request, code, "%.*s: %s", STR_ARG(mcp_upstream_name(request->upstream)), err.text);
}

/* ---- going on with a stream that broke off: legacy alone ---- */

enum err_code mcp_http_get(struct mcp_http *http, struct mcp_upstream *upstream, const char *last_event_id,
                           struct err *err) {
  struct field_list list = {.n = 0};
  http_open(http, upstream);
  field(&list, "Accept", STR("text/event-stream"));
  session_fields(&list, upstream, false);
  if (last_event_id && last_event_id[0]) field(&list, "Last-Event-ID", str_of(last_event_id));
  return http_begin(http, STR("GET"), upstream->target->url, &list, NULL, err);
}

static void on_resume_time(struct timer *timer) {
  struct mcp_request *request =
      (struct mcp_request *)(void *)((char *)timer - offsetof(struct mcp_request, resumption));
  struct err err;
  mcp_http_release(&request->http);
  request->http.ended = on_answer_ended;
  request->http.on_event = on_answer_event;
  request->http.max_bytes = LIMIT_MCP_STREAM;
  enum err_code code = mcp_http_get(&request->http, request->upstream, request->last_event_id, &err);
  request->http.request = request;
  if (code != ERR_NONE)
    mcp_request_fail(request, code, "%.*s: %s", STR_ARG(mcp_upstream_name(request->upstream)), err.text);
}

static bool resume(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  int64_t wait_ms = request->http.sse.retry_ms >= 0 ? request->http.sse.retry_ms : LIMIT_MCP_RESUME_MS;
  bool may = upstream->era == MCP_ERA_LEGACY && !mcp_request_is_modern(request) && request->last_event_id[0];
  if (!may || ++request->n_resumed > LIMIT_MCP_RESUMPTIONS) return false;
  mcp_http_stop(&request->http);
  request->resumption.run = on_resume_time;
  timers_set(upstream->home->host->timers, &request->resumption, mcp_now_us(upstream) + wait_ms * 1000);
  return true;
}

/* ---- messages that nobody waits for ---- */

static void link_free(struct mcp_link *link) {
  struct mcp_upstream *upstream = link->http.upstream;
  if (link->previous) link->previous->next = link->next;
  if (!link->previous) upstream->links = link->next;
  if (link->next) link->next->previous = link->previous;
  upstream->n_links--;
  mcp_http_release(&link->http);
  free(link);
  mcp_upstream_settle(upstream);
}

static void on_link_ended(struct mcp_http *http, const struct err *err) {
  link_free((struct mcp_link *)(void *)((char *)http - offsetof(struct mcp_link, http)));
}

static struct mcp_link *link_new(struct mcp_upstream *upstream) {
  struct mcp_link *link = upstream->n_links < LIMIT_MCP_LINKS ? calloc(1, sizeof(*link)) : NULL;
  if (!link) return NULL;
  link->http.ended = on_link_ended;
  link->http.is_plain = true;
  link->http.max_bytes = REFUSAL_MAX;
  link->http.head_ms = LIMIT_MCP_HANDSHAKE_MS;
  http_open(&link->http, upstream);
  link->next = upstream->links;
  if (upstream->links) upstream->links->previous = link;
  upstream->links = link;
  upstream->n_links++;
  return link;
}

static void link_send(struct mcp_link *link, struct str method, struct str url) {
  struct field_list list = {.n = 0};
  if (link->http.body.n > 0) field(&list, "Content-Type", STR("application/json"));
  field(&list, "Accept", STR("application/json, text/event-stream"));
  session_fields(&list, link->http.upstream, false);
  if (http_begin(&link->http, method, url, &list, NULL, NULL) != ERR_NONE) link_free(link);
}

void mcp_http_post(struct mcp_upstream *upstream, struct str message) {
  struct mcp_link *link = link_new(upstream);
  if (!link) return;
  link->http.body = arena_str(&link->http.arena, message);
  if (link->http.body.p)
    link_send(link, STR("POST"), upstream->wire == MCP_WIRE_SSE ? upstream->post_url : upstream->target->url);
  else
    link_free(link);
}

void mcp_http_end_session(struct mcp_upstream *upstream) {
  struct mcp_link *link = upstream->session_id[0] ? link_new(upstream) : NULL;
  if (link) link_send(link, STR("DELETE"), upstream->target->url);
  upstream->session_id[0] = '\0';
}
