/* Access tokens as lists show them, newest first: those of people's own, not the ones that clients were given. */
#include "store/api.h"
#include "store/rows.h"

#define SELECT_VIEW                                                                                                \
  "SELECT t.id, t.organisation_id, t.user_id, t.kind, t.name, t.expires_at, t.revoked_at, t.created_at, l.email, " \
  "(SELECT max(f.time) FROM call_fact f WHERE f.organisation_id = t.organisation_id AND f.token_id = t.id), "      \
  "(SELECT c.cap FROM call_limit c WHERE c.organisation_id = t.organisation_id AND c.scope = 'token' AND "         \
  "c.scope_key = t.id AND c.window_us = 60000000) FROM access_token t JOIN org_user u ON u.id = t.user_id JOIN "   \
  "login l ON l.id = u.login_id WHERE t.organisation_id = $1 AND t.kind <> 'oauth' "

static bool read_view(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct token_view *view = ret_record;
  view->token.id = db_uuid(rows, 0);
  view->token.organisation_id = db_uuid(rows, 1);
  view->token.user_id = db_uuid(rows, 2);
  view->token.expires_at = db_int(rows, 5);
  view->token.revoked_at = db_int(rows, 6);
  view->token.created_at = db_int(rows, 7);
  view->last_call_at = db_int(rows, 9);
  view->per_minute = db_int(rows, 10);
  return store_copy_text(rows, 3, arena, &view->token.kind) && store_copy_text(rows, 4, arena, &view->token.name) &&
         store_copy_text(rows, 8, arena, &view->email);
}

#define PAGE                                                                                                     \
  "AND t.id < $2 AND (CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= $4 THEN 'expired' " \
  "ELSE 'live' END = $3 OR $3 IS NULL) ORDER BY t.id DESC LIMIT $5"

enum err_code store_token_page(STORE_TX, const struct token_filter *filter, size_t max, STORE_LIST(token_view)) {
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id),
                                    store_v_before(&filter->after),
                                    store_v_filled(filter->status),
                                    DB_V_INT(filter->now),
                                    DB_V_INT((int64_t)max),
                                    DB_V_UUID(filter->user_id)};
  const struct store_select all = {SELECT_VIEW PAGE, params, 5, read_view, sizeof(struct token_view)};
  const struct store_select theirs = {SELECT_VIEW "AND t.user_id = $6 " PAGE, params, 6, read_view,
                                      sizeof(struct token_view)};
  return store_select_list(tx, arena, uuid_is_nil(filter->user_id) ? &all : &theirs, (const void **)ret_list, ret_n,
                           err);
}

enum err_code store_token_get(STORE_TX, struct uuid organisation_id, struct uuid id, struct token_view *ret_view,
                              struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  const struct store_select select = {SELECT_VIEW "AND t.id = $2", params, 2, read_view, sizeof(*ret_view)};
  enum err_code code = store_select_one(tx, arena, &select, ret_view, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such access token") : code;
}
