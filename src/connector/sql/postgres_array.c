/* PostgreSQL's arrays in their text form (manual, 8.15.6) as JSON's. Must not know where they come from. */
#include "connector/sql/postgres.h"

enum { DIMENSIONS = 6 /* PostgreSQL's MAXDIM */, ELEMENT_MAX = LIMIT_SQL_BYTES };

struct reader {
  struct str text;
  size_t i;
  Oid element;
  struct buf *out;
  struct buf plain; /* an element without its quotes; on the heap */
};

static char peek(const struct reader *reader) {
  return reader->i < reader->text.n ? reader->text.p[reader->i] : '\0';
}

/* Up to the comma or brace behind it. False: no element. */
static bool read_element(struct reader *reader) {
  bool is_quoted = peek(reader) == '"', is_closed = !is_quoted;
  buf_clear(&reader->plain);
  if (is_quoted) reader->i++;
  while (reader->i < reader->text.n) {
    char c = reader->text.p[reader->i];
    if (is_quoted && c == '"') {
      reader->i++;
      is_closed = true;
      break;
    }
    if (!is_quoted && (c == ',' || c == '}')) break;
    if (c == '\\' && reader->i + 1 < reader->text.n) c = reader->text.p[++reader->i];
    buf_append_byte(&reader->plain, c);
    reader->i++;
  }
  bool is_empty = !is_quoted && reader->plain.n == 0; /* an empty text has quotes */
  if (!is_closed || is_empty || buf_failed(&reader->plain)) return false;
  if (!is_quoted && str_eq_fold(buf_str(&reader->plain), STR("NULL")))
    buf_append_c(reader->out, "null");
  else
    postgres_value_write(reader->out, reader->element, buf_str(&reader->plain));
  return true;
}

/* One of at most DIMENSIONS levels, begun and ended without recursion. */
static bool read_levels(struct reader *reader) {
  int depth = 0;
  bool wants_item = true;
  do {
    char c = peek(reader);
    if (c == '{' && wants_item && depth < DIMENSIONS) {
      reader->i++;
      depth++;
      buf_append_byte(reader->out, '[');
      wants_item = peek(reader) != '}';
    } else if (c == '}' && !wants_item) {
      reader->i++;
      depth--;
      buf_append_byte(reader->out, ']');
    } else if (c == ',' && !wants_item) {
      reader->i++;
      buf_append_byte(reader->out, ',');
      wants_item = true;
    } else if (c != '\0' && wants_item && depth > 0) {
      if (!read_element(reader)) return false;
      wants_item = false;
    } else {
      return false;
    }
  } while (depth > 0);
  return reader->i == reader->text.n;
}

bool postgres_array_write(struct buf *out, Oid element, struct str text) {
  struct reader reader = {.text = text, .element = element, .out = out};
  size_t before = out->n;
  if (text.n == 0 || text.p[0] != '{') return false; /* "[0:1]={...}" */
  buf_init(&reader.plain, NULL, ELEMENT_MAX);
  bool is_read = read_levels(&reader);
  buf_release(&reader.plain);
  if (!is_read && !buf_failed(out)) out->n = before;
  return is_read || buf_failed(out);
}
