/* Second factors, memberships, and the record of what a person did about clients. Knows no page. */
#include "signin/person.h"

#include "audit/audit.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "identity/token.h"
#include "keyring/keyring.h"
#include "vault/places.h"

/* As they are in this transaction: they may be changed while a server serves. */
static enum err_code open_keys(struct request *request, struct db_tx *tx, struct vault_keys **ret_keys,
                               struct err *err) {
  const struct uuid installation = {{0}};
  return keyring_open(tx, &request->arena, request->signin->options.vault, STORE_RING_SIGN_IN, installation, ret_keys,
                      err);
}

enum err_code person_totp_secret(struct request *request, struct db_tx *tx, const struct login_record *login,
                                 uint8_t ret_secret[TOTP_SECRET_SIZE], bool *ret_is_there, struct err *err) {
  struct secret *secret = NULL;
  *ret_is_there = false;
  if (!login->totp.p) return ERR_NONE;
  struct vault_keys *keys = NULL;
  enum err_code code = open_keys(request, tx, &keys, err);
  if (code == ERR_NONE) code = vault_unseal(keys, vault_place_totp(&login->id), login->totp, &secret, err);
  vault_keys_free(keys);
  if (code == ERR_INVALID)
    return err_set(err, code,
                   "Codes of your app cannot be looked at: their key does not open here, it was damaged in the "
                   "database. Use a recovery code, or ask your operator.");
  if (code != ERR_NONE) return code;
  struct str bytes = secret_open(secret);
  *ret_is_there = bytes.n == TOTP_SECRET_SIZE;
  if (*ret_is_there) memcpy(ret_secret, bytes.p, TOTP_SECRET_SIZE);
  secret_free(secret);
  return ERR_NONE;
}

enum err_code person_new_totp(struct request *request, struct db_tx *tx, struct uuid login_id, struct err *err) {
  uint8_t bytes[TOTP_SECRET_SIZE];
  struct str sealed;
  struct vault_keys *keys = NULL;
  random_bytes(bytes, sizeof(bytes));
  enum err_code code = open_keys(request, tx, &keys, err);
  if (code == ERR_NONE)
    code = vault_seal(keys, &request->arena, vault_place_totp(&login_id), str_make((const char *)bytes, sizeof(bytes)),
                      &sealed, err);
  vault_keys_free(keys);
  secret_wipe(bytes, sizeof(bytes));
  return code == ERR_NONE ? store_totp_put(tx, login_id, sealed, clock_utc_us(), err) : code;
}

static enum err_code take_app_code(struct request *request, struct db_tx *tx, const struct login_record *login,
                                   struct str code, bool *ret_is_right, struct err *err) {
  uint8_t secret[TOTP_SECRET_SIZE];
  bool is_there;
  int64_t step;
  enum err_code failure = person_totp_secret(request, tx, login, secret, &is_there, err);
  if (failure != ERR_NONE || !is_there) return failure;
  bool fits = totp_matches(secret, code, clock_utc_us(), login->totp_last_step, &step);
  secret_wipe(secret, sizeof(secret));
  return fits ? store_totp_take_step(tx, login->id, step, ret_is_right, err) : ERR_NONE;
}

static bool must_wait(const struct login_record *login, int64_t now) {
  static const int64_t wait_us = INT64_C(60) * 1000000 * PERSON_CODE_WAIT_MIN;
  return login->totp_failures >= PERSON_CODE_TRIES && now < login->totp_failed_at + wait_us;
}

enum err_code person_take_code(struct request *request, struct db_tx *tx, const struct login_record *login,
                               struct str code, bool *ret_is_right, struct err *err) {
  char recovery[RECOVERY_CODE_SIZE];
  int64_t now = clock_utc_us();
  bool is_recovery = recovery_code_read(code, recovery);
  enum err_code failure = ERR_NONE;
  *ret_is_right = false;
  if (is_recovery) {
    uint8_t hash[TOKEN_HASH_SIZE];
    token_hash(str_of(recovery), hash);
    failure = store_recovery_code_take(tx, login->id, hash, ret_is_right, err);
  } else if (must_wait(login, now)) {
    request->problem =
        STR("Too many wrong codes in a row: for now one is looked at every 15 minutes. Wait, or use a "
            "recovery code.");
    return ERR_NONE;
  } else {
    failure = take_app_code(request, tx, login, code, ret_is_right, err);
  }
  if (failure != ERR_NONE) return failure;
  if (*ret_is_right) return store_totp_forgive(tx, login->id, err);
  return is_recovery ? ERR_NONE : store_totp_failed(tx, login->id, now, err);
}

enum err_code person_memberships(struct request *request, struct db_tx *tx, struct uuid login_id,
                                 struct person_memberships *ret_memberships, struct err *err) {
  const struct membership_record *all = NULL;
  size_t n = 0, n_live = 0;
  enum err_code code = store_membership_list(tx, &request->arena, login_id, &all, &n, err);
  if (code != ERR_NONE) return code;
  struct membership_record *live = arena_new_n(&request->arena, struct membership_record, n + 1);
  if (!live) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    if (all[i].accepted_at && !all[i].disabled_at) live[n_live++] = all[i];
  }
  *ret_memberships = (struct person_memberships){live, n_live};
  return ERR_NONE;
}

enum err_code person_record(struct request *request, struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                            struct str email, const char *word, struct str detail, struct err *err) {
  struct organisation_record organisation;
  struct vault_keys *keys = NULL;
  enum err_code code = store_organisation_get(tx, &request->arena, organisation_id, &organisation, err);
  if (code == ERR_NONE)
    code = vault_keys_open(request->signin->options.vault, organisation.id, organisation.data_key, &keys, err);
  if (code != ERR_NONE) return code;
  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = organisation_id,
                              .keys = keys,
                              .time = clock_utc_us(),
                              .call_id = uuid_new(),
                              .user_id = user_id,
                              .user_email = email,
                              .roles = STR("[]"),
                              .policy_version = organisation.version,
                              .tool = str_of(word),
                              .arguments = detail,
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .reason = STR("person"),
                              .outcome = AUDIT_OK};
  code = audit_record_in(tx, &event, err);
  vault_keys_free(keys);
  return code;
}
