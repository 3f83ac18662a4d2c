/* Commands in the audit trail: what the operator changed. */
#include "cli/record.h"

#include "base/limits.h"
#include "codec/json.h"
#include "config/config.h"

enum err_code cli_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                         const char *word, struct str arguments, struct uuid token_id, struct err *err) {
  return config_record(tx, vault, organisation, word, arguments, &(struct config_about){.token_id = token_id}, NULL,
                       err);
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
