/* The ids of tasks, as clients know them. */
#ifndef CONNEK_GATEWAY_TASK_ID_H
#define CONNEK_GATEWAY_TASK_ID_H

#include "gateway/call.h"

/* For the server's own id in an answer to this call, which began the task or asks about it. STR_NONE: no memory, or too
 * long. */
struct str task_id_seal(struct call *call, struct str id);

#endif
