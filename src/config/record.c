/* The audit record of a change that is no part of a configuration file. */
#include "audit/audit.h"
#include "base/clock.h"
#include "config/config.h"

enum err_code config_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                            const char *word, struct str arguments, const struct config_about *about,
                            const struct audit_author *author, struct err *err) {
  struct vault_keys *keys = NULL;
  enum err_code code = vault_keys_open(vault, organisation->id, organisation->data_key, &keys, err);
  if (code) return code;
  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = organisation->id,
                              .keys = keys,
                              .time = clock_utc_us(),
                              .call_id = uuid_new(),
                              .roles = STR("[]"),
                              .policy_version = organisation->version,
                              .tool = str_of(word),
                              .arguments = arguments,
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .outcome = AUDIT_OK};
  if (about) {
    event.token_id = about->token_id;
    event.connection_id = about->connection_id;
    event.connection = about->connection;
    event.connector = about->connector;
  }
  audit_event_by(&event, author);
  code = audit_record_in(tx, &event, err);
  vault_keys_free(keys);
  return code;
}
