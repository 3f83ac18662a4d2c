/* One message's way to the server and back: sent, answered as JSON or as a stream of events, repeated where that is
 * safe, taken up again where a stream broke. What belongs to sessions is in bridge_session.c. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/random.h"
#include "cli/bridge.h"
#include "cli/remote_field.h"
#include "mcp/protocol.h"

enum {
  MESSAGE_MAX = 256 * MIB,
  ANSWER_MS = 24 * 60 * 60 * 1000, /* a call takes as long as it takes */
  TELL_MS = 60 * 1000,
  GOODBYE_MS = 1000,
  BACK_OFF_MS = 250,
  BACK_OFF_MAX_MS = 5000,
  RESUME_MS = 1000, /* where the server does not say */
  RESUME_LEAST_MS = 50,
  LISTEN_AGAIN_MS = 60 * 1000, /* after patience has ended */
  ERROR_CODE = -32000,
};

/* ---- made and unmade ---- */

struct passage *passage_new(struct bridge *bridge, enum passage_kind kind, struct str text, int *ret_code) {
  struct passage *passage = calloc(1, sizeof(*passage));
  struct err err;
  *ret_code = JSONRPC_INTERNAL_ERROR;
  if (!passage) return NULL;
  passage->bridge = bridge;
  passage->kind = kind;
  arena_init(&passage->arena, 0);
  arena_init(&passage->reply_arena, 0);
  buf_init(&passage->body, NULL, MESSAGE_MAX);
  buf_init(&passage->last_id, NULL, LIMIT_HTTP_HEADER_BYTES);
  bool is_good = text.n == 0;
  if (!is_good) {
    passage->text = arena_str(&passage->arena, text);
    *ret_code = JSONRPC_PARSE_ERROR;
    if (passage->text.p && !json_read(&passage->arena, passage->text, &passage->doc, &err)) {
      *ret_code = JSONRPC_INVALID_REQUEST;
      is_good = yyjson_is_arr(yyjson_doc_get_root(passage->doc)) ||
                !jsonrpc_classify(yyjson_doc_get_root(passage->doc), &passage->message, &err);
    }
  }
  if (!is_good) {
    arena_release(&passage->arena);
    free(passage);
    return NULL;
  }
  passage->previous = bridge->last;
  *(bridge->last ? &bridge->last->next : &bridge->first) = passage;
  bridge->last = passage;
  return passage;
}

static void stop_try(struct passage *passage) {
  if (passage->transfer) http_client_cancel(passage->transfer);
  passage->transfer = NULL;
  if (passage->has_sse) sse_release(&passage->sse);
  passage->has_sse = false;
  buf_clear(&passage->body);
  arena_release(&passage->reply_arena);
}

void passage_end(struct passage *passage) {
  struct bridge *bridge = passage->bridge;
  timers_cancel(bridge->timers, &passage->timer);
  stop_try(passage);
  for (struct passage *other = bridge->first; other; other = other->next) {
    if (other->learns_for == passage) other->learns_for = NULL;
  }
  if (bridge->session.stream == passage) bridge->session.stream = NULL;
  *(passage->previous ? &passage->previous->next : &bridge->first) = passage->next;
  *(passage->next ? &passage->next->previous : &bridge->last) = passage->previous;
  buf_release(&passage->body);
  buf_release(&passage->last_id);
  arena_release(&passage->arena);
  free(passage);
  bridge_look_for_end(bridge);
}

static void finish(struct passage *passage, bool is_good) {
  session_on_end(passage, is_good);
  passage_end(passage);
}

void passage_refuse(struct passage *passage, const char *text) {
  struct bridge *bridge = passage->bridge;
  struct passage *waiting = passage->learns_for;
  switch (passage->kind) {
    case PASSAGE_ASK:
      bridge_write_error(passage->message.id, ERROR_CODE, text);
      break;
    case PASSAGE_LEARN:
      if (waiting) passage_refuse(waiting, text);
      break;
    case PASSAGE_GOODBYE:
      break;
    default:
      cli_warn(bridge->args, "%s", text);
  }
  finish(passage, false);
}

/* RFC 9110, 9.2.2 in spirit: these change nothing, or the same thing again. */
bool passage_may_repeat(const struct passage *passage) {
  static const char *const methods[] = {
      "initialize",           "ping",      "server/discover", "tools/list",  "completion/complete", "logging/setLevel",
      "subscriptions/listen", "tasks/get", "tasks/list",      "tasks/result"};
  struct str method = passage->message.method;
  if (passage->kind == PASSAGE_LISTEN || passage->is_resuming) return true;
  if (str_starts(method, STR("resources/")) || str_starts(method, STR("prompts/"))) return true;
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    if (str_eq_c(method, methods[i])) return true;
  }
  return false;
}

/* ---- again ---- */

static void on_timer(struct timer *timer) {
  struct passage *passage = (struct passage *)(void *)((char *)timer - offsetof(struct passage, timer));
  passage_start(passage);
}

static void start_in(struct passage *passage, int64_t ms) {
  struct bridge *bridge = passage->bridge;
  stop_try(passage);
  passage->timer.run = on_timer;
  timers_set(bridge->timers, &passage->timer, loop_now_us(&bridge->loop) + ms * 1000);
}

void passage_resend(struct passage *passage) {
  start_in(passage, 0);
}

/* Once more after a while, as long as patience lasts. */
static void again(struct passage *passage, const char *why) {
  struct bridge *bridge = passage->bridge;
  int64_t now = loop_now_us(&bridge->loop);
  uint16_t random;
  random_bytes(&random, sizeof(random));
  unsigned doublings = passage->tries < 10 ? passage->tries : 10;
  int64_t ms = (int64_t)BACK_OFF_MS << doublings;
  if (ms > BACK_OFF_MAX_MS) ms = BACK_OFF_MAX_MS;
  ms = ms * 3 / 4 + ms * random / (2 * UINT16_MAX);
  if (ms < passage->retry_after_ms) ms = passage->retry_after_ms;
  if (passage->until_us == 0) passage->until_us = now + bridge->patience_us;
  passage->tries++;
  passage->retry_after_ms = 0;
  if (now + ms * 1000 <= passage->until_us) {
    start_in(passage, ms);
  } else if (passage->kind == PASSAGE_LISTEN) {
    passage->until_us = 0;
    passage->tries = 0;
    start_in(passage, LISTEN_AGAIN_MS);
  } else {
    char text[ERR_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%.*s cannot be used: %s", STR_ARG(bridge->remote.name), why);
    passage_refuse(passage, text);
  }
}

static void refuse_unknown(struct passage *passage) {
  char text[ERR_TEXT_SIZE];
  (void)snprintf(text, sizeof(text),
                 "%.*s: the connection was lost before the answer; whether it was carried out is not known",
                 STR_ARG(passage->bridge->remote.name));
  passage_refuse(passage, text);
}

/* ---- what comes ---- */

/* Of one message: is it the client's? Marks what else it means. */
static bool look_at(struct passage *passage, yyjson_val *message) {
  struct bridge *bridge = passage->bridge;
  bool is_answer = passage->message.id && !json_get(message, "method") &&
                   yyjson_equals(json_get(message, "id"), passage->message.id);
  if (is_answer) {
    passage->is_answered = true;
    session_on_answer(passage, message);
    if (str_eq_c(passage->message.method, "tools/list")) tools_learn(bridge, json_get(message, "result"));
    bool is_mismatch = yyjson_get_sint(json_get(json_get(message, "error"), "code")) == MCP_HEADER_MISMATCH;
    if (is_mismatch && passage->is_modern && !passage->has_learnt && str_eq_c(passage->message.method, "tools/call")) {
      passage->has_mismatch = true;
      return false;
    }
  }
  if (passage->is_subscription &&
      str_eq_c(json_get_str(message, "method"), "notifications/subscriptions/acknowledged")) {
    bool is_first = !passage->is_acknowledged;
    passage->is_acknowledged = true;
    passage->until_us = 0;
    passage->tries = 0;
    return is_first;
  }
  return passage->kind == PASSAGE_ASK || passage->kind == PASSAGE_LISTEN;
}

/* False: that was no message. */
static bool pass(struct passage *passage, struct str text) {
  yyjson_doc *doc;
  struct err err;
  struct arena arena;
  arena_init(&arena, 0);
  bool is_json = !json_read(&arena, text, &doc, &err);
  yyjson_val *root = is_json ? yyjson_doc_get_root(doc) : NULL;
  if (yyjson_is_obj(root)) {
    if (look_at(passage, root)) bridge_write(text);
  } else if (yyjson_is_arr(root)) {
    for (size_t i = 0; i < yyjson_arr_size(root); i++) {
      yyjson_val *message = yyjson_arr_get(root, i);
      struct buf one;
      buf_init(&one, NULL, MESSAGE_MAX);
      json_write_value(&one, message);
      if (yyjson_is_obj(message) && look_at(passage, message) && !buf_failed(&one)) bridge_write(buf_str(&one));
      buf_release(&one);
    }
  }
  arena_release(&arena);
  return is_json;
}

static bool on_event(void *context, const struct sse_event *event) {
  struct passage *passage = context;
  if (event->has_id) {
    buf_clear(&passage->last_id);
    buf_append_str(&passage->last_id, event->id);
    passage->has_last_id = !buf_failed(&passage->last_id);
  }
  if (str_trim(event->data).n > 0 && !pass(passage, event->data))
    cli_warn(passage->bridge->args, "%.*s sent something that is no message", STR_ARG(passage->bridge->remote.name));
  return true;
}

static void on_head(void *context, const struct http_client_response *head) {
  struct passage *passage = context;
  passage->status = head->status;
  passage->content_type = arena_str(&passage->reply_arena, head->content_type);
  for (size_t i = 0; i < head->n_fields; i++) {
    struct str name = head->fields[i].name, value = head->fields[i].value;
    uint64_t seconds;
    if (str_eq_fold(name, STR("Mcp-Session-Id"))) passage->new_session = arena_str(&passage->reply_arena, value);
    if (str_eq_fold(name, STR("Retry-After")) && str_to_u64(value, &seconds) && seconds < 1000000)
      passage->retry_after_ms = (int64_t)seconds * 1000;
  }
  if (head->status != 200 || !remote_is_type(head->content_type, STR("text/event-stream"))) return;
  sse_init(&passage->sse, MESSAGE_MAX, on_event, passage);
  passage->has_sse = true;
}

static void on_piece(void *context, struct str piece) {
  struct passage *passage = context;
  struct err err;
  if (!passage->has_sse) {
    buf_append_str(&passage->body, piece);
  } else if (sse_read(&passage->sse, piece, &err)) {
    http_client_cancel(passage->transfer); /* nothing that follows can be read */
    passage->transfer = NULL;
    refuse_unknown(passage);
  }
}

/* ---- what it was ---- */

/* A stream that ended before the answer. */
static void on_cut(struct passage *passage) {
  int64_t retry_ms = passage->has_sse ? passage->sse.retry_ms : -1;
  bool can_resume = !passage->is_modern && passage->has_last_id && passage->kind != PASSAGE_LISTEN;
  if (can_resume) {
    passage->is_resuming = true;
    passage->until_us = 0;
    if (retry_ms < 0) retry_ms = RESUME_MS;
    start_in(passage, retry_ms > RESUME_LEAST_MS ? retry_ms : RESUME_LEAST_MS);
  } else if (passage_may_repeat(passage)) {
    passage->retry_after_ms = retry_ms > 0 ? retry_ms : 0;
    again(passage, "its stream ends");
  } else {
    refuse_unknown(passage);
  }
}

/* A refusal before the request was read has no id: it is this request's all the same. */
static bool pass_refusal(struct passage *passage) {
  yyjson_doc *doc;
  struct err err;
  bool is_refusal = false;
  if (passage->kind == PASSAGE_ASK && !json_read(&passage->reply_arena, buf_str(&passage->body), &doc, &err)) {
    yyjson_val *root = yyjson_doc_get_root(doc), *error = json_get(root, "error");
    is_refusal = error && !yyjson_equals(json_get(root, "id"), passage->message.id);
    struct buf text;
    buf_init(&text, NULL, MESSAGE_MAX);
    buf_append_c(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
    jsonrpc_write_id(&text, passage->message.id);
    buf_append_c(&text, ",\"error\":");
    json_write_value(&text, error);
    buf_append_byte(&text, '}');
    if (is_refusal && !buf_failed(&text)) bridge_write(buf_str(&text));
    buf_release(&text);
  }
  return is_refusal;
}

static void explain(struct passage *passage) {
  struct err err;
  remote_explain(&passage->bridge->remote, passage->status, passage->content_type, &err);
  passage_refuse(passage, err.text);
}

static void on_answer(struct passage *passage) {
  bool is_json = remote_is_type(passage->content_type, STR("application/json"));
  if (is_json && pass_refusal(passage)) {
    if (passage->status == 401)
      cli_warn(passage->bridge->args, "%.*s does not take this token (401)", STR_ARG(passage->bridge->remote.name));
    finish(passage, false);
    return;
  }
  if (is_json) (void)pass(passage, buf_str(&passage->body));
  if (passage->has_mismatch) {
    passage->has_mismatch = passage->is_answered = false;
    passage->has_learnt = true;
    stop_try(passage);
    tools_ask(passage, STR_NONE);
  } else if (passage->is_answered) {
    finish(passage, true);
  } else if (passage->has_sse) {
    on_cut(passage);
  } else {
    explain(passage);
  }
}

/* The tools' definitions: a further page, or whoever waited goes on. */
static void on_learnt(struct passage *passage) {
  struct passage *waiting = passage->learns_for;
  yyjson_doc *doc = NULL;
  struct err err;
  struct str cursor = STR_NONE;
  if (remote_is_type(passage->content_type, STR("application/json"))) {
    (void)pass(passage, buf_str(&passage->body));
    if (!json_read(&passage->reply_arena, buf_str(&passage->body), &doc, &err))
      cursor = json_get_str(json_get(yyjson_doc_get_root(doc), "result"), "nextCursor");
  }
  passage->learns_for = NULL;
  if (waiting && cursor.n > 0) {
    tools_ask(waiting, cursor);
  } else if (waiting) {
    waiting->is_waiting = false;
    passage_resend(waiting);
  }
  finish(passage, true);
}

static void on_told(struct passage *passage) {
  bool is_good = passage->status < 400;
  if (!is_good && passage->kind == PASSAGE_TELL) {
    struct err err;
    remote_explain(&passage->bridge->remote, passage->status, passage->content_type, &err);
    cli_warn(passage->bridge->args, "%.*s was not taken: %s",
             STR_ARG(passage->message.method.n > 0 ? passage->message.method : STR("an answer")), err.text);
  }
  /* A server that was told need not answer; nor need it end the stream. */
  bool is_cancellation = str_eq_c(passage->message.method, "notifications/cancelled");
  struct passage *cancelled =
      is_cancellation ? bridge_find(passage->bridge, json_get(passage->message.params, "requestId")) : NULL;
  if (cancelled) passage_end(cancelled);
  finish(passage, is_good);
}

static void on_stream_end(struct passage *passage) {
  if (passage->status == 200) {
    passage->until_us = 0;
    if (passage->has_last_id) passage->tries = 0;
    on_cut(passage);
    return;
  }
  if (passage->status != 405) { /* a server without such a stream says 405 */
    struct err err;
    remote_explain(&passage->bridge->remote, passage->status, passage->content_type, &err);
    cli_warn(passage->bridge->args, "no stream of notifications: %s", err.text);
  }
  finish(passage, true);
}

static void on_reply(struct passage *passage) {
  struct bridge *bridge = passage->bridge;
  bool is_json = remote_is_type(passage->content_type, STR("application/json"));
  bool is_away =
      passage->status == 503 || (passage_may_repeat(passage) && (passage->status == 502 || passage->status == 504));
  if (is_away && !is_json) {
    char why[32];
    (void)snprintf(why, sizeof(why), "it answers %d", passage->status);
    if (!bridge->is_unreachable)
      cli_warn(bridge->args, "%.*s cannot be used now: %s; trying again", STR_ARG(bridge->remote.name), why);
    bridge->is_unreachable = true;
    again(passage, why);
    return;
  }
  if (bridge->is_unreachable) cli_warn(bridge->args, "%.*s is back", STR_ARG(bridge->remote.name));
  bridge->is_unreachable = false;
  bool has_session = !passage->is_modern && bridge->session.initialize.n > 0;
  bool may_renew = passage->kind == PASSAGE_ASK || passage->kind == PASSAGE_TELL || passage->kind == PASSAGE_LISTEN;
  /* An answer of the client's is to a request of the session that is gone. */
  bool is_answer = passage->kind == PASSAGE_TELL && passage->message.method.n == 0;
  if (passage->status == 404 && has_session && may_renew && !is_answer && !passage->is_resuming &&
      session_renew(passage))
    return;
  if (passage->is_resuming && passage->status != 200) {
    passage->is_resuming = passage->has_last_id = false;
    on_cut(passage);
    return;
  }
  switch (passage->kind) {
    case PASSAGE_ASK:
    case PASSAGE_RENEW:
      if (passage->message.id) {
        on_answer(passage);
        break;
      }
      __attribute__((fallthrough));
    case PASSAGE_TELL:
      on_told(passage);
      break;
    case PASSAGE_LISTEN:
      on_stream_end(passage);
      break;
    case PASSAGE_LEARN:
      on_learnt(passage);
      break;
    case PASSAGE_GOODBYE:
      finish(passage, true);
      break;
  }
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct passage *passage = context;
  struct bridge *bridge = passage->bridge;
  passage->transfer = NULL;
  if (response) {
    on_reply(passage);
    return;
  }
  if (passage->is_answered) { /* all of it came that matters */
    finish(passage, true);
  } else if (passage->kind == PASSAGE_GOODBYE) {
    finish(passage, false);
  } else if (passage->status != 0) {
    on_cut(passage);
  } else if (passage->was_sent && !passage_may_repeat(passage)) {
    refuse_unknown(passage);
  } else {
    if (!bridge->is_unreachable) cli_warn(bridge->args, "%s; trying again", err->text);
    bridge->is_unreachable = true;
    again(passage, err->text);
  }
}

/* ---- sending ---- */

static struct remote_head head_of(const struct passage *passage) {
  const struct bridge_session *session = &passage->bridge->session;
  struct remote_head head = {.verb = STR("POST"), .is_modern = passage->is_modern};
  if (passage->is_modern) {
    head.version = passage->version;
    head.method = passage->message.method;
    head.name = remote_field_name(&passage->message);
    head.arguments = json_get(passage->message.params, "arguments");
    if (str_eq_c(head.method, "tools/call")) head.input_schema = tools_schema(passage->bridge, head.name);
    return head;
  }
  bool is_first = str_eq_c(passage->message.method, "initialize");
  head.session = is_first ? STR_NONE : buf_str(&session->id);
  head.version = is_first ? STR_NONE : buf_str(&session->version);
  if (passage->kind == PASSAGE_GOODBYE) head.verb = STR("DELETE");
  if (passage->kind != PASSAGE_LISTEN && !passage->is_resuming) return head;
  head.verb = STR("GET");
  head.accept = STR("text/event-stream");
  head.has_last_event_id = passage->has_last_id;
  head.last_event_id = buf_str(&passage->last_id);
  return head;
}

static enum err_code send_it(struct passage *passage, struct err *err) {
  struct remote_head head = head_of(passage);
  struct http_client_request request;
  bool is_post = str_eq_c(head.verb, "POST");
  enum err_code code = remote_request(&passage->bridge->remote, &passage->reply_arena, &head,
                                      is_post ? passage->text : STR_NONE, &request, err);
  if (code) return code;
  passage->receiver = (struct http_client_stream){.on_head = on_head, .on_piece = on_piece};
  request.stream = &passage->receiver;
  request.ret_was_sent = &passage->was_sent;
  request.timeout_ms = passage->kind == PASSAGE_ASK       ? ANSWER_MS
                       : passage->kind == PASSAGE_GOODBYE ? GOODBYE_MS
                                                          : TELL_MS;
  return http_client_send(passage->bridge->http, &passage->reply_arena, &request, on_done, passage, &passage->transfer,
                          err);
}

void passage_start(struct passage *passage) {
  struct err err = {0};
  if (session_holds(passage)) {
    passage->is_waiting = true;
    return;
  }
  if (!passage->is_resuming) session_on_start(passage);
  stop_try(passage);
  passage->status = 0;
  passage->was_sent = false;
  passage->new_session = passage->content_type = STR_NONE;
  if (send_it(passage, &err)) passage_refuse(passage, err.text);
}
