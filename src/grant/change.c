/* The audit record of what was done to a grant. */
#include "audit/audit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "grant/inner.h"

enum err_code grant_record_change(struct db_tx *tx, struct arena *arena, const struct grant_subject *subject,
                                  const char *word, const struct audit_author *author, struct err *err) {
  struct organisation_record organisation;
  struct buf arguments;
  enum err_code code = store_organisation_get(tx, arena, subject->record.organisation_id, &organisation, err);
  if (code != ERR_NONE) return code;
  buf_init(&arguments, arena, 4 * KIB);
  buf_append_c(&arguments, "{\"connection\":");
  json_write_str(&arguments, subject->record.name);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = organisation.id,
                              .keys = subject->keys,
                              .time = clock_utc_us(),
                              .call_id = uuid_new(),
                              .roles = STR("[]"),
                              .policy_version = organisation.version,
                              .connector = subject->record.connector_id,
                              .connection_id = subject->record.id,
                              .connection = subject->record.name,
                              .tool = str_of(word),
                              .arguments = buf_str(&arguments),
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .outcome = AUDIT_OK};
  audit_event_by(&event, author);
  return audit_record_in(tx, &event, err);
}

enum err_code grant_tell_failed(struct db_tx *tx, struct arena *arena, const struct grant_subject *subject,
                                struct str text, struct err *err) {
  struct buf arguments;
  buf_init(&arguments, arena, 16 * KIB);
  buf_append_c(&arguments, "{\"text\":");
  json_write_str(&arguments, text);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  return webhook_tell(tx,
                      &(struct webhook_happening){.organisation_id = subject->record.organisation_id,
                                                  .time = clock_utc_us(),
                                                  .word = STR("connection.fail"),
                                                  .connector = subject->record.connector_id,
                                                  .connection_id = subject->record.id,
                                                  .connection = subject->record.name,
                                                  .arguments = buf_str(&arguments)},
                      err);
}
