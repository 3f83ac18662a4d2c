/* One record as people read it. For src/audit alone. */
#ifndef CONNEK_AUDIT_ENTRY_H
#define CONNEK_AUDIT_ENTRY_H

#include "audit/record.h"
#include "codec/json.h"
#include "store/store.h"

/* NULL: it cannot be read. */
yyjson_val *audit_entry_parse(struct arena *arena, struct str text);
/* Of a row that has been parsed; `keys` NULL: what is personal stays unknown. All in the arena. The outcome is the
 * record's own: of an intent there is none yet. */
enum err_code audit_entry_fill(struct arena *arena, const struct vault_keys *keys, const struct audit_row *row,
                               yyjson_val *record, bool with_arguments, struct audit_entry *ret_entry,
                               struct err *err) MUST_CHECK;

#endif
