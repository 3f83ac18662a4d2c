/* A page of the trail: found by its facts, read from its records. */
#include "audit/page.h"
#include "audit/entry.h"

static enum err_code show(struct db_tx *tx, struct arena *arena, const struct vault_keys *keys,
                          const struct call_fact *fact, bool with_arguments, audit_visit visit, void *context,
                          struct err *err) {
  struct audit_row row = {0};
  struct audit_entry entry;
  enum err_code code =
      store_audit_get(tx, arena, fact->organisation_id, fact->writer, fact->seq, fact->time, &row, err);
  yyjson_val *record = code == ERR_NONE ? audit_entry_parse(arena, row.record) : NULL;
  if (code == ERR_NOT_FOUND || (code == ERR_NONE && !record)) return ERR_NONE; /* audit_verify names it */
  if (code == ERR_NONE) code = audit_entry_fill(arena, keys, &row, record, with_arguments, &entry, err);
  if (code != ERR_NONE) return code;
  entry.outcome = fact->outcome;
  entry.error = fact->error;
  entry.duration_us = fact->duration_us;
  memcpy(entry.mac, row.mac, sizeof(entry.mac));
  return visit(&entry, context, err);
}

enum err_code audit_page(struct db_tx *tx, struct arena *arena, const struct vault_keys *keys,
                         const struct call_fact_filter *filter, size_t max, bool with_arguments, audit_visit visit,
                         void *context, struct audit_place *ret_last, size_t *ret_n, struct err *err) {
  const struct call_fact *facts = NULL;
  size_t n = 0;
  enum err_code code = store_call_fact_page(tx, arena, filter, max + 1, &facts, &n, err);
  for (size_t i = 0; i < n && i < max && code == ERR_NONE; i++) {
    code = show(tx, arena, keys, &facts[i], with_arguments, visit, context, err);
    *ret_last = (struct audit_place){facts[i].time, facts[i].writer, facts[i].seq};
  }
  *ret_n = n;
  return code;
}
