/* What nobody has used for a while is let go of: a child is stopped, a legacy session over HTTP ended, and the next
 * call begins another. Modern servers over HTTP have nothing to let go of. Must not know how either is done. */
#include "connector/mcp/home.h"

static int64_t patience_us(const struct mcp_upstream *upstream) {
  int64_t default_ms = upstream->wire == MCP_WIRE_CHILD ? LIMIT_MCP_CHILD_IDLE_MS : LIMIT_MCP_SESSION_IDLE_MS;
  return (upstream->target->idle_ms > 0 ? upstream->target->idle_ms : default_ms) * 1000;
}

/* What we only looked at (discovery) is not kept for as long as what somebody uses; but long enough to look. */
static int64_t due_us(const struct mcp_upstream *upstream) {
  int64_t patience = patience_us(upstream), visit = LIMIT_MCP_VISIT_MS * INT64_C(1000);
  int64_t looked_us = upstream->ready_us + (patience < visit ? patience : visit);
  int64_t used_us = upstream->used_us > 0 ? upstream->used_us + patience : 0;
  return used_us > looked_us ? used_us : looked_us;
}

/* Somebody waits for it, or wants to hear of something. */
static bool is_wanted(const struct mcp_upstream *upstream) {
  return upstream->queued || upstream->n_active > 0 || upstream->n_parked > 0 || upstream->n_subscriptions > 0;
}

static void on_idle(struct timer *timer) {
  struct mcp_upstream *upstream = (struct mcp_upstream *)(void *)((char *)timer - offsetof(struct mcp_upstream, idle));
  int64_t at_us = due_us(upstream), now_us = mcp_now_us(upstream), soon_us = now_us + 1000 * 1000;
  if (now_us < at_us || is_wanted(upstream)) {
    timers_set(upstream->home->host->timers, timer, at_us > soon_us ? at_us : soon_us);
    return;
  }
  mcp_wire_close(upstream);
  mcp_disconnect(upstream, true); /* who comes while a child still ends waits for the next one */
}

void mcp_idle_begin(struct mcp_upstream *upstream) {
  bool is_kept = upstream->wire != MCP_WIRE_HTTP || upstream->session_id[0];
  if (!is_kept) return;
  upstream->ready_us = mcp_now_us(upstream);
  upstream->idle.run = on_idle;
  timers_set(upstream->home->host->timers, &upstream->idle, due_us(upstream));
}

void mcp_idle_end(struct mcp_upstream *upstream) {
  timers_cancel(upstream->home->host->timers, &upstream->idle);
}
