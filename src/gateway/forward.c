/* One request on, one answer back. Must not know whose session it is, nor what is said.
 *
 * Its memory is the HTTP exchange's, which ends with its reply; the transfer ends before that, or with its client. */
#include "gateway/forward.h"

#include <arpa/inet.h>

#include "base/limits.h"
#include "gateway/worker.h"

enum { ANSWER_MS = 60 * 60 * 1000, STILL_MS = 4 * LIMIT_STREAM_STILL_MS };

struct forward {
  struct http_exchange *http;
  struct http_transfer *transfer; /* NULL: it has ended */
  struct http_client_stream receiver;
  struct http_reply reply;
  struct buf body;
  bool is_stream;
};

/* ---- the request ---- */

/* Of one connection (RFC 9110, 7.6.1), and what is written anew. */
static const char *const own[] = {
    "Connection", "Keep-Alive",     "Proxy-Connection", "TE",   "Trailer",      "Transfer-Encoding", "Upgrade", "Host",
    "Expect",     "Content-Length", "Accept-Encoding",  "Date", "Content-Type", FORWARD_CLIENT};

static bool is_own(struct str name) {
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    if (str_eq_fold(name, str_of(own[i]))) return true;
  return false;
}

/* With room for two more. NULL: no memory. */
static struct http_field *copy_fields(struct arena *arena, const struct http_field *fields, size_t n, size_t *ret_n) {
  struct http_field *copies = arena_new_n(arena, struct http_field, n + 2);
  *ret_n = 0;
  for (size_t i = 0; copies && i < n; i++) {
    if (is_own(fields[i].name)) continue;
    struct http_field *copy = &copies[(*ret_n)++];
    *copy = (struct http_field){arena_str(arena, fields[i].name), arena_str(arena, fields[i].value)};
    if (!copy->name.p || !copy->value.p) return NULL;
  }
  return copies;
}

static struct str client_of(const struct http_exchange *http, struct arena *arena) {
  char text[INET6_ADDRSTRLEN];
  const struct sockaddr_storage *peer = http->peer;
  const void *bytes = peer->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr
                                                  : (const void *)&((const struct sockaddr_in *)peer)->sin_addr;
  if (!inet_ntop(peer->ss_family, bytes, text, sizeof(text))) return STR_NONE;
  return arena_str(arena, str_of(text));
}

void forward_find_client(struct http_exchange *http) {
  struct sockaddr_storage *client = arena_new(&http->arena, struct sockaddr_storage);
  struct str text;
  char address[INET6_ADDRSTRLEN];
  if (!client || !http_field_once(http, FORWARD_CLIENT, &text) || text.n == 0 || text.n >= sizeof(address)) return;
  memcpy(address, text.p, text.n);
  address[text.n] = '\0';
  if (inet_pton(AF_INET, address, &((struct sockaddr_in *)client)->sin_addr) == 1)
    client->ss_family = AF_INET;
  else if (inet_pton(AF_INET6, address, &((struct sockaddr_in6 *)client)->sin6_addr) == 1)
    client->ss_family = AF_INET6;
  else
    return;
  http->peer = client;
}

/* ---- the answer ---- */

static void refuse(struct http_exchange *http) {
  static const struct http_field fields[] = {{STR("Retry-After"), STR("1")}};
  http_reply(http, &(struct http_reply){.status = 503,
                                        .content_type = STR("application/json"),
                                        .fields = fields,
                                        .n_fields = 1,
                                        .body = STR("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":503,\"message\":\"The "
                                                    "server where this session is at home does not answer: try "
                                                    "again\"}}")});
}

static void on_drain(struct http_exchange *http) {
  struct forward *forward = http->context;
  if (forward->transfer) http_client_resume(forward->transfer);
}

static void on_head(void *context, const struct http_client_response *head) {
  struct forward *forward = context;
  struct arena *arena = &forward->http->arena;
  struct http_reply *reply = &forward->reply;
  reply->status = head->status;
  reply->content_type = head->content_type.n ? arena_str(arena, head->content_type) : STR_NONE;
  reply->fields = copy_fields(arena, head->fields, head->n_fields, &reply->n_fields);
  if (!reply->fields) reply->n_fields = 0;
  forward->is_stream = str_starts(reply->content_type, STR("text/event-stream"));
  if (forward->is_stream) http_stream_begin(forward->http, reply, on_drain);
}

static void on_piece(void *context, struct str piece) {
  struct forward *forward = context;
  if (!forward->is_stream)
    buf_append_str(&forward->body, piece);
  else if (!http_stream_write(forward->http, piece))
    http_client_pause(forward->transfer);
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct forward *forward = context;
  struct http_exchange *http = forward->http;
  forward->transfer = NULL;
  http->on_departed = NULL;
  if (forward->is_stream) {
    http_stream_end(http);
  } else if (!response || buf_failed(&forward->body)) {
    refuse(http);
  } else {
    forward->reply.body = buf_str(&forward->body);
    http_reply(http, &forward->reply);
  }
}

/* The other server learns of it by its connection's end. */
static void on_departed(struct http_exchange *http) {
  struct forward *forward = http->context;
  if (forward->transfer) http_client_cancel(forward->transfer);
  forward->transfer = NULL;
  if (forward->is_stream)
    http_stream_end(http);
  else
    refuse(http);
}

enum stage_verdict forward_begin(struct exchange *exchange, const char *address) {
  struct http_exchange *http = exchange->http;
  struct arena *arena = exchange->arena;
  struct forward *forward = arena_new(arena, struct forward);
  struct str content_type, type = STR_NONE;
  size_t n;
  struct err err;
  struct http_field *fields = copy_fields(arena, http->fields, http->n_fields, &n);
  if (!forward || !fields) return exchange_refuse(exchange, 503, 503, "Out of memory");
  if (http_field_once(http, "Content-Type", &content_type)) type = content_type;
  fields[n++] = (struct http_field){STR(FORWARD_CLIENT), client_of(http, arena)};
  if (type.p) fields[n++] = (struct http_field){STR("Content-Type"), type};
  forward->http = http;
  forward->receiver = (struct http_client_stream){.on_head = on_head, .on_piece = on_piece, .idle_ms = STILL_MS};
  buf_init(&forward->body, arena, LIMIT_HTTP_REQUEST_ARENA);
  const struct http_client_request request = {
      .method = http->method,
      .url = arena_printf(arena, "http://%s%.*s", address, STR_ARG(http->target)),
      .has_secret_in_url = true,
      .fields = fields,
      .n_fields = n,
      .body = http->body,
      .has_body = str_eq(http->method, STR("POST")),
      .timeout_ms = ANSWER_MS,
      .stream = &forward->receiver};
  if (!request.url.p || http_client_send(exchange->worker->peers, arena, &request, on_done, forward, &forward->transfer,
                                         &err) != ERR_NONE)
    return exchange_refuse(exchange, 503, 503, "The server where this session is at home cannot be asked");
  http->context = forward;
  http->on_departed = on_departed;
  exchange->is_given = true;
  return STAGE_DONE;
}
