/* Records of changes, written in the change's own transaction. */
#include "audit/chain.h"
#include "webhook/webhook.h"

static enum err_code tell(struct db_tx *tx, const struct audit_event *event, struct err *err) {
  return webhook_tell(tx,
                      &(struct webhook_happening){.organisation_id = event->organisation_id,
                                                  .id = event->call_id,
                                                  .time = event->time,
                                                  .user_id = event->user_id,
                                                  .user_email = event->user_email,
                                                  .word = event->tool,
                                                  .connector = event->connector,
                                                  .connection_id = event->connection_id,
                                                  .connection = event->connection,
                                                  .arguments = event->arguments},
                      err);
}

void audit_event_by(struct audit_event *event, const struct audit_author *author) {
  event->reason = STR("operator");
  if (!author) return;
  event->user_id = author->user_id;
  if (uuid_is_nil(event->token_id)) event->token_id = author->token_id;
  event->user_email = author->email;
  event->client = author->client;
  event->reason = str_of(author->reason);
}

enum err_code audit_record_in(struct db_tx *tx, const struct audit_event *event, struct err *err) {
  struct audit_chain chain;
  struct audit_draft draft;
  struct audit_row row;
  struct arena arena;
  if (!event->keys) return err_set(err, ERR_INTERNAL, "an audit event without keys");
  audit_draft_init(&draft);
  arena_init(&arena, 0);
  enum err_code code =
      audit_chain_load(tx, event->keys, event->organisation_id, STR(AUDIT_COMMAND_WRITER), &chain, err);
  if (code == ERR_NONE) code = audit_chain_row(&chain, event, &draft, &arena, &row, err);
  if (code == ERR_NONE) code = store_audit_insert(tx, &row, err);
  if (code == ERR_NONE) {
    audit_chain_advance(&chain, &row);
    code = audit_chain_put_head(tx, event->keys, &chain, err);
  }
  if (code == ERR_NONE) code = tell(tx, event, err);
  arena_release(&arena);
  audit_draft_release(&draft);
  return code;
}
