/* W3C trace context (https://www.w3.org/TR/trace-context/): one trace id runs through every call, log line, record and
 * upstream request. */
#ifndef CONNEK_GATEWAY_TRACE_H
#define CONNEK_GATEWAY_TRACE_H

#include <stdint.h>

#include "base/str.h"

enum { TRACE_PARENT_SIZE = 56 };

struct trace {
  char id[33];                         /* 32 hex digits */
  char traceparent[TRACE_PARENT_SIZE]; /* for upstream requests: the same trace, a span of ours */
};

/* Random enough for ids that must not collide and need not be secret; one a worker. */
struct trace_source {
  uint64_t state[2];
};
void trace_source_init(struct trace_source *source);
/* Goes on with the trace that `traceparent` names; begins one where it is empty or malformed. */
void trace_begin(struct trace *ret_trace, struct trace_source *source, struct str traceparent);

#endif
