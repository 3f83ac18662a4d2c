/* Connek's own tools. Those about the caller alone are answered from what the gateway says about them: they need no
 * rule, and know no more than what the caller could see anyway. Those for people who run the organisation are
 * operations of the REST API, and need a rule besides. */
#include "connector/self/self.h"

#include "base/limits.h"
#include "connector/definition.h"
#include "connector/kinds.h"

static const struct {
  const char *name;
  self_write write;
} tools[] = {{"whoami", self_whoami}, {"list_connections", self_list_connections}, {"search_tools", self_search_tools}};

struct self_tool {
  self_write write; /* or: */
  const struct self_operation *operation;
};

static enum err_code self_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                  struct err *err) {
  struct connector connector;
  enum err_code code = definition_check_members(definition, &definition_shared, NULL, "", err);
  if (code == ERR_NONE) code = connector_definition_read(arena, definition, &connector, err);
  if (code != ERR_NONE) return code;
  struct connector_tool *compiled = arena_memdup(arena, connector.tools, connector.n_tools * sizeof(*compiled));
  struct self_tool *states = arena_new_n(arena, struct self_tool, connector.n_tools);
  if (!compiled || !states) return err_no_memory(err);
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(json_get(definition, "tools"), i, n, value) {
    char place[32];
    snprintf(place, sizeof(place), "/tools/%zu", i);
    code = definition_check_members(value, &definition_tool_shared, NULL, place, err);
    if (code != ERR_NONE) return code;
    size_t at = definition_tool_index(&connector, value);
    for (size_t k = 0; k < sizeof(tools) / sizeof(tools[0]); k++)
      if (str_eq_c(compiled[at].name, tools[k].name)) states[at].write = tools[k].write;
    states[at].operation = self_operation_find(compiled[at].name);
    if (states[at].operation) compiled[at].kinds = str_of(states[at].operation->kinds);
    if (!states[at].write && !states[at].operation)
      return definition_fail(err, place, "name", "no tool of the kind \"self\"");
    compiled[at].state = &states[at];
  }
  connector.tools = compiled;
  *ret_connector = connector;
  return ERR_NONE;
}

static void self_invoke(struct connector_call *call) {
  const struct self_tool *tool = call->tool->state;
  struct buf out;
  if (tool->operation) {
    self_operate(call, tool->operation);
    return;
  }
  buf_init(&out, call->arena, LIMIT_RESULT);
  if (!call->caller) {
    connector_fail(call, ERR_INTERNAL, "This tool needs to know its caller.");
  } else {
    tool->write(&out, call->caller, call->arguments);
    if (buf_failed(&out)) {
      connector_fail(call, ERR_TOO_LARGE, "The answer is too large.");
    } else {
      call->result = (struct connector_result){.text = buf_str(&out), .structured = buf_str(&out)};
    }
  }
  call->done(call);
}

/* It has finished already, or is about to. */
static void self_cancel(struct connector_call *call) {}

const struct connector_kind connector_self = {
    .name = "self", .needs_rule = false, .compile = self_compile, .invoke = self_invoke, .cancel = self_cancel};
