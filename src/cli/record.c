/* Commands in the audit trail: what the operator changed. */
#include "cli/record.h"

#include "audit/audit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"

enum err_code cli_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                         const char *word, struct str arguments, struct uuid token_id, struct err *err) {
  struct vault_keys *keys = NULL;
  enum err_code code = vault_keys_open(vault, organisation->id, organisation->data_key, &keys, err);
  if (code) return code;
  const struct audit_event event = {.kind = AUDIT_CHANGE,
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
  code = audit_record_in(tx, &event, err);
  vault_keys_free(keys);
  return code;
}

enum err_code cli_record_user(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                              const struct organisation_record *organisation, const char *word, struct str email,
                              struct err *err) {
  struct buf arguments;
  buf_init(&arguments, arena, 4 * KIB);
  buf_append_c(&arguments, "{\"user\":");
  json_write_str(&arguments, email);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  return cli_record(tx, vault, organisation, word, buf_str(&arguments), (struct uuid){{0}}, err);
}
