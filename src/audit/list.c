/* The trail as people read it: one entry a call. Must not judge whether it holds: verify.c does.
 *
 * Two passes: the outcomes are collected first (a small entry for each write that was done), then everything else is
 * shown in order of time, an intent with the outcome of its call. */
#include "audit/record.h"

#include "base/map.h"
#include "codec/json.h"
#include "store/store.h"

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

static yyjson_val *parse(struct listing *listing, struct str text) {
  yyjson_alc alc = json_alc(&listing->row_arena);
  return yyjson_doc_get_root(yyjson_read_opts((char *)text.p, text.n, 0, &alc, NULL));
}

static int64_t number(yyjson_val *record, const char *name) {
  return yyjson_get_sint(json_get(record, name));
}

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
  yyjson_val *record = parse(listing, row->record);
  struct outcome *outcome = arena_new(&listing->arena, struct outcome);
  if (!outcome) {
    code = err_no_memory(err);
    goto out;
  }
  if (!outcome_key(row, record, outcome->key)) goto out;
  outcome->duration_us = number(record, "duration_us");
  outcome->outcome = arena_str(&listing->arena, json_get_str(record, "outcome"));
  outcome->error = arena_str(&listing->arena, json_get_str(record, "error"));
  if (!outcome->outcome.p || !outcome->error.p ||
      map_put(&listing->outcomes, str_make(outcome->key, sizeof outcome->key), outcome) != ERR_NONE)
    code = err_no_memory(err);
out:
  arena_release(&listing->row_arena);
  return code;
}

static void fill_personal(struct listing *listing, const struct audit_row *row, struct audit_entry *entry) {
  if (!row->personal.p) return;
  if (!listing->keys || !uuid_eq(listing->keys_owner, row->organisation_id)) {
    listing->keys = listing->keys_of(row->organisation_id, listing->keys_context);
    listing->keys_owner = row->organisation_id;
  }
  struct secret *plain = NULL;
  char space[AUDIT_PLACE_SIZE];
  struct vault_place place = audit_personal_place(row->organisation_id, row->writer, row->seq, space);
  if (!listing->keys || vault_unseal(listing->keys, place, row->personal, &plain, NULL) != ERR_NONE) return;
  yyjson_val *personal = parse(listing, secret_open(plain));
  struct str user = json_get_str(personal, "user");
  if (user.n) entry->user = user;
  entry->client = json_get_str(personal, "client");
  if (listing->with_arguments) entry->arguments = json_get_str(personal, "arguments");
  secret_free(plain);
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

static enum err_code fill_roles(struct listing *listing, yyjson_val *record, struct audit_entry *entry,
                                struct err *err) {
  yyjson_val *roles = json_get(record, "roles");
  if (!roles) return ERR_NONE;
  struct buf text;
  buf_init(&text, &listing->row_arena, AUDIT_RECORD_MAX);
  json_write_value(&text, roles);
  if (buf_failed(&text)) return err_no_memory(err);
  entry->roles = buf_str(&text);
  return ERR_NONE;
}

static enum err_code show(struct listing *listing, const struct audit_row *row, yyjson_val *record, struct err *err) {
  struct str kind = json_get_str(record, "kind");
  struct audit_entry entry = {.time = row->time,
                              .kind = str_eq_c(kind, "change") ? kind : STR("call"),
                              .organisation = json_get_str(record, "org"),
                              .user = json_get_str(record, "user"),
                              .token = json_get_str(record, "token"),
                              .tool = json_get_str(record, "tool"),
                              .does = json_get_str(record, "does"),
                              .connector = json_get_str(record, "connector"),
                              .connection = json_get_str(record, "connection"),
                              .decision = json_get_str(record, "decision"),
                              .reason = json_get_str(record, "reason"),
                              .outcome = json_get_str(record, "outcome"),
                              .error = json_get_str(record, "error"),
                              .trace_id = json_get_str(record, "trace"),
                              .call_id = json_get_str(record, "call"),
                              .duration_us = number(record, "duration_us"),
                              .policy_version = number(record, "policy"),
                              .connector_version = number(record, "connector_version"),
                              .seq = row->seq,
                              .writer = row->writer};
  if (!entry.user.n) entry.user = STR("operator");
  if (str_eq_c(kind, "intent")) fill_outcome(listing, row, record, &entry);
  fill_personal(listing, row, &entry);
  enum err_code code = fill_roles(listing, record, &entry, err);
  return code == ERR_NONE ? listing->visit(&entry, listing->context, err) : code;
}

static enum err_code show_row(const struct audit_row *row, void *context, struct err *err) {
  struct listing *listing = context;
  if (is_outcome(row->record)) return ERR_NONE;
  yyjson_val *record = parse(listing, row->record);
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
  enum err_code code = store_audit_each(tx, collect_outcome, &listing, err);
  if (code == ERR_NONE) code = store_audit_each_by_time(tx, organisation_id, show_row, &listing, err);
  map_release(&listing.outcomes);
  arena_release(&listing.row_arena);
  arena_release(&listing.arena);
  return code;
}
