/* What is over goes: bounded, so that no transaction of a store thread is a long one. */
#include "store/rows.h"
#include "store/sign_in.h"

#define ROWS "1000"

static const int64_t hour_us = INT64_C(3600) * 1000000;

struct dead_token {
  struct uuid id, organisation_id;
};

static bool read_dead(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct dead_token *token = ret_record;
  token->id = db_uuid(rows, 0);
  token->organisation_id = db_uuid(rows, 1);
  return true;
}

/* A running server still has them in its index: the log's row makes it look, and find nothing. */
static enum err_code expire_tokens(STORE_TX, int64_t before, struct err *err) {
  const struct db_value params[] = {DB_V_INT(before)};
  const struct store_select select = {
      "SELECT id, organisation_id FROM access_token WHERE kind = 'oauth' AND expires_at < $1 LIMIT " ROWS, params, 1,
      read_dead, sizeof(struct dead_token)};
  const struct dead_token *tokens = NULL;
  size_t n = 0;
  enum err_code code = store_select_list(tx, arena, &select, (const void **)&tokens, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    code = db_exec(tx, "DELETE FROM access_token WHERE id = $1", DB_PARAMS(DB_V_UUID(tokens[i].id)), err);
    if (code == ERR_NONE)
      code = store_change_log(tx, tokens[i].organisation_id, CHANGE_ACCESS_TOKEN, tokens[i].id, err);
  }
  return code;
}

enum err_code store_sign_in_expire(STORE_TX, int64_t now, struct err *err) {
  int64_t hour_ago = now - hour_us, day_ago = now - 24 * hour_us, month_ago = now - 30 * 24 * hour_us,
          half_year_ago = now - 180 * 24 * hour_us;
  enum err_code code = db_exec(
      tx,
      "DELETE FROM browser_session WHERE id IN (SELECT id FROM browser_session WHERE expires_at < $1 LIMIT " ROWS ")",
      DB_PARAMS(DB_V_INT(now)), err);
  if (code == ERR_NONE)
    code = db_exec(
        tx,
        "DELETE FROM single_use_link WHERE id IN (SELECT id FROM single_use_link WHERE expires_at < $1 LIMIT " ROWS ")",
        DB_PARAMS(DB_V_INT(month_ago)), err);
  if (code == ERR_NONE)
    code = db_exec(tx,
                   "DELETE FROM oauth_grant WHERE id IN (SELECT id FROM oauth_grant WHERE used_at IS NULL AND "
                   "created_at < $1 LIMIT " ROWS ")",
                   DB_PARAMS(DB_V_INT(hour_ago)), err);
  if (code == ERR_NONE)
    code = db_exec(
        tx, "DELETE FROM oauth_code WHERE hash IN (SELECT hash FROM oauth_code WHERE expires_at < $1 LIMIT " ROWS ")",
        DB_PARAMS(DB_V_INT(day_ago)), err);
  /* A replaced token is kept as long as its use may still tell of a theft. */
  if (code == ERR_NONE)
    code = db_exec(tx,
                   "DELETE FROM oauth_refresh WHERE hash IN (SELECT hash FROM oauth_refresh WHERE replaced_at < $1 "
                   "LIMIT " ROWS ")",
                   DB_PARAMS(DB_V_INT(month_ago)), err);
  if (code == ERR_NONE) code = expire_tokens(tx, arena, day_ago, err);
  /* Grants that are over stay a month, to be seen in lists. */
  if (code == ERR_NONE)
    code = db_exec(tx,
                   "DELETE FROM oauth_grant WHERE id IN (SELECT g.id FROM oauth_grant g WHERE g.expires_at < $1 AND "
                   "NOT EXISTS (SELECT 1 FROM access_token t WHERE t.grant_id = g.id) LIMIT " ROWS ")",
                   DB_PARAMS(DB_V_INT(month_ago)), err);
  if (code == ERR_NONE)
    code = db_exec(tx,
                   "DELETE FROM oauth_client WHERE id IN (SELECT id FROM oauth_client WHERE used_at IS NULL AND "
                   "created_at < $1 LIMIT " ROWS ")",
                   DB_PARAMS(DB_V_INT(day_ago)), err);
  /* Many programs register anew each time that they are set up. */
  if (code == ERR_NONE)
    code = db_exec(tx,
                   "DELETE FROM oauth_client WHERE id IN (SELECT c.id FROM oauth_client c WHERE c.used_at < $1 AND "
                   "NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.oauth_client_id = c.id) LIMIT " ROWS ")",
                   DB_PARAMS(DB_V_INT(half_year_ago)), err);
  return code;
}
