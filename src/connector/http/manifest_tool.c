/* One tool, compiled: its call, and in which order its parts are read. */
#include "base/limits.h"
#include "codec/json_path.h"
#include "codec/mask.h"
#include "codec/url.h"
#include "connector/http/manifest.h"

enum { PATH_MAX_ENCODED = MANIFEST_TEXT_MAX * 4 };

static const char *const member_names[] = {
    "//",   "name",       "title", "description", "does",    "input",     "call",        "query",      "headers",
    "body", "as",         "lists", "type",        "graphql", "variables", "idempotency", "items",      "result",
    "keep", "max_result", "text",  "binary",      "page",    "errors",    "retry",       "timeout_ms", "example"};

/* ---- the call ---- */

static bool is_required(yyjson_val *input, struct str name) {
  size_t i, n;
  yyjson_val *required;
  yyjson_arr_foreach(json_get(input, "required"), i, n, required) {
    if (str_eq(json_str(required), name)) return true;
  }
  return false;
}

/* What stands between the placeholders must be a URL's path already. */
static enum err_code check_literals(struct arena *arena, const struct template *path, struct err *err) {
  struct buf sample;
  buf_init(&sample, arena, PATH_MAX_ENCODED);
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

static bool is_method(struct str word) {
  static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  for (size_t i = 0; i < COUNT(methods); i++)
    if (str_eq_c(word, methods[i])) return true;
  return false;
}

static void read_path(struct manifest *manifest, struct manifest_tool *tool, struct str path,
                      const struct definition_place *place) {
  struct http_tool *http = tool->http;
  struct err err = {0};
  if (template_compile(manifest->arena, path, TEMPLATE_IN_PATH, &http->path, &err) != ERR_NONE) {
    definition_found(manifest->findings, place, &err);
    return;
  }
  manifest_claim_key(manifest, &http->path);
  if (!manifest_check_template(manifest, tool, place, &http->path, true)) return;
  for (size_t i = 0; i < http->path.n_pieces; i++) {
    const struct template_piece *piece = &http->path.pieces[i];
    if (piece->source == TEMPLATE_PAGE_CURSOR || piece->source == TEMPLATE_PAGE_SIZE)
      definition_wrong(manifest->findings, place, "a page is asked for in the query or the body");
    if (piece->source != TEMPLATE_ARGUMENT) continue;
    struct str name = piece->steps[0].name;
    if (!is_required(tool->input, name) && !piece->has_default)
      definition_wrong(manifest->findings, place,
                       "{%.*s} stands in the path: it must be in input's required, or have a default, {%.*s|or:TEXT}",
                       STR_ARG(name), STR_ARG(name));
  }
  if (check_literals(manifest->arena, &http->path, &err) != ERR_NONE) definition_found(manifest->findings, place, &err);
}

static void read_call(struct manifest *manifest, struct manifest_tool *tool) {
  const struct definition_place *place = DEFINITION_MEMBER(tool->place, STR("call"));
  struct str rest = json_get_str(tool->value, "call");
  struct str method = str_cut(&rest, ' ');
  struct connector_findings *findings = manifest->findings;
  if (method.n == 0 || rest.n == 0) {
    definition_wrong(findings, place, "call must be a method and a path: \"GET /orders\"");
    return;
  }
  if (is_method(method)) {
    tool->http->method = method;
  } else {
    definition_wrong(findings, place, "the method must be GET, POST, PUT, PATCH or DELETE");
  }
  if (rest.n > MANIFEST_TEXT_MAX) {
    definition_wrong(findings, place, "at most %d bytes", MANIFEST_TEXT_MAX);
  } else if (rest.p[0] != '/') {
    definition_wrong(findings, place, "the path must begin with /");
  } else {
    read_path(manifest, tool, rest, place);
  }
}

/* ---- the answer ---- */

static void read_answer(struct manifest *manifest, struct manifest_tool *tool) {
  struct http_tool *http = tool->http;
  const struct definition_place *place = tool->place;
  yyjson_val *value = tool->value, *keep = json_get(value, "keep");
  http->items = manifest_path(manifest, json_get(value, "items"), DEFINITION_MEMBER(place, STR("items")));
  http->result = manifest_path(manifest, json_get(value, "result"), DEFINITION_MEMBER(place, STR("result")));
  http->example = json_get(value, "example");
  http->max_result = manifest_number(manifest, value, place, "max_result", KIB, LIMIT_RESULT);
  if (http->max_result == 0) http->max_result = LIMIT_RESULT;
  const struct definition_place *at = DEFINITION_MEMBER(place, STR("keep"));
  if (keep && !yyjson_is_str(keep)) {
    definition_wrong(manifest->findings, at, "keep is a mask: \"id,name,owner(id,name)\"");
  } else if (keep) {
    struct err err = {0};
    struct mask *mask = NULL;
    if (mask_compile(manifest->arena, json_str(keep), &mask, &err) != ERR_NONE)
      definition_found(manifest->findings, at, &err);
    http->keep = mask;
  }
  if ((http->is_binary || http->is_text) && (keep || http->items || http->result))
    definition_wrong(manifest->findings, place, "items, result and keep are for JSON: this answer is a file or a text");
  if (http->is_binary && http->is_text)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("text")), "say binary or text, not both");
}

/* ---- the rest ---- */

/* false: the service has no such header. A manifest's own is for what its tools write. */
static void read_idempotency(struct manifest *manifest, struct manifest_tool *tool, enum policy_does does) {
  yyjson_val *own = json_get(tool->value, "idempotency"), *inherited = json_get(manifest->root, "idempotency");
  yyjson_val *holder = own ? tool->value : manifest->root;
  const struct definition_place *parent = own ? tool->place : NULL;
  const struct definition_place *place = DEFINITION_MEMBER(parent, STR("idempotency"));
  struct str name;
  if (!own && (!inherited || does == DOES_READ)) return;
  if (yyjson_is_false(json_get(holder, "idempotency"))) {
    tool->says_idempotency = true;
    return;
  }
  if (!manifest_text(manifest, holder, parent, "idempotency", MANIFEST_FIELD_MAX, &name)) return;
  if (!manifest_field_name(manifest, place, name)) return;
  tool->says_idempotency = true;
  tool->http->idempotency = name;
  bool is_taken = manifest_auth_writes(manifest, HTTP_AUTH_KEY_HEADER, name);
  for (size_t i = 0; i < tool->http->n_fields; i++)
    is_taken = is_taken || str_eq_fold(tool->http->fields[i].name, name);
  for (size_t i = 0; i < tool->http->n_headers; i++)
    is_taken = is_taken || str_eq_fold(tool->http->headers[i].name, name);
  if (is_taken) definition_wrong(manifest->findings, place, "this header is written already");
}

void manifest_read_tool(struct manifest *manifest, struct manifest_tool *tool, struct connector_tool *connector) {
  struct http_tool *http = tool->http;
  definition_known(manifest->findings, tool->place, tool->value, member_names, COUNT(member_names));
  http->is_binary = manifest_bool(manifest, tool->value, tool->place, "binary");
  http->is_text = manifest_bool(manifest, tool->value, tool->place, "text");
  http->errors = manifest->errors;
  http->retry = manifest->retry;
  http->timeout_ms = (int64_t)manifest_number(manifest, tool->value, tool->place, "timeout_ms", 1, LIMIT_CALL_MS);
  if (http->timeout_ms == 0) http->timeout_ms = manifest->timeout_ms;
  read_call(manifest, tool);
  manifest_read_query(manifest, tool, json_get(tool->value, "query"));
  manifest_read_body(manifest, tool);
  manifest_read_page(manifest, tool);
  if (http->as == HTTP_BODY_JSON || http->as == HTTP_BODY_FORM) manifest_fold(manifest, &http->body);
  manifest_read_headers(manifest, tool, json_get(tool->value, "headers"));
  read_idempotency(manifest, tool, connector->does);
  read_answer(manifest, tool);
  manifest_read_retry(manifest, json_get(tool->value, "retry"), DEFINITION_MEMBER(tool->place, STR("retry")),
                      &http->retry);
  manifest_read_errors(manifest, json_get(tool->value, "errors"), DEFINITION_MEMBER(tool->place, STR("errors")),
                       &http->errors);
  manifest_extend_input(manifest, tool, connector);
}
