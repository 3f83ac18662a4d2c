/* Signatures of JWTs (RFC 7518). The key is in a secret: PEM for RS256, PS256, ES256 and EdDSA, bytes for HS256. */
#ifndef CONNEK_VAULT_SIGN_H
#define CONNEK_VAULT_SIGN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* As a JWS wants it (ES256: R and S side by side). ERR_INVALID: the key is not one of that algorithm; its text never
 * quotes it. */
enum err_code vault_sign(struct arena *arena, struct str algorithm, struct str key, struct str bytes,
                         struct str *ret_signature, struct err *err) MUST_CHECK;

#endif
