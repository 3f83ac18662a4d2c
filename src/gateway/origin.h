/* Whether a browser was tricked into this request: Host and Origin held against what we serve (DNS rebinding; MCP,
 * transports, Security). */
#ifndef CONNEK_GATEWAY_ORIGIN_H
#define CONNEK_GATEWAY_ORIGIN_H

#include "base/err.h"
#include "base/str.h"

struct origin_rules {
  struct str public_host;     /* of --public-url, lower case; or empty */
  struct str public_origin;   /* scheme://host[:port] */
  uint16_t port;              /* our listener's */
  const char *const *allowed; /* --allow-origin */
  size_t n_allowed;
};

/* A rebinding page has the attacker's name in Host; it cannot have an address, "localhost" or our public name there. */
bool origin_allows_host(const struct origin_rules *rules, struct str host_field);
/* Our own (the public one; http on loopback with our port), or one the operator named. "null" never. */
bool origin_allows(const struct origin_rules *rules, struct str origin);

#endif
