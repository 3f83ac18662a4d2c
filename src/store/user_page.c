/* Users as lists show them, page by page: what they hold, when they last called. */
#include "store/api.h"
#include "store/rows.h"

/* What is counted of one is counted of those alone who are shown: the page is made first. */
#define SELECT_VIEW(PAGE)                                                                                           \
  "SELECT u.id, u.organisation_id, u.login_id, u.email, u.kind, u.disabled_at, u.created_at, u.accepted_at, "       \
  "(SELECT f.time FROM call_fact f WHERE f.organisation_id = u.organisation_id AND f.user_id = u.id AND "           \
  "f.kind = 'call' ORDER BY f.time DESC LIMIT 1), "                                                                 \
  "(SELECT count(*) FROM access_token t WHERE t.user_id = u.id AND t.kind <> 'oauth' AND t.revoked_at IS NULL AND " \
  "(t.expires_at IS NULL OR t.expires_at > $2)), "                                                                  \
  "(SELECT count(*) FROM oauth_grant g WHERE g.user_id = u.id AND g.used_at IS NOT NULL AND g.revoked_at IS NULL "  \
  "AND g.expires_at > $2) FROM (SELECT u.id, u.organisation_id, u.login_id, l.email, u.kind, u.disabled_at, "       \
  "u.created_at, u.accepted_at FROM " PAGE ") u ORDER BY u.email"

static bool read_view(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct user_view *view = ret_record;
  view->user.id = db_uuid(rows, 0);
  view->user.organisation_id = db_uuid(rows, 1);
  view->user.login_id = db_uuid(rows, 2);
  view->user.disabled_at = db_int(rows, 5);
  view->user.created_at = db_int(rows, 6);
  view->accepted_at = db_int(rows, 7);
  view->last_call_at = db_int(rows, 8);
  view->n_tokens = db_int(rows, 9);
  view->n_clients = db_int(rows, 10);
  return store_copy_text(rows, 3, arena, &view->user.email) && store_copy_text(rows, 4, arena, &view->user.kind);
}

/* SQLite takes the tables in this order. From the e-mails' index, in its order, each login is looked for among the
 * organisation's users, until the page is full: that is quick where many are. Where few are, they are all looked at and
 * put in order. */
#define FILTER                                                                                                       \
  "u.organisation_id = $1 AND l.id = u.login_id AND l.email > $3 AND (instr(l.email, $4) > 0 OR $4 IS NULL) AND "    \
  "(u.kind = $5 OR $5 IS NULL) AND (CASE WHEN u.disabled_at IS NOT NULL THEN 'disabled' WHEN u.accepted_at IS NULL " \
  "THEN 'invited' ELSE 'active' END = $6 OR $6 IS NULL) AND (EXISTS (SELECT 1 FROM user_role r WHERE r.user_id = "   \
  "u.id AND r.role_id = $7) OR $7 IS NULL) ORDER BY l.email LIMIT $8"
static const char among_many[] = SELECT_VIEW("login l CROSS JOIN org_user u WHERE " FILTER);
static const char among_few[] = SELECT_VIEW("org_user u CROSS JOIN login l WHERE " FILTER);
static const char of_kind[] = SELECT_VIEW("org_user u CROSS JOIN login l WHERE u.kind = $5 AND " FILTER);
static const char of_role[] = SELECT_VIEW(
    "user_role m CROSS JOIN org_user u CROSS JOIN login l WHERE m.role_id = $7 AND u.id = m.user_id AND " FILTER);

enum { FEW = 2000 };

/* `sql` counts up to FEW + 1 rows. */
static enum err_code are_few(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n_params,
                             bool *ret_are_few, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, sql, params, n_params, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  if (got == 1) *ret_are_few = db_int(rows, 0) <= FEW;
  code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

static enum err_code choose(struct db_tx *tx, const struct user_filter *filter, const char **ret_sql, struct err *err) {
  const struct db_value role[] = {DB_V_UUID(filter->role_id), DB_V_INT(FEW + 1)};
  const struct db_value all[] = {DB_V_UUID(filter->organisation_id), DB_V_INT(FEW + 1), store_v_filled(filter->kind)};
  bool is_few = false;
  enum err_code code = ERR_NONE;
  *ret_sql = among_many;
  if (!uuid_is_nil(filter->role_id)) {
    code = are_few(tx, "SELECT count(*) FROM (SELECT 1 FROM user_role WHERE role_id = $1 LIMIT $2) f", role, 2, &is_few,
                   err);
    if (is_few) *ret_sql = of_role;
  }
  if (code == ERR_NONE && !is_few && filter->kind.n) {
    code =
        are_few(tx, "SELECT count(*) FROM (SELECT 1 FROM org_user WHERE organisation_id = $1 AND kind = $3 LIMIT $2) f",
                all, 3, &is_few, err);
    if (is_few) *ret_sql = of_kind;
  }
  if (code == ERR_NONE && !is_few) {
    code = are_few(tx, "SELECT count(*) FROM (SELECT 1 FROM org_user WHERE organisation_id = $1 LIMIT $2) f", all, 2,
                   &is_few, err);
    if (is_few) *ret_sql = among_few;
  }
  return code;
}

enum err_code store_user_page(STORE_TX, const struct user_filter *filter, size_t max, STORE_LIST(user_view)) {
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id), DB_V_INT(filter->now),
                                    DB_V_TEXT(filter->after),           store_v_filled(filter->part),
                                    store_v_filled(filter->kind),       store_v_filled(filter->status),
                                    store_v_uuid(&filter->role_id),     DB_V_INT((int64_t)max)};
  const char *sql;
  enum err_code code = choose(tx, filter, &sql, err);
  if (code != ERR_NONE) return code;
  const struct store_select select = {sql, params, 8, read_view, sizeof(struct user_view)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_user_get(STORE_TX, struct uuid organisation_id, struct uuid id, int64_t now,
                             struct user_view *ret_view, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_INT(now), DB_V_UUID(id)};
  const struct store_select select = {
      SELECT_VIEW("org_user u JOIN login l ON l.id = u.login_id WHERE u.organisation_id = $1 AND u.id = $3"), params, 3,
      read_view, sizeof(*ret_view)};
  enum err_code code = store_select_one(tx, arena, &select, ret_view, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such user") : code;
}

enum err_code store_user_disable(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t disabled_at,
                                 struct err *err) {
  return db_exec(tx, "UPDATE org_user SET disabled_at = $3 WHERE organisation_id = $1 AND id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), store_v_time(disabled_at)), err);
}

enum err_code store_owner_count(struct db_tx *tx, struct uuid organisation_id, int64_t *ret_n, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx,
               "SELECT count(*) FROM org_user u JOIN login_password p ON p.login_id = u.login_id WHERE "
               "u.organisation_id = $1 AND u.kind = 'owner' AND u.disabled_at IS NULL AND "
               "u.accepted_at IS NOT NULL",
               DB_PARAMS(DB_V_UUID(organisation_id)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  if (got == 1) *ret_n = db_int(rows, 0);
  code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}
