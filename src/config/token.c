/* Access tokens: made, and ended. Must not know who asks, nor where the text is shown. */
#include "config/token.h"

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"

static const int64_t minute_us = INT64_C(60) * 1000000;

/* A limit of its own is part of the organisation's policy: that has a new version with it. */
static enum err_code put_limit(struct db_tx *tx, const struct access_token_record *record, int64_t per_minute,
                               struct err *err) {
  if (!per_minute) return ERR_NONE;
  struct call_limit_record limit = {.id = uuid_new(),
                                    .organisation_id = record->organisation_id,
                                    .scope = STR("token"),
                                    .scope_key = uuid_bytes(&record->id),
                                    .window_us = minute_us,
                                    .cap = per_minute};
  enum err_code code = store_call_limit_put(tx, &limit, err);
  if (code) return code;
  return store_change_log(tx, record->organisation_id, CHANGE_ORGANISATION, record->organisation_id, err);
}

/* Members in the order of RFC 8785. */
static enum err_code record_change(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                   const struct organisation_record *organisation,
                                   const struct access_token_record *token, struct str email, const char *word,
                                   const struct audit_author *author, struct err *err) {
  struct buf arguments;
  buf_init(&arguments, arena, 16 * KIB);
  buf_append_c(&arguments, "{\"kind\":");
  json_write_str(&arguments, token->kind);
  buf_append_c(&arguments, ",\"name\":");
  json_write_str(&arguments, token->name);
  buf_append_c(&arguments, ",\"user\":");
  json_write_str(&arguments, email);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  return config_record(tx, vault, organisation, word, buf_str(&arguments),
                       &(struct config_about){.token_id = token->id}, author, err);
}

enum err_code config_token_make(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                const struct config_token *order, const struct audit_author *author,
                                struct access_token_record *ret_record, char ret_text[TOKEN_TEXT_SIZE],
                                struct err *err) {
  if (order->user->disabled_at)
    return err_set(err, ERR_INVALID, "the user %.*s is disabled", STR_ARG(order->user->email));
  struct access_token_record record = {.id = uuid_new(),
                                       .organisation_id = order->organisation->id,
                                       .user_id = order->user->id,
                                       .kind = order->kind == TOKEN_URL ? STR("url") : STR("key"),
                                       .name = order->name,
                                       .expires_at = order->expires_at,
                                       .created_at = clock_utc_us()};
  token_new(order->kind, ret_text);
  token_hash(str_of(ret_text), record.hash);
  enum err_code code = store_access_token_insert(tx, &record, err);
  if (!code) code = put_limit(tx, &record, order->per_minute, err);
  if (!code) code = store_change_log(tx, record.organisation_id, CHANGE_ACCESS_TOKEN, record.id, err);
  if (!code)
    code =
        record_change(tx, arena, vault, order->organisation, &record, order->user->email, "token.create", author, err);
  if (!code) *ret_record = record;
  return code;
}

enum err_code config_token_end(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                               const struct organisation_record *organisation, const struct access_token_record *token,
                               struct str email, int64_t expires_at, const struct audit_author *author,
                               struct err *err) {
  int64_t now = clock_utc_us();
  bool ends_before = expires_at && token->expires_at && token->expires_at <= expires_at;
  if (token->revoked_at || ends_before) return ERR_NONE;
  enum err_code code = expires_at ? store_access_token_expire(tx, token->organisation_id, token->id, expires_at, err)
                                  : store_access_token_revoke(tx, token->organisation_id, token->id, now, err);
  if (!code) code = store_change_log(tx, token->organisation_id, CHANGE_ACCESS_TOKEN, token->id, err);
  if (!code)
    code = record_change(tx, arena, vault, organisation, token, email, expires_at ? "token.expire" : "token.revoke",
                         author, err);
  return code;
}
