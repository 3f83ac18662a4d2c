/* Numbers between JSON text and doubles. */
#ifndef CONNEK_CODEC_JSON_NUMBER_H
#define CONNEK_CODEC_JSON_NUMBER_H

#include <stdbool.h>

#include "base/str.h"

enum { JSON_NUMBER_SIZE = 40 };

/* ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20), as RFC 8785, 3.2.2.3 wants it. Finite values only; returns the
 * length, without the NUL. */
size_t json_number_format(double value, char ret_text[JSON_NUMBER_SIZE]);
/* A number of JSON's grammar that does not fit 64 bits: false where a double would change its digits or is infinite. */
bool json_number_read_big(struct str text, double *ret_value);

#endif
