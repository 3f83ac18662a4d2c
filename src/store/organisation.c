/* Organisations. */
#include "store/rows.h"

#define COLUMNS "id, name, data_key, version, created_at"

static bool read_organisation(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct organisation_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->version = db_int(rows, 3);
  record->created_at = db_int(rows, 4);
  return store_copy_text(rows, 1, arena, &record->name) && store_copy_blob(rows, 2, arena, &record->data_key);
}

enum err_code store_organisation_insert(struct db_tx *tx, const struct organisation_record *record, struct err *err) {
  enum err_code code = db_exec(tx, "INSERT INTO organisation (" COLUMNS ") VALUES ($1, $2, $3, $4, $5)",
                               DB_PARAMS(DB_V_UUID(record->id), DB_V_TEXT(record->name), DB_V_BLOB(record->data_key),
                                         DB_V_INT(record->version), DB_V_INT(record->created_at)),
                               err);
  if (code == ERR_CONFLICT)
    return err_set(err, code, "an organisation named \"%.*s\" exists already", STR_ARG(record->name));
  return code;
}

enum err_code store_organisation_get(STORE_TX, struct uuid id, struct organisation_record *ret_record,
                                     struct err *err) {
  const struct db_value params[] = {DB_V_UUID(id)};
  const struct store_select select = {"SELECT " COLUMNS " FROM organisation WHERE id = $1", params, 1,
                                      read_organisation, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such organisation") : code;
}

enum err_code store_organisation_find(STORE_TX, struct str name, struct organisation_record *ret_record,
                                      struct err *err) {
  const struct db_value params[] = {DB_V_TEXT(name)};
  const struct store_select select = {"SELECT " COLUMNS " FROM organisation WHERE name = $1", params, 1,
                                      read_organisation, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no organisation named \"%.*s\"", STR_ARG(name)) : code;
}

enum err_code store_organisation_list(STORE_TX, STORE_LIST(organisation_record)) {
  const struct store_select select = {"SELECT " COLUMNS " FROM organisation ORDER BY name", DB_NO_PARAMS,
                                      read_organisation, sizeof(struct organisation_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
