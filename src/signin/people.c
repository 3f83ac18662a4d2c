/* Organisations, users and links, as signing in makes them. Knows no page and no command. */
#include "signin/people.h"

#include "base/clock.h"

static const int64_t hour_us = INT64_C(3600) * 1000000;

enum err_code people_found(STORE_TX, const struct vault *vault, struct str name, struct uuid *ret_organisation_id,
                           struct err *err) {
  struct organisation_record record = {.id = uuid_new(), .name = name, .version = 1, .created_at = clock_utc_us()};
  enum err_code code = vault_data_key_new(vault, arena, record.id, &record.data_key, err);
  if (code == ERR_NONE) code = store_organisation_insert(tx, &record, err);
  if (code == ERR_NONE) code = store_change_log(tx, record.id, CHANGE_ORGANISATION, record.id, err);
  if (code == ERR_NONE) *ret_organisation_id = record.id;
  return code;
}

enum err_code people_ensure(STORE_TX, struct uuid organisation_id, struct str email, struct str kind,
                            struct user_record *ret_user, struct err *err) {
  struct user_record user;
  enum err_code code = store_user_find(tx, arena, organisation_id, email, &user, err);
  bool is_new = code == ERR_NOT_FOUND;
  if (code != ERR_NONE && !is_new) return code;
  bool changes = is_new || (kind.n && !str_eq(kind, user.kind));
  if (is_new) {
    user = (struct user_record){.id = uuid_new(),
                                .organisation_id = organisation_id,
                                .email = email,
                                .kind = kind.n ? kind : STR("member"),
                                .created_at = clock_utc_us()};
    code = store_login_ensure(tx, arena, email, &user.login_id, err);
    if (code == ERR_NONE) code = store_user_insert(tx, &user, err);
  } else if (changes) {
    user.kind = kind;
    code = store_user_set_kind(tx, organisation_id, user.id, kind, err);
  } else {
    code = ERR_NONE;
  }
  if (code == ERR_NONE && changes)
    code = store_change_log(tx, organisation_id, CHANGE_ORGANISATION, organisation_id, err);
  if (code == ERR_NONE) *ret_user = user;
  return code;
}

enum err_code people_link(struct db_tx *tx, const char *kind, struct uuid user_id, struct uuid login_id, int hours,
                          char ret_text[TOKEN_TEXT_SIZE], struct err *err) {
  int64_t now = clock_utc_us();
  struct single_use_link_record link = {.id = uuid_new(),
                                        .kind = str_of(kind),
                                        .user_id = user_id,
                                        .login_id = login_id,
                                        .created_at = now,
                                        .expires_at = now + hours * hour_us};
  token_new(TOKEN_URL, ret_text);
  token_hash(str_of(ret_text), link.hash);
  /* An invitation to another organisation stays good. */
  enum err_code code = uuid_is_nil(user_id) ? store_link_delete_all(tx, link.kind, login_id, err)
                                            : store_link_delete_of_user(tx, user_id, err);
  return code == ERR_NONE ? store_link_insert(tx, &link, err) : code;
}
