/* What an MCP server says of one thing that it offers, judged. For src/org alone. */
#ifndef CONNEK_ORG_CATALOGUE_ITEM_H
#define CONNEK_ORG_CATALOGUE_ITEM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "connector/mcp/upstream.h"

enum catalogue_kind {
  CATALOGUE_TOOL,
  CATALOGUE_RESOURCE,
  CATALOGUE_TEMPLATE,
  CATALOGUE_PROMPT,
  CATALOGUE_INSTRUCTIONS,
  CATALOGUE_KINDS
};
/* "tool", as it stands in rows. */
const char *catalogue_kind_name(enum catalogue_kind kind);

struct catalogue_seen {
  enum catalogue_kind kind;
  struct str name;       /* or URI, or template */
  struct str definition; /* as it may be shown */
  uint8_t hash[32];      /* SHA-256 of the canonical form (RFC 8785) of what was sent */
  enum policy_does hint; /* what its annotations say that it does */
  bool is_read_only;     /* it says so in so many words */
  const char *refusal;   /* why nobody may have it; NULL: it may be accepted */
  struct str notes;      /* for whoever decides, a line each; or empty */
};

struct catalogue_reading {
  struct catalogue_seen *items; /* by kind, then as listed; each name once */
  size_t n;
  struct str left_out; /* what could not even be an item; or STR_NONE */
};

/* Reads a listing, all in the arena. `others`: names of tools of other connections (keys), or NULL: texts that speak of
 * them are noted. Fails only where the listing as a whole is none. */
enum err_code catalogue_read(struct arena *arena, const struct mcp_listing *listing, const struct map *others,
                             struct catalogue_reading *ret_reading, struct err *err) MUST_CHECK;

#endif
