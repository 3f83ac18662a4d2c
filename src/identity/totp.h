/* Codes of an authenticator app: TOTP (RFC 6238) as all of them do it: SHA-1, six digits, thirty seconds. And recovery
 * codes, for those who lost theirs. */
#ifndef CONNEK_IDENTITY_TOTP_H
#define CONNEK_IDENTITY_TOTP_H

#include "base/buf.h"
#include "base/str.h"

enum {
  TOTP_SECRET_SIZE = 20,
  TOTP_DIGITS = 6,
  RECOVERY_CODES = 10,
  RECOVERY_CODE_SIZE = 20, /* "xxxx-xxxx-xxxx-xxxx", NUL-terminated: 80 random bits */
};

/* The code of a step (UTC seconds / 30), NUL-terminated. */
void totp_code(const uint8_t secret[TOTP_SECRET_SIZE], int64_t step, char ret_code[TOTP_DIGITS + 1]);
/* Does the code (spaces are left out) fit the step of now, or one to either side, and later than `last_step`? */
bool totp_matches(const uint8_t secret[TOTP_SECRET_SIZE], struct str code, int64_t utc_us, int64_t last_step,
                  int64_t *ret_step);
/* RFC 4648, section 6, without padding: as apps take it. */
void totp_write_base32(struct buf *out, struct str bytes);

void recovery_code_new(char ret_code[RECOVERY_CODE_SIZE]);
/* As it is hashed: lower case, without what people put between. False: cannot be one. */
bool recovery_code_read(struct str text, char ret_code[RECOVERY_CODE_SIZE]);

#endif
