/* The files that compile a manifest, between them. Every reader goes on after a mistake, which it records; what it
 * returns is used only where there was none. */
#ifndef CONNEK_CONNECTOR_HTTP_MANIFEST_H
#define CONNEK_CONNECTOR_HTTP_MANIFEST_H

#include "connector/definition.h"
#include "connector/http/http.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MANIFEST_TEXT_MAX = 2048, MANIFEST_FIELD_MAX = 1024 };

/* Names that templates use. */
struct manifest_names {
  struct str *items;
  size_t n, capacity;
};

struct manifest {
  struct arena *arena;
  yyjson_val *root;
  struct http_definition *http;
  struct connector_findings *findings;
  struct manifest_names settings; /* {conn.x} anywhere */
  /* what tools inherit */
  struct http_errors errors;
  struct http_retry retry;
  const struct http_parameter *query;
  size_t n_query;
  const struct http_header *headers;
  size_t n_headers;
  enum http_body_as as;
  enum http_lists lists;
  int64_t timeout_ms;
};

/* One tool while it is compiled; `input` NULL: outside of any tool. */
struct manifest_tool {
  const struct definition_place *place;
  yyjson_val *value, *input;
  struct http_tool *http;
  struct manifest_names arguments; /* that its templates use */
  bool uses_cursor;
  bool says_idempotency; /* a header, or that there is none */
};

/* `text` as a template of this tool (NULL: of the manifest); names that it may not use are recorded. */
bool manifest_template(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                       struct str text, enum template_place where, struct template *ret_template);
bool manifest_check_template(struct manifest *manifest, struct manifest_tool *tool,
                             const struct definition_place *place, const struct template *template,
                             bool may_have_credential);
/* {key} in a base or path becomes the credential, where auth says so. */
void manifest_claim_key(struct manifest *manifest, struct template *template);
bool manifest_names_have(const struct manifest_names *names, struct str name);
/* A member that must be a text; false: it is absent, or not. */
bool manifest_text(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                   const char *name, size_t max, struct str *ret_text);
bool manifest_bool(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                   const char *name);
/* 0 where it is absent or wrong. */
uint64_t manifest_number(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                         const char *name, uint64_t min, uint64_t max);
/* A path in an answer, or NULL. */
const struct json_path *manifest_path(struct manifest *manifest, yyjson_val *value,
                                      const struct definition_place *place);
void *manifest_alloc(struct manifest *manifest, size_t count, size_t size);
/* A field that a manifest may set. */
bool manifest_field_name(struct manifest *manifest, const struct definition_place *place, struct str name);

/* manifest_auth.c */
void manifest_read_auth(struct manifest *manifest);
bool manifest_auth_writes(const struct manifest *manifest, enum http_auth_type type, struct str name);
/* manifest_fields.c: headers and query, inherited ones among them */
void manifest_read_headers(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value);
void manifest_read_query(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value);
/* manifest_body.c */
void manifest_read_as(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                      enum http_body_as *as, enum http_lists *lists);
void manifest_read_body(struct manifest *manifest, struct manifest_tool *tool);
bool manifest_node(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                   yyjson_val *value, enum template_place where, struct http_node *ret_node);
/* Constant branches of a tree become text, once. */
void manifest_fold(struct manifest *manifest, struct http_node *node);
/* manifest_page.c: after the body and the query */
void manifest_read_page(struct manifest *manifest, struct manifest_tool *tool);
/* The manifest's own, where no tool takes it. */
void manifest_check_page(struct manifest *manifest);
/* Adds the arguments page_size and cursor to a paging tool's input. */
void manifest_extend_input(struct manifest *manifest, struct manifest_tool *tool, struct connector_tool *connector);
/* manifest_rules.c */
void manifest_read_limits(struct manifest *manifest);
void manifest_read_retry(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                         struct http_retry *retry);
void manifest_read_errors(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                          struct http_errors *errors);
/* manifest_tool.c */
void manifest_read_tool(struct manifest *manifest, struct manifest_tool *tool, struct connector_tool *connector);
/* manifest_advice.c: what compiles and is doubtful all the same */
void manifest_advise(struct manifest *manifest, const struct manifest_tool *tool,
                     const struct connector_tool *connector);
void manifest_advise_all(struct manifest *manifest);

#endif
