/* JSON in: strict, bounded, read once. Everything that comes from outside passes json_read before anyone looks at it.
 * Beyond RFC 8259 it refuses what two readers could understand differently: duplicate keys in one object, invalid
 * UTF-8, a NUL character in any string, nesting over LIMIT_JSON_DEPTH, numbers that do not fit a double or 64 bits. (An
 * integer beyond 64 bits is read as a double where that writes the same digits again, as JavaScript's do.) */
#ifndef CONNEK_CODEC_JSON_H
#define CONNEK_CODEC_JSON_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* yyjson's memory, taken from the arena; freeing does nothing. The arena must outlive every document made with it. */
yyjson_alc json_alc(struct arena *arena);

/* Parses a copy of `text` into the arena. On failure `err` has ERR_INVALID (or ERR_TOO_LARGE, ERR_NO_MEMORY), a text
 * such as "duplicate key \"a\"" and a place: a JSON pointer, or "byte N". The document lives as long as the arena. */
enum err_code json_read(struct arena *arena, struct str text, yyjson_doc **ret_doc, struct err *err) MUST_CHECK;
/* The same for what is passed on and not reckoned with: numbers stay the text they came as (yyjson_is_raw), so that
 * 1.50 leaves as 1.50, however many digits it has. json_write_value writes them so. */
enum err_code json_read_verbatim(struct arena *arena, struct str text, yyjson_doc **ret_doc,
                                 struct err *err) MUST_CHECK;
/* The same for a file that people write: an object whose keys "//" (at any depth) are comments and are dropped, and an
 * error's place is "line L, column C (POINTER)". */
enum err_code json_read_file_text(struct arena *arena, struct str text, yyjson_doc **ret_doc,
                                  struct err *err) MUST_CHECK;

/* Slices into the document. STR_NONE where the value is NULL or not a string. */
struct str json_str(yyjson_val *value);
/* A member by exact name, or NULL where `object` is NULL, no object, or lacks it. */
yyjson_val *json_get(yyjson_val *object, const char *name);
struct str json_get_str(yyjson_val *object, const char *name);

/* Appends. All escape as JSON demands; the text must be valid UTF-8, invalid bytes become U+FFFD. */
void json_write_str(struct buf *out, struct str text);     /* with its quotes */
void json_write_value(struct buf *out, yyjson_val *value); /* minified, key order kept */
/* RFC 8785 (JCS): keys sorted by UTF-16 code units, ECMAScript numbers, minimal escapes. Fails for numbers that are not
 * finite; integers beyond 2^53 are written as the double they become, as the RFC has it. */
enum err_code json_write_canonical(struct buf *out, yyjson_val *value, struct err *err) MUST_CHECK;

#endif
