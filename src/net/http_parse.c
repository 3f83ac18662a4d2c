/* Takes one request apart as its bytes come: the request line by itself, since llhttp is lenient there; the header
 * section and chunked framing by llhttp in its strict mode; a body of known length by counting. Must know neither
 * sockets nor time.
 *
 * Invariant: what comes out does not depend on how the bytes were cut. So every decision is made at a byte that the
 * grammar defines (end of line, of a field, of a chunk's size), and llhttp is never shown bytes beyond a cap: an error
 * behind it must not be seen in one cut and missed in another. test/fuzz/http_fuzz.c holds it to that. */
#include "net/http_parse.h"

#include "base/limits.h"

enum {
  LINE_MAX_BYTES = LIMIT_HTTP_TARGET + 64, /* the rest is method, version, spaces, CRLF */
  BLANK_MAX = 4,                           /* bytes of empty lines before the request line (RFC 9112 2.2) */
  /* Names and values are capped by http_parse_head; this is with ": " and CRLF, so that padding does not get around. */
  FIELDS_MAX = LIMIT_HTTP_HEADER_BYTES + 4 * LIMIT_HTTP_HEADER_COUNT + 2,
  /* Of a chunked body: bytes that are not content. One-byte chunks need 5 each; extensions are never of use. */
  FRAMING_MAX = 16 * KIB,
  FRAMING_MAX_PER_BYTE = 8,
  HEAD_FIRST = 1 * KIB,
  BODY_FIRST = 64 * KIB,
  SPANS_FIRST = 16,
};

#define REFUSAL(name, status, code, message) \
  const struct http_refusal name = {status, STR("{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}")}

REFUSAL(http_refusal_slow, 408, "timeout", "The request took too long to arrive.");
REFUSAL(http_refusal_memory, 503, "unavailable", "There is no memory for this request now.");
static REFUSAL(refusal_blank, 400, "invalid", "A request line was expected.");
static REFUSAL(refusal_line_long, 414, "too_large", "The request target is too long.");
static REFUSAL(refusal_method, 501, "invalid", "The method is not known.");
static REFUSAL(refusal_fields, 400, "invalid", "The header section is malformed.");
static REFUSAL(refusal_fields_large, 431, "too_large", "The header section is too large.");
static REFUSAL(refusal_chunk, 400, "invalid", "The chunked body is malformed.");
static REFUSAL(refusal_body_large, 413, "too_large", "The body is too large.");

static struct http_parse *parse_of(const llhttp_t *llhttp) {
  return llhttp->data;
}

static int parse_fail(struct http_parse *parse, const struct http_refusal *refusal) {
  parse->refusal = refusal;
  return HPE_USER;
}

static struct http_span *span_next(struct http_parse *parse) {
  if (parse->n_spans == parse->spans_capacity) {
    size_t capacity = parse->spans_capacity == 0 ? SPANS_FIRST : LIMIT_HTTP_HEADER_COUNT + 1;
    struct http_span *spans =
        arena_realloc(parse->arena, parse->spans, parse->n_spans * sizeof(*spans), capacity * sizeof(*spans));
    if (!spans) return NULL;
    parse->spans = spans;
    parse->spans_capacity = capacity;
  }
  struct http_span *span = &parse->spans[parse->n_spans++];
  *span = (struct http_span){0};
  return span;
}

/* A name or value may come in pieces, where the bytes were cut; they follow each other in the head. */
static bool piece_add(uint32_t *at, uint32_t *n, size_t piece_at, size_t piece_n) {
  if (*n == 0) *at = (uint32_t)piece_at;
  if (*at + *n != piece_at) return false;
  *n += (uint32_t)piece_n;
  return true;
}

static int on_field(llhttp_t *llhttp, const char *at, size_t n) {
  struct http_parse *parse = parse_of(llhttp);
  if (parse->is_trailer) return 0;
  if (parse->n_spans == 0 || parse->is_in_value) {
    if (!span_next(parse)) return parse_fail(parse, &http_refusal_memory);
    parse->is_in_value = false;
  }
  struct http_span *span = &parse->spans[parse->n_spans - 1];
  size_t offset = parse->head.n + (size_t)(at - parse->fed);
  return piece_add(&span->name_at, &span->name_n, offset, n) ? 0 : parse_fail(parse, &refusal_fields);
}

static int on_value(llhttp_t *llhttp, const char *at, size_t n) {
  struct http_parse *parse = parse_of(llhttp);
  if (parse->is_trailer) return 0;
  struct http_span *span = &parse->spans[parse->n_spans - 1];
  size_t offset = parse->head.n + (size_t)(at - parse->fed);
  return piece_add(&span->value_at, &span->value_n, offset, n) ? 0 : parse_fail(parse, &refusal_fields);
}

static int on_value_complete(llhttp_t *llhttp) {
  struct http_parse *parse = parse_of(llhttp);
  parse->is_in_value = true;
  if (++parse->n_seen > LIMIT_HTTP_HEADER_COUNT) return parse_fail(parse, &refusal_fields_large);
  return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n) {
  struct http_parse *parse = parse_of(llhttp);
  buf_append(&parse->content, at, n);
  return buf_failed(&parse->content) ? parse_fail(parse, &http_refusal_memory) : 0;
}

static int on_chunk_header(llhttp_t *llhttp) {
  return HPE_PAUSED;
}

static int on_headers_complete(llhttp_t *llhttp) {
  return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp) {
  parse_of(llhttp)->is_complete = true;
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_parse_init(struct http_parse *parse, struct arena *arena) {
  *parse = (struct http_parse){.arena = arena};
  llhttp_init(&parse->llhttp, HTTP_REQUEST, &settings);
  parse->llhttp.data = parse;
  buf_init(&parse->head, arena, LINE_MAX_BYTES + FIELDS_MAX);
}

static enum http_parse_event refuse(struct http_parse *parse, const struct http_refusal *refusal) {
  parse->phase = HTTP_PARSE_REFUSED;
  parse->refusal = refusal;
  return HTTP_PARSE_EVENT_REFUSED;
}

/* Empty lines are whole CRLFs; the first other byte begins a method, and methods are upper case: whatever is not HTTP
 * at all (a TLS hello) is refused at once instead of after its deadline. */
static enum http_parse_event blank_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  for (; *used < n; (*used)++) {
    char c = bytes[*used];
    bool wants_lf = parse->blank_n % 2 == 1;
    if (!wants_lf && c >= 'A' && c <= 'Z') {
      parse->phase = HTTP_PARSE_LINE;
      return HTTP_PARSE_EVENT_MORE;
    }
    if (c != (wants_lf ? '\n' : '\r') || parse->blank_n == BLANK_MAX) return refuse(parse, &refusal_blank);
    parse->blank_n++;
  }
  return HTTP_PARSE_EVENT_MORE;
}

static enum http_parse_event line_end(struct http_parse *parse) {
  const struct http_refusal *refusal = http_parse_line(parse, buf_str(&parse->head));
  if (refusal) return refuse(parse, refusal);
  llhttp_errno_t failure = llhttp_execute(&parse->llhttp, parse->head.p, parse->head.n);
  if (failure != HPE_OK) return refuse(parse, failure == HPE_INVALID_METHOD ? &refusal_method : &refusal_blank);
  parse->line_n = parse->head.n;
  parse->phase = HTTP_PARSE_FIELDS;
  return HTTP_PARSE_EVENT_MORE;
}

static enum http_parse_event line_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  size_t room = LINE_MAX_BYTES - parse->head.n;
  size_t rest = n - *used;
  const char *from = bytes + *used;
  /* Most requests come whole: room for all of the head at once spares it from moving. */
  if (parse->head.n == 0 && !buf_reserve(&parse->head, rest < HEAD_FIRST ? rest : HEAD_FIRST))
    return refuse(parse, &http_refusal_memory);
  const char *end = memchr(from, '\n', rest < room ? rest : room);
  size_t take = end ? (size_t)(end - from) + 1 : rest < room ? rest : room;
  buf_append(&parse->head, from, take);
  if (buf_failed(&parse->head)) return refuse(parse, &http_refusal_memory);
  *used += take;
  if (end) return line_end(parse);
  return take == room ? refuse(parse, &refusal_line_long) : HTTP_PARSE_EVENT_MORE;
}

static enum http_parse_event fields_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  size_t room = FIELDS_MAX - (parse->head.n - parse->line_n);
  size_t take = n - *used < room ? n - *used : room;
  parse->fed = bytes + *used;
  llhttp_errno_t stop = llhttp_execute(&parse->llhttp, parse->fed, take);
  if (stop != HPE_OK && stop != HPE_PAUSED) return refuse(parse, parse->refusal ? parse->refusal : &refusal_fields);
  if (stop == HPE_PAUSED) take = (size_t)(llhttp_get_error_pos(&parse->llhttp) - parse->fed);
  buf_append(&parse->head, parse->fed, take);
  if (buf_failed(&parse->head)) return refuse(parse, &http_refusal_memory);
  *used += take;
  if (stop == HPE_OK) return take == room ? refuse(parse, &refusal_fields_large) : HTTP_PARSE_EVENT_MORE;
  llhttp_resume(&parse->llhttp);
  const struct http_refusal *refusal = http_parse_head(parse);
  if (refusal) return refuse(parse, refusal);
  size_t max = parse->phase == HTTP_PARSE_BODY_LENGTH ? parse->body_left : LIMIT_HTTP_BODY;
  buf_init(&parse->content, parse->arena, max);
  return HTTP_PARSE_EVENT_HEAD;
}

static enum http_parse_event complete(struct http_parse *parse) {
  parse->phase = HTTP_PARSE_DONE;
  parse->body = buf_str(&parse->content);
  return HTTP_PARSE_EVENT_DONE;
}

static enum http_parse_event length_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  size_t take = n - *used < parse->body_left ? n - *used : parse->body_left;
  if (parse->content.n == 0 && take > 0)
    (void)buf_reserve(&parse->content, parse->body_left < BODY_FIRST ? parse->body_left : BODY_FIRST);
  buf_append(&parse->content, bytes + *used, take);
  if (buf_failed(&parse->content)) return refuse(parse, &http_refusal_memory);
  *used += take;
  parse->body_left -= take;
  return parse->body_left == 0 ? complete(parse) : HTTP_PARSE_EVENT_MORE;
}

static enum http_parse_event chunk_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  size_t take = n - *used < parse->body_left ? n - *used : parse->body_left;
  llhttp_errno_t stop = llhttp_execute(&parse->llhttp, bytes + *used, take);
  if (stop != HPE_OK) return refuse(parse, parse->refusal ? parse->refusal : &refusal_chunk);
  *used += take;
  parse->body_left -= take;
  if (parse->body_left == 0) parse->phase = HTTP_PARSE_BODY_FRAMING;
  return HTTP_PARSE_EVENT_MORE;
}

/* llhttp has read a chunk's size line. */
static enum http_parse_event chunk_begin(struct http_parse *parse) {
  uint64_t size = parse->llhttp.content_length;
  if (size == 0) {
    parse->is_trailer = true; /* RFC 9112 7.1.2: read, capped, never used */
    parse->n_seen = 0;
    return HTTP_PARSE_EVENT_MORE;
  }
  if (size > LIMIT_HTTP_BODY - parse->content.n) return refuse(parse, &refusal_body_large);
  parse->body_left = (size_t)size;
  parse->phase = HTTP_PARSE_BODY_CHUNK;
  return HTTP_PARSE_EVENT_MORE;
}

static enum http_parse_event framing_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *used) {
  size_t room = FRAMING_MAX + FRAMING_MAX_PER_BYTE * parse->content.n - parse->framing_n;
  size_t take = n - *used < room ? n - *used : room;
  const char *from = bytes + *used;
  llhttp_errno_t stop = llhttp_execute(&parse->llhttp, from, take);
  if (stop != HPE_OK && stop != HPE_PAUSED) return refuse(parse, parse->refusal ? parse->refusal : &refusal_chunk);
  if (stop == HPE_PAUSED) take = (size_t)(llhttp_get_error_pos(&parse->llhttp) - from);
  *used += take;
  parse->framing_n += take;
  if (stop == HPE_OK && take == room)
    return refuse(parse, parse->is_trailer ? &refusal_fields_large : &refusal_body_large);
  if (stop == HPE_OK) return HTTP_PARSE_EVENT_MORE;
  if (parse->is_complete) return complete(parse);
  llhttp_resume(&parse->llhttp);
  return chunk_begin(parse);
}

enum http_parse_event http_parse_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *ret_used) {
  size_t used = 0;
  enum http_parse_event event = HTTP_PARSE_EVENT_MORE;
  do {
    switch (parse->phase) {
      case HTTP_PARSE_BLANK:
        event = blank_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_LINE:
        event = line_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_FIELDS:
        event = fields_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_BODY_LENGTH:
        event = length_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_BODY_FRAMING:
        event = framing_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_BODY_CHUNK:
        event = chunk_feed(parse, bytes, n, &used);
        break;
      case HTTP_PARSE_DONE:
      case HTTP_PARSE_REFUSED:
        break;
    }
  } while (event == HTTP_PARSE_EVENT_MORE && used < n);
  *ret_used = used;
  return event;
}
