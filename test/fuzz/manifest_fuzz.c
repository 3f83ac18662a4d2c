/* Manifests from anybody: refused with a place, or compiled whole; then each tool's request is built from arguments
 * that try to leave their places. `check` and `compile` must agree. */
#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char hostile[] = "x/../%2f?#&=+ \xC3\xA9\"\\{}";
static const char control[] = "a\r\nX-Evil: 1";

static bool add(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_val *key, unsigned i) {
  yyjson_mut_val *name = yyjson_mut_strn(doc, yyjson_get_str(key), yyjson_get_len(key)), *value;
  switch (i % 5) {
    case 0:
      value = yyjson_mut_str(doc, hostile);
      break;
    case 1:
      value = yyjson_mut_arr(doc);
      (void)yyjson_mut_arr_add_str(doc, value, control);
      (void)yyjson_mut_arr_add_int(doc, value, -7);
      break;
    case 2:
      value = yyjson_mut_obj(doc);
      (void)yyjson_mut_obj_add_str(doc, value, hostile, control);
      (void)yyjson_mut_obj_add_str(doc, value, "base64", "AA==");
      break;
    case 3:
      value = yyjson_mut_real(doc, 1e300);
      break;
    default:
      value = yyjson_mut_str(doc, control);
  }
  return yyjson_mut_obj_add(object, name, value);
}

static yyjson_val *arguments_of(struct arena *arena, yyjson_val *input) {
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *root = yyjson_mut_obj(doc);
  yyjson_mut_doc_set_root(doc, root);
  yyjson_obj_iter iter = yyjson_obj_iter_with(json_get(input, "properties"));
  yyjson_val *key;
  for (unsigned i = 0; (key = yyjson_obj_iter_next(&iter)); i++)
    if (!add(doc, root, key, i)) return NULL;
  yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, &alc);
  return yyjson_doc_get_root(copy);
}

static void check_request(struct arena *arena, const struct http_tool *tool,
                          const struct http_client_request *request) {
  struct url url;
  struct err err;
  if (url_parse(arena, request->url, &url, &err) != ERR_NONE || http_path_has_dot_segment(url.path)) __builtin_trap();
  for (size_t i = 0; i < request->n_fields; i++) {
    if (!str_is_token(request->fields[i].name)) __builtin_trap();
    for (size_t k = 0; k < request->fields[i].value.n; k++)
      if ((unsigned char)request->fields[i].value.p[k] < 0x20) __builtin_trap();
  }
  yyjson_doc *doc;
  bool is_json = request->has_body && tool->as == HTTP_BODY_JSON;
  if (is_json && json_read(arena, request->body, &doc, &err) == ERR_INVALID && !strstr(err.text, "deep"))
    __builtin_trap();
}

static void call(struct arena *arena, const struct connector *connector,
                 const struct connector_connection *connection) {
  struct http_secret secret = {.value = STR("k3y:/%")};
  const struct http_definition *http = connector->state;
  if (http->n_auths > 0) secret.auth = &http->auths[0];
  for (size_t i = 0; i < connector->n_tools; i++) {
    struct connector_call one = {.connection = connection,
                                 .tool = &connector->tools[i],
                                 .arguments = arguments_of(arena, connector->tools[i].input_schema),
                                 .arena = arena};
    const struct http_turn turn = {.idempotency_key = STR("k")};
    struct http_client_request request;
    struct err err = {0};
    if (!one.arguments) return;
    enum err_code code = http_request_build(&one, &turn, &secret, &request, &err);
    if (code == ERR_NONE) check_request(arena, one.tool->state, &request);
    if (code != ERR_NONE && !err.text[0]) __builtin_trap();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, (size_t)256 * 1024 * 1024);
  struct err err = {0};
  yyjson_doc *doc;
  if (n < 64 * KIB && json_read_file_text(&arena, str_make((const char *)bytes, n), &doc, &err) == ERR_NONE) {
    yyjson_val *definition = yyjson_doc_get_root(doc);
    struct connector connector, other;
    struct connector_findings findings = {.arena = &arena, .wants_all = true};
    enum err_code code = connector_compile(&arena, definition, &connector, &err);
    connector_check(&arena, definition, &other, &findings);
    bool has_memory = code != ERR_NO_MEMORY && !findings.has_no_memory;
    if (has_memory && (code == ERR_NONE) != (findings.n_errors == 0)) __builtin_trap();
    if (code == ERR_INVALID && !err.text[0]) __builtin_trap();
    struct connector_connection connection = {.connector = &connector};
    yyjson_doc *settings;
    if (code == ERR_NONE && connector.kind == connector_kind_find(STR("http")) &&
        json_read(&arena, STR("{\"base\":\"https://a.example/x\"}"), &settings, &err) == ERR_NONE) {
      yyjson_val *with_base = yyjson_doc_get_root(settings);
      if (connector.kind->connect(&arena, &connector, NULL, &connection.state, &err) == ERR_NONE ||
          connector.kind->connect(&arena, &connector, with_base, &connection.state, &err) == ERR_NONE)
        call(&arena, &connector, &connection);
    }
  }
  arena_release(&arena);
  return 0;
}
