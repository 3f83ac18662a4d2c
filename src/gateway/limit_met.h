/* An access token has met its rate: webhooks hear of it, and no call waits for that. */
#ifndef CONNEK_GATEWAY_LIMIT_MET_H
#define CONNEK_GATEWAY_LIMIT_MET_H

#include "gateway/call.h"

/* On the worker's loop; at most once a minute and token. Where it cannot be told now, it is not. */
void limit_met_tell(struct worker *worker, const struct principal *principal);

#endif
