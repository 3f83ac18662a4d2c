/* What MCP servers behind us say unasked: heard at one worker, told to all. */
#ifndef CONNEK_GATEWAY_NOTICE_H
#define CONNEK_GATEWAY_NOTICE_H

#include "connector/mcp/upstream.h"

struct worker;

/* mcp_upstreams_options.on_notice and .on_line; `context` is the struct server. */
void notice_spread(void *context, const struct mcp_notice *notice);
void notice_log(void *context, struct uuid connection_id, const char *line);
/* On each worker's loop, for each notice. */
void worker_notice(struct worker *worker, const struct mcp_notice *notice);
/* On each worker's loop: a snapshot or a token changed. */
void worker_changed(struct worker *worker);

#endif
