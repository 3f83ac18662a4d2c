/* Whole replies: their head, and how they leave. Must not know why a reply says what it says. */
#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "net/http_server_inner.h"

enum {
  US_PER_S = 1000000,
  /* Of a head: status line with the longest reason, Content-Length with 20 digits, Connection, CRLFs. */
  HEAD_FIXED = 192,
};

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* RFC 9110 6.6.1: once a second is enough. */
static struct str date_field(struct http_server *server) {
  int64_t now_us = loop_now_us(server->loop);
  if (now_us >= server->date_until_us) {
    int64_t utc_us = clock_utc_us();
    time_t utc_s = (time_t)(utc_us / US_PER_S);
    struct tm tm;
    gmtime_r(&utc_s, &tm);
    int n = snprintf(server->date, sizeof(server->date), "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                     weekdays + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, 1900 + tm.tm_year, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
    server->date_n = n > 0 && (size_t)n < sizeof(server->date) ? (size_t)n : 0;
    server->date_until_us = now_us + US_PER_S - utc_us % US_PER_S;
  }
  return str_make(server->date, server->date_n);
}

static char *put(char *at, struct str s) {
  if (s.n > 0) memcpy(at, s.p, s.n);
  return at + s.n;
}

static char *put_number(char *at, uint64_t value) {
  char digits[20];
  size_t n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (n > 0)
    *at++ = digits[--n];
  return at;
}

/* A field that would end its line early, and so begin another or the body, is left out: names and values are trusted,
 * and this is where that trust would hurt most. */
static bool is_one_line(struct str s) {
  return s.n == 0 || (!memchr(s.p, '\n', s.n) && !memchr(s.p, '\r', s.n));
}

static char *put_field(char *at, struct str name, struct str value) {
  if (!is_one_line(name) || !is_one_line(value)) return at;
  at = put(at, name);
  at = put(at, STR(": "));
  at = put(at, value);
  return put(at, STR("\r\n"));
}

static char *put_status(char *at, int status) {
  at = put(at, STR("HTTP/1.1 "));
  at = put_number(at, (uint64_t)status);
  *at++ = ' ';
  at = put(at, str_of(http_status_reason(status)));
  return put(at, STR("\r\n"));
}

static size_t head_max(const struct http_reply *reply) {
  size_t n = HEAD_FIXED + HTTP_DATE_SIZE + reply->content_type.n + sizeof("Content-Type: \r\n");
  for (size_t i = 0; i < reply->n_fields; i++)
    n += reply->fields[i].name.n + reply->fields[i].value.n + 4;
  return n;
}

struct str http_reply_head(struct http_server_exchange *exchange, const struct http_reply *reply, bool is_stream) {
  struct http_server *server = exchange->connection->server;
  bool is_1_0 = exchange->parse.is_1_0;
  if (reply->must_close || server->is_draining || (is_stream && is_1_0)) exchange->keeps_alive = false;
  exchange->is_bodiless =
      reply->status == 204 || reply->status == 304 || str_eq(exchange->exchange.method, STR("HEAD"));
  exchange->is_chunked = is_stream && !is_1_0;
  char *head = arena_alloc(&exchange->exchange.arena, head_max(reply));
  if (!head) return STR_NONE;
  char *at = put_status(head, reply->status);
  at = put(at, date_field(server));
  if (reply->content_type.n > 0) at = put_field(at, STR("Content-Type"), reply->content_type);
  for (size_t i = 0; i < reply->n_fields; i++)
    at = put_field(at, reply->fields[i].name, reply->fields[i].value);
  if (exchange->is_chunked && reply->status != 204 && reply->status != 304)
    at = put(at, STR("Transfer-Encoding: chunked\r\n"));
  if (!is_stream && reply->status != 204 && reply->status != 304) {
    at = put(at, STR("Content-Length: "));
    at = put_number(at, reply->body.n);
    at = put(at, STR("\r\n"));
  }
  if (!exchange->keeps_alive)
    at = put(at, STR("Connection: close\r\n"));
  else if (is_1_0)
    at = put(at, STR("Connection: keep-alive\r\n"));
  at = put(at, STR("\r\n"));
  return str_make(head, (size_t)(at - head));
}

void http_reply_send(struct http_server_exchange *exchange) {
  struct http_connection *connection = exchange->connection;
  if (connection->writing != HTTP_WRITING_NOTHING) /* 100 Continue: on_written comes back here */
    http_connection_await_written(connection);
  else if (!http_connection_write(connection, HTTP_WRITING_REPLY, exchange->out_head, exchange->out_body))
    http_connection_break(connection);
}

void http_reply(struct http_exchange *shown, const struct http_reply *reply) {
  struct http_server_exchange *exchange = http_server_exchange_of(shown);
  assert(exchange->reply == HTTP_REPLY_NONE);
  exchange->reply = HTTP_REPLY_WHOLE;
  exchange->release = reply->release;
  exchange->release_context = reply->release_context;
  if (exchange->connection->state == HTTP_CONNECTION_CLOSING) {
    http_exchange_end(exchange);
    return;
  }
  exchange->out_head = http_reply_head(exchange, reply, false);
  if (!exchange->out_head.p) {
    exchange->out_head = HTTP_REPLY_LAST_RESORT;
    exchange->keeps_alive = false;
  } else if (!exchange->is_bodiless) {
    exchange->out_body = reply->body;
  }
  http_reply_send(exchange);
}

void http_reply_refusal(struct http_server_exchange *exchange, const struct http_refusal *refusal) {
  if (refusal->status < 500) http_count(&exchange->connection->server->counts->refused, 1);
  struct http_reply reply = {
      .status = refusal->status, .content_type = STR("application/json"), .body = refusal->body, .must_close = true};
  http_reply(&exchange->exchange, &reply);
}

bool http_field_once(const struct http_exchange *exchange, const char *name, struct str *ret_value) {
  struct str wanted = str_of(name);
  struct str value = STR_NONE;
  unsigned n = 0;
  for (size_t i = 0; i < exchange->n_fields; i++) {
    struct str is = exchange->fields[i].name;
    /* Most differ in their length or their first letter; this is asked for a dozen names a request. */
    if (is.n != wanted.n || (is.n > 0 && (is.p[0] ^ wanted.p[0]) & ~0x20) || !str_eq_fold(is, wanted)) continue;
    value = exchange->fields[i].value;
    n++;
  }
  if (n > 1) return false;
  *ret_value = value;
  return true;
}
