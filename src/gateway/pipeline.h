/* The two tables that tell the product's story: the stages of a call, and the methods. */
#ifndef CONNEK_GATEWAY_PIPELINE_H
#define CONNEK_GATEWAY_PIPELINE_H

#include "gateway/call.h"

/* Which optional stages a method passes. The others are for every message. */
enum stage_set { FOR_ALL = 0, FOR_ACTIONS = 1 };

struct exchange_stage {
  const char *name;
  enum stage_verdict (*run)(struct exchange *exchange);
};

struct call_stage {
  const char *name; /* also its metric's label */
  enum stage_verdict (*run)(struct call *call);
  enum stage_set set;
};

struct method {
  struct str name;
  enum jsonrpc_kind kind;
  enum mcp_era era;
  enum stage_set set;                              /* FOR_ACTIONS: it passes those stages as well, and is recorded */
  enum stage_verdict (*handle)(struct call *call); /* in the stage `invoke`; writes call->result */
  enum connector_verb verb;                        /* of an action */
};

/* What kind of action a call is; one whose method is not known yet counts as a tool's. */
static inline enum connector_verb call_verb(const struct call *call) {
  return call->method ? call->method->verb : CONNECTOR_TOOL;
}

const struct exchange_stage *exchange_stages(size_t *ret_n);
const struct call_stage *call_stages(size_t *ret_n);
const struct method *method_find(struct str name, enum jsonrpc_kind kind, enum mcp_era era); /* NULL: there is none */

/* The stages, one small file each: stage_NAME.c */
enum stage_verdict stage_limit_peer(struct exchange *exchange);
enum stage_verdict stage_authenticate(struct exchange *exchange);
enum stage_verdict stage_forward(struct exchange *exchange);
enum stage_verdict stage_take_stream(struct exchange *exchange); /* in stream_get.c */
enum stage_verdict stage_read_messages(struct exchange *exchange);

enum stage_verdict stage_limit_principal(struct call *call);
enum stage_verdict stage_route(struct call *call);
enum stage_verdict stage_guard(struct call *call);
enum stage_verdict stage_record_intent(struct call *call);
enum stage_verdict stage_lease_credential(struct call *call);
enum stage_verdict stage_invoke(struct call *call);
enum stage_verdict stage_filter_result(struct call *call);
enum stage_verdict stage_reply(struct call *call);

/* stage_record_intent.c: puts the call on record as it stands, before what it says happens. STAGE_NEXT: durable; FAIL:
 * it cannot be. The next record of the same call begins with call->intent INTENT_NONE. */
enum stage_verdict call_record(struct call *call, enum audit_kind kind);

/* The methods' handlers: method_*.c */
enum stage_verdict method_initialize(struct call *call);
enum stage_verdict method_ping(struct call *call);
enum stage_verdict method_discover(struct call *call);
enum stage_verdict method_nothing(struct call *call);
enum stage_verdict method_cancelled(struct call *call);
enum stage_verdict method_tools_list(struct call *call);
enum stage_verdict method_set_level(struct call *call);
enum stage_verdict method_subscribe(struct call *call);
enum stage_verdict method_unsubscribe(struct call *call);
enum stage_verdict method_listen(struct call *call);
enum stage_verdict method_prompts_list(struct call *call);
enum stage_verdict method_resources_list(struct call *call);
enum stage_verdict method_templates_list(struct call *call);
/* Of every action: its connector does it. */
enum stage_verdict method_act(struct call *call);

#endif
