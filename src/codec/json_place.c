/* Finds a JSON pointer's place by scanning the text once more: only for errors, where time does not matter. Trusts that
 * yyjson accepted the text; where it is wrong nonetheless, it finds nothing or the wrong place, but stays inside. */
#include "codec/json_place.h"

#include "codec/utf8.h"

void json_place_of_byte(struct str text, size_t at, unsigned *ret_line, unsigned *ret_column) {
  unsigned line = 1, column = 1;
  for (size_t i = 0; i < at && i < text.n; i++) {
    if (text.p[i] == '\n') {
      line++;
      column = 1;
    } else {
      column++;
    }
  }
  *ret_line = line;
  *ret_column = column;
}

struct scan {
  struct str text;
  size_t at;
};

static char peek(const struct scan *scan) {
  return scan->at < scan->text.n ? scan->text.p[scan->at] : '\0';
}

static void skip_blank(struct scan *scan) {
  while (peek(scan) == ' ' || peek(scan) == '\t' || peek(scan) == '\n' || peek(scan) == '\r')
    scan->at++;
}

static void skip_string(struct scan *scan) {
  for (scan->at++; scan->at < scan->text.n; scan->at++) {
    char c = peek(scan);
    if (c == '\\') {
      scan->at++;
    } else if (c == '"') {
      break;
    }
  }
  scan->at++;
}

/* To what follows the value: by counting brackets, so that no depth can overflow the stack. */
static void skip_value(struct scan *scan) {
  size_t depth = 0;
  while (scan->at < scan->text.n) {
    char c = peek(scan);
    if (depth == 0 && (c == ',' || c == ']' || c == '}')) return;
    if (c == '"') {
      skip_string(scan);
      continue;
    }
    if (c == '[' || c == '{') depth++;
    if (c == ']' || c == '}') depth--;
    scan->at++;
  }
}

static unsigned hex4(struct str s, size_t at) {
  unsigned value = 0;
  for (size_t i = at; i < at + 4 && i < s.n; i++) {
    char c = s.p[i];
    value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

/* The next character of a string's inside, escapes undone. */
static uint32_t string_next(struct str inside, size_t *i) {
  if (inside.p[*i] != '\\' || *i + 1 >= inside.n) return utf8_next(inside, i);
  char c = inside.p[*i + 1];
  *i += 2;
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'u':
      break;
    default:
      return (unsigned char)c;
  }
  uint32_t unit = hex4(inside, *i);
  *i += 4;
  if (unit >= 0xD800 && unit < 0xDC00 && *i + 6 <= inside.n) {
    unit = 0x10000 + ((unit - 0xD800) << 10) + (hex4(inside, *i + 2) - 0xDC00);
    *i += 6;
  }
  return unit;
}

static uint32_t token_next(struct str token, size_t *i) {
  if (token.p[*i] == '~' && *i + 1 < token.n) {
    *i += 2;
    return token.p[*i - 1] == '0' ? '~' : '/';
  }
  return utf8_next(token, i);
}

/* Whether the string that begins at `at` is the pointer's token. */
static bool key_is(struct str text, size_t at, struct str token) {
  struct scan scan = {text, at};
  skip_string(&scan);
  if (scan.at > text.n || scan.at < at + 2) return false;
  struct str inside = str_make(text.p + at + 1, scan.at - at - 2);
  size_t i = 0, k = 0;
  while (i < inside.n && k < token.n) {
    if (string_next(inside, &i) != token_next(token, &k)) return false;
  }
  return i >= inside.n && k >= token.n;
}

/* Moves from the container's bracket to the child: the one that the token names, or without one that at `wanted`;
 * `ret_at` is where that begins, for a member its key. */
static bool descend(struct scan *scan, const struct str *token, uint64_t wanted, size_t *ret_at) {
  bool is_object = peek(scan) == '{';
  bool is_named = is_object && token;
  if (!is_object && (peek(scan) != '[' || (token && !str_to_u64(*token, &wanted)))) return false;
  bool is_found = false;
  size_t value_at = 0;
  scan->at++;
  for (uint64_t index = 0;; index++) {
    skip_blank(scan);
    size_t start = scan->at;
    bool is_it = is_named ? peek(scan) == '"' && key_is(scan->text, start, *token) : index == wanted;
    if (is_object && peek(scan) == '"') {
      skip_string(scan);
      skip_blank(scan);
      if (peek(scan) == ':') scan->at++;
      skip_blank(scan);
    }
    if (is_it && peek(scan) != ']' && peek(scan) != '}') {
      is_found = true;
      *ret_at = start;
      value_at = scan->at;
      if (!is_named) break;
    }
    skip_value(scan);
    if (peek(scan) != ',') break;
    scan->at++;
  }
  scan->at = value_at;
  return is_found;
}

bool json_place_find(struct str text, struct str pointer, unsigned *ret_line, unsigned *ret_column) {
  struct scan scan = {text, 0};
  skip_blank(&scan);
  size_t at = scan.at;
  struct str rest = pointer;
  if (rest.n > 0 && str_cut(&rest, '/').n > 0) return false;
  bool is_last = pointer.n == 0;
  while (!is_last) {
    is_last = rest.n == 0 || !memchr(rest.p, '/', rest.n);
    struct str token = str_cut(&rest, '/');
    if (!descend(&scan, &token, 0, &at)) return false;
  }
  json_place_of_byte(text, at, ret_line, ret_column);
  return true;
}

bool json_place_of_path(struct str text, const size_t *indexes, size_t n, unsigned *ret_line, unsigned *ret_column) {
  struct scan scan = {text, 0};
  skip_blank(&scan);
  size_t at = scan.at;
  for (size_t i = 0; i < n; i++)
    if (!descend(&scan, NULL, indexes[i], &at)) return false;
  json_place_of_byte(text, at, ret_line, ret_column);
  return true;
}
