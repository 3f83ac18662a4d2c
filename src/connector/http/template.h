/* Templates of manifests: text with "{x}", "{x.y|csv}", "{conn.setting}" in it, compiled once. Whatever is put in is
 * data: it is written by the rule of the place where it stands. Internal to connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_TEMPLATE_H
#define CONNEK_CONNECTOR_HTTP_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

enum template_source {
  TEMPLATE_LITERAL,
  TEMPLATE_ARGUMENT,
  TEMPLATE_SETTING,    /* {conn.x} */
  TEMPLATE_CREDENTIAL, /* {credential.x}, and {key} */
  TEMPLATE_PAGE_SIZE,
  TEMPLATE_PAGE_CURSOR,
};
enum template_filter { TEMPLATE_PLAIN, TEMPLATE_CSV, TEMPLATE_SPACE, TEMPLATE_PIPE, TEMPLATE_JSON };

/* One level further in: of an object by name, of a list by index. */
struct template_step {
  struct str name;
  size_t index;
  bool is_index;
};

struct template_piece {
  enum template_source source;
  enum template_filter filter;
  struct str text; /* the literal, written as its place wants it; or the whole name, for messages: "x.y" */
  const struct template_step *steps;
  size_t n_steps;
  bool has_default; /* {x|or:TEXT} */
  struct str fallback;
  yyjson_val *fallback_value; /* the same as JSON: a number, true or false where it reads as one */
};

struct template {
  const struct template_piece *pieces;
  size_t n_pieces;
};

/* Where a template's text goes: decides how values, and its literals, are written. */
enum template_place {
  TEMPLATE_IN_PATH,   /* everything but unreserved characters percent-encoded; literals as they are */
  TEMPLATE_IN_QUERY,  /* the same for literals too; and forms */
  TEMPLATE_IN_HEADER, /* control characters refused */
  TEMPLATE_IN_JSON,   /* inside of a JSON string */
  TEMPLATE_IN_TEXT,   /* as it is: part of a multipart or a raw body */
};

/* What names stand for. Any may be NULL: nothing there. */
struct template_scope {
  yyjson_val *arguments, *settings, *credential;
  yyjson_val *cursor, *size; /* of the page */
};

enum err_code template_compile(struct arena *arena, struct str text, enum template_place place,
                               struct template *ret_template, struct err *err) MUST_CHECK;
/* Has it a piece of that source? */
bool template_uses(const struct template *template, enum template_source source);
/* One {x} and nothing else, without a filter that makes it text: its value keeps its type. */
bool template_is_value(const struct template *template);
/* The value a piece stands for; NULL where it is absent or null (and has no default). */
yyjson_val *template_value(const struct template_piece *piece, const struct template_scope *scope);

/* Appends the template. `ret_is_absent`: a value is not there, and what was appended must be dropped. Fails
 * (ERR_INVALID, naming the argument) where a value has no text of the kind that its place wants. */
enum err_code template_write(struct buf *out, const struct template *template, enum template_place place,
                             const struct template_scope *scope, bool *ret_is_absent, struct err *err) MUST_CHECK;
/* One value that is neither a list nor an object; `name` is for messages. */
enum err_code template_write_scalar(struct buf *out, enum template_place place, struct str name, yyjson_val *value,
                                    struct err *err) MUST_CHECK;

#endif
