/* A secret taken out of a text that somebody repeated it in. */
#ifndef CONNEK_CODEC_BLOT_H
#define CONNEK_CODEC_BLOT_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/str.h"

/* What stands in its place. */
#define BLOT "[credential removed]"

/* The text with every `secret` in it replaced; itself where there is none, or where the secret is so short that it may
 * be any word. STR_NONE: no memory. */
struct str blot_out(struct arena *arena, struct str text, struct str secret);

/* The same in place, by asterisks, in the secret's length. False: it was not there, or is too short. */
bool blot_text(char *text, size_t n, struct str secret);
/* ... in every string of a parsed document, names as well: whatever escapes they were written with. */
bool blot_value(yyjson_val *root, struct str secret);

#endif
