/* When an upstream is left alone: after some failures in a row nobody asks it for a while; then one request is let
 * through, and if that succeeds all are. */
#include <stdio.h>

#include "connector/mcp/home.h"

enum { FAILURES = 5, FIRST_WAIT_MS = 2000, LONGEST_WAIT_MS = 60 * 1000 };

bool mcp_breaker_lets(struct mcp_upstream *upstream, int64_t *ret_wait_us) {
  struct mcp_breaker *breaker = &upstream->breaker;
  int64_t left_us = breaker->open_until_us - mcp_now_us(upstream);
  if (breaker->open_until_us == 0) return true;
  if (left_us <= 0 && !breaker->is_probing) {
    breaker->is_probing = true;
    return true;
  }
  *ret_wait_us = left_us > 0 ? left_us : 0;
  return false;
}

void mcp_breaker_succeeded(struct mcp_upstream *upstream) {
  bool was_open = upstream->breaker.open_until_us != 0;
  upstream->breaker = (struct mcp_breaker){0};
  if (!was_open) return;
  mcp_upstream_log(upstream, "answers again");
  mcp_notice(upstream, MCP_HEALTH_CHANGED, STR_NONE);
}

void mcp_breaker_failed(struct mcp_upstream *upstream, const char *why) {
  struct mcp_breaker *breaker = &upstream->breaker;
  if (breaker->open_until_us > mcp_now_us(upstream)) return; /* it was under way when others failed */
  if (++breaker->n_failures < FAILURES) return;
  bool was_open = breaker->open_until_us != 0;
  unsigned n = breaker->n_failures - FAILURES;
  int64_t wait_ms = n < 10 ? (int64_t)FIRST_WAIT_MS << n : LONGEST_WAIT_MS;
  if (wait_ms > LONGEST_WAIT_MS) wait_ms = LONGEST_WAIT_MS;
  breaker->open_until_us = mcp_now_us(upstream) + wait_ms * 1000;
  breaker->is_probing = false;
  mcp_upstream_log(upstream, "has failed %u times in a row and is left alone for %lld s: %s", breaker->n_failures,
                   (long long)(wait_ms / 1000), why);
  snprintf(breaker->why, sizeof(breaker->why), "%s", why);
  if (!was_open) mcp_notice(upstream, MCP_HEALTH_CHANGED, STR_NONE);
}
