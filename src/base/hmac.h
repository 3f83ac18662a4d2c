/* HMAC (RFC 2104) of services that want one, over SHA-1 or SHA-256. What Connek itself macs, but for
 * backups, is in vault/. */
#ifndef CONNEK_BASE_HMAC_H
#define CONNEK_BASE_HMAC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum hmac_digest_kind { HMAC_SHA1, HMAC_SHA256 };
enum { HMAC_MAX = 32 };

/* False: OpenSSL has not got it. */
bool hmac_once(enum hmac_digest_kind kind, struct str key, struct str bytes, uint8_t ret_mac[HMAC_MAX],
               size_t *ret_n) MUST_CHECK;

#endif
