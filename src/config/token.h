/* Access tokens as an admin makes them: a personal URL, or a key for a header. Within a write transaction, each with
 * its audit record and the change log's row. */
#ifndef CONNEK_CONFIG_TOKEN_H
#define CONNEK_CONFIG_TOKEN_H

#include "config/config.h"
#include "identity/token.h"

struct config_token {
  const struct organisation_record *organisation;
  const struct user_record *user; /* whose it is: not disabled */
  enum token_kind kind;           /* TOKEN_URL or TOKEN_KEY */
  struct str name;
  int64_t expires_at; /* 0: never */
  int64_t per_minute; /* 0: as the organisation's others */
};
/* The caller wipes `ret_text` once it has been shown. */
enum err_code config_token_make(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                const struct config_token *order, const struct audit_author *author,
                                struct access_token_record *ret_record, char ret_text[TOKEN_TEXT_SIZE],
                                struct err *err) MUST_CHECK;
/* Its end: now, or (`expires_at` not 0) then. One that has ended stays as it is. `email`: whose it is. */
enum err_code config_token_end(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                               const struct organisation_record *organisation, const struct access_token_record *token,
                               struct str email, int64_t expires_at, const struct audit_author *author,
                               struct err *err) MUST_CHECK;

#endif
