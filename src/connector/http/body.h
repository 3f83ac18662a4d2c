/* What writes bodies and queries from compiled trees. Internal to connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_BODY_H
#define CONNEK_CONNECTOR_HTTP_BODY_H

#include "connector/http/http.h"

/* body.c. `ret_is_absent`: what was appended must be dropped. */
enum err_code http_node_write_json(struct buf *out, const struct http_node *node, const struct template_scope *scope,
                                   bool *ret_is_absent, struct err *err) MUST_CHECK;
/* form.c: pairs, with '&' between them, each appended behind what is there: an object's members as NAME[MEMBER].
 * `separator` is written before the first pair, and is '&' from then on; 0: nothing. */
struct http_form {
  struct buf *out;
  struct buf key; /* of where we are, encoded */
  enum http_lists lists;
  const struct template_scope *scope;
  char separator;
};
void http_form_begin(struct http_form *form, struct buf *out, struct arena *arena, enum http_lists lists,
                     const struct template_scope *scope, char separator);
/* A whole tree: its members are the fields. */
enum err_code http_form_write(struct http_form *form, const struct http_node *node, struct err *err) MUST_CHECK;
/* One parameter of a query: a list repeats its name. */
enum err_code http_form_write_parameter(struct http_form *form, const struct http_parameter *parameter,
                                        struct err *err) MUST_CHECK;
/* multipart.c */
enum { HTTP_BOUNDARY_SIZE = 48 };
void http_multipart_boundary(char ret_boundary[HTTP_BOUNDARY_SIZE]);
enum err_code http_multipart_write(struct buf *out, const struct http_node *body, const struct template_scope *scope,
                                   const char *boundary, struct err *err) MUST_CHECK;
/* Bytes: a text, or {"base64": ...}. STR_NONE: the value is absent. */
enum err_code http_file_bytes(struct arena *arena, const struct http_node *node, const struct template_scope *scope,
                              struct str *ret_bytes, bool *ret_is_base64, struct err *err) MUST_CHECK;

#endif
