/* Finds where members of an object begin and end: quotes and brackets alone are looked at. Strings, which most bytes of
 * most texts are in, are passed by memchr. Must not know what anything means. */
#include "codec/json_span.h"

static const char *skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
    at++;
  return at;
}

/* `at` is behind the first quote. The last one, or `end`. */
static const char *find_quote(const char *at, const char *end) {
  const char *from = at;
  while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
    const char *before = at;
    while (before > from && before[-1] == '\\')
      before--;
    if ((at - before) % 2 == 0) return at;
    from = ++at; /* this one is escaped */
  }
  return end;
}

static const char *skip_string(const char *at, const char *end) {
  const char *quote = find_quote(at + 1, end);
  return quote < end ? quote + 1 : end;
}

static const char *skip_nested(const char *at, const char *end) {
  size_t depth = 0;
  while (at < end) {
    char c = *at;
    if (c == '"') {
      at = skip_string(at, end);
      continue;
    }
    at++;
    depth += c == '{' || c == '[';
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return end;
}

static const char *skip_value(const char *at, const char *end) {
  if (at < end && *at == '"') return skip_string(at, end);
  if (at < end && (*at == '{' || *at == '[')) return skip_nested(at, end);
  while (at < end && *at != ',' && *at != '}' && *at != ']' && skip_space(at, end) == at)
    at++;
  return at;
}

bool json_span_open(struct str object, struct json_span *ret_span) {
  if (object.n == 0) return false;
  const char *end = object.p + object.n, *at = skip_space(object.p, end);
  if (at == end || *at != '{') return false;
  *ret_span = (struct json_span){at + 1, end};
  return true;
}

bool json_span_next(struct json_span *span, struct str *ret_name, struct str *ret_value) {
  const char *at = skip_space(span->at, span->end);
  if (at < span->end && *at == ',') at = skip_space(at + 1, span->end);
  if (at == span->end || *at != '"') return false;
  const char *quote = find_quote(at + 1, span->end);
  const char *colon = quote < span->end ? skip_space(quote + 1, span->end) : span->end;
  if (colon == span->end || *colon != ':') return false;
  const char *value = skip_space(colon + 1, span->end), *behind = skip_value(value, span->end);
  *ret_name = str_make(at + 1, (size_t)(quote - at - 1));
  *ret_value = str_make(value, (size_t)(behind - value));
  span->at = behind;
  return true;
}

struct str json_span_get(struct str object, struct str name) {
  struct json_span span;
  struct str found, value;
  if (!json_span_open(object, &span)) return STR_NONE;
  while (json_span_next(&span, &found, &value))
    if (str_eq(found, name)) return value;
  return STR_NONE;
}

bool json_span_is_line(struct str text) {
  return text.n == 0 || (!memchr(text.p, '\n', text.n) && !memchr(text.p, '\r', text.n));
}
