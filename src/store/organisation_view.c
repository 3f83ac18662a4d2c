/* An organisation as a whole: what it has, another name, its end. */
#include "store/api.h"
#include "store/rows.h"

enum err_code store_organisation_view(struct db_tx *tx, struct uuid id, int64_t now, struct organisation_view *ret_view,
                                      struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx,
      "SELECT (SELECT count(*) FROM org_user WHERE organisation_id = $1), (SELECT count(*) FROM role WHERE "
      "organisation_id = $1), (SELECT count(*) FROM access_rule WHERE organisation_id = $1), (SELECT count(*) FROM "
      "connection WHERE organisation_id = $1), (SELECT count(DISTINCT id) FROM connector WHERE organisation_id = $1), "
      "(SELECT count(*) FROM access_token WHERE organisation_id = $1 AND kind <> 'oauth' AND revoked_at IS NULL AND "
      "(expires_at IS NULL OR expires_at > $2)), (SELECT count(*) FROM oauth_grant WHERE organisation_id = $1 AND "
      "used_at IS NOT NULL AND revoked_at IS NULL AND expires_at > $2)",
      DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  if (got == 1)
    *ret_view = (struct organisation_view){.n_users = db_int(rows, 0),
                                           .n_roles = db_int(rows, 1),
                                           .n_rules = db_int(rows, 2),
                                           .n_connections = db_int(rows, 3),
                                           .n_connectors = db_int(rows, 4),
                                           .n_tokens = db_int(rows, 5),
                                           .n_clients = db_int(rows, 6)};
  code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

enum err_code store_organisation_rename(struct db_tx *tx, struct uuid id, struct str name, struct err *err) {
  enum err_code code =
      db_exec(tx, "UPDATE organisation SET name = $2 WHERE id = $1", DB_PARAMS(DB_V_UUID(id), DB_V_TEXT(name)), err);
  return code == ERR_CONFLICT ? err_set(err, code, "this name is taken") : code;
}

/* Rows that name an organisation without belonging to its row. */
static enum err_code delete_loose(struct db_tx *tx, struct uuid id, struct err *err) {
  enum err_code code =
      db_exec(tx, "DELETE FROM audit_record WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  if (code == ERR_NONE)
    code = db_exec(tx, "DELETE FROM audit_head WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  if (code == ERR_NONE)
    code = db_exec(tx, "DELETE FROM audit_tombstone WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  if (code == ERR_NONE)
    code = db_exec(tx, "DELETE FROM connector WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  if (code == ERR_NONE)
    code = db_exec(tx, "DELETE FROM client_app WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  return code;
}

enum err_code store_organisation_delete(STORE_TX, struct uuid id, int64_t now, struct err *err) {
  const struct access_token_record *tokens = NULL;
  size_t n = 0;
  enum err_code code = store_access_token_list(tx, arena, id, &tokens, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = store_change_log(tx, id, CHANGE_ACCESS_TOKEN, tokens[i].id, err);
  if (code == ERR_NONE) code = store_change_log(tx, id, CHANGE_ORGANISATION, id, err);
  if (code == ERR_NONE) code = delete_loose(tx, id, err);
  return code == ERR_NONE ? db_exec(tx, "DELETE FROM organisation WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), err) : code;
}

static bool read_figures(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct organisation_figures *figures = ret_record;
  figures->id = db_uuid(rows, 0);
  figures->created_at = db_int(rows, 2);
  figures->n_users = db_int(rows, 3);
  figures->n_active = db_int(rows, 4);
  figures->n_calls = db_int(rows, 5);
  figures->n_connections = db_int(rows, 6);
  figures->n_in_trouble = db_int(rows, 7);
  return store_copy_text(rows, 1, arena, &figures->name);
}

enum err_code store_organisation_page(STORE_TX, struct str after, int64_t from_day, size_t max,
                                      STORE_LIST(organisation_figures)) {
  const struct db_value params[] = {DB_V_TEXT(after), DB_V_INT(from_day), DB_V_INT((int64_t)max)};
  const struct store_select select = {
      "SELECT o.id, o.name, o.created_at, (SELECT count(*) FROM org_user u WHERE u.organisation_id = o.id), (SELECT "
      "count(DISTINCT d.user_id) FROM usage_day d WHERE d.organisation_id = o.id AND d.day >= $2), (SELECT "
      "CAST(COALESCE(sum(d.ok + d.errors + d.denied), 0) AS BIGINT) FROM usage_day d WHERE d.organisation_id = o.id "
      "AND d.day >= $2), "
      "(SELECT count(*) FROM connection c WHERE c.organisation_id = o.id), (SELECT count(*) FROM connection_grant g "
      "WHERE g.organisation_id = o.id AND g.status IN ('reconnect', 'error')) FROM organisation o WHERE o.name > $1 "
      "ORDER BY o.name LIMIT $3",
      params, 3, read_figures, sizeof(struct organisation_figures)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
