/* tools/list, prompts/list, resources/list, resources/templates/list: what this user's assistant may have, in order of
 * name, in pages. The cursor is the last name of the page before, sealed for this user: a list that changes meanwhile
 * loses and doubles nothing else. */
#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/seal.h"
#include "mcp/result.h"

struct list {
  const char *member;  /* of the result */
  const char *purpose; /* of its cursors: one list's is unknown to another */
  size_t (*count)(const struct toolset *toolset);
  struct str (*name)(const struct toolset *toolset, size_t i);
  struct str (*json)(const struct toolset *toolset, size_t i);
};

/* The first of the list after `name`. */
static size_t position_after(const struct list *list, const struct toolset *toolset, struct str name) {
  size_t i = 0, n = list->count(toolset);
  while (i < n && str_cmp(list->name(toolset, i), name) <= 0)
    i++;
  return i;
}

static void write_items(struct buf *out, const struct list *list, const struct toolset *toolset, size_t first,
                        size_t end) {
  mcp_result_comma(out);
  buf_printf(out, "\"%s\":[", list->member);
  for (size_t i = first; i < end; i++) {
    if (i > first) buf_append_byte(out, ',');
    buf_append_str(out, list->json(toolset, i));
  }
  buf_append_byte(out, ']');
}

static enum stage_verdict answer(struct call *call, const struct list *list) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  struct arena *arena = exchange->arena;
  const struct toolset *toolset = exchange_toolset(exchange);
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");

  size_t first = 0, n = list->count(toolset);
  yyjson_val *cursor = json_get(call->message.params, "cursor");
  struct str last_name;
  if (cursor) {
    if (!unseal_text(arena, principal->snapshot, principal->user, list->purpose, json_str(cursor), &last_name))
      return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: no such cursor");
    first = position_after(list, toolset, last_name);
  }

  struct buf *out = &call->result;
  enum mcp_era era = call->envelope.revision->era;
  size_t end = n - first > LIMIT_TOOLS_PAGE ? first + LIMIT_TOOLS_PAGE : n;
  mcp_result_open(out, era);
  write_items(out, list, toolset, first, end);
  if (end < n) {
    struct str next =
        seal_text(arena, principal->snapshot, principal->user, list->purpose, list->name(toolset, end - 1));
    if (!next.p) return call_fail(call, 503, 503, "Out of memory");
    buf_append_c(out, ",\"nextCursor\":");
    json_write_str(out, next);
  }
  if (era == MCP_MODERN) mcp_write_cache_hints(out);
  buf_append_byte(out, '}');
  return STAGE_NEXT;
}

static size_t tools_count(const struct toolset *toolset) {
  return toolset->n_tools;
}
static struct str tool_name(const struct toolset *toolset, size_t i) {
  return toolset->tools[i].tool->public_name;
}
static struct str tool_json(const struct toolset *toolset, size_t i) {
  return toolset->tools[i].json;
}

static size_t prompts_count(const struct toolset *toolset) {
  return toolset->n_prompts;
}
static struct str prompt_name(const struct toolset *toolset, size_t i) {
  return toolset->prompts[i].prompt->public_name;
}
static struct str prompt_json(const struct toolset *toolset, size_t i) {
  return toolset->prompts[i].json;
}

static size_t resources_count(const struct toolset *toolset) {
  return toolset->n_resources;
}
static struct str resource_uri(const struct toolset *toolset, size_t i) {
  return toolset->resources[i].public_uri;
}
static struct str resource_json(const struct toolset *toolset, size_t i) {
  return toolset->resources[i].json;
}

static size_t templates_count(const struct toolset *toolset) {
  return toolset->n_templates;
}
static struct str template_uri(const struct toolset *toolset, size_t i) {
  return toolset->templates[i].public_uri;
}
static struct str template_json(const struct toolset *toolset, size_t i) {
  return toolset->templates[i].json;
}

enum stage_verdict method_tools_list(struct call *call) {
  static const struct list tools = {"tools", "cursor", tools_count, tool_name, tool_json};
  return answer(call, &tools);
}

enum stage_verdict method_prompts_list(struct call *call) {
  static const struct list prompts = {"prompts", "prompts", prompts_count, prompt_name, prompt_json};
  return answer(call, &prompts);
}

enum stage_verdict method_resources_list(struct call *call) {
  static const struct list resources = {"resources", "resources", resources_count, resource_uri, resource_json};
  return answer(call, &resources);
}

enum stage_verdict method_templates_list(struct call *call) {
  static const struct list templates = {"resourceTemplates", "templates", templates_count, template_uri, template_json};
  return answer(call, &templates);
}
