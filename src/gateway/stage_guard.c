/* May this principal do this, on this connection, with these arguments? What lists show and what can be done come from
 * the same set, made by the same policy_decide. The kinds of action have a file each: guard_*.c. */
#include "base/limits.h"
#include "gateway/arguments.h"
#include "gateway/guard.h"
#include "gateway/request_state.h"
#include "gateway/tool_answer.h"
#include "gateway/worker.h"

enum { DENIED = 403 }; /* HTTP's number, as all codes of ours */

enum stage_verdict guard_deny(struct call *call, struct str reason, const char *format, ...) {
  va_list arguments;
  char text[ERR_TEXT_SIZE];
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  call->is_allowed = false;
  call->reason = reason.p ? reason : STR("denied");
  call->outcome = AUDIT_NONE;
  if (call_verb(call) != CONNECTOR_TOOL) return call_fail(call, 0, DENIED, "%s", text);
  tool_answer_error(call, text);
  return STAGE_DONE;
}

enum stage_verdict guard_deny_by_policy(struct call *call, struct str name,
                                        const struct connector_connection *connection,
                                        const struct policy_decision *decision) {
  struct exchange *exchange = call->exchange;
  const struct org_snapshot *snapshot = exchange->principal.snapshot;
  struct str reason = policy_reason_text(exchange->arena, decision);
  call->connection = connection;
  if (decision->effect == POLICY_ASK)
    return guard_deny(call, reason, "%.*s needs an approval, and approvals are not available yet: it was not done.",
                      STR_ARG(name));
  if (decision->reason == POLICY_NOT_LOADED)
    return guard_deny(call, reason,
                      "The access rules of %.*s could not be loaded, so every call is refused. Tell an admin.",
                      STR_ARG(snapshot->name));
  if (decision->reason == POLICY_SWITCHED_OFF && connection)
    return guard_deny(call, reason,
                      "You have switched %.*s off for yourself, so %.*s was not used. Switch it on again on your page "
                      "in Connek, then try again.",
                      STR_ARG(connection->connector->name), STR_ARG(name));
  if (decision->reason == POLICY_NO_PERMISSION)
    return guard_deny(call, reason,
                      "%.*s is for those who run %.*s in Connek, which you do not. This was recorded. Ask an admin.",
                      STR_ARG(name), STR_ARG(snapshot->name));
  return guard_deny(
      call, reason,
      "You are not permitted to use %.*s: no role of yours allows it. This was recorded. Ask an admin of %.*s "
      "for access.",
      STR_ARG(name), STR_ARG(snapshot->name));
}

enum stage_verdict guard_refuse_arguments(struct call *call, const struct err *err) {
  call->outcome = AUDIT_ERROR;
  call->error = ERR_INVALID;
  if (call_verb(call) != CONNECTOR_TOOL)
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: %s", err->text);
  tool_answer_error(call, err->text);
  return STAGE_DONE;
}

bool guard_read_arguments(struct call *call, yyjson_val *arguments) {
  struct arena *arena = call->exchange->arena;
  struct err err;
  if (arguments && !yyjson_is_obj(arguments))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: arguments must be an object") == STAGE_NEXT;
  if (!arguments) {
    yyjson_doc *empty;
    if (json_read(arena, STR("{}"), &empty, NULL) != ERR_NONE)
      return call_fail(call, 503, 503, "Out of memory") == STAGE_NEXT;
    arguments = yyjson_doc_get_root(empty);
  }
  struct buf canonical;
  buf_init(&canonical, arena, 2 * LIMIT_HTTP_BODY);
  if (json_write_canonical(&canonical, arguments, &err) != ERR_NONE || buf_failed(&canonical))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: %s", err.text) == STAGE_NEXT;
  call->arguments = arguments;
  call->arguments_canonical = buf_str(&canonical);
  return true;
}

const struct connector_connection *guard_choose(const struct call *call,
                                                const struct connector_connection *const *connections, size_t n,
                                                const char *account_argument, struct err *err) {
  if (!account_argument) return n ? connections[0] : NULL;
  struct str wanted = json_get_str(call->arguments, account_argument);
  for (size_t i = 0; i < n; i++) {
    if (str_eq(connections[i]->policy.name, wanted)) return connections[i];
  }
  struct buf names;
  buf_init(&names, call->exchange->arena, ERR_TEXT_SIZE);
  for (size_t i = 0; i < n && names.n < ERR_TEXT_SIZE / 2; i++)
    buf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(connections[i]->policy.name));
  err_set(err, ERR_INVALID, "%s: must be one of %.*s", account_argument, STR_ARG(buf_str(&names)));
  return NULL;
}

bool guard_drop_account(struct call *call, const char *account_argument) {
  if (!account_argument) return true;
  call->arguments = arguments_without(call->exchange->arena, call->arguments, account_argument);
  return call->arguments || call_fail(call, 503, 503, "Out of memory") == STAGE_NEXT;
}

enum stage_verdict guard_decide(struct call *call, enum policy_action_kind kind, struct str name, struct str shown) {
  struct exchange *exchange = call->exchange;
  struct policy_action action = {.kind = kind,
                                 .connection = &call->connection->policy,
                                 .name = name,
                                 .does = call->does,
                                 .arguments = call->arguments};
  struct policy_decision decision;
  policy_decide(&exchange->principal.user->principal, &action, &decision);
  if (decision.effect != POLICY_ALLOW) return guard_deny_by_policy(call, shown, call->connection, &decision);
  struct str reason = policy_reason_text(exchange->arena, &decision);
  if (!reason.p) return call_fail(call, 503, 503, "Out of memory");
  call->reason = reason;
  call->max_result = decision.obligations.max_result;
  call->is_allowed = true;
  return STAGE_NEXT;
}

static enum stage_verdict guard_kind(struct call *call) {
  switch (call_verb(call)) {
    case CONNECTOR_TOOL:
      return guard_tool(call);
    case CONNECTOR_PROMPT:
      return guard_prompt(call);
    case CONNECTOR_RESOURCE:
      return guard_resource(call);
    case CONNECTOR_COMPLETION:
      return guard_completion(call);
    case CONNECTOR_TASK:
      return guard_task(call);
  }
  return call_fail(call, 404, JSONRPC_METHOD_NOT_FOUND, "Method not found");
}

/* What the client was let do may be less than what its user's roles allow: it can ask the person for more (MCP,
 * authorization, "Scope Challenge Handling"). All that it has is named with it, since clients ask for what is named. */
static enum stage_verdict guard_scope(struct call *call) {
  struct exchange *exchange = call->exchange;
  uint32_t scopes = exchange->principal.scopes;
  if (!call->does || (scopes & call->does)) return STAGE_NEXT;
  call->is_allowed = false;
  call->reason = STR("scope");
  exchange->challenge = signin_scope_challenge(&exchange->worker->server->signin, exchange->http, scopes | call->does);
  return call_fail(call, 403, 403, "This program was not let do that: sign in with it again, and allow it to %s",
                   call->does == DOES_WRITE     ? "change things"
                   : call->does == DOES_DESTROY ? "delete things"
                                                : "read");
}

enum stage_verdict stage_guard(struct call *call) {
  call->id = uuid_new();
  call->reason = STR("invalid_params");
  enum stage_verdict verdict = guard_kind(call);
  if (verdict == STAGE_NEXT) verdict = guard_scope(call);
  if (verdict != STAGE_NEXT || call_verb(call) == CONNECTOR_TASK) return verdict;
  if (!request_state_responses(call))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: inputResponses must be an object of objects");
  if (request_state_open(call)) return STAGE_NEXT;
  call->reason = STR("unknown_request_state");
  call->outcome = AUDIT_ERROR;
  call->error = ERR_INVALID;
  return call_fail(call, 0, JSONRPC_INVALID_PARAMS,
                   "Invalid params: there is no such requestState, or it has expired; begin the call again");
}
