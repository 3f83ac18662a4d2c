/* Roles, who has them, their access rules. */
#include "base/clock.h"
#include "store/rows.h"

static bool read_role(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct role_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->max_result = db_is_null(rows, 3) ? 0 : db_int(rows, 3);
  return store_copy_text(rows, 2, arena, &record->name);
}

static struct db_value max_result_of(const struct role_record *record) {
  return record->max_result > 0 ? DB_V_INT(record->max_result) : DB_V_NULL;
}

enum err_code store_role_insert(struct db_tx *tx, const struct role_record *record, struct err *err) {
  enum err_code code =
      db_exec(tx, "INSERT INTO role (id, organisation_id, name, max_result, created_at) VALUES ($1, $2, $3, $4, $5)",
              DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->name),
                        max_result_of(record), DB_V_INT(clock_utc_us())),
              err);
  if (code == ERR_CONFLICT)
    return err_set(err, code, "role \"%.*s\" cannot be added: it exists already, or its organisation does not",
                   STR_ARG(record->name));
  return code;
}

enum err_code store_role_limit_result(struct db_tx *tx, const struct role_record *record, struct err *err) {
  return db_exec(tx, "UPDATE role SET max_result = $1 WHERE organisation_id = $2 AND id = $3",
                 DB_PARAMS(max_result_of(record), DB_V_UUID(record->organisation_id), DB_V_UUID(record->id)), err);
}

enum err_code store_role_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM role WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such role");
  return code;
}

enum err_code store_role_list(STORE_TX, struct uuid organisation_id, STORE_LIST(role_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT id, organisation_id, name, max_result FROM role WHERE organisation_id = $1 ORDER BY name", params, 1,
      read_role, sizeof(struct role_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static bool read_user_role(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct user_role_record *record = ret_record;
  record->user_id = db_uuid(rows, 0);
  record->role_id = db_uuid(rows, 1);
  return true;
}

enum err_code store_user_role_list(STORE_TX, struct uuid organisation_id, STORE_LIST(user_role_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT user_id, role_id FROM user_role WHERE organisation_id = $1 ORDER BY user_id, role_id", params, 1,
      read_user_role, sizeof(struct user_role_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_user_role_list_of(STORE_TX, const struct uuid users[STORE_SOME], STORE_LIST(user_role_record)) {
  struct db_value params[STORE_SOME];
  store_v_some(users, params);
  const struct store_select select = {"SELECT user_id, role_id FROM user_role WHERE user_id IN (" STORE_SOME_PARAMS
                                      ") ORDER BY user_id, role_id",
                                      params, STORE_SOME, read_user_role, sizeof(struct user_role_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* The foreign keys alone would let a user of one organisation have a role of another. */
enum err_code store_user_role_insert(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                     struct uuid role_id, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO user_role (organisation_id, user_id, role_id) SELECT u.organisation_id, u.id, r.id "
              "FROM org_user u JOIN role r ON r.organisation_id = u.organisation_id "
              "WHERE u.organisation_id = $1 AND u.id = $2 AND r.id = $3",
              DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(user_id), DB_V_UUID(role_id)), err);
  if (code == ERR_CONFLICT) return err_set(err, code, "the user has the role already");
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user or role");
  return code;
}

enum err_code store_user_role_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                     struct uuid role_id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM user_role WHERE organisation_id = $1 AND user_id = $2 AND role_id = $3",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(user_id), DB_V_UUID(role_id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "the user does not have the role");
  return code;
}

static bool read_rule(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct access_rule_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->role_id = db_uuid(rows, 2);
  record->position = db_int(rows, 3);
  return store_copy_text(rows, 4, arena, &record->effect) && store_copy_text(rows, 5, arena, &record->target_kind) &&
         store_copy_text(rows, 6, arena, &record->target) && store_copy_text(rows, 7, arena, &record->does) &&
         store_copy_text(rows, 8, arena, &record->tools) && store_copy_text(rows, 9, arena, &record->resources) &&
         store_copy_text(rows, 10, arena, &record->prompts);
}

enum err_code store_access_rule_list(STORE_TX, struct uuid organisation_id, STORE_LIST(access_rule_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT id, organisation_id, role_id, position, effect, target_kind, target, does, tools, resources, "
      "prompts FROM access_rule "
      "WHERE organisation_id = $1 ORDER BY role_id, position",
      params, 1, read_rule, sizeof(struct access_rule_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* As for user_role: the role must be the organisation's own. */
enum err_code store_access_rule_insert(struct db_tx *tx, const struct access_rule_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO access_rule (id, organisation_id, role_id, position, effect, target_kind, target, does, tools, "
      "resources, prompts) "
      "SELECT $1, r.organisation_id, r.id, $4, $5, $6, $7, $8, $9, $10, $11 FROM role r WHERE r.organisation_id = $2 "
      "AND r.id = $3",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->role_id),
                DB_V_INT(record->position), DB_V_TEXT(record->effect), DB_V_TEXT(record->target_kind),
                DB_V_TEXT(record->target), store_v_text(record->does), store_v_text(record->tools),
                store_v_text(record->resources), store_v_text(record->prompts)),
      err);
  if (code == ERR_CONFLICT) return err_set(err, code, "the role has a rule at that position already");
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such role");
  return code;
}

enum err_code store_access_rule_delete_all(struct db_tx *tx, struct uuid organisation_id, struct uuid role_id,
                                           struct err *err) {
  return db_exec(tx, "DELETE FROM access_rule WHERE organisation_id = $1 AND role_id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(role_id)), err);
}

enum err_code store_role_rename(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str name,
                                struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE role SET name = $3 WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_TEXT(name)), err);
  return code == ERR_CONFLICT ? err_set(err, code, "there is a role \"%.*s\" already", STR_ARG(name)) : code;
}

enum err_code store_access_rule_retarget(struct db_tx *tx, struct uuid organisation_id, struct str from, struct str to,
                                         struct err *err) {
  return db_exec(tx,
                 "UPDATE access_rule SET target = $3 WHERE organisation_id = $1 AND target_kind = 'connection' AND "
                 "target = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(from), DB_V_TEXT(to)), err);
}
