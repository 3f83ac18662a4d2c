/* Field masks: which members of an object are kept. "id,name,owner(id,name),lines(sku,qty)"; "*" keeps all members of
 * its level, "*(a,b)" keeps these of each. A list is masked element by element; anything else stays as it is. Compiled
 * once; applied while the value is written, so that nothing is copied that is not sent. */
#ifndef CONNEK_CODEC_MASK_H
#define CONNEK_CODEC_MASK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"

struct mask;

/* Borrows `text`; lives in the arena, immutable. ERR_INVALID says at which byte. */
enum err_code mask_compile(struct arena *arena, struct str text, struct mask **ret_mask, struct err *err) MUST_CHECK;
/* Appends the value as minified JSON, key order kept. `mask` NULL: all of it. */
void mask_write(struct buf *out, const struct mask *mask, yyjson_val *value);
/* For checks of definitions: the first name of the mask that matches nothing in `value` (of a list: in none of its
 * elements), dotted ("owner.id"), in the arena. STR_NONE: each matches. */
struct str mask_unmatched(struct arena *arena, const struct mask *mask, yyjson_val *value);

#endif
