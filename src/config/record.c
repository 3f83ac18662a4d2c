/* The audit record of a change that is no part of a configuration file. */
#include "audit/audit.h"
#include "base/clock.h"
#include "config/config.h"

enum err_code config_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                            const char *word, struct str arguments, struct uuid token_id,
                            const struct config_author *author, struct err *err) {
  struct vault_keys *keys = NULL;
  enum err_code code = vault_keys_open(vault, organisation->id, organisation->data_key, &keys, err);
  if (code) return code;
  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = organisation->id,
                              .keys = keys,
                              .time = clock_utc_us(),
                              .call_id = uuid_new(),
                              .token_id = token_id,
                              .roles = STR("[]"),
                              .policy_version = organisation->version,
                              .tool = str_of(word),
                              .arguments = arguments,
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .reason = STR("operator"),
                              .outcome = AUDIT_OK};
  if (author) {
    event.user_id = author->user_id;
    if (uuid_is_nil(token_id)) event.token_id = author->token_id;
    event.user_email = author->email;
    event.client = author->client;
    event.reason = str_of(author->reason);
  }
  code = audit_record_in(tx, &event, err);
  vault_keys_free(keys);
  return code;
}
