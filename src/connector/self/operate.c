/* Tools for people who run the organisation: operations of the REST API that only read. Must not know what they answer,
 * nor who may: that is the API's, asked anew each time. */
#include "base/limits.h"
#include "connector/self/self.h"

#define LOOKERS "owner admin auditor"

static const struct self_operation operations[] = {
    {"audit_search", "GET", "/audit", LOOKERS},       {"usage", "GET", "/usage", LOOKERS},
    {"list_users", "GET", "/users", LOOKERS},         {"user_tools", "GET", "/users/{user}/tools", LOOKERS},
    {"list_roles", "GET", "/roles", LOOKERS},         {"connection_status", "GET", "/connections", LOOKERS},
    {"draft_role", "POST", "/roles/replay", LOOKERS},
};

const struct self_operation *self_operation_at(size_t i) {
  return i < sizeof(operations) / sizeof(operations[0]) ? &operations[i] : NULL;
}

const struct self_operation *self_operation_find(struct str name) {
  for (size_t i = 0; self_operation_at(i); i++)
    if (str_eq_c(name, operations[i].name)) return &operations[i];
  return NULL;
}

static void on_done(struct connector_operation *operation) {
  struct connector_call *call = operation->state;
  struct str body = operation->body;
  if (operation->code != ERR_NONE)
    connector_fail(call, operation->code, "%.*s", STR_ARG(body));
  else if (body.n > LIMIT_RESULT)
    connector_fail(call, ERR_TOO_LARGE, "The answer is too large: ask for less at once, with limit.");
  else
    call->result = (struct connector_result){.text = body, .structured = body};
  call->done(call);
}

void self_operate(struct connector_call *call, const struct self_operation *operation) {
  struct connector_operation *asked = arena_new(call->arena, struct connector_operation);
  if (!asked || !call->caller || !call->host || !call->host->operate) {
    connector_fail(call, asked ? ERR_UNAVAILABLE : ERR_NO_MEMORY, "This tool works in a server alone.");
    call->done(call);
    return;
  }
  *asked = (struct connector_operation){.method = str_of(operation->method),
                                        .path = str_of(operation->path),
                                        .arguments = call->arguments,
                                        .caller = call->caller,
                                        .arena = call->arena,
                                        .done = on_done,
                                        .state = call};
  call->host->operate(call->host->operate_context, asked);
}
