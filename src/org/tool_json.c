/* Writes one tool in the form of MCP's tools/list (schema: Tool). Must not know who sees it. */
#include "org/tool_json.h"

#include <stdio.h>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/utf8.h"

static const char *const names[] = {"account", "connection", "connek_connection"};

const char *tool_json_account_argument(const struct connector_tool *tool) {
  yyjson_val *properties = json_get(tool->input_schema, "properties");
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (!json_get(properties, names[i])) return names[i];
  }
  return NULL;
}

/* What is added to a schema. */
struct account {
  const char *argument;
  const struct connector *connector;
  const struct connector_connection *const *connections;
  size_t n;
};

static void write_sentence(struct buf *out, const struct connector *connector, const char *more) {
  char sentence[1024];
  struct str name = connector->name.n > 0 ? connector->name : connector->id;
  (void)snprintf(sentence, sizeof(sentence), "Which %.*s account to use%s", STR_ARG(utf8_cut(name, 4 * LIMIT_NAME)),
                 more);
  json_write_str(out, str_of(sentence));
}

static void write_account_property(struct buf *out, const struct account *account) {
  json_write_str(out, str_of(account->argument));
  buf_append_c(out, ":{\"type\":\"string\",\"enum\":[");
  for (size_t i = 0; i < account->n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    json_write_str(out, account->connections[i]->policy.name);
  }
  buf_append_c(out, "],\"description\":");
  write_sentence(out, account->connector, "");
  buf_append_byte(out, '}');
}

/* `properties` may be NULL: the tool takes none. */
static void write_properties(struct buf *out, yyjson_val *properties, const struct account *account) {
  buf_append_c(out, "\"properties\":{");
  write_account_property(out, account);
  yyjson_obj_iter iter = {0};
  if (properties) (void)yyjson_obj_iter_init(properties, &iter);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
    buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    json_write_value(out, yyjson_obj_iter_get_val(key));
  }
  buf_append_byte(out, '}');
}

static void write_required(struct buf *out, yyjson_val *required, const struct account *account) {
  buf_append_c(out, "\"required\":[");
  json_write_str(out, str_of(account->argument));
  yyjson_arr_iter iter = {0};
  if (required) (void)yyjson_arr_iter_init(required, &iter);
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&iter));) {
    buf_append_byte(out, ',');
    json_write_value(out, item);
  }
  buf_append_byte(out, ']');
}

/* The tool's own schema, in its own order; with `account`, one property more. MCP wants "type":"object" always. */
static void write_schema(struct buf *out, yyjson_val *schema, const struct account *account) {
  buf_append_c(out, "{\"type\":\"object\"");
  if (account && !json_get(schema, "properties")) {
    buf_append_byte(out, ',');
    write_properties(out, NULL, account);
  }
  if (account && !json_get(schema, "required")) {
    buf_append_byte(out, ',');
    write_required(out, NULL, account);
  }
  yyjson_obj_iter iter = yyjson_obj_iter_with(schema);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
    yyjson_val *value = yyjson_obj_iter_get_val(key);
    if (yyjson_equals_str(key, "type")) continue;
    buf_append_byte(out, ',');
    if (account && yyjson_equals_str(key, "properties")) {
      write_properties(out, value, account);
    } else if (account && yyjson_equals_str(key, "required")) {
      write_required(out, value, account);
    } else {
      json_write_str(out, json_str(key));
      buf_append_byte(out, ':');
      json_write_value(out, value);
    }
  }
  buf_append_byte(out, '}');
}

static void write_bool(struct buf *out, const char *name, bool is_true) {
  buf_append_c(out, name);
  buf_append_c(out, is_true ? "true" : "false");
}

/* Hints to the client, never permissions: what a tool does is decided by `does` and policy. What only tells of
 * ourselves has no open world. */
static void write_annotations(struct buf *out, const struct connector *connector, const struct connector_tool *tool) {
  write_bool(out, "{\"readOnlyHint\":", tool->does == DOES_READ);
  write_bool(out, ",\"destructiveHint\":", tool->does == DOES_DESTROY);
  if (!connector->kind->needs_rule) buf_append_c(out, ",\"openWorldHint\":false");
  buf_append_byte(out, '}');
}

/* An upstream's definition, member by member, but for one that is ours to say. */
static void write_members(struct buf *out, yyjson_val *shown, const char *but) {
  yyjson_obj_iter iter = yyjson_obj_iter_with(shown);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
    if (yyjson_equals_str(key, "name") || yyjson_equals_str(key, but)) continue;
    buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    json_write_value(out, yyjson_obj_iter_get_val(key));
  }
}

static void write_shown(struct buf *out, const struct connector *connector, const struct connector_tool *tool,
                        const char *account_argument, const struct connector_connection *const *connections,
                        size_t n_connections) {
  struct account account = {account_argument, connector, connections, n_connections};
  buf_append_c(out, "{\"name\":");
  json_write_str(out, tool->public_name);
  buf_append_c(out, ",\"inputSchema\":");
  if (account_argument) {
    write_schema(out, tool->input_schema, &account);
  } else {
    json_write_value(out, tool->input_schema);
  }
  write_members(out, tool->shown, "inputSchema");
  buf_append_byte(out, '}');
}

void tool_json_write(struct buf *out, const struct connector *connector, const struct connector_tool *tool,
                     const char *account_argument, const struct connector_connection *const *connections,
                     size_t n_connections) {
  if (tool->shown) {
    write_shown(out, connector, tool, account_argument, connections, n_connections);
    return;
  }
  buf_append_c(out, "{\"name\":");
  json_write_str(out, tool->public_name);
  if (tool->title.n > 0) {
    buf_append_c(out, ",\"title\":");
    json_write_str(out, tool->title);
  }
  buf_append_c(out, ",\"description\":");
  json_write_str(out, tool->description);
  buf_append_c(out, ",\"inputSchema\":");
  struct account account = {account_argument, connector, connections, n_connections};
  write_schema(out, tool->input_schema, account_argument ? &account : NULL);
  buf_append_c(out, ",\"annotations\":");
  write_annotations(out, connector, tool);
  buf_append_byte(out, '}');
}

/* ---- prompts and resources ---- */

static bool has_argument(const struct connector_prompt *prompt, const char *name) {
  yyjson_arr_iter iter = yyjson_arr_iter_with(json_get(prompt->shown, "arguments"));
  for (yyjson_val *item; (item = yyjson_arr_iter_next(&iter));)
    if (str_eq_c(json_get_str(item, "name"), name)) return true;
  return false;
}

const char *prompt_json_account_argument(const struct connector_prompt *prompt) {
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (!has_argument(prompt, names[i])) return names[i];
  return NULL;
}

/* Arguments of prompts have no schema: what may be chosen stands in words. */
static void write_account_item(struct buf *out, const struct account *account) {
  char choices[512] = ": ";
  size_t used = 2;
  for (size_t i = 0; i < account->n && used < sizeof(choices); i++) {
    int n = snprintf(choices + used, sizeof(choices) - used, "%s%.*s", i > 0 ? ", " : "",
                     STR_ARG(account->connections[i]->policy.name));
    used += n > 0 ? (size_t)n : 0;
  }
  buf_append_c(out, "{\"name\":");
  json_write_str(out, str_of(account->argument));
  buf_append_c(out, ",\"description\":");
  write_sentence(out, account->connector, choices);
  buf_append_c(out, ",\"required\":true}");
}

void prompt_json_write(struct buf *out, const struct connector *connector, const struct connector_prompt *prompt,
                       const char *account_argument, const struct connector_connection *const *connections,
                       size_t n_connections) {
  yyjson_val *arguments = json_get(prompt->shown, "arguments");
  buf_append_c(out, "{\"name\":");
  json_write_str(out, prompt->public_name);
  if (arguments || account_argument) {
    struct account account = {account_argument, connector, connections, n_connections};
    bool is_first = true;
    buf_append_c(out, ",\"arguments\":[");
    if (account_argument) {
      write_account_item(out, &account);
      is_first = false;
    }
    yyjson_arr_iter iter = yyjson_arr_iter_with(arguments);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&iter)); is_first = false) {
      if (!is_first) buf_append_byte(out, ',');
      json_write_value(out, item);
    }
    buf_append_byte(out, ']');
  }
  write_members(out, prompt->shown, "arguments");
  buf_append_byte(out, '}');
}

void resource_json_write(struct buf *out, const struct connector_resource *resource, struct str public_uri) {
  yyjson_obj_iter iter = yyjson_obj_iter_with(resource->shown);
  bool is_first = true;
  buf_append_byte(out, '{');
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter)); is_first = false) {
    bool is_uri = yyjson_equals_str(key, "uri") || yyjson_equals_str(key, "uriTemplate");
    if (!is_first) buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    if (is_uri) {
      json_write_str(out, public_uri);
    } else {
      json_write_value(out, yyjson_obj_iter_get_val(key));
    }
  }
  buf_append_byte(out, '}');
}
