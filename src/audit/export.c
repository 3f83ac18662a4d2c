/* The trail record by record, in the order of its chains: nothing is joined or sorted, so that any number of records
 * takes the same memory. Must not judge whether it holds, nor know what becomes of the entries. */
#include "audit/entry.h"

struct exporting {
  audit_keys_of keys_of;
  void *keys_context;
  bool with_arguments, has_asked_keys;
  audit_visit visit;
  void *context;
  struct arena arena; /* one record */
  struct uuid keys_owner;
  const struct vault_keys *keys;
};

static const struct vault_keys *keys_for(struct exporting *exporting, struct uuid organisation_id) {
  if (!exporting->has_asked_keys || !uuid_eq(exporting->keys_owner, organisation_id)) {
    exporting->keys = exporting->keys_of(organisation_id, exporting->keys_context);
    exporting->keys_owner = organisation_id;
    exporting->has_asked_keys = true;
  }
  return exporting->keys;
}

static enum err_code show(const struct audit_row *row, void *context, struct err *err) {
  struct exporting *exporting = context;
  struct audit_entry entry;
  yyjson_val *record = audit_entry_parse(&exporting->arena, row->record);
  enum err_code code = ERR_NONE;
  /* Somebody has been at it: what cannot be read is left to audit_verify, which names it. */
  if (record) {
    code = audit_entry_fill(&exporting->arena, keys_for(exporting, row->organisation_id), row, record,
                            exporting->with_arguments, &entry, err);
    if (code == ERR_NONE) {
      entry.kind = json_get_str(record, "kind");
      memcpy(entry.mac, row->mac, sizeof entry.mac);
      code = exporting->visit(&entry, exporting->context, err);
    }
  }
  arena_release(&exporting->arena);
  return code;
}

enum err_code audit_records(struct db_tx *tx, struct uuid organisation_id, audit_keys_of keys_of, void *keys_context,
                            bool with_arguments, audit_visit visit, void *context, struct err *err) {
  struct exporting exporting = {.keys_of = keys_of,
                                .keys_context = keys_context,
                                .with_arguments = with_arguments,
                                .visit = visit,
                                .context = context};
  arena_init(&exporting.arena, 0);
  enum err_code code = store_audit_each(tx, organisation_id, show, &exporting, err);
  arena_release(&exporting.arena);
  return code;
}
