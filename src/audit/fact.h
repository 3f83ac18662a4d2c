/* The trail in a form that is searched and counted: facts and counts made of its records, chain by chain, as far behind
 * as whoever reads them allows. What they say is no evidence: the records are. */
#ifndef CONNEK_AUDIT_FACT_H
#define CONNEK_AUDIT_FACT_H

#include "base/err.h"
#include "base/uuid.h"
#include "db/db.h"

enum { FACTS_A_TURN = 500 }; /* records made into facts in one write transaction: others want to write too */

/* Of one organisation (nil: of all). */
enum err_code facts_are_behind(struct db_tx *tx, struct uuid organisation_id, bool *ret_are_behind,
                               struct err *err) MUST_CHECK;
/* In a write transaction: the next FACTS_A_TURN records at most. */
enum err_code facts_catch_up(struct db_tx *tx, struct uuid organisation_id, bool *ret_are_behind,
                             struct err *err) MUST_CHECK;

#endif
