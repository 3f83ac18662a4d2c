/* A record as an entry of a list: its members, and what of it is personal, opened. Must not judge whether it holds. */
#include "audit/entry.h"

yyjson_val *audit_entry_parse(struct arena *arena, struct str text) {
  yyjson_alc alc = json_alc(arena);
  return yyjson_doc_get_root(yyjson_read_opts((char *)text.p, text.n, 0, &alc, NULL));
}

static int64_t number(yyjson_val *record, const char *name) {
  return yyjson_get_sint(json_get(record, name));
}

static void fill_personal(struct arena *arena, const struct vault_keys *keys, const struct audit_row *row,
                          bool with_arguments, struct audit_entry *entry) {
  struct secret *plain = NULL;
  char space[AUDIT_PLACE_SIZE];
  if (!row->personal.p || !keys) return;
  struct vault_place place = audit_personal_place(row->organisation_id, row->writer, row->seq, space);
  if (vault_unseal(keys, place, row->personal, &plain, NULL) != ERR_NONE) return;
  yyjson_val *personal = audit_entry_parse(arena, secret_open(plain));
  struct str user = json_get_str(personal, "user");
  if (user.n) entry->user = user;
  entry->client = json_get_str(personal, "client");
  if (with_arguments) entry->arguments = json_get_str(personal, "arguments");
  secret_free(plain);
}

static enum err_code fill_roles(struct arena *arena, yyjson_val *record, struct audit_entry *entry, struct err *err) {
  yyjson_val *roles = json_get(record, "roles");
  if (!roles) return ERR_NONE;
  struct buf text;
  buf_init(&text, arena, AUDIT_RECORD_MAX);
  json_write_value(&text, roles);
  if (buf_failed(&text)) return err_no_memory(err);
  entry->roles = buf_str(&text);
  return ERR_NONE;
}

enum err_code audit_entry_fill(struct arena *arena, const struct vault_keys *keys, const struct audit_row *row,
                               yyjson_val *record, bool with_arguments, struct audit_entry *ret_entry,
                               struct err *err) {
  struct str kind = json_get_str(record, "kind");
  *ret_entry = (struct audit_entry){.time = row->time,
                                    .kind = str_eq_c(kind, "change") ? kind : STR("call"),
                                    .organisation = json_get_str(record, "org"),
                                    .user_id = json_get_str(record, "user"),
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
  if (!ret_entry->user.n) ret_entry->user = STR("operator");
  fill_personal(arena, keys, row, with_arguments, ret_entry);
  return fill_roles(arena, record, ret_entry, err);
}
