/* The audit record of what a command changed. */
#ifndef CONNEK_CLI_RECORD_H
#define CONNEK_CLI_RECORD_H

#include "store/store.h"
#include "vault/vault.h"

/* In the change's own transaction; `word`: "user.invite"; `arguments`: RFC 8785; `token_id`: or nil. */
enum err_code cli_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                         const char *word, struct str arguments, struct uuid token_id, struct err *err) MUST_CHECK;
/* {"user":EMAIL} */
enum err_code cli_record_user(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                              const struct organisation_record *organisation, const char *word, struct str email,
                              struct err *err) MUST_CHECK;

#endif
