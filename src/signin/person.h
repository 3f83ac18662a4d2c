/* What belongs to a person: their second factor, their organisations. Within transactions. For src/signin alone. */
#ifndef CONNEK_SIGNIN_PERSON_H
#define CONNEK_SIGNIN_PERSON_H

#include "identity/totp.h"
#include "signin/request.h"

/* A code of the app or a recovery code, used up where it is right. After PERSON_CODE_TRIES wrong ones in a row the
 * app's are looked at once in PERSON_CODE_WAIT_MIN minutes, by whatever server: `problem` says so then. Recovery codes
 * are too long to be guessed, and a way in for whom somebody keeps out like that. */
enum { PERSON_CODE_TRIES = 10, PERSON_CODE_WAIT_MIN = 15 };
enum err_code person_take_code(struct request *request, struct db_tx *tx, const struct login_record *login,
                               struct str code, bool *ret_is_right, struct err *err) MUST_CHECK;
/* What is said of one that is wrong, where `problem` says nothing else. */
#define person_wrong_code STR("That is not the code of now. Each works once: wait for the next one.")
/* A new secret, kept unproven until a code of it has come. */
enum err_code person_new_totp(struct request *request, struct db_tx *tx, struct uuid login_id,
                              struct err *err) MUST_CHECK;
/* False in *ret_is_there: none is kept, or it is damaged. The caller wipes it. */
enum err_code person_totp_secret(struct request *request, struct db_tx *tx, const struct login_record *login,
                                 uint8_t ret_secret[TOTP_SECRET_SIZE], bool *ret_is_there, struct err *err) MUST_CHECK;

/* The memberships that count: accepted, not disabled. */
struct person_memberships {
  const struct membership_record *items;
  size_t n;
};
enum err_code person_memberships(struct request *request, struct db_tx *tx, struct uuid login_id,
                                 struct person_memberships *ret_memberships, struct err *err) MUST_CHECK;

/* A record in the organisation's audit trail: `word` such as "client.allow"; `detail`: its arguments, RFC 8785. */
enum err_code person_record(struct request *request, struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                            struct str email, const char *word, struct str detail, struct err *err) MUST_CHECK;

#endif
