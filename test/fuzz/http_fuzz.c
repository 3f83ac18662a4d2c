/* HTTP requests from anybody: however the bytes are cut, the same requests come out and the same refusal; and what
 * comes out is what net/http_server.h promises.
 *
 * Input: a byte k, k bytes that are the sizes of the pieces in turn (0 counts as 256), then what a client sends. */
#include <stdlib.h>

#include "base/limits.h"
#include "net/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct cuts {
  const uint8_t *sizes;
  size_t n; /* 0: one piece */
  size_t at;
};

static size_t cut_next(struct cuts *cuts, size_t left) {
  if (cuts->n == 0) return left;
  size_t size = cuts->sizes[cuts->at++ % cuts->n];
  if (size == 0) size = 256;
  return size < left ? size : left;
}

static void expect(bool holds) {
  if (!holds) __builtin_trap();
}

static void put(struct buf *outcome, struct str s) {
  buf_append_u64(outcome, s.n);
  buf_append_byte(outcome, ':');
  buf_append_str(outcome, s);
}

static bool is_token(struct str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_letter && !memchr("!#$%&'*+-.^_`|~", c, 15)) return false;
  }
  return s.n > 0;
}

static void check_request(const struct http_parse *parse) {
  size_t n_bytes = 0, n_hosts = 0;
  expect(is_token(parse->method) && parse->target.n <= LIMIT_HTTP_TARGET && parse->path.n > 0);
  expect(parse->path.p[0] == '/' || str_eq(parse->path, STR("*")));
  expect(parse->n_fields <= LIMIT_HTTP_HEADER_COUNT && parse->body.n <= LIMIT_HTTP_BODY);
  for (size_t i = 0; i < parse->target.n; i++)
    expect(parse->target.p[i] > ' ' && parse->target.p[i] < 127);
  for (size_t i = 0; i < parse->n_fields; i++) {
    struct http_field field = parse->fields[i];
    expect(is_token(field.name));
    for (size_t j = 0; j < field.value.n; j++) {
      unsigned char c = (unsigned char)field.value.p[j];
      expect(c == '\t' || (c >= ' ' && c != 127));
    }
    n_bytes += field.name.n + field.value.n;
    n_hosts += str_eq_fold(field.name, STR("host"));
  }
  expect(n_bytes <= LIMIT_HTTP_HEADER_BYTES);
  expect(n_hosts == 1 || (n_hosts == 0 && parse->is_1_0));
}

static void put_request(struct buf *outcome, const struct http_parse *parse) {
  check_request(parse);
  put(outcome, parse->method);
  put(outcome, parse->target);
  put(outcome, parse->path);
  put(outcome, parse->query);
  for (size_t i = 0; i < parse->n_fields; i++) {
    put(outcome, parse->fields[i].name);
    put(outcome, parse->fields[i].value);
  }
  put(outcome, parse->body);
  buf_append_byte(outcome, parse->is_1_0 ? '0' : '1');
  buf_append_byte(outcome, parse->keeps_alive ? 'k' : 'c');
  buf_append_byte(outcome, parse->expects_continue ? 'e' : '-');
}

/* All that was collected, though the request is not complete. */
static void put_rest(struct buf *outcome, const struct http_parse *parse) {
  buf_append_u64(outcome, parse->phase);
  put(outcome, buf_str(&parse->head));
  put(outcome, buf_str(&parse->content));
  buf_append_u64(outcome, parse->body_left);
  buf_append_byte(outcome, ' ');
  buf_append_u64(outcome, parse->framing_n);
}

/* Feeds one piece to the request under way. Returns the bytes taken. */
static size_t feed_piece(struct http_parse *parse, const uint8_t *bytes, size_t n, enum http_parse_event *ret_event) {
  char *piece = malloc(n); /* its own memory: what is kept of it must have been copied, what lies behind is not read */
  expect(piece != NULL);
  memcpy(piece, bytes, n);
  size_t at = 0, used;
  do {
    *ret_event = http_parse_feed(parse, piece + at, n - at, &used);
    at += used;
    expect(at <= n);
  } while (*ret_event == HTTP_PARSE_EVENT_HEAD);
  expect(*ret_event != HTTP_PARSE_EVENT_MORE || at == n);
  free(piece);
  return at;
}

/* One request after the other, until one is refused or the bytes end. */
static void run(const uint8_t *bytes, size_t n, struct cuts cuts, struct buf *outcome) {
  enum http_parse_event event = HTTP_PARSE_EVENT_DONE;
  size_t at = 0;
  while (at < n && event == HTTP_PARSE_EVENT_DONE) {
    struct arena arena;
    arena_init(&arena, LIMIT_HTTP_REQUEST_ARENA);
    struct http_parse parse;
    http_parse_init(&parse, &arena);
    do {
      at += feed_piece(&parse, bytes + at, cut_next(&cuts, n - at), &event);
    } while (at < n && event == HTTP_PARSE_EVENT_MORE);
    if (event == HTTP_PARSE_EVENT_DONE)
      put_request(outcome, &parse);
    else if (event == HTTP_PARSE_EVENT_REFUSED)
      put(outcome, parse.refusal->body);
    else
      put_rest(outcome, &parse);
    arena_release(&arena);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  if (n < 1 || n - 1 < bytes[0]) return 0;
  struct cuts cuts = {.sizes = bytes + 1, .n = bytes[0]};
  const uint8_t *sent = bytes + 1 + cuts.n;
  size_t sent_n = n - 1 - cuts.n;
  struct buf whole, cut;
  buf_init(&whole, NULL, SIZE_MAX);
  buf_init(&cut, NULL, SIZE_MAX);
  run(sent, sent_n, (struct cuts){0}, &whole);
  run(sent, sent_n, cuts, &cut);
  expect(str_eq(buf_str(&whole), buf_str(&cut)));
  buf_release(&whole);
  buf_release(&cut);
  return 0;
}
