/* Where in a text something stands: for the errors of files that people write. */
#ifndef CONNEK_CODEC_JSON_PLACE_H
#define CONNEK_CODEC_JSON_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Counted from 1; columns in bytes. */
void json_place_of_byte(struct str text, size_t at, unsigned *ret_line, unsigned *ret_column);
/* The value at a JSON pointer (RFC 6901), for a member its key. `text` must be JSON already. Of members with the same
 * name the last one is found. */
bool json_place_find(struct str text, struct str pointer, unsigned *ret_line, unsigned *ret_column);

/* The same by the indexes of the members and elements on the way: no two of them are alike. */
bool json_place_of_path(struct str text, const size_t *indexes, size_t n, unsigned *ret_line, unsigned *ret_column);

#endif
