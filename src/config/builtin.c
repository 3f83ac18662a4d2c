/* The connectors that ship in the binary, as rows: one place for definitions, whoever made them. */
#include <string.h>

#include "base/limits.h"
#include "codec/json.h"
#include "config/config.h"
#include "connector/connector.h"
#include "store/store.h"

static const struct connector_record *find(const struct connector_record *rows, size_t n, const char *id) {
  for (size_t i = 0; i < n; i++) {
    if (uuid_is_nil(rows[i].organisation_id) && str_eq_c(rows[i].id, id)) return &rows[i];
  }
  return NULL;
}

static enum err_code install_in(struct arena *arena, struct db_tx *tx, const struct connector_builtin *builtin,
                                const struct connector_record *old, bool *ret_is_changed, struct err *err) {
  yyjson_doc *doc = NULL;
  struct buf canonical, text;
  buf_init(&canonical, arena, LIMIT_JSON_FILE);
  buf_init(&text, arena, LIMIT_JSON_FILE);
  enum err_code code = json_read_file_text(arena, str_of(builtin->definition), &doc, err);
  if (!code) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), err);
  if (code) {
    err_prefix(err, "the built-in connector %s", builtin->id);
    return code;
  }
  json_write_value(&text, yyjson_doc_get_root(doc));
  if (buf_failed(&canonical) || buf_failed(&text)) return err_no_memory(err);
  struct connector_record record = {.id = str_of(builtin->id),
                                    .version = old ? old->version + 1 : 1,
                                    .status = STR("available"),
                                    .kind = str_of(builtin->kind),
                                    .source = STR("builtin"),
                                    .definition = buf_str(&text)};
  vault_sha256(buf_str(&canonical), record.hash);
  if (old && memcmp(old->hash, record.hash, sizeof(record.hash)) == 0) return ERR_NONE;
  *ret_is_changed = true;
  return store_connector_insert(tx, &record, err);
}

/* In memory of its own: a manifest parsed is several times its text. */
static enum err_code install(struct db_tx *tx, const struct connector_builtin *builtin,
                             const struct connector_record *old, bool *ret_is_changed, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = install_in(&arena, tx, builtin, old, ret_is_changed, err);
  arena_release(&arena);
  return code;
}

/* They are every organisation's: each one's policy has a next version. */
static enum err_code log_changes(struct db_tx *tx, struct arena *arena, struct err *err) {
  const struct organisation_record *organisations;
  size_t n;
  enum err_code code = store_organisation_list(tx, arena, &organisations, &n, err);
  for (size_t i = 0; i < n && !code; i++) {
    code = store_change_log(tx, organisations[i].id, CHANGE_ORGANISATION, organisations[i].id, err);
  }
  return code;
}

enum err_code config_install_builtins(struct db_tx *tx, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  const struct connector_record *rows = NULL;
  size_t n_rows = 0, n = 0;
  bool is_changed = false;
  struct uuid installation = {{0}};
  enum err_code code = store_connector_list(tx, &arena, installation, &rows, &n_rows, err);
  const struct connector_builtin *builtins = connector_builtins(&n);
  for (size_t i = 0; i < n && !code; i++) {
    code = install(tx, &builtins[i], find(rows, n_rows, builtins[i].id), &is_changed, err);
  }
  if (!code && is_changed) code = log_changes(tx, &arena, err);
  arena_release(&arena);
  return code;
}
