/* Templates of manifests: literal text with "{argument}", "{argument|csv}" and "{conn.setting}" in it. Whatever is put
 * in is data: it is percent-encoded where it stands. Internal to connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_TEMPLATE_H
#define CONNEK_CONNECTOR_HTTP_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

enum template_source { TEMPLATE_LITERAL, TEMPLATE_ARGUMENT, TEMPLATE_SETTING };
enum template_filter { TEMPLATE_PLAIN, TEMPLATE_CSV };

struct template_piece {
  enum template_source source;
  enum template_filter filter;
  struct str text; /* the literal, or the name (without "conn.") */
};

struct template {
  const struct template_piece *pieces;
  size_t n_pieces;
};

enum err_code template_compile(struct arena *arena, struct str text, struct template *ret_template,
                               struct err *err) MUST_CHECK;
/* Has it a piece of that source? */
bool template_uses(const struct template *template, enum template_source source);

/* Appends the template with values taken from `values` (an object) by name, percent-encoded; literals as they are.
 * `ret_is_absent`: a value is not there or null, and what was appended must be dropped. Fails (ERR_INVALID, naming the
 * argument) where a value is of a kind that has no text. */
enum err_code template_write(struct buf *out, const struct template *template, yyjson_val *values, bool *ret_is_absent,
                             struct err *err) MUST_CHECK;

#endif
