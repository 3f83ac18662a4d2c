/* What an upstream says unasked, passed on to all workers, within bounds: so many a second, and whoever does not stop
 * is not listened to for a while. What is left out is found when its lists are next asked for. */
#include "connector/mcp/home.h"

enum { BURST = 50, PER_SECOND = 10, STORM = 2000 /* left out, since the last that was passed on */ };

static bool may_pass(struct mcp_upstream *upstream) {
  int64_t now_us = mcp_now_us(upstream), unit_us = 1000000 / PER_SECOND;
  int64_t earliest_us = now_us - BURST * unit_us;
  if (upstream->notices_at_us < earliest_us) upstream->notices_at_us = earliest_us;
  if (upstream->notices_at_us > now_us - unit_us) return false;
  upstream->notices_at_us += unit_us;
  return true;
}

void mcp_notice(struct mcp_upstream *upstream, enum mcp_notice_kind kind, struct str text) {
  const struct mcp_upstreams_options *options = &upstream->home->upstreams->options;
  const struct mcp_notice notice = {.kind = kind,
                                    .organisation_id = upstream->target->organisation_id,
                                    .connection_id = upstream->target->connection_id,
                                    .text = text};
  if (may_pass(upstream)) {
    upstream->n_left_out = 0;
    if (options->on_notice) options->on_notice(options->context, &notice);
    return;
  }
  if (++upstream->n_left_out == 1) mcp_upstream_log(upstream, "sends more notifications than are passed on");
  if (upstream->n_left_out < STORM) return;
  upstream->n_left_out = 0;
  mcp_upstream_log(upstream, "does not stop sending notifications: nobody listens to it for a while");
  mcp_wire_quiet(upstream);
}
