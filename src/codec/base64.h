/* Base64 (RFC 4648, section 4), base64url without padding (section 5), hex, and CRC32 (for token checksums). Strict: no
 * white space, no missing or stray padding, no non-zero trailing bits. */
#ifndef CONNEK_CODEC_BASE64_H
#define CONNEK_CODEC_BASE64_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

void base64_write(struct buf *out, struct str bytes);
void base64url_write(struct buf *out, struct str bytes);
/* False: not base64, or no memory. The result is in the arena. */
bool base64_read(struct arena *arena, struct str text, struct str *ret_bytes) MUST_CHECK;
bool base64url_read(struct arena *arena, struct str text, struct str *ret_bytes) MUST_CHECK;

void hex_format(const void *bytes, size_t n, char *ret_text /* 2n + 1 */); /* lower case, NUL-terminated */
/* Exactly 2n digits. Upper case is refused unless `any_case`. */
bool hex_parse(struct str text, void *ret_bytes, size_t n, bool any_case) MUST_CHECK;

uint32_t crc32_of(struct str bytes); /* IEEE 802.3 */

#endif
