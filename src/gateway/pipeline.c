/* The story of a request, top to bottom. First what happens to the HTTP request, then to each message in it.
 *
 * A stage says NEXT, DONE (answered: straight to reply), FAIL (refused: straight to reply) or WAIT (it will be called
 * again). Whatever happens, the reply is written and then call_dispose runs: nothing leaves unrecorded. */
#include "gateway/pipeline.h"

#include "gateway/worker.h"

static const struct exchange_stage of_exchange[] = {
    {"limit_peer", stage_limit_peer},       /* cheap, before anything is believed */
    {"authenticate", stage_authenticate},   /* URL token or key -> principal */
    {"forward", stage_forward},             /* what it names is at home at another server: there */
    {"take_stream", stage_take_stream},     /* GET and DELETE of a legacy session: done with that */
    {"read_messages", stage_read_messages}, /* body -> JSON-RPC messages, a call each */
};

static const struct call_stage of_call[] = {
    {"limit_principal", stage_limit_principal, FOR_ALL}, /* the access token's rate */
    {"route", stage_route, FOR_ALL},                     /* protocol era and method */
    {"guard", stage_guard, FOR_ACTIONS},                 /* policy: this principal, this action, these arguments */
    {"record_intent", stage_record_intent, FOR_ACTIONS}, /* writes: durable before anything outside changes */
    {"lease_credential", stage_lease_credential, FOR_ACTIONS}, /* opened for this call alone */
    {"invoke", stage_invoke, FOR_ALL},                         /* the method's handler; for actions, the connector */
    {"filter_result", stage_filter_result, FOR_ACTIONS},       /* what this role may see of the answer, and how much */
    {"reply", stage_reply, FOR_ALL},                           /* the era's form of it */
    /* then call_dispose: outcome durable before the reply, credential wiped */
};

static const struct method methods[] = {
    {STR("initialize"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ALL, method_initialize},
    {STR("ping"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ALL, method_ping},
    {STR("server/discover"), JSONRPC_REQUEST, MCP_MODERN, FOR_ALL, method_discover},
    {STR("tools/list"), JSONRPC_REQUEST, MCP_BOTH, FOR_ALL, method_tools_list},
    {STR("tools/call"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_TOOL},
    {STR("prompts/list"), JSONRPC_REQUEST, MCP_BOTH, FOR_ALL, method_prompts_list},
    {STR("prompts/get"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_PROMPT},
    {STR("resources/list"), JSONRPC_REQUEST, MCP_BOTH, FOR_ALL, method_resources_list},
    {STR("resources/templates/list"), JSONRPC_REQUEST, MCP_BOTH, FOR_ALL, method_templates_list},
    {STR("resources/read"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_RESOURCE},
    {STR("completion/complete"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_COMPLETION},
    {STR("tasks/get"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_TASK},
    {STR("tasks/update"), JSONRPC_REQUEST, MCP_MODERN, FOR_ACTIONS, method_act, CONNECTOR_TASK},
    {STR("tasks/result"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ACTIONS, method_act, CONNECTOR_TASK},
    {STR("tasks/cancel"), JSONRPC_REQUEST, MCP_BOTH, FOR_ACTIONS, method_act, CONNECTOR_TASK},
    {STR("resources/subscribe"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ALL, method_subscribe},
    {STR("resources/unsubscribe"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ALL, method_unsubscribe},
    {STR("subscriptions/listen"), JSONRPC_REQUEST, MCP_MODERN, FOR_ALL, method_listen, CONNECTOR_TASK},
    {STR("logging/setLevel"), JSONRPC_REQUEST, MCP_LEGACY, FOR_ALL, method_set_level},
    {STR("notifications/initialized"), JSONRPC_NOTIFICATION, MCP_LEGACY, FOR_ALL, method_nothing},
    {STR("notifications/cancelled"), JSONRPC_NOTIFICATION, MCP_LEGACY, FOR_ALL, method_cancelled},
};

enum { N_CALL_STAGES = sizeof(of_call) / sizeof(of_call[0]), REPLY = N_CALL_STAGES - 1 };

_Static_assert((int)N_CALL_STAGES <= (int)METRIC_STAGES, "every stage has its counters");

const struct exchange_stage *exchange_stages(size_t *ret_n) {
  *ret_n = sizeof(of_exchange) / sizeof(of_exchange[0]);
  return of_exchange;
}

const struct call_stage *call_stages(size_t *ret_n) {
  *ret_n = N_CALL_STAGES;
  return of_call;
}

const struct method *method_find(struct str name, enum jsonrpc_kind kind, enum mcp_era era) {
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    const struct method *method = &methods[i];
    if (method->kind == kind && (method->era & era) && str_eq(method->name, name)) return method;
  }
  return NULL;
}

void call_run(struct call *call) {
  struct metrics *metrics = &call->exchange->worker->metrics;
  while (call->stage < N_CALL_STAGES) {
    const struct call_stage *stage = &of_call[call->stage];
    if (stage->set == FOR_ACTIONS && call->method && call->method->set != FOR_ACTIONS) {
      call->stage++;
      continue;
    }
    enum stage_verdict verdict = stage->run(call);
    metric_add(&metrics->call_stages[call->stage][verdict], 1);
    if (verdict == STAGE_WAIT) return;
    if (verdict == STAGE_NEXT || call->stage == REPLY)
      call->stage++;
    else
      call->stage = REPLY;
  }
  call_dispose(call);
}
