/* GET and DELETE of legacy sessions: the stream on which a server speaks unasked, and the session's end. */
#ifndef CONNEK_GATEWAY_STREAM_GET_H
#define CONNEK_GATEWAY_STREAM_GET_H

#include "gateway/call.h"

/* A worker's: GETs that are open here. */
struct stream_pipes {
  struct map by_id;   /* those that are open here */
  struct map readers; /* of logs that are here, and are read from anywhere */
};
/* Ends all that are open: on drain. */
void stream_pipes_end(struct worker *worker);
void stream_pipes_free(struct worker *worker);

#endif
