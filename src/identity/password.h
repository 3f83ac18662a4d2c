/* Passwords: argon2id (RFC 9106), with parameters in the hash itself. Both functions take some tens of milliseconds and
 * PASSWORD_MEMORY_KIB of memory: on a thread of their own, few at a time, never on a loop. */
#ifndef CONNEK_IDENTITY_PASSWORD_H
#define CONNEK_IDENTITY_PASSWORD_H

#include "base/err.h"
#include "base/str.h"

enum {
  PASSWORD_MEMORY_KIB = 19 * 1024, /* OWASP's second choice: 19 MiB, two passes, one lane */
  PASSWORD_PASSES = 2,
  PASSWORD_MIN = 10,  /* characters, as bytes */
  PASSWORD_MAX = 256, /* bytes */
  PASSWORD_HASH_SIZE = 128,
};

/* May it be one? ERR_INVALID says what is wrong. Lengths and a few of the worst alone: no rule about kinds of
 * characters (NIST SP 800-63B, 3.1.1.2). `email` may not be it. */
enum err_code password_check(struct str password, struct str email, struct err *err) MUST_CHECK;
enum err_code password_hash(struct str password, char ret_hash[PASSWORD_HASH_SIZE], struct err *err) MUST_CHECK;
/* `hash` empty (there is no such person, or no password): takes as long as any other, and is false. */
bool password_verify(struct str password, struct str hash);

#endif
