/* What an upstream says unasked, passed on to all workers, within bounds. */
#include "connector/mcp/home.h"

void mcp_notice(struct mcp_upstream *upstream, enum mcp_notice_kind kind, struct str text) {
  const struct mcp_upstreams_options *options = &upstream->home->upstreams->options;
  const struct mcp_notice notice = {.kind = kind,
                                    .organisation_id = upstream->target->organisation_id,
                                    .connection_id = upstream->target->connection_id,
                                    .text = text};
  if (options->on_notice) options->on_notice(options->context, &notice);
}
