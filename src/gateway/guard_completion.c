/* May this principal ask what could be filled in here? Who may have the prompt, or read the resource, may. */
#include "gateway/guard.h"

/* A connection whose server completes nothing has nothing to say; another of the same user's may have. */
static enum stage_verdict answer_nothing(struct call *call) {
  call->outcome = AUDIT_OK;
  call->invocation.result =
      (struct connector_result){.whole = STR("{\"completion\":{\"values\":[],\"total\":0,\"hasMore\":false}}")};
  call->has_answer = true;
  return STAGE_DONE;
}

enum stage_verdict guard_completion(struct call *call) {
  yyjson_val *params = call->message.params, *ref = json_get(params, "ref"), *argument = json_get(params, "argument");
  struct str type = json_get_str(ref, "type"), name = json_get_str(ref, "name"), uri = json_get_str(ref, "uri");
  bool is_prompt = str_eq(type, STR("ref/prompt")) && name.n, is_resource = str_eq(type, STR("ref/resource")) && uri.n;
  call->does = DOES_READ;
  if (!is_prompt && !is_resource)
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: ref must name a prompt or a resource");
  if (!json_get_str(argument, "name").n || !yyjson_is_str(json_get(argument, "value")))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: argument must have a name and a value");
  if (!guard_read_arguments(call, json_get(json_get(params, "context"), "arguments"))) return STAGE_FAIL;
  enum stage_verdict verdict = is_prompt ? guard_prompt_completion(call, name) : guard_template_completion(call, uri);
  if (verdict != STAGE_NEXT) return verdict;
  const struct connector_catalogue *catalogue = call->connection->catalogue;
  return catalogue && !catalogue->has_completion ? answer_nothing(call) : STAGE_NEXT;
}
