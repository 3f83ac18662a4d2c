/* Reads the document that is in the binary, and compiles what requests are checked with. Must not know what any
 * operation does. */
#include "api/document.h"

#include "api/api_document.h"
#include "base/limits.h"

#define DOCUMENT_URI "https://connek.example/schema/api.json"

struct parameter {
  struct str name, type; /* "string", "integer", "boolean" */
  const struct schema *schema;
};

struct operation {
  const struct schema *body;
  struct parameter *parameters;
  size_t n_parameters;
};

struct api_document {
  yyjson_val *root;
  struct schema_document document;
  struct operation *operations; /* as api_routes */
};

struct str api_document_text(void) {
  return str_make(api_document_file[0].text, api_document_file[0].n);
}

yyjson_val *api_document_root(const struct api_document *document) {
  return document->root;
}

/* "/organisations/{x}" -> "~1organisations~1%7Bx%7D": a token of a JSON pointer (RFC 6901), in a URI's fragment. */
static void write_token(struct buf *out, const char *path) {
  for (; *path; path++) {
    if (*path == '/')
      buf_append_c(out, "~1");
    else if (*path == '{')
      buf_append_c(out, "%7B");
    else if (*path == '}')
      buf_append_c(out, "%7D");
    else
      buf_append_byte(out, *path);
  }
}

static void write_method(struct buf *out, const char *method) {
  for (; *method; method++)
    buf_append_byte(out, (char)(*method | 0x20));
}

/* {"$ref": ".../paths/PATH/METHOD/REST"} */
static enum err_code compile(struct api_document *document, struct arena *arena, const struct api_route *route,
                             const char *rest, const struct schema **ret_schema, struct err *err) {
  struct buf text;
  yyjson_doc *doc;
  struct schema *schema = NULL;
  buf_init(&text, arena, 4 * KIB);
  buf_append_c(&text, "{\"$ref\":\"" DOCUMENT_URI "#/paths/");
  write_token(&text, route->path);
  buf_append_byte(&text, '/');
  write_method(&text, route->method);
  buf_append_c(&text, rest);
  buf_append_c(&text, "\"}");
  if (buf_failed(&text)) return err_no_memory(err);
  const struct schema_options options = {.documents = &document->document, .n_documents = 1};
  enum err_code code = json_read(arena, buf_str(&text), &doc, err);
  if (code == ERR_NONE) code = schema_compile_with(arena, yyjson_doc_get_root(doc), &options, &schema, err);
  if (code == ERR_NONE) *ret_schema = schema;
  return code;
}

static struct str type_of(const struct api_document *document, yyjson_val *schema) {
  struct str reference = json_get_str(schema, "$ref");
  const struct str start = STR("#/components/schemas/");
  if (!reference.p) return json_get_str(schema, "type");
  yyjson_val *schemas = json_get(json_get(document->root, "components"), "schemas");
  if (!str_starts(reference, start)) return STR_NONE;
  return json_get_str(yyjson_obj_getn(schemas, reference.p + start.n, reference.n - start.n), "type");
}

static enum err_code open_parameters(struct api_document *document, struct arena *arena, const struct api_route *route,
                                     yyjson_val *list, struct operation *operation, struct err *err) {
  size_t i, n;
  yyjson_val *item;
  enum err_code code = ERR_NONE;
  operation->parameters = arena_new_n(arena, struct parameter, yyjson_arr_size(list) + 1);
  if (!operation->parameters) return err_no_memory(err);
  yyjson_arr_foreach(list, i, n, item) {
    if (!str_eq(json_get_str(item, "in"), STR("query"))) continue;
    struct parameter *parameter = &operation->parameters[operation->n_parameters++];
    parameter->name = json_get_str(item, "name");
    parameter->type = type_of(document, json_get(item, "schema"));
    struct str rest = arena_printf(arena, "/parameters/%zu/schema", i);
    code = rest.p ? compile(document, arena, route, rest.p, &parameter->schema, err) : err_no_memory(err);
    if (code != ERR_NONE) break;
  }
  return code;
}

static enum err_code open_operation(struct api_document *document, struct arena *arena, const struct api_route *route,
                                    struct operation *operation, struct err *err) {
  char method[8] = "";
  for (size_t i = 0; route->method[i] && i + 1 < sizeof(method); i++)
    method[i] = (char)(route->method[i] | 0x20);
  yyjson_val *described = json_get(json_get(json_get(document->root, "paths"), route->path), method);
  if (!described) return err_set(err, ERR_INTERNAL, "%s %s is not in the document", route->method, route->path);
  enum err_code code = open_parameters(document, arena, route, json_get(described, "parameters"), operation, err);
  if (code == ERR_NONE && json_get(described, "requestBody"))
    code = compile(document, arena, route, "/requestBody/content/application~1json/schema", &operation->body, err);
  if (code != ERR_NONE) err_prefix(err, "%s %s", route->method, route->path);
  return code;
}

enum err_code api_document_open(struct arena *arena, struct api_document **ret_document, struct err *err) {
  struct api_document *document = arena_new(arena, struct api_document);
  yyjson_doc *doc;
  if (!document) return err_no_memory(err);
  document->operations = arena_new_n(arena, struct operation, api_routes_n);
  if (!document->operations) return err_no_memory(err);
  enum err_code code = json_read(arena, api_document_text(), &doc, err);
  if (code != ERR_NONE) return code;
  document->root = yyjson_doc_get_root(doc);
  document->document = (struct schema_document){STR(DOCUMENT_URI), document->root};
  for (size_t i = 0; i < api_routes_n && code == ERR_NONE; i++)
    code = open_operation(document, arena, &api_routes[i], &document->operations[i], err);
  if (code == ERR_NONE) *ret_document = document;
  return code;
}

const struct schema *api_document_body(const struct api_document *document, const struct api_route *route) {
  return document->operations[route - api_routes].body;
}

static enum err_code refuse(struct err *err, struct str name, const char *why) {
  (void)err_set(err, ERR_INVALID, "the parameter %.*s %s", (int)(name.n > 60 ? 60 : name.n), name.p, why);
  err_place(err, "%.*s", (int)(name.n > 60 ? 60 : name.n), name.p);
  return ERR_INVALID;
}

/* A parameter's text as the JSON value that its schema speaks of. */
static enum err_code value_of(struct arena *arena, const struct parameter *parameter, struct str text,
                              yyjson_val **ret_value, struct err *err) {
  struct buf json;
  yyjson_doc *doc;
  uint64_t number;
  buf_init(&json, arena, 64 * KIB);
  if (str_eq(parameter->type, STR("integer"))) {
    if (!str_to_u64(text, &number)) return refuse(err, parameter->name, "must be a whole number");
    buf_append_u64(&json, number);
  } else if (str_eq(parameter->type, STR("boolean"))) {
    if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")))
      return refuse(err, parameter->name, "must be true or false");
    buf_append_str(&json, text);
  } else {
    json_write_str(&json, text);
  }
  if (buf_failed(&json)) return refuse(err, parameter->name, "is too long");
  enum err_code code = json_read(arena, buf_str(&json), &doc, err);
  if (code == ERR_NONE) *ret_value = yyjson_doc_get_root(doc);
  return code;
}

enum err_code api_document_check_query(const struct api_document *document, const struct api_route *route,
                                       struct arena *arena, const struct form *query, struct err *err) {
  const struct operation *operation = &document->operations[route - api_routes];
  for (size_t i = 0; i < query->n; i++) {
    const struct parameter *parameter = NULL;
    for (size_t k = 0; k < operation->n_parameters && !parameter; k++)
      if (str_eq(operation->parameters[k].name, query->fields[i].name)) parameter = &operation->parameters[k];
    if (!parameter) return refuse(err, query->fields[i].name, "is none of this operation's");
    if (form_repeats(query, parameter->name.p)) return refuse(err, parameter->name, "stands more than once");
    yyjson_val *value;
    enum err_code code = value_of(arena, parameter, query->fields[i].value, &value, err);
    if (code == ERR_NONE) code = schema_check(parameter->schema, value, err);
    if (code != ERR_NONE) {
      err_place(err, "%.*s", STR_ARG(parameter->name));
      return code;
    }
  }
  return ERR_NONE;
}
