/* UTF-8 (RFC 3629). */
#ifndef CONNEK_CODEC_UTF8_H
#define CONNEK_CODEC_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

bool utf8_is_valid(struct str text);
/* Reads one scalar value at *i and moves past it; UINT32_MAX (moving one byte) where the bytes are invalid. */
uint32_t utf8_next(struct str text, size_t *i);
/* The longest prefix of at most max_bytes that does not cut a character. */
struct str utf8_cut(struct str text, size_t max_bytes);

#endif
