/* One request over a loop of its own: for commands that ask one thing after another. Must not know what is asked. */
#include "cli/remote_exchange.h"

#include "base/limits.h"
#include "codec/sse.h"

enum { BODY_MAX = 256 * MIB };

struct exchange {
  struct arena *arena;
  struct loop loop;
  struct http_client *http;
  struct loop_task finish;
  struct http_client_response response; /* the struct is the client's, what it points to the arena's */
  enum err_code code;
  struct err *err;
  int64_t id;
  struct remote_reply reply;
};

static void on_finish(struct loop_task *task) {
  struct exchange *exchange = (struct exchange *)(void *)((char *)task - offsetof(struct exchange, finish));
  http_client_free(exchange->http);
  loop_stop(&exchange->loop);
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct exchange *exchange = context;
  if (response) {
    exchange->response = *response;
  } else {
    *exchange->err = *err;
    exchange->code = err->code;
  }
  exchange->finish.run = on_finish; /* the client is still at work in here */
  loop_post(&exchange->loop, &exchange->finish);
}

static bool is_answer(const struct exchange *exchange, yyjson_val *message) {
  yyjson_val *id = json_get(message, "id");
  bool is_ours = yyjson_is_int(id) && yyjson_get_sint(id) == exchange->id;
  /* A refusal before the request was read has no id: it is this request's all the same. */
  return !json_get(message, "method") && (is_ours || (json_get(message, "error") && (!id || yyjson_is_null(id))));
}

/* False: this is no answer, or no JSON. */
static bool take(struct exchange *exchange, struct str text) {
  yyjson_doc *doc;
  struct err err;
  if (json_read(exchange->arena, text, &doc, &err) || !is_answer(exchange, yyjson_doc_get_root(doc))) return false;
  exchange->reply.text = arena_str(exchange->arena, text);
  exchange->reply.result = json_get(yyjson_doc_get_root(doc), "result");
  exchange->reply.error = json_get(yyjson_doc_get_root(doc), "error");
  return true;
}

static bool on_event(void *context, const struct sse_event *event) {
  return event->data.n == 0 || !take(context, event->data);
}

static void read_response(struct exchange *exchange) {
  const struct http_client_response *response = &exchange->response;
  exchange->reply.status = response->status;
  exchange->reply.content_type = response->content_type;
  for (size_t i = 0; i < response->n_fields; i++) {
    if (str_eq_fold(response->fields[i].name, STR("Mcp-Session-Id")))
      exchange->reply.session = response->fields[i].value;
  }
  if (remote_is_type(response->content_type, STR("application/json"))) (void)take(exchange, response->body);
  if (!remote_is_type(response->content_type, STR("text/event-stream"))) return;
  struct sse_parser parser;
  struct err err;
  sse_init(&parser, BODY_MAX, on_event, exchange);
  enum err_code code = sse_read(&parser, response->body, &err);
  sse_release(&parser);
  (void)code; /* ERR_CANCELLED once the answer is there; of a stream that goes wrong, what came before counts */
}

enum err_code remote_exchange(const struct remote *remote, struct arena *arena, const struct remote_head *head,
                              struct str body, int64_t id, int64_t timeout_ms, struct remote_reply *ret_reply,
                              struct err *err) {
  struct exchange exchange = {.arena = arena, .id = id, .err = err};
  struct http_client_request request;
  struct http_transfer *transfer;
  enum err_code code = remote_request(remote, arena, head, body, &request, err);
  if (!code) code = loop_init(&exchange.loop, err);
  if (code) return code;
  request.timeout_ms = timeout_ms;
  request.max_body = BODY_MAX;
  code = http_client_new(&exchange.loop, &remote->http, &exchange.http, err);
  if (!code) code = http_client_send(exchange.http, arena, &request, on_done, &exchange, &transfer, err);
  if (code) {
    http_client_free(exchange.http);
    loop_stop(&exchange.loop);
  }
  loop_run(&exchange.loop);
  loop_release(&exchange.loop);
  if (!code) code = exchange.code;
  if (code) return code;
  read_response(&exchange);
  *ret_reply = exchange.reply;
  return ERR_NONE;
}
