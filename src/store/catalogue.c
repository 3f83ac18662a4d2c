/* What the MCP servers of an organisation offer: a row a connection, and a row an item. */
#include "base/clock.h"
#include "store/rows.h"

#define ITEM_COLUMNS                                                                                            \
  "id, organisation_id, connection_id, kind, name, status, does, hint, definition, hash, accepted_definition, " \
  "accepted_hash, notes, gone_at, created_at, updated_at, was_rejected"

static bool read_catalogue(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct catalogue_record *record = ret_record;
  record->connection_id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->listed_at = db_int(rows, 5);
  return store_copy_text(rows, 2, arena, &record->protocol) && store_copy_text(rows, 3, arena, &record->server_info) &&
         store_copy_text(rows, 4, arena, &record->capabilities) && store_copy_text(rows, 6, arena, &record->error) &&
         store_copy_text(rows, 7, arena, &record->left_out);
}

enum err_code store_catalogue_list(STORE_TX, struct uuid organisation_id, STORE_LIST(catalogue_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT connection_id, organisation_id, protocol, server_info, capabilities, listed_at, error, left_out "
      "FROM catalogue WHERE organisation_id = $1 ORDER BY connection_id",
      params, 1, read_catalogue, sizeof(struct catalogue_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* The connection must be the organisation's own: the foreign keys alone would take any. */
enum err_code store_catalogue_put(struct db_tx *tx, const struct catalogue_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO catalogue (connection_id, organisation_id, protocol, server_info, capabilities, listed_at, error, "
      "left_out) SELECT c.id, c.organisation_id, $3, $4, $5, $6, $7, $8 FROM connection c "
      "WHERE c.organisation_id = $2 AND c.id = $1 "
      "ON CONFLICT (connection_id) DO UPDATE SET protocol = excluded.protocol, server_info = excluded.server_info, "
      "capabilities = excluded.capabilities, listed_at = excluded.listed_at, error = excluded.error, "
      "left_out = excluded.left_out",
      DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->protocol),
                DB_V_TEXT(record->server_info), DB_V_TEXT(record->capabilities), store_v_time(record->listed_at),
                store_v_text(record->error), store_v_text(record->left_out)),
      err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such connection");
  return code;
}

enum err_code store_catalogue_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM catalogue_item WHERE organisation_id = $1 AND connection_id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(connection_id)), err);
  if (code != ERR_NONE) return code;
  return db_exec(tx, "DELETE FROM catalogue WHERE organisation_id = $1 AND connection_id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(connection_id)), err);
}

static bool read_item(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct catalogue_item_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->connection_id = db_uuid(rows, 2);
  /* A hash of another length equals none: the item is then another one. */
  if (!store_copy_fixed(rows, 9, record->hash, sizeof record->hash)) memset(record->hash, 0, sizeof record->hash);
  record->is_pinned = store_copy_fixed(rows, 11, record->accepted_hash, sizeof record->accepted_hash);
  record->gone_at = db_int(rows, 13);
  record->created_at = db_int(rows, 14);
  record->updated_at = db_int(rows, 15);
  record->was_rejected = db_int(rows, 16) != 0;
  return store_copy_text(rows, 3, arena, &record->kind) && store_copy_text(rows, 4, arena, &record->name) &&
         store_copy_text(rows, 5, arena, &record->status) && store_copy_text(rows, 6, arena, &record->does) &&
         store_copy_text(rows, 7, arena, &record->hint) && store_copy_text(rows, 8, arena, &record->definition) &&
         store_copy_text(rows, 10, arena, &record->accepted_definition) &&
         store_copy_text(rows, 12, arena, &record->notes);
}

enum err_code store_catalogue_item_list(STORE_TX, struct uuid organisation_id, struct uuid connection_id,
                                        STORE_LIST(catalogue_item_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(connection_id)};
  const struct store_select select = {"SELECT " ITEM_COLUMNS
                                      " FROM catalogue_item WHERE organisation_id = $1 "
                                      "AND connection_id = $2 ORDER BY kind, name",
                                      params, 2, read_item, sizeof(struct catalogue_item_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_catalogue_item_list_accepted(STORE_TX, struct uuid organisation_id,
                                                 STORE_LIST(catalogue_item_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {"SELECT " ITEM_COLUMNS
                                      " FROM catalogue_item WHERE organisation_id = $1 "
                                      "AND status = 'accepted' AND gone_at IS NULL ORDER BY connection_id, kind, name",
                                      params, 1, read_item, sizeof(struct catalogue_item_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_catalogue_item_find_decided(STORE_TX, const struct catalogue_item_record *item,
                                                struct str connector_id, struct catalogue_item_record *ret_record,
                                                struct err *err) {
  const struct db_value params[] = {DB_V_UUID(item->organisation_id),
                                    DB_V_BLOB(str_make((const char *)item->hash, sizeof item->hash)),
                                    DB_V_TEXT(item->kind),
                                    DB_V_TEXT(item->name),
                                    DB_V_UUID(item->connection_id),
                                    DB_V_TEXT(connector_id)};
  const struct store_select select = {
      "SELECT " ITEM_COLUMNS
      " FROM catalogue_item WHERE organisation_id = $1 AND hash = $2 AND kind = $3 "
      "AND name = $4 AND connection_id <> $5 AND status IN ('accepted', 'rejected') "
      "AND connection_id IN (SELECT id FROM connection WHERE organisation_id = $1 AND connector_id = $6) "
      "ORDER BY CASE WHEN status = 'rejected' THEN 0 ELSE 1 END, "
      "CASE does WHEN 'destroy' THEN 0 WHEN 'write' THEN 1 ELSE 2 END LIMIT 1",
      params, 6, read_item, sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_catalogue_item_put(struct db_tx *tx, const struct catalogue_item_record *record, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO catalogue_item (" ITEM_COLUMNS
              ") SELECT $1, c.organisation_id, c.id, $4, $5, $6, $7, $8, $9, $10, "
              "$11, $12, $13, $14, $15, $15, $16 FROM connection c WHERE c.organisation_id = $2 AND c.id = $3 "
              "ON CONFLICT (connection_id, kind, name) DO UPDATE SET status = excluded.status, does = excluded.does, "
              "hint = excluded.hint, definition = excluded.definition, hash = excluded.hash, "
              "accepted_definition = excluded.accepted_definition, accepted_hash = excluded.accepted_hash, "
              "notes = excluded.notes, gone_at = excluded.gone_at, updated_at = excluded.updated_at, "
              "was_rejected = excluded.was_rejected",
              DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->connection_id),
                        DB_V_TEXT(record->kind), DB_V_TEXT(record->name), DB_V_TEXT(record->status),
                        DB_V_TEXT(record->does), DB_V_TEXT(record->hint), DB_V_TEXT(record->definition),
                        DB_V_BLOB(str_make((const char *)record->hash, sizeof record->hash)),
                        record->is_pinned ? store_v_text(record->accepted_definition) : DB_V_NULL,
                        record->is_pinned
                            ? DB_V_BLOB(str_make((const char *)record->accepted_hash, sizeof record->accepted_hash))
                            : DB_V_NULL,
                        DB_V_TEXT(record->notes.p ? record->notes : STR("")), store_v_time(record->gone_at),
                        DB_V_INT(clock_utc_us()), DB_V_INT(record->was_rejected)),
              err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such connection");
  return code;
}

enum err_code store_catalogue_item_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                          struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM catalogue_item WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such item");
  return code;
}

static bool read_waiting(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_waiting *waiting = ret_record;
  waiting->connection_id = db_uuid(rows, 0);
  waiting->n = db_int(rows, 1);
  return true;
}

enum err_code store_connection_waiting_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connection_waiting)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT connection_id, count(*) FROM catalogue_item WHERE organisation_id = $1 AND gone_at IS NULL AND status IN "
      "('pending', 'quarantined') GROUP BY connection_id",
      params, 1, read_waiting, sizeof(struct connection_waiting)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
