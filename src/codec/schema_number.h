/* Numbers as JSON Schema compares and divides them: by the decimal digits that stand in the text, never by the nearest
 * double. Takes what yyjson reads: 64-bit integers, doubles, and raw text of any length and exponent. */
#ifndef CONNEK_CODEC_SCHEMA_NUMBER_H
#define CONNEK_CODEC_SCHEMA_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/json.h"

/* A number, or the raw text of one that is too large for yyjson. */
bool schema_is_number(yyjson_val *value);
/* 2020-12, 6.1.1: with a zero fraction, however it is written. */
bool schema_number_is_integer(yyjson_val *value);
int schema_number_cmp(yyjson_val *a, yyjson_val *b); /* <0, 0, >0 */
/* Equal numbers have equal ones. */
double schema_number_rounded(yyjson_val *value);

/* digits * 10^exponent */
struct schema_divisor {
  uint64_t digits; /* ends in no zero */
  int64_t exponent;
  uint64_t whole; /* the same, where it is an integer of 64 bits; else 0 */
};

/* False: not above zero, or of more digits than 64 bits hold. */
bool schema_divisor_read(yyjson_val *value, struct schema_divisor *ret_divisor);
bool schema_number_is_multiple(yyjson_val *value, const struct schema_divisor *divisor);

#endif
