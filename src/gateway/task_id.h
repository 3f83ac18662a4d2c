/* The ids of tasks, as clients know them: ours, sealed for the user whose call began the task. One names connection,
 * tool and the server's own id, so that any worker finds the server again, and policy can be asked each time. */
#ifndef CONNEK_GATEWAY_TASK_ID_H
#define CONNEK_GATEWAY_TASK_ID_H

#include "gateway/call.h"

/* The Tasks extension's name. */
#define TASKS_EXTENSION "io.modelcontextprotocol/tasks"

/* What an id of ours stands for, as things are now. */
struct task {
  const struct connector_connection *connection;
  const struct connector_tool *tool; /* whose call began it */
  struct str id;                     /* the server's own */
};

/* Of a connection and a tool by name. False: not there, or not accepted, any more; `connector`: at this URL alone, or
 * empty. */
bool task_find(const struct org_snapshot *snapshot, struct str connector, struct uuid connection_id, struct str tool,
               struct task *ret_task) MUST_CHECK;
/* For the server's own id in an answer to this call, which began the task or asks about it. STR_NONE: no memory, or too
 * long. */
struct str task_id_seal(struct call *call, struct str id);
/* False: not ours, not this user's, of another era; or its tool is not there any more (for those at this URL). */
bool task_id_open(const struct exchange *exchange, enum mcp_era era, struct str sealed,
                  struct task *ret_task) MUST_CHECK;

#endif
