/* What the MCP servers of an organisation offer, and what of it may be used. Each item is pinned by the SHA-256 of its
 * whole definition in canonical form (RFC 8785):
 *
 *      first seen ---------------> pending, or accepted where the connection's `trust` says so
 *      accepted, then changed ---> quarantined: hidden, both definitions kept, whatever `trust` says
 *      no longer offered --------> gone: hidden; as it was when it comes back unchanged
 *      pinned definition again --> accepted
 *      not fit to be used -------> refused, with the reason
 *
 * Items do not touch each other. Must not know how a server is asked. */
#ifndef CONNEK_ORG_CATALOGUE_H
#define CONNEK_ORG_CATALOGUE_H

#include "base/map.h"
#include "connector/mcp/upstream.h"
#include "store/store.h"
#include "vault/vault.h"

/* One connection's listing, to become rows. A caller fills the first part. */
struct catalogue_update {
  struct uuid organisation_id, connection_id;
  int64_t connection_version;        /* that was asked; another one now: nothing is done */
  const struct vault_keys *keys;     /* the organisation's */
  const struct mcp_listing *listing; /* NULL: it could not be had */
  const char *error;                 /* why */
  const struct map *others;          /* names of tools of other connections, or NULL */

  bool is_refused; /* the listing is none: `refusal` says why, and it is kept as the error */
  char refusal[ERR_TEXT_SIZE];
  bool is_changed; /* what may be used has: a snapshot is to be read anew; the change log has its row */
};

/* In a write transaction: rows, audit records ("catalogue.update") and the change log. ERR_NONE also where the
 * connection is another one by now. */
enum err_code catalogue_reconcile(struct db_tx *tx, struct catalogue_update *update, struct err *err) MUST_CHECK;

/* An admin's decision on one item. `does` empty: as it was. Audited ("catalogue.accept", "catalogue.reject"); the
 * caller writes the change log's row. ERR_INVALID, saying why: it cannot be accepted. */
struct catalogue_decision {
  const struct organisation_record *organisation;
  const struct connection_record *connection;
  const struct vault_keys *keys;
  struct uuid user_id; /* who decides; nil: the operator, by a command */
  struct str user_email;
  const char *reason; /* for the record, "admin"; NULL: "operator" */
  bool is_accepted;
  struct str does; /* read write destroy, "hints": what the server says; or empty */
};
enum err_code catalogue_decide(struct db_tx *tx, const struct catalogue_decision *decision,
                               struct catalogue_item_record *item, struct err *err) MUST_CHECK;

/* catalogue_difference.c: what changed between two definitions, field by field, a line each:
 *   ~ /description: "old" -> "new"
 *   + /inputSchema/properties/x: {...}
 *   - /annotations/readOnlyHint: true */
enum err_code catalogue_difference(struct arena *arena, struct str from, struct str to, struct buf *out,
                                   struct err *err) MUST_CHECK;

#endif
