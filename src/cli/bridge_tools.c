/* What tools say of their arguments: which are repeated in a header (x-mcp-header). Learnt from every list that passes;
 * asked for where a server wants headers for a tool whose definition has not passed. */
#include <stdlib.h>

#include "base/limits.h"
#include "cli/bridge.h"
#include "mcp/protocol.h"

enum { TOOLS_MAX = 10000 };

static bool mentions_headers(struct str text) {
  return text.n > 0 && memmem(text.p, text.n, "x-mcp-header", 12) != NULL;
}

static void forget(struct bridge *bridge, struct str name) {
  for (struct bridge_tool **link = &bridge->tools; *link; link = &(*link)->next) {
    struct bridge_tool *tool = *link;
    if (!str_eq(tool->name, name)) continue;
    *link = tool->next;
    arena_release(&tool->arena);
    free(tool);
    return;
  }
}

static void learn_one(struct bridge *bridge, yyjson_val *definition) {
  struct str name = json_get_str(definition, "name");
  struct buf schema;
  yyjson_doc *doc;
  struct err err;
  buf_init(&schema, NULL, MIB);
  json_write_value(&schema, json_get(definition, "inputSchema"));
  forget(bridge, name);
  struct bridge_tool *tool = mentions_headers(buf_str(&schema)) ? calloc(1, sizeof(*tool)) : NULL;
  if (tool) {
    arena_init(&tool->arena, 0);
    tool->name = arena_str(&tool->arena, name);
    if (!buf_failed(&schema) && tool->name.p && !json_read(&tool->arena, buf_str(&schema), &doc, &err)) {
      tool->input_schema = yyjson_doc_get_root(doc);
      tool->next = bridge->tools;
      bridge->tools = tool;
    } else {
      arena_release(&tool->arena);
      free(tool);
    }
  }
  buf_release(&schema);
}

void tools_learn(struct bridge *bridge, yyjson_val *result) {
  yyjson_val *tools = json_get(result, "tools");
  size_t n = yyjson_arr_size(tools);
  for (size_t i = 0; i < n && i < TOOLS_MAX; i++) {
    yyjson_val *tool = yyjson_arr_get(tools, i);
    if (json_get(tool, "inputSchema")) learn_one(bridge, tool);
  }
}

yyjson_val *tools_schema(const struct bridge *bridge, struct str name) {
  for (const struct bridge_tool *tool = bridge->tools; tool; tool = tool->next) {
    if (str_eq(tool->name, name)) return tool->input_schema;
  }
  return NULL;
}

void tools_ask(struct passage *passage, struct str cursor) {
  struct bridge *bridge = passage->bridge;
  struct buf text;
  int code;
  buf_init(&text, NULL, MIB);
  buf_printf(&text, "{\"jsonrpc\":\"2.0\",\"id\":\"connek-bridge-%u\",\"method\":\"tools/list\",\"params\":{\"_meta\":",
             ++bridge->session.n_own);
  json_write_value(&text, json_get(passage->message.params, "_meta"));
  if (cursor.n > 0) {
    buf_append_c(&text, ",\"cursor\":");
    json_write_str(&text, cursor);
  }
  buf_append_c(&text, "}}");
  struct passage *list = buf_failed(&text) ? NULL : passage_new(bridge, PASSAGE_LEARN, buf_str(&text), &code);
  buf_release(&text);
  if (!list) {
    passage_refuse(passage, "out of memory");
    return;
  }
  passage->is_waiting = true;
  list->learns_for = passage;
  list->is_modern = true;
  list->version = json_get_str(json_get(list->message.params, "_meta"), MCP_META_VERSION);
  passage_start(list);
}

void tools_release(struct bridge *bridge) {
  while (bridge->tools)
    forget(bridge, bridge->tools->name);
}
