/* Compiles manifests: what a service's tools are, as data. The format knows more than this version reads; what it does
 * not read it refuses by name, so that no manifest half works. */
#include "codec/url.h"
#include "connector/definition.h"
#include "connector/http/http.h"

enum {
  FIELDS_MAX = 32,
  QUERY_MAX = 64,
  PLACE_MAX = 128,
  FIELD_VALUE_MAX = 1024,
  TEXT_MAX = 2048,           /* a path, or a part of a query */
  ENCODED_MAX = TEXT_MAX * 4 /* percent-encoded it is three times as long */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const own_names[] = {"base", "headers", "auth"};
static const char *const planned_names[] = {"limits",  "retry", "errors", "result",  "items", "keep",
                                            "timeout", "page",  "health", "capture", "docs",  "category"};
static const struct definition_members own = {own_names, COUNT(own_names), planned_names, COUNT(planned_names)};

static const char *const tool_own_names[] = {"call", "query"};
static const char *const tool_planned_names[] = {"body",   "as",    "headers", "page",   "items",     "keep",
                                                 "result", "retry", "errors",  "limits", "graphql",   "variables",
                                                 "files",  "form",  "timeout", "output", "idempotent"};
static const struct definition_members tool_own = {tool_own_names, COUNT(tool_own_names), tool_planned_names,
                                                   COUNT(tool_planned_names)};

static const char *const auth_names[] = {"type", "in", "name", "prefix", "value"};
static const struct definition_members auth_own = {auth_names, COUNT(auth_names), NULL, 0};

/* ASCII that stands in a field's value as it is. */
static bool is_field_value(struct str value) {
  for (size_t i = 0; i < value.n; i++)
    if (value.p[i] < 0x20 || value.p[i] > 0x7E) return false;
  return value.n <= FIELD_VALUE_MAX;
}

/* Fields that the client or Connek writes, and those that frame a message or steer the way of it. */
static bool is_ours(struct str name) {
  static const char *const names[] = {"host",
                                      "content-length",
                                      "transfer-encoding",
                                      "connection",
                                      "keep-alive",
                                      "te",
                                      "trailer",
                                      "upgrade",
                                      "expect",
                                      "proxy-connection",
                                      "traceparent",
                                      "accept-encoding",
                                      "cookie",
                                      "proxy-authorization"};
  for (size_t i = 0; i < COUNT(names); i++)
    if (str_eq_fold(name, str_of(names[i]))) return true;
  return false;
}

static enum err_code check_field_name(struct str name, const char *place, const char *member, struct err *err) {
  if (!http_client_is_token(name)) return definition_fail(err, place, member, "not the name of an HTTP field");
  if (is_ours(name)) return definition_fail(err, place, member, "this field is Connek's own to write");
  return ERR_NONE;
}

/* ---- fields ---- */

static bool has_field(const struct http_definition *http, const char *name) {
  for (size_t i = 0; i < http->n_fields; i++)
    if (str_eq_fold(http->fields[i].name, str_of(name))) return true;
  return false;
}

static enum err_code read_field(struct str name, yyjson_val *value, struct http_field *ret_field, struct err *err) {
  char place[PLACE_MAX];
  snprintf(place, sizeof(place), "/headers/%.*s", (int)(name.n < 64 ? name.n : 64), name.p);
  enum err_code code = check_field_name(name, place, "", err);
  if (code != ERR_NONE) return code;
  struct str text = json_str(value);
  if (!yyjson_is_str(value) || !is_field_value(text))
    return definition_fail(err, place, "", "a header's value must be a short text of plain characters");
  if (text.n > 0 && memchr(text.p, '{', text.n))
    return definition_fail(err, place, "", "templates in headers are not supported yet");
  *ret_field = (struct http_field){name, text};
  return ERR_NONE;
}

static enum err_code read_fields(struct arena *arena, yyjson_val *definition, struct http_definition *http,
                                 struct err *err) {
  yyjson_val *headers = json_get(definition, "headers");
  if (headers && !yyjson_is_obj(headers)) return definition_fail(err, "", "headers", "headers must be an object");
  if (yyjson_obj_size(headers) > FIELDS_MAX)
    return definition_fail(err, "", "headers", "at most %d headers", FIELDS_MAX);
  struct http_field *fields = arena_new_n(arena, struct http_field, yyjson_obj_size(headers) + 1);
  if (!fields) return err_no_memory(err);
  http->fields = fields;
  yyjson_obj_iter iter = yyjson_obj_iter_with(headers);
  yyjson_val *key;
  while ((key = yyjson_obj_iter_next(&iter))) {
    enum err_code code = read_field(json_str(key), yyjson_obj_iter_get_val(key), &fields[http->n_fields], err);
    if (code != ERR_NONE) return code;
    http->n_fields++;
  }
  if (!has_field(http, "accept"))
    fields[http->n_fields++] = (struct http_field){STR("Accept"), STR("application/json")};
  return ERR_NONE;
}

/* ---- auth ---- */

/* "value": "Bearer {key}" says the same as "prefix": "Bearer ". */
static enum err_code read_prefix(yyjson_val *auth, struct http_auth *ret_auth, struct err *err) {
  yyjson_val *prefix = json_get(auth, "prefix"), *value = json_get(auth, "value");
  struct str text = json_str(prefix ? prefix : value);
  const char *name = prefix ? "prefix" : "value";
  if (prefix && value) return definition_fail(err, "/auth/0", "value", "say prefix or value, not both");
  if (!prefix && !value) return ERR_NONE;
  if (!is_field_value(text) || text.n == 0) return definition_fail(err, "/auth/0", name, "must be a short, plain text");
  if (value) {
    if (!str_ends(text, STR("{key}")))
      return definition_fail(err, "/auth/0", name, "value must end in {key}; anything else is not supported yet");
    text.n -= 5;
  }
  if (text.n > 0 && memchr(text.p, '{', text.n))
    return definition_fail(err, "/auth/0", name, "only {key}, at the end, is supported yet");
  ret_auth->prefix = text;
  return ERR_NONE;
}

static enum err_code read_auth(yyjson_val *definition, struct http_definition *http, struct err *err) {
  yyjson_val *list = json_get(definition, "auth");
  if (!list) return ERR_NONE;
  if (!yyjson_is_arr(list)) return definition_fail(err, "", "auth", "auth must be a list");
  if (yyjson_arr_size(list) == 0) return ERR_NONE;
  if (yyjson_arr_size(list) > 1)
    return definition_fail(err, "/auth/1", "", "more than one way to authenticate is not supported yet");
  yyjson_val *auth = yyjson_arr_get_first(list);
  if (!yyjson_is_obj(auth)) return definition_fail(err, "/auth/0", "", "must be an object");
  struct str type = json_get_str(auth, "type"), in = json_get_str(auth, "in");
  if (!str_eq(type, STR("key")))
    return definition_fail(err, "/auth/0", "type", "only the type \"key\" is supported yet");
  enum err_code code = definition_check_members(auth, NULL, &auth_own, "/auth/0", err);
  if (code != ERR_NONE) return code;
  http->auth.name = json_get_str(auth, "name");
  if (str_eq(in, STR("header"))) {
    http->auth.place = HTTP_AUTH_HEADER;
    code = check_field_name(http->auth.name, "/auth/0", "name", err);
  } else if (str_eq(in, STR("query"))) {
    http->auth.place = HTTP_AUTH_QUERY;
    if (http->auth.name.n == 0) code = definition_fail(err, "/auth/0", "name", "name must be a text, not empty");
  } else {
    code = definition_fail(err, "/auth/0", "in", "in must be \"header\" or \"query\"");
  }
  if (code == ERR_NONE) code = read_prefix(auth, &http->auth, err);
  if (code != ERR_NONE || http->auth.place != HTTP_AUTH_HEADER) return code;
  for (size_t i = 0; i < http->n_fields; i++)
    if (str_eq_fold(http->fields[i].name, http->auth.name))
      return definition_fail(err, "/auth/0", "name", "headers names this field already");
  return ERR_NONE;
}

/* ---- base ---- */

static enum err_code read_base(struct arena *arena, yyjson_val *definition, struct http_definition *http,
                               struct err *err) {
  yyjson_val *base = json_get(definition, "base");
  if (!base) return ERR_NONE; /* each connection's settings give one */
  enum err_code code = yyjson_is_str(base) ? template_compile(arena, json_str(base), &http->base, err)
                                           : err_set(err, ERR_INVALID, "base must be a URL");
  if (code == ERR_NONE && template_uses(&http->base, TEMPLATE_ARGUMENT))
    code = err_set(err, ERR_INVALID, "base may use {conn.NAME} alone: no argument decides where a call goes");
  if (code == ERR_NONE && !template_uses(&http->base, TEMPLATE_SETTING)) {
    struct url url;
    code = url_parse(arena, json_str(base), &url, err);
    if (code == ERR_NONE && url.query.n > 0) code = err_set(err, ERR_INVALID, "base has no query");
  }
  if (code != ERR_NONE) err_place(err, "/base");
  http->has_base = true;
  return code;
}

/* ---- tools ---- */

/* The argument must be declared; one that the path needs must be required. */
static enum err_code check_placeholders(const struct template *template, yyjson_val *input, bool is_path,
                                        struct err *err) {
  for (size_t i = 0; i < template->n_pieces; i++) {
    const struct template_piece *piece = &template->pieces[i];
    if (piece->source == TEMPLATE_SETTING)
      return err_set(err, ERR_INVALID, "{conn.%.*s} is supported in base alone yet", STR_ARG(piece->text));
    if (piece->source != TEMPLATE_ARGUMENT) continue;
    if (!yyjson_obj_getn(json_get(input, "properties"), piece->text.p, piece->text.n))
      return err_set(err, ERR_INVALID, "{%.*s} is no property of input", STR_ARG(piece->text));
    if (!is_path) continue;
    bool is_required = false;
    size_t k, n;
    yyjson_val *name;
    yyjson_arr_foreach(json_get(input, "required"), k, n, name) {
      if (str_eq(json_str(name), piece->text)) is_required = true;
    }
    if (!is_required)
      return err_set(err, ERR_INVALID, "{%.*s} stands in the path: it must be in input's required",
                     STR_ARG(piece->text));
  }
  return ERR_NONE;
}

/* What stands between the placeholders must be a URL's path already. */
static enum err_code check_literals(struct arena *arena, const struct template *path, struct err *err) {
  struct buf sample;
  buf_init(&sample, arena, ENCODED_MAX);
  buf_append_c(&sample, "http://a");
  size_t from = sample.n;
  for (size_t i = 0; i < path->n_pieces; i++)
    buf_append_str(&sample, path->pieces[i].source == TEMPLATE_LITERAL ? path->pieces[i].text : STR("x"));
  if (buf_failed(&sample)) return err_no_memory(err);
  struct str text = buf_str(&sample);
  if (memchr(text.p, '?', text.n)) return err_set(err, ERR_INVALID, "a query goes under \"query\", not into the path");
  if (http_path_has_dot_segment(str_make(text.p + from, text.n - from)))
    return err_set(err, ERR_INVALID, "a path has no \".\" or \"..\"");
  struct url url;
  return url_parse(arena, text, &url, err);
}

static enum err_code read_call(struct arena *arena, yyjson_val *value, struct http_tool *tool, yyjson_val *input,
                               const char *place, struct err *err) {
  struct str rest = json_get_str(value, "call");
  struct str method = str_cut(&rest, ' ');
  if (method.n == 0 || rest.n == 0)
    return definition_fail(err, place, "call", "call must be a method and a path: \"GET /orders\"");
  if (!str_eq(method, STR("GET"))) return definition_fail(err, place, "call", "only GET is supported yet");
  if (rest.n > TEXT_MAX) return definition_fail(err, place, "call", "at most %d bytes", TEXT_MAX);
  if (rest.p[0] != '/') return definition_fail(err, place, "call", "the path must begin with /");
  tool->method = method;
  enum err_code code = template_compile(arena, rest, &tool->path, err);
  if (code == ERR_NONE) code = check_placeholders(&tool->path, input, true, err);
  if (code == ERR_NONE) code = check_literals(arena, &tool->path, err);
  if (code != ERR_NONE) err_place(err, "%s/call", place);
  return code;
}

/* Literals of a query go into the URL encoded; done once, here. */
static enum err_code encode_literals(struct arena *arena, struct template *template, struct err *err) {
  struct template_piece *pieces = arena_memdup(arena, template->pieces, template->n_pieces * sizeof(*pieces));
  if (!pieces) return err_no_memory(err);
  for (size_t i = 0; i < template->n_pieces; i++) {
    if (pieces[i].source != TEMPLATE_LITERAL) continue;
    struct buf literal;
    buf_init(&literal, arena, ENCODED_MAX);
    url_write_encoded(&literal, pieces[i].text);
    if (buf_failed(&literal)) return err_no_memory(err);
    pieces[i].text = buf_str(&literal);
  }
  template->pieces = pieces;
  return ERR_NONE;
}

static enum err_code constant_template(struct arena *arena, yyjson_val *value, struct template *ret_template,
                                       struct err *err) {
  struct template_piece *piece = arena_new(arena, struct template_piece);
  struct buf text;
  buf_init(&text, arena, 64);
  json_write_value(&text, value);
  if (!piece || buf_failed(&text)) return err_no_memory(err);
  *piece = (struct template_piece){TEMPLATE_LITERAL, TEMPLATE_PLAIN, buf_str(&text)};
  *ret_template = (struct template){piece, 1};
  return ERR_NONE;
}

static enum err_code read_parameter(struct arena *arena, struct str key, yyjson_val *value, yyjson_val *input,
                                    struct http_parameter *parameter, struct err *err) {
  if (key.n == 0 || key.n > TEXT_MAX || json_str(value).n > TEXT_MAX)
    return err_set(err, ERR_INVALID, "a query's part has a name, and at most %d bytes", TEXT_MAX);
  struct buf text;
  buf_init(&text, arena, ENCODED_MAX);
  url_write_encoded(&text, key);
  buf_append_byte(&text, '=');
  if (buf_failed(&text)) return err_no_memory(err);
  parameter->key = buf_str(&text);
  enum err_code code;
  if (yyjson_is_str(value)) {
    code = template_compile(arena, json_str(value), &parameter->value, err);
    if (code == ERR_NONE) code = check_placeholders(&parameter->value, input, false, err);
  } else if (yyjson_is_num(value) || yyjson_is_bool(value)) {
    code = constant_template(arena, value, &parameter->value, err);
  } else {
    code = err_set(err, ERR_INVALID, "must be text, a number, true or false; lists and objects are not supported yet");
  }
  return code == ERR_NONE ? encode_literals(arena, &parameter->value, err) : code;
}

static enum err_code read_query(struct arena *arena, yyjson_val *value, struct http_tool *tool, yyjson_val *input,
                                const struct http_auth *auth, const char *place, struct err *err) {
  yyjson_val *query = json_get(value, "query");
  size_t count = yyjson_obj_size(query);
  if (query && !yyjson_is_obj(query)) return definition_fail(err, place, "query", "query must be an object");
  if (count > QUERY_MAX) return definition_fail(err, place, "query", "at most %d parts", QUERY_MAX);
  if (count == 0) return ERR_NONE;
  struct http_parameter *parameters = arena_new_n(arena, struct http_parameter, count);
  if (!parameters) return err_no_memory(err);
  size_t i, n;
  yyjson_val *key, *part;
  yyjson_obj_foreach(query, i, n, key, part) {
    struct str name = json_str(key);
    enum err_code code = auth->place == HTTP_AUTH_QUERY && str_eq(name, auth->name)
                             ? err_set(err, ERR_INVALID, "auth writes this part of the query")
                             : read_parameter(arena, name, part, input, &parameters[i], err);
    if (code != ERR_NONE) {
      err_place(err, "%s/query/%.*s", place, (int)(name.n < 48 ? name.n : 48), name.p);
      return code;
    }
  }
  tool->query = parameters;
  tool->n_query = count;
  return ERR_NONE;
}

static enum err_code read_tools(struct arena *arena, yyjson_val *definition, const struct http_definition *http,
                                struct connector *connector, struct err *err) {
  struct connector_tool *tools = arena_memdup(arena, connector->tools, connector->n_tools * sizeof(*tools));
  struct http_tool *states = arena_new_n(arena, struct http_tool, connector->n_tools);
  if (!tools || !states) return err_no_memory(err);
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(json_get(definition, "tools"), i, n, value) {
    char place[PLACE_MAX];
    snprintf(place, sizeof(place), "/tools/%zu", i);
    size_t at = definition_tool_index(connector, value);
    yyjson_val *input = tools[at].input_schema;
    enum err_code code = definition_check_members(value, &definition_tool_shared, &tool_own, place, err);
    if (code == ERR_NONE) code = read_call(arena, value, &states[at], input, place, err);
    if (code == ERR_NONE) code = read_query(arena, value, &states[at], input, &http->auth, place, err);
    if (code != ERR_NONE) return code;
    tools[at].state = &states[at];
  }
  connector->tools = tools;
  return ERR_NONE;
}

enum err_code http_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                           struct err *err) {
  struct connector connector;
  struct http_definition *http = arena_new(arena, struct http_definition);
  if (!http) return err_no_memory(err);
  enum err_code code = definition_check_members(definition, &definition_shared, &own, "", err);
  if (code == ERR_NONE) code = connector_definition_read(arena, definition, &connector, err);
  if (code == ERR_NONE) code = read_fields(arena, definition, http, err);
  if (code == ERR_NONE) code = read_auth(definition, http, err);
  if (code == ERR_NONE) code = read_base(arena, definition, http, err);
  if (code == ERR_NONE) code = read_tools(arena, definition, http, &connector, err);
  if (code != ERR_NONE) return code;
  connector.state = http;
  *ret_connector = connector;
  return ERR_NONE;
}
