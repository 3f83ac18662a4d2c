/* The installation's own values, by name: the master key's fingerprint and the like. */
#include "store/rows.h"

static bool read_value(struct db_rows *rows, struct arena *arena, void *ret_record) {
  return store_copy_blob(rows, 0, arena, ret_record);
}

enum err_code store_installation_get(STORE_TX, const char *name, struct str *ret_value, struct err *err) {
  const struct db_value params[] = {DB_V_TEXT(str_of(name))};
  const struct store_select select = {"SELECT value FROM installation WHERE name = $1", params, 1, read_value,
                                      sizeof(struct str)};
  enum err_code code = store_select_one(tx, arena, &select, ret_value, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "the installation has no value named %.60s", name) : code;
}

enum err_code store_installation_set(struct db_tx *tx, const char *name, struct str value, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO installation (name, value) VALUES ($1, $2) "
                 "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                 DB_PARAMS(DB_V_TEXT(str_of(name)), DB_V_BLOB(value)), err);
}
