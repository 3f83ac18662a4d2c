/* Link fields, read as RFC 8288, appendix B.2 has it, but stopping at what is not its grammar: what comes from there on
 * could be anything. Must not know what a link is for. */
#include "codec/link_header.h"

struct reader {
  struct str text;
  size_t i;
};

static bool is_next(const struct reader *reader, char c) {
  return reader->i < reader->text.n && reader->text.p[reader->i] == c;
}

static bool take(struct reader *reader, char c) {
  if (!is_next(reader, c)) return false;
  reader->i++;
  return true;
}

static void skip_space(struct reader *reader) {
  while (is_next(reader, ' ') || is_next(reader, '\t'))
    reader->i++;
}

/* Up to one of `ends`, without it. */
static struct str read_until(struct reader *reader, const char *ends) {
  size_t from = reader->i;
  while (reader->i < reader->text.n && (!reader->text.p[reader->i] || !strchr(ends, reader->text.p[reader->i])))
    reader->i++;
  return str_make(reader->text.p + from, reader->i - from);
}

/* What stands between the quotes, with its escapes: no relation type has any. False: it does not end. */
static bool read_quoted(struct reader *reader, struct str *ret_value) {
  size_t from = reader->i;
  while (reader->i < reader->text.n && reader->text.p[reader->i] != '"')
    reader->i += reader->text.p[reader->i] == '\\' ? 2 : 1;
  if (reader->i >= reader->text.n) return false;
  *ret_value = str_make(reader->text.p + from, reader->i - from);
  reader->i++;
  return true;
}

/* A list of relation types has one or more spaces between them (section 3.3). */
static bool has_relation(struct str types, struct str relation) {
  while (types.n > 0)
    if (str_eq_fold(str_cut(&types, ' '), relation)) return true;
  return false;
}

struct parameters {
  struct str relations;
  bool has_relations, has_anchor;
};

static bool read_parameter(struct reader *reader, struct parameters *parameters) {
  skip_space(reader);
  struct str name = str_trim(read_until(reader, "=;,")), value = STR_NONE;
  if (take(reader, '=')) {
    skip_space(reader);
    if (take(reader, '"')) {
      if (!read_quoted(reader, &value)) return false;
    } else {
      value = str_trim(read_until(reader, ";,"));
    }
  }
  if (str_eq_fold(name, STR("rel")) && !parameters->has_relations) { /* a second one does not count: section 3.3 */
    parameters->relations = value;
    parameters->has_relations = true;
  }
  if (str_eq_fold(name, STR("anchor"))) parameters->has_anchor = true;
  skip_space(reader);
  return true;
}

bool link_header_find(struct str field, struct str relation, struct str *ret_target) {
  struct reader reader = {.text = field};
  for (;;) {
    skip_space(&reader);
    while (take(&reader, ',')) /* empty elements of a list: RFC 9110, 5.6.1.2 */
      skip_space(&reader);
    if (!take(&reader, '<')) return false;
    struct str target = read_until(&reader, ">");
    if (!take(&reader, '>')) return false;
    struct parameters parameters = {0};
    skip_space(&reader);
    while (take(&reader, ';'))
      if (!read_parameter(&reader, &parameters)) return false;
    if (reader.i < field.n && !is_next(&reader, ',')) return false;
    if (parameters.has_anchor || !has_relation(parameters.relations, relation)) continue;
    *ret_target = str_trim(target);
    return true;
  }
}
