/* Changes to who is somebody where, as the pages and the commands make them: within a write transaction, each with the
 * change log's row. */
#ifndef CONNEK_SIGNIN_PEOPLE_H
#define CONNEK_SIGNIN_PEOPLE_H

#include "identity/token.h"
#include "store/sign_in.h"
#include "vault/vault.h"

enum { INVITATION_HOURS = 72, RESET_HOURS = 24 };

/* A new organisation of that name, without anybody in it. */
enum err_code people_found(STORE_TX, const struct vault *vault, struct str name, struct uuid *ret_organisation_id,
                           struct err *err) MUST_CHECK;
/* Sees to it that there is such a login and user; one that is there already gets `kind` (empty: keeps its own, a new
 * one is a member). */
enum err_code people_ensure(STORE_TX, struct uuid organisation_id, struct str email, struct str kind,
                            struct user_record *ret_user, struct err *err) MUST_CHECK;
/* A new link, in the place of those of its kind for the same login. The caller wipes `ret_text`. */
enum err_code people_link(struct db_tx *tx, const char *kind, struct uuid user_id, struct uuid login_id, int hours,
                          char ret_text[TOKEN_TEXT_SIZE], struct err *err) MUST_CHECK;

#endif
