/* Connector definitions; what belongs to the installation has the nil id for its organisation. */
#include "base/clock.h"
#include "store/rows.h"

static bool read_connector(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connector_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 0);
  record->version = db_int(rows, 2);
  /* A hash of another length stays zero: it then equals no definition's, which is what a broken one should do. */
  if (!store_copy_fixed(rows, 3, record->hash, sizeof record->hash)) memset(record->hash, 0, sizeof record->hash);
  return store_copy_text(rows, 1, arena, &record->id) && store_copy_text(rows, 4, arena, &record->status) &&
         store_copy_text(rows, 5, arena, &record->kind) && store_copy_text(rows, 6, arena, &record->source) &&
         store_copy_text(rows, 7, arena, &record->definition) && store_copy_blob(rows, 8, arena, &record->environment);
}

/* Of each id the newest version that is not deprecated; `WHO` says whose. */
#define SELECT_NEWEST(who)                                                                                     \
  "SELECT organisation_id, id, version, hash, status, kind, source, definition, environment FROM connector c " \
  "WHERE " who                                                                                                 \
  " AND status <> 'deprecated' AND NOT EXISTS (SELECT 1 FROM connector newer "                                 \
  "WHERE newer.organisation_id = c.organisation_id AND newer.id = c.id AND newer.version > c.version "         \
  "AND newer.status <> 'deprecated') ORDER BY id, organisation_id"

static enum err_code list(struct db_tx *tx, struct arena *arena, const char *sql, struct uuid organisation_id,
                          const struct connector_record **ret_list, size_t *ret_n, struct err *err) {
  static const struct uuid installation = {{0}};
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(installation)};
  const struct store_select select = {sql, params, 2, read_connector, sizeof(struct connector_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_connector_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connector_record)) {
  return list(tx, arena, SELECT_NEWEST("organisation_id IN ($1, $2)"), organisation_id, ret_list, ret_n, err);
}

enum err_code store_connector_list_used(STORE_TX, struct uuid organisation_id, STORE_LIST(connector_record)) {
  return list(tx, arena,
              SELECT_NEWEST("(organisation_id = $1 OR (organisation_id = $2 AND (kind = 'self' OR id IN "
                            "(SELECT connector_id FROM connection WHERE organisation_id = $1))))"),
              organisation_id, ret_list, ret_n, err);
}

enum err_code store_connector_find(STORE_TX, struct uuid organisation_id, struct str id,
                                   struct connector_record *ret_record, struct err *err) {
  static const struct uuid installation = {{0}};
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(installation), DB_V_TEXT(id)};
  /* The installation's id is all zeroes: the last in this order. */
  const struct store_select select = {
      "SELECT organisation_id, id, version, hash, status, kind, source, definition FROM connector WHERE "
      "organisation_id IN ($1, $2) AND id = $3 AND status <> 'deprecated' ORDER BY organisation_id DESC, version DESC "
      "LIMIT 1",
      params, 3, read_connector, sizeof(struct connector_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no connector %.*s", STR_ARG(id)) : code;
}

enum err_code store_connector_insert(struct db_tx *tx, const struct connector_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO connector (organisation_id, id, version, hash, status, kind, source, definition, environment, "
      "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_TEXT(record->id), DB_V_INT(record->version),
                DB_V_BLOB(str_make((const char *)record->hash, sizeof record->hash)), DB_V_TEXT(record->status),
                DB_V_TEXT(record->kind), DB_V_TEXT(record->source), DB_V_TEXT(record->definition),
                store_v_blob(record->environment), DB_V_INT(clock_utc_us())),
      err);
  if (code == ERR_CONFLICT)
    return err_set(err, code, "connector %.*s has a version %lld already", STR_ARG(record->id),
                   (long long)record->version);
  return code;
}

enum err_code store_connector_delete(struct db_tx *tx, struct uuid organisation_id, struct str id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM connector WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0)
    return err_set(err, ERR_NOT_FOUND, "there is no connector %.*s", STR_ARG(id));
  return code;
}
