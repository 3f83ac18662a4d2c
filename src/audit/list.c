/* The trail as people read it: one entry a call. Must not judge whether it holds: verify.c does.
 *
 * Two passes: the outcomes are collected first (a small entry for each write that was done), then everything else is
 * shown in order of time, an intent with the outcome of its call. */
#include "audit/entry.h"

#include "base/map.h"

struct outcome {
  char key[16 + 36]; /* organisation's id, call's id as text: ids of one organisation say nothing to another */
  int64_t duration_us;
  struct str outcome, error;
};

struct listing {
  audit_keys_of keys_of;
  void *keys_context;
  bool with_arguments;
  audit_visit visit;
  void *context;
  struct arena arena;     /* outcomes */
  struct arena row_arena; /* one record */
  struct map outcomes;
  struct uuid keys_owner;
  const struct vault_keys *keys;
};

static bool outcome_key(const struct audit_row *row, yyjson_val *record, char ret_key[16 + 36]) {
  struct str call = json_get_str(record, "call");
  if (call.n != 36) return false;
  memcpy(ret_key, row->organisation_id.b, 16);
  memcpy(ret_key + 16, call.p, 36);
  return true;
}

/* In a canonical record these bytes can stand nowhere else: in a string the quotes would be escaped. */
static bool is_outcome(struct str record) {
  static const char mark[] = ",\"kind\":\"outcome\",";
  return memmem(record.p, record.n, mark, sizeof mark - 1) != NULL;
}

static enum err_code collect_outcome(const struct audit_row *row, void *context, struct err *err) {
  struct listing *listing = context;
  if (!is_outcome(row->record)) return ERR_NONE;
  enum err_code code = ERR_NONE;
  yyjson_val *record = audit_entry_parse(&listing->row_arena, row->record);
  struct outcome *outcome = arena_new(&listing->arena, struct outcome);
  if (!outcome) {
    code = err_no_memory(err);
    goto out;
  }
  if (!outcome_key(row, record, outcome->key)) goto out;
  outcome->duration_us = yyjson_get_sint(json_get(record, "duration_us"));
  outcome->outcome = arena_str(&listing->arena, json_get_str(record, "outcome"));
  outcome->error = arena_str(&listing->arena, json_get_str(record, "error"));
  if (!outcome->outcome.p || !outcome->error.p ||
      map_put(&listing->outcomes, str_make(outcome->key, sizeof outcome->key), outcome) != ERR_NONE)
    code = err_no_memory(err);
out:
  arena_release(&listing->row_arena);
  return code;
}

static const struct vault_keys *keys_for(struct listing *listing, struct uuid organisation_id) {
  if (!listing->keys || !uuid_eq(listing->keys_owner, organisation_id)) {
    listing->keys = listing->keys_of(organisation_id, listing->keys_context);
    listing->keys_owner = organisation_id;
  }
  return listing->keys;
}

static void fill_outcome(struct listing *listing, const struct audit_row *row, yyjson_val *record,
                         struct audit_entry *entry) {
  char key[16 + 36];
  const struct outcome *outcome =
      outcome_key(row, record, key) ? map_get(&listing->outcomes, str_make(key, sizeof key)) : NULL;
  entry->outcome = outcome ? outcome->outcome : STR("unknown");
  entry->error = outcome ? outcome->error : STR_NONE;
  entry->duration_us = outcome ? outcome->duration_us : 0;
}

static enum err_code show(struct listing *listing, const struct audit_row *row, yyjson_val *record, struct err *err) {
  struct audit_entry entry;
  enum err_code code = audit_entry_fill(&listing->row_arena, keys_for(listing, row->organisation_id), row, record,
                                        listing->with_arguments, &entry, err);
  if (code != ERR_NONE) return code;
  if (str_eq_c(json_get_str(record, "kind"), "intent")) fill_outcome(listing, row, record, &entry);
  return listing->visit(&entry, listing->context, err);
}

static enum err_code show_row(const struct audit_row *row, void *context, struct err *err) {
  struct listing *listing = context;
  if (is_outcome(row->record)) return ERR_NONE;
  yyjson_val *record = audit_entry_parse(&listing->row_arena, row->record);
  /* Somebody has been at it: what cannot be read is left to audit_verify, which names it. */
  enum err_code code = record ? show(listing, row, record, err) : ERR_NONE;
  arena_release(&listing->row_arena);
  return code;
}

enum err_code audit_list(struct db_tx *tx, struct uuid organisation_id, audit_keys_of keys_of, void *keys_context,
                         bool with_arguments, audit_visit visit, void *context, struct err *err) {
  struct listing listing = {.keys_of = keys_of,
                            .keys_context = keys_context,
                            .with_arguments = with_arguments,
                            .visit = visit,
                            .context = context};
  arena_init(&listing.arena, 0);
  arena_init(&listing.row_arena, 0);
  map_init(&listing.outcomes);
  enum err_code code = store_audit_each(tx, organisation_id, collect_outcome, &listing, err);
  if (code == ERR_NONE) code = store_audit_each_by_time(tx, organisation_id, show_row, &listing, err);
  map_release(&listing.outcomes);
  arena_release(&listing.row_arena);
  arena_release(&listing.arena);
  return code;
}
