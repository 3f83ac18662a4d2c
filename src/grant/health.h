/* How a connection is, as an admin sees it: of what is stored of it. */
#ifndef CONNEK_GRANT_HEALTH_H
#define CONNEK_GRANT_HEALTH_H

#include "store/grant.h"

/* What is known of one connection; all but the first may be NULL. */
struct connection_facts {
  const struct connection_record *connection;
  const struct grant_record *grant;
  const struct connection_check_record *check;
  const struct catalogue_record *catalogue;
};

struct connection_health {
  /* active; expiring: somebody has to do something before it ends; reconnect: a person has to connect it again; error:
   * the last attempt failed, and another may not; disconnected. Empty: nothing is known, and it may need nothing. */
  struct str status;
  int64_t last_success_at, last_error_at, expires_at; /* 0: none */
  struct str last_error;                              /* or empty */
  bool renews;                                        /* Connek does, by itself */
  struct str advice; /* what to do about it, a sentence without a full stop; or empty */
};

enum { HEALTH_KEY_DAYS = 365 }; /* a key that is older should be replaced */

/* The texts are of the facts, or in the arena. */
void connection_health_read(struct arena *arena, const struct connection_facts *facts, int64_t now,
                            struct connection_health *ret_health);
/* What is stored of all connections of an organisation, by name. In the arena. */
enum err_code connection_facts_list(struct db_tx *tx, struct arena *arena, struct uuid organisation_id,
                                    struct connection_facts **ret_list, size_t *ret_n, struct err *err) MUST_CHECK;
/* How much ahead of its end an access is said to be expiring. */
int64_t connection_health_ahead_us(const struct grant_record *grant);

#endif
