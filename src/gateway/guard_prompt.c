/* May this principal have this prompt, and complete its arguments? */
#include "base/limits.h"
#include "codec/utf8.h"
#include "gateway/guard.h"

enum { NAME_SHOWN = 128 };

static enum stage_verdict find(struct call *call, struct str name, const struct toolset_prompt **ret_prompt) {
  const struct toolset *toolset = exchange_toolset(call->exchange);
  struct guard_absence absence;
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");
  const struct toolset_prompt *prompt = toolset_find_prompt(toolset, name);
  if (prompt) {
    call->prompt = prompt->prompt;
    call->connector = prompt->connector;
    *ret_prompt = prompt;
    return STAGE_NEXT;
  }
  if (guard_prompt_is_denied(call, name, &absence))
    return guard_deny_by_policy(call, name, absence.connection, &absence.decision);
  call->reason = STR("unknown_prompt");
  return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Unknown prompt: %.*s", STR_ARG(utf8_cut(name, NAME_SHOWN)));
}

static enum stage_verdict decide(struct call *call, const struct toolset_prompt *prompt) {
  struct err err = {0};
  call->connection = guard_choose(call, prompt->connections, prompt->n_connections, prompt->account_argument, &err);
  if (!call->connection) return guard_deny(call, STR("unknown_account"), "%s", err.text);
  enum stage_verdict verdict = guard_decide(call, POLICY_PROMPT, prompt->prompt->name, prompt->prompt->public_name);
  if (verdict != STAGE_NEXT) return verdict;
  return guard_drop_account(call, prompt->account_argument) ? STAGE_NEXT : STAGE_FAIL;
}

enum stage_verdict guard_prompt(struct call *call) {
  const struct toolset_prompt *prompt = NULL;
  struct str name = json_get_str(call->message.params, "name");
  call->does = DOES_READ;
  if (!name.n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: name is missing");
  if (!guard_read_arguments(call, json_get(call->message.params, "arguments"))) return STAGE_FAIL;
  enum stage_verdict verdict = find(call, name, &prompt);
  return prompt ? decide(call, prompt) : verdict;
}

/* The account is an argument of ours: its values are the connections. */
static enum stage_verdict complete_account(struct call *call, const struct toolset_prompt *prompt, struct str begun) {
  enum { VALUES_MAX = 100 }; /* 2026-07-28, completion: "Maximum 100 items per response" */
  struct buf text, *out = &text;
  size_t n = 0, n_written = 0;
  buf_init(out, call->exchange->arena, LIMIT_RESULT);
  buf_append_c(out, "{\"completion\":{\"values\":[");
  for (size_t i = 0; i < prompt->n_connections; i++) {
    struct str name = prompt->connections[i]->policy.name;
    if (!str_starts(name, begun)) continue;
    if (n++ >= VALUES_MAX) continue;
    if (n_written++) buf_append_byte(out, ',');
    json_write_str(out, name);
  }
  buf_printf(out, "],\"total\":%zu,\"hasMore\":%s}}", n, n > n_written ? "true" : "false");
  if (buf_failed(out)) return call_fail(call, 503, 503, "Out of memory");
  call->is_allowed = true;
  call->reason = STR("about_the_caller");
  call->outcome = AUDIT_OK;
  call->invocation.result = (struct connector_result){.whole = buf_str(out)};
  call->has_answer = true;
  return STAGE_DONE;
}

enum stage_verdict guard_prompt_completion(struct call *call, struct str name) {
  const struct toolset_prompt *prompt = NULL;
  yyjson_val *argument = json_get(call->message.params, "argument");
  enum stage_verdict verdict = find(call, name, &prompt);
  if (!prompt) return verdict;
  if (prompt->account_argument && str_eq_c(json_get_str(argument, "name"), prompt->account_argument))
    return complete_account(call, prompt, json_get_str(argument, "value"));
  return decide(call, prompt);
}
