/* What the guards of the kinds of action share. For stage_guard.c and guard_*.c alone. */
#ifndef CONNEK_GATEWAY_GUARD_H
#define CONNEK_GATEWAY_GUARD_H

#include "gateway/pipeline.h"

/* One for each kind: finds what is meant, asks policy, and fills what the later stages need. */
enum stage_verdict guard_tool(struct call *call);
enum stage_verdict guard_prompt(struct call *call);
enum stage_verdict guard_resource(struct call *call);
enum stage_verdict guard_completion(struct call *call);
enum stage_verdict guard_task(struct call *call);
/* Does the client know tasks, and if not: says so. */
bool guard_knows_tasks(const struct call *call);
enum stage_verdict guard_refuse_undeclared(struct call *call);
/* The same for a task of the call, by its id as clients know it. */
enum stage_verdict guard_task_named(struct call *call, struct str id);
/* The two things that can be completed. */
enum stage_verdict guard_prompt_completion(struct call *call, struct str name);
enum stage_verdict guard_template_completion(struct call *call, struct str uri);

/* Says no: for a tool as its result, which the assistant can read to its person (MCP, tools, Error Handling), for the
 * others as an error. */
enum stage_verdict guard_deny(struct call *call, struct str reason, const char *format, ...) PRINTF_LIKE(3, 4);
enum stage_verdict guard_deny_by_policy(struct call *call, struct str name,
                                        const struct connector_connection *connection,
                                        const struct policy_decision *decision);
/* The arguments cannot be taken, whoever asks. */
enum stage_verdict guard_refuse_arguments(struct call *call, const struct err *err);

/* Fills call->arguments from an object of the params ({} where it is absent), and their canonical form. False: failed.
 */
bool guard_read_arguments(struct call *call, yyjson_val *arguments) MUST_CHECK;
/* Which connection does the call mean? NULL: none of those it may use; `err` says what to name. */
const struct connector_connection *guard_choose(const struct call *call,
                                                const struct connector_connection *const *connections, size_t n,
                                                const char *account_argument, struct err *err);
/* Takes the account out of the arguments, where there is one. False: no memory, and the call has failed. */
bool guard_drop_account(struct call *call, const char *account_argument) MUST_CHECK;
/* Asks policy about call->connection. STAGE_NEXT: allowed, and call->reason says by what. */
enum stage_verdict guard_decide(struct call *call, enum policy_action_kind kind, struct str name, struct str shown);

/* guard_absent.c: a prompt or a resource that the user's set lacks: is it one that they may not have? False: nobody has
 * it. */
struct guard_absence {
  const struct connector_connection *connection;
  struct policy_decision decision;
};
bool guard_prompt_is_denied(const struct call *call, struct str public_name,
                            struct guard_absence *ret_absence) MUST_CHECK;
bool guard_resource_is_denied(const struct call *call, struct str uri, struct guard_absence *ret_absence) MUST_CHECK;

#endif
