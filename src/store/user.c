/* Logins (persons) and users (a person in an organisation). E-mail addresses are lower case already. */
#include "base/clock.h"
#include "store/rows.h"

#define SELECT_USER                                                                                           \
  "SELECT u.id, u.organisation_id, u.login_id, l.email, u.kind, u.disabled_at, u.created_at FROM org_user u " \
  "JOIN login l ON l.id = u.login_id WHERE u.organisation_id = $1"

static bool read_user(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct user_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->login_id = db_uuid(rows, 2);
  record->disabled_at = db_int(rows, 5);
  record->created_at = db_int(rows, 6);
  return store_copy_text(rows, 3, arena, &record->email) && store_copy_text(rows, 4, arena, &record->kind);
}

static bool read_id(struct db_rows *rows, struct arena *arena, void *ret_record) {
  *(struct uuid *)ret_record = db_uuid(rows, 0);
  return true;
}

enum err_code store_login_ensure(STORE_TX, struct str email, struct uuid *ret_id, struct err *err) {
  struct uuid id = uuid_new();
  enum err_code code =
      db_exec(tx, "INSERT INTO login (id, email, created_at) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING",
              DB_PARAMS(DB_V_UUID(id), DB_V_TEXT(email), DB_V_INT(clock_utc_us())), err);
  if (code != ERR_NONE) return code;
  const struct db_value params[] = {DB_V_TEXT(email)};
  const struct store_select select = {"SELECT id FROM login WHERE email = $1", params, 1, read_id, sizeof *ret_id};
  return store_select_one(tx, arena, &select, ret_id, err);
}

enum err_code store_user_insert(struct db_tx *tx, const struct user_record *record, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO org_user (id, organisation_id, login_id, kind, disabled_at, created_at) "
              "VALUES ($1, $2, $3, $4, $5, $6)",
              DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->login_id),
                        DB_V_TEXT(record->kind), store_v_time(record->disabled_at), DB_V_INT(record->created_at)),
              err);
  if (code == ERR_CONFLICT)
    return err_set(err, code, "user %.*s cannot be added: it exists already, or its organisation does not",
                   STR_ARG(record->email));
  return code;
}

enum err_code store_user_set_kind(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str kind,
                                  struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE org_user SET kind = $3 WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_TEXT(kind)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_user_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM org_user WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_user_find(STORE_TX, struct uuid organisation_id, struct str email, struct user_record *ret_record,
                              struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_TEXT(email)};
  const struct store_select select = {SELECT_USER " AND l.email = $2", params, 2, read_user, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no user %.*s", STR_ARG(email)) : code;
}

enum err_code store_user_list(STORE_TX, struct uuid organisation_id, STORE_LIST(user_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {SELECT_USER " ORDER BY l.email", params, 1, read_user,
                                      sizeof(struct user_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
