/* Headers and queries, compiled: what a tool inherits from its manifest, and what it says itself. A member of a tool
 * replaces the one of the same name; null takes it away. */
#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/manifest.h"

enum { FIELDS_MAX = 32, QUERY_MAX = 64 };

/* ---- headers ---- */

static bool read_header(struct manifest *manifest, struct manifest_tool *tool, struct str name, yyjson_val *value,
                        const struct definition_place *place, struct http_header *ret_header) {
  if (!manifest_field_name(manifest, place, name)) return false;
  if (manifest_auth_writes(manifest, HTTP_AUTH_KEY_HEADER, name)) {
    definition_wrong(manifest->findings, place, "auth writes this header");
    return false;
  }
  if (!yyjson_is_str(value) || yyjson_get_len(value) > MANIFEST_FIELD_MAX) {
    definition_wrong(manifest->findings, place, "a header's value must be a text of at most %d bytes",
                     MANIFEST_FIELD_MAX);
    return false;
  }
  ret_header->name = name;
  return manifest_template(manifest, tool, place, json_str(value), TEMPLATE_IN_HEADER, &ret_header->value);
}

static void header_put(struct http_header *headers, size_t *n, struct http_header header, bool is_removed) {
  size_t at = 0;
  while (at < *n && !str_eq_fold(headers[at].name, header.name))
    at++;
  if (is_removed && at < *n) {
    memmove(&headers[at], &headers[at + 1], (*n - at - 1) * sizeof(*headers));
    (*n)--;
  }
  if (is_removed) return;
  headers[at] = header;
  if (at == *n) (*n)++;
}

static bool is_constant(const struct template *template) {
  return template->n_pieces == 0 || (template->n_pieces == 1 && template->pieces[0].source == TEMPLATE_LITERAL);
}

static void add_field(struct http_field *fields, struct http_tool *http, const char *name, struct str value) {
  if (value.n > 0) fields[http->n_fields++] = (struct http_field){str_of(name), value};
}

static bool has_header(const struct http_header *headers, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (str_eq_fold(headers[i].name, str_of(name))) return true;
  return false;
}

/* Constant ones become fields as they are sent; the rest is written for each call. */
static void divide(struct manifest *manifest, struct manifest_tool *tool, const struct http_header *all, size_t n) {
  struct http_tool *http = tool->http;
  struct http_field *fields = manifest_alloc(manifest, n + 2, sizeof(*fields));
  struct http_header *headers = manifest_alloc(manifest, n, sizeof(*headers));
  if (!fields || !headers) return;
  http->fields = fields;
  http->headers = headers;
  for (size_t i = 0; i < n; i++) {
    if (is_constant(&all[i].value)) {
      struct str value = all[i].value.n_pieces > 0 ? all[i].value.pieces[0].text : STR("");
      fields[http->n_fields++] = (struct http_field){all[i].name, value};
    } else {
      headers[http->n_headers++] = all[i];
    }
  }
  if (!has_header(all, n, "accept"))
    add_field(fields, http, "Accept", http->is_binary || http->is_text ? STR("*/*") : STR("application/json"));
  if (has_header(all, n, "content-type")) return;
  if (http->as == HTTP_BODY_JSON) add_field(fields, http, "Content-Type", STR("application/json"));
  if (http->as == HTTP_BODY_FORM) add_field(fields, http, "Content-Type", STR("application/x-www-form-urlencoded"));
  if (http->as == HTTP_BODY_RAW) add_field(fields, http, "Content-Type", http->raw_type);
}

void manifest_read_headers(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value) {
  const struct definition_place *place = DEFINITION_MEMBER(tool ? tool->place : NULL, STR("headers"));
  if (value && (!yyjson_is_obj(value) || yyjson_obj_size(value) > FIELDS_MAX)) {
    definition_wrong(manifest->findings, place, "headers must be an object of at most %d", FIELDS_MAX);
    return;
  }
  struct http_header *headers =
      manifest_alloc(manifest, manifest->n_headers + yyjson_obj_size(value), sizeof(*headers));
  if (!headers) return;
  size_t n_headers = tool ? manifest->n_headers : 0;
  if (n_headers > 0) memcpy(headers, manifest->headers, n_headers * sizeof(*headers));
  size_t i, n;
  yyjson_val *key, *member;
  if (value) yyjson_obj_foreach(value, i, n, key, member) {
      struct http_header header = {.name = json_str(key)};
      bool is_removed = tool && yyjson_is_null(member);
      const struct definition_place *at = DEFINITION_MEMBER(place, header.name);
      if (is_removed || read_header(manifest, tool, header.name, member, at, &header))
        header_put(headers, &n_headers, header, is_removed);
    }
  if (tool) {
    divide(manifest, tool, headers, n_headers);
  } else {
    manifest->headers = headers;
    manifest->n_headers = n_headers;
  }
}

/* ---- query ---- */

/* A constant is written once, here. */
static bool fix_parameter(struct manifest *manifest, struct http_parameter *parameter) {
  yyjson_val *value = parameter->value.constant;
  if (yyjson_is_ctn(value) || yyjson_is_null(value)) return true;
  struct buf text;
  struct err err;
  buf_init(&text, NULL, (size_t)8 * MANIFEST_TEXT_MAX);
  buf_append_str(&text, parameter->key);
  buf_append_byte(&text, '=');
  enum err_code code = template_write_scalar(&text, TEMPLATE_IN_QUERY, parameter->name, value, &err);
  if (code == ERR_NONE && !buf_failed(&text)) parameter->fixed = arena_str(manifest->arena, buf_str(&text));
  buf_release(&text);
  if (!parameter->fixed.p) manifest->findings->has_no_memory = true;
  return parameter->fixed.p != NULL;
}

static bool read_parameter(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value,
                           const struct definition_place *place, struct http_parameter *parameter) {
  if (parameter->name.n == 0 || parameter->name.n > MANIFEST_TEXT_MAX) {
    definition_wrong(manifest->findings, place, "a part of a query has a name");
    return false;
  }
  if (manifest_auth_writes(manifest, HTTP_AUTH_KEY_QUERY, parameter->name)) {
    definition_wrong(manifest->findings, place, "auth writes this part of the query");
    return false;
  }
  struct buf text;
  buf_init(&text, NULL, (size_t)4 * MANIFEST_TEXT_MAX);
  url_write_encoded(&text, parameter->name);
  parameter->key = buf_failed(&text) ? STR_NONE : arena_str(manifest->arena, buf_str(&text));
  buf_release(&text);
  if (!parameter->key.p) {
    manifest->findings->has_no_memory = true;
    return false;
  }
  if (!manifest_node(manifest, tool, place, value, TEMPLATE_IN_QUERY, &parameter->value)) return false;
  manifest_fold(manifest, &parameter->value);
  return parameter->value.kind != HTTP_NODE_CONSTANT || fix_parameter(manifest, parameter);
}

static void parameter_put(struct http_parameter *query, size_t *n, struct http_parameter parameter, bool is_removed) {
  size_t at = 0;
  while (at < *n && !str_eq(query[at].name, parameter.name))
    at++;
  if (is_removed && at < *n) {
    memmove(&query[at], &query[at + 1], (*n - at - 1) * sizeof(*query));
    (*n)--;
  }
  if (is_removed) return;
  query[at] = parameter;
  if (at == *n) (*n)++;
}

void manifest_read_query(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value) {
  const struct definition_place *place = DEFINITION_MEMBER(tool ? tool->place : NULL, STR("query"));
  if (value && (!yyjson_is_obj(value) || yyjson_obj_size(value) > QUERY_MAX)) {
    definition_wrong(manifest->findings, place, "query must be an object of at most %d parts", QUERY_MAX);
    return;
  }
  /* two more: a page's cursor and size */
  struct http_parameter *query =
      manifest_alloc(manifest, manifest->n_query + yyjson_obj_size(value) + 2, sizeof(*query));
  if (!query) return;
  size_t n_query = tool ? manifest->n_query : 0;
  if (n_query > 0) memcpy(query, manifest->query, n_query * sizeof(*query));
  size_t i, n;
  yyjson_val *key, *member;
  if (value) yyjson_obj_foreach(value, i, n, key, member) {
      struct http_parameter parameter = {.name = json_str(key)};
      bool is_removed = tool && yyjson_is_null(member);
      const struct definition_place *at = DEFINITION_MEMBER(place, parameter.name);
      if (is_removed || read_parameter(manifest, tool, member, at, &parameter))
        parameter_put(query, &n_query, parameter, is_removed);
    }
  if (tool) {
    tool->http->query = query;
    tool->http->n_query = n_query;
  } else {
    manifest->query = query;
    manifest->n_query = n_query;
  }
}
