/* Server-sent events, line by line. Must not know what is in them, nor who sends them. */
#include "codec/sse.h"

enum { ID_MAX = 1024, TYPE_MAX = 1024, KEPT = 16 * 1024 /* memory that an idle stream may hold on to */ };

#define RETRY_MAX_MS (INT64_C(24) * 3600 * 1000)

void sse_init(struct sse_parser *parser, size_t max_event, bool (*on_event)(void *, const struct sse_event *),
              void *context) {
  *parser = (struct sse_parser){.on_event = on_event, .context = context, .retry_ms = -1, .max_event = max_event};
  buf_init(&parser->line, NULL, max_event);
  buf_init(&parser->data, NULL, max_event);
  buf_init(&parser->type, NULL, TYPE_MAX);
  buf_init(&parser->id, NULL, ID_MAX);
}

void sse_release(struct sse_parser *parser) {
  buf_release(&parser->line);
  buf_release(&parser->data);
  buf_release(&parser->type);
  buf_release(&parser->id);
}

/* An id or type that is longer than any real one is as if it were not there. */
static void replace(struct buf *out, struct str value) {
  buf_clear(out);
  buf_append_str(out, value);
  if (buf_failed(out)) buf_clear(out);
}

static void read_retry(struct sse_parser *parser, struct str value) {
  uint64_t ms;
  for (size_t i = 0; i < value.n; i++)
    if (value.p[i] < '0' || value.p[i] > '9') return;
  if (value.n == 0) return;
  parser->retry_ms = str_to_u64(value, &ms) && ms < RETRY_MAX_MS ? (int64_t)ms : RETRY_MAX_MS;
}

static void read_field(struct sse_parser *parser, struct str name, struct str value) {
  if (str_eq(name, STR("data"))) {
    if (parser->has_data) buf_append_byte(&parser->data, '\n');
    buf_append_str(&parser->data, value);
    parser->has_data = true;
  } else if (str_eq(name, STR("event"))) {
    replace(&parser->type, value);
  } else if (str_eq(name, STR("id"))) {
    if (value.n > 0 && memchr(value.p, '\0', value.n)) return;
    replace(&parser->id, value);
    parser->has_id = true;
  } else if (str_eq(name, STR("retry"))) {
    read_retry(parser, value);
  }
}

static void forget(struct buf *buf) {
  size_t max = buf->max;
  if (buf->capacity <= KEPT) {
    buf_clear(buf);
    return;
  }
  buf_release(buf);
  buf_init(buf, NULL, max);
}

static bool dispatch(struct sse_parser *parser) {
  const struct sse_event event = {.type = parser->type.n > 0 ? buf_str(&parser->type) : STR("message"),
                                  .data = buf_str(&parser->data),
                                  .id = buf_str(&parser->id),
                                  .has_id = parser->has_id};
  bool is_any = parser->has_data || parser->has_id;
  bool goes_on = !is_any || parser->on_event(parser->context, &event);
  forget(&parser->data);
  buf_clear(&parser->type);
  parser->has_data = parser->has_id = false;
  parser->event_n = 0;
  return goes_on;
}

static bool has_begun(const struct sse_parser *parser) {
  return parser->has_data || parser->has_id || parser->type.n > 0;
}

/* False: on_event wants no more. */
static bool read_line(struct sse_parser *parser, struct str line) {
  if (line.n == 0) return dispatch(parser);
  if (line.p[0] == ':') {
    /* A comment that keeps an idle stream alive is no part of any event; one within an event counts, lest it have no
     * end. */
    if (!has_begun(parser)) parser->event_n = 0;
    return true;
  }
  struct str value = line, name = str_cut(&value, ':');
  if (name.n == line.n) value = STR_NONE;
  if (value.n > 0 && value.p[0] == ' ') value = str_make(value.p + 1, value.n - 1);
  read_field(parser, name, value);
  return true;
}

/* The whole line, which may have begun in an earlier piece. */
static bool end_line(struct sse_parser *parser, struct str rest) {
  struct str line = rest;
  if (parser->line.n > 0) {
    buf_append_str(&parser->line, rest);
    line = buf_str(&parser->line);
  }
  if (buf_failed(&parser->line)) return true; /* sse_read says so */
  bool goes_on = read_line(parser, line);
  forget(&parser->line);
  return goes_on;
}

/* One U+FEFF at the very beginning is no part of the stream. */
static struct str skip_bom(struct sse_parser *parser, struct str bytes) {
  static const char bom[3] = {'\xef', '\xbb', '\xbf'};
  while (!parser->is_after_bom && bytes.n > 0 && parser->bom_n < sizeof(bom) && bytes.p[0] == bom[parser->bom_n]) {
    parser->bom_n++;
    bytes = str_make(bytes.p + 1, bytes.n - 1);
  }
  if (parser->is_after_bom || (bytes.n == 0 && parser->bom_n < sizeof(bom))) return bytes;
  parser->is_after_bom = true;
  if (parser->bom_n < sizeof(bom)) buf_append(&parser->line, bom, parser->event_n = parser->bom_n);
  return bytes;
}

static size_t line_length(struct str bytes) {
  const char *lf = memchr(bytes.p, '\n', bytes.n);
  size_t n = lf ? (size_t)(lf - bytes.p) : bytes.n;
  const char *cr = memchr(bytes.p, '\r', n);
  return cr ? (size_t)(cr - bytes.p) : n;
}

static enum err_code check(const struct sse_parser *parser, struct err *err) {
  if (parser->event_n > parser->max_event) return err_set(err, ERR_TOO_LARGE, "an event of the stream is too large");
  return buf_failed(&parser->line) || buf_failed(&parser->data) ? err_no_memory(err) : ERR_NONE;
}

enum err_code sse_read(struct sse_parser *parser, struct str bytes, struct err *err) {
  bytes = skip_bom(parser, bytes);
  while (bytes.n > 0) {
    if (parser->is_after_cr && bytes.p[0] == '\n') bytes = str_make(bytes.p + 1, bytes.n - 1);
    parser->is_after_cr = false;
    if (bytes.n == 0) break;
    size_t n = line_length(bytes);
    bool is_whole = n < bytes.n, goes_on = true;
    parser->event_n += n;
    if (parser->event_n > parser->max_event) return check(parser, err);
    if (is_whole)
      goes_on = end_line(parser, str_make(bytes.p, n));
    else
      buf_append(&parser->line, bytes.p, n);
    enum err_code code = check(parser, err);
    if (code != ERR_NONE) return code;
    if (!goes_on) return err_set(err, ERR_CANCELLED, "no more of the stream is wanted");
    if (!is_whole) break;
    parser->is_after_cr = bytes.p[n] == '\r';
    bytes = str_make(bytes.p + n + 1, bytes.n - n - 1);
  }
  return ERR_NONE;
}
