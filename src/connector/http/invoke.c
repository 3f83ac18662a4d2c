/* One call over HTTP: the request written, sent, and its reply handed on. The credential is opened here alone, for as
 * long as the request is written (and once more, to see that no reply repeats it). */
#include <stdlib.h>

#include "base/limits.h"
#include "connector/http/http.h"

enum { POOL_SIZE = 4096 };

/* A credential's key, in memory that is wiped on close. */
struct opened_key {
  struct str text;
  char pool[POOL_SIZE];
  char *heap;
  size_t n;
};

/* Empty where there is no credential, or none with a key; key_close is owed either way. yyjson says how much memory it
 * may need: credentials are small, and what is used is what has to be wiped. */
static void key_open(struct opened_key *key, const struct secret *credential) {
  struct str json = credential ? secret_open(credential) : STR_NONE;
  key->n = credential ? yyjson_read_max_memory_usage(json.n, YYJSON_READ_NOFLAG) : 0;
  key->heap = key->n > POOL_SIZE ? malloc(key->n) : NULL;
  key->text = STR_NONE;
  char *memory = key->n > POOL_SIZE ? key->heap : key->pool;
  yyjson_alc alc;
  if (key->n == 0 || !memory || !yyjson_alc_pool_init(&alc, memory, key->n)) return;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NOFLAG, &alc, NULL);
  key->text = json_get_str(yyjson_doc_get_root(doc), "key");
}

static void key_close(struct opened_key *key) {
  if (key->n <= POOL_SIZE) {
    secret_wipe(key->pool, key->n);
  } else if (key->heap) {
    secret_wipe(key->heap, key->n);
    free(key->heap);
  }
}

/* call->state */
struct http_call {
  struct connector_call *call;
  struct http_transfer *transfer;
  bool was_sent;
  struct loop_task cancelled;
};

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct http_call *state = context;
  struct connector_call *call = state->call;
  state->transfer = NULL;
  if (!response) {
    connector_fail(call, err->code, "%.*s: %s", STR_ARG(call->connection->policy.name), err->text);
    call->result.is_unknown = state->was_sent && call->tool->does != DOES_READ;
    call->done(call);
    return;
  }
  struct opened_key key;
  key_open(&key, call->credential);
  http_reply_read(call, response, key.text);
  key_close(&key);
  call->done(call);
}

static const struct http_field *fields_write(const struct connector_call *call, const struct http_definition *http,
                                             size_t *ret_n) {
  struct http_field *fields = arena_alloc(call->arena, (http->n_fields + 1) * sizeof(*fields));
  if (!fields) return NULL;
  memcpy(fields, http->fields, http->n_fields * sizeof(*fields));
  *ret_n = http->n_fields;
  if (call->traceparent) fields[(*ret_n)++] = (struct http_field){STR("traceparent"), str_of(call->traceparent)};
  return fields;
}

static enum err_code send_request(struct http_call *state, struct http_client_request *request, struct err *err) {
  struct connector_call *call = state->call;
  const struct http_definition *http = call->connection->connector->state;
  if (http->auth.place == HTTP_AUTH_NONE)
    return http_client_send(call->host->http, call->arena, request, on_done, state, &state->transfer, err);
  if (http->auth.place == HTTP_AUTH_HEADER) {
    request->secret_field = http->auth.name;
  } else {
    request->secret_parameter = http->auth.name;
  }
  struct opened_key key;
  key_open(&key, call->credential);
  request->secret_prefix = http->auth.prefix;
  request->secret_value = key.text;
  enum err_code code =
      key.text.n == 0 ? err_set(err, ERR_UNAVAILABLE, "the connection has no key")
                      : http_client_send(call->host->http, call->arena, request, on_done, state, &state->transfer, err);
  key_close(&key);
  return code;
}

static enum err_code begin(struct connector_call *call, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  const struct http_definition *http = call->connection->connector->state;
  struct http_call *state = arena_new(call->arena, struct http_call);
  if (!state) return err_no_memory(err);
  state->call = call;
  call->state = state;
  int64_t left_ms = (call->deadline_us - loop_now_us(call->host->loop)) / 1000;
  if (left_ms <= 0) return err_set(err, ERR_TIMEOUT, "the time for this call was up before it began");
  struct http_client_request request = {
      .method = tool->method,
      .timeout_ms = left_ms < LIMIT_UPSTREAM_TOTAL_MS ? left_ms : LIMIT_UPSTREAM_TOTAL_MS,
      .ret_was_sent = &state->was_sent,
  };
  request.fields = fields_write(call, http, &request.n_fields);
  if (!request.fields) return err_no_memory(err);
  enum err_code code = http_call_url(call, &request.url, err);
  return code == ERR_NONE ? send_request(state, &request, err) : code;
}

void http_invoke(struct connector_call *call) {
  struct err err;
  call->state = NULL;
  if (begin(call, &err) == ERR_NONE) return;
  connector_fail(call, err.code, "%.*s: %s", STR_ARG(call->connection->policy.name), err.text);
  call->done(call);
}

static void on_cancelled(struct loop_task *task) {
  struct http_call *state = (struct http_call *)(void *)((char *)task - offsetof(struct http_call, cancelled));
  struct connector_call *call = state->call;
  connector_fail(call, ERR_CANCELLED, "The call was cancelled.");
  call->result.is_unknown = state->was_sent && call->tool->does != DOES_READ;
  call->done(call);
}

/* `done` comes from the mailbox, so that whoever cancels is not called back from within. */
void http_cancel(struct connector_call *call) {
  struct http_call *state = call->state;
  if (!state || !state->transfer) return;
  http_client_cancel(state->transfer);
  state->transfer = NULL;
  state->cancelled.run = on_cancelled;
  loop_post(call->host->loop, &state->cancelled);
}
