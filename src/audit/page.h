/* The trail page by page, newest first, filtered: as far as there are facts (fact.h). */
#ifndef CONNEK_AUDIT_PAGE_H
#define CONNEK_AUDIT_PAGE_H

#include "audit/audit.h"
#include "store/call_fact.h"

struct audit_place {
  int64_t time;
  struct str writer;
  int64_t seq;
};
/* Visits `max` entries at most; *ret_n: how many were found, one more than `max` where there are others; *ret_last: of
 * the last one visited. Texts are in the arena. */
enum err_code audit_page(struct db_tx *tx, struct arena *arena, const struct vault_keys *keys,
                         const struct call_fact_filter *filter, size_t max, bool with_arguments, audit_visit visit,
                         void *context, struct audit_place *ret_last, size_t *ret_n, struct err *err) MUST_CHECK;

#endif
