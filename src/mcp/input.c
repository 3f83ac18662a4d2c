/* Input requests in both eras. Must not know who asks whom. */
#include "mcp/input.h"

#include "codec/json.h"

static const char *elicitation_lacks(yyjson_val *capabilities, yyjson_val *params) {
  yyjson_val *elicitation = json_get(capabilities, "elicitation");
  if (str_eq(json_get_str(params, "mode"), STR("url")))
    return yyjson_is_obj(json_get(elicitation, "url")) ? NULL : "{\"elicitation\":{\"url\":{}}}";
  /* "an empty capabilities object is equivalent to declaring support for form mode only" */
  bool has_form = json_get(elicitation, "form") || !json_get(elicitation, "url");
  return yyjson_is_obj(elicitation) && has_form ? NULL : "{\"elicitation\":{\"form\":{}}}";
}

static const char *sampling_lacks(yyjson_val *capabilities, yyjson_val *params) {
  yyjson_val *sampling = json_get(capabilities, "sampling");
  bool needs_tools = json_get(params, "tools") || json_get(params, "toolChoice");
  if (!yyjson_is_obj(sampling)) return needs_tools ? "{\"sampling\":{\"tools\":{}}}" : "{\"sampling\":{}}";
  return !needs_tools || json_get(sampling, "tools") ? NULL : "{\"sampling\":{\"tools\":{}}}";
}

const char *mcp_input_lacks(yyjson_val *capabilities, yyjson_val *request) {
  struct str method = json_get_str(request, "method");
  yyjson_val *params = json_get(request, "params");
  if (str_eq(method, STR("elicitation/create"))) return elicitation_lacks(capabilities, params);
  if (str_eq(method, STR("sampling/createMessage"))) return sampling_lacks(capabilities, params);
  if (str_eq(method, STR("roots/list")))
    return yyjson_is_obj(json_get(capabilities, "roots")) ? NULL : "{\"roots\":{}}";
  return "";
}

static void write_meta(struct buf *out, yyjson_val *meta, const struct mcp_passing *passing) {
  size_t i, n;
  yyjson_val *key, *value;
  buf_append_byte(out, '{');
  yyjson_obj_foreach(meta, i, n, key, value) {
    if (i) buf_append_byte(out, ',');
    json_write_value(out, key);
    buf_append_byte(out, ':');
    mcp_write_meta_value(out, json_str(key), value, passing);
  }
  buf_append_byte(out, '}');
}

void mcp_write_legacy_input(struct buf *out, yyjson_val *request, const char *id, const struct mcp_passing *passing) {
  yyjson_val *params = json_get(request, "params"), *key, *value;
  struct str method = json_get_str(request, "method");
  size_t i, n, n_written = 0;
  bool is_url = str_eq(method, STR("elicitation/create")) && str_eq(json_get_str(params, "mode"), STR("url"));
  buf_append_c(out, "\"method\":");
  json_write_str(out, method);
  if (!yyjson_is_obj(params)) return;
  buf_append_c(out, ",\"params\":{");
  yyjson_obj_foreach(params, i, n, key, value) {
    if (n_written++) buf_append_byte(out, ',');
    json_write_value(out, key);
    buf_append_byte(out, ':');
    if (yyjson_is_obj(value) && str_eq(json_str(key), STR("_meta")))
      write_meta(out, value, passing);
    else
      json_write_value(out, value);
  }
  /* 2025-11-25, elicitation: a URL's has an id; later ones have none. */
  if (is_url && !json_get(params, "elicitationId"))
    buf_printf(out, "%s\"elicitationId\":\"%s\"", n_written ? "," : "", id);
  buf_append_byte(out, '}');
}

bool mcp_write_url_elicitations(struct buf *out, yyjson_val *data) {
  size_t j, m, n_written = 0;
  yyjson_val *elicitation, *key, *value;
  yyjson_arr_iter at = yyjson_arr_iter_with(json_get(data, "elicitations"));
  buf_append_byte(out, '{');
  while ((elicitation = yyjson_arr_iter_next(&at))) {
    if (!yyjson_is_obj(elicitation)) continue;
    buf_printf(out, "%s\"elicitation-%zu\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\"",
               n_written ? "," : "", n_written + 1);
    n_written++;
    yyjson_obj_foreach(elicitation, j, m, key, value) {
      if (str_eq(json_str(key), STR("mode"))) continue;
      buf_append_byte(out, ',');
      json_write_value(out, key);
      buf_append_byte(out, ':');
      json_write_value(out, value);
    }
    buf_append_c(out, "}}");
  }
  buf_append_byte(out, '}');
  return n_written > 0;
}
