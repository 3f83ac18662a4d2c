/* Arguments of a tool that stand in header fields as well, because its schema says so (x-mcp-header): which, and how a
 * value is written there. MCP 2026-07-28, basic/transports/streamable-http, Custom Headers from Tool Parameters and
 * Value Encoding. For both ends of it: who sends such fields, who holds them against the body, who judges a schema. */
#ifndef CONNEK_CODEC_MIRROR_H
#define CONNEK_CODEC_MIRROR_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { MIRROR_MAX = 32 }; /* fields of one tool */

struct mirror_field {
  struct str name; /* "Mcp-Param-Region" */
  struct str value;
};

/* As any value of such a field is written: itself, or =?base64?...?= of what a field cannot hold. STR_NONE: no memory,
 * or longer than all fields may be. */
struct str mirror_encode(struct arena *arena, struct str value);
/* False: malformed. */
bool mirror_decode(struct arena *arena, struct str value, struct str *ret_text) MUST_CHECK;

/* Calls `each` for every property that the schema marks, with its argument, or NULL where there is none, until it
 * returns false; that is returned. `header` is a token. */
bool mirror_each(yyjson_val *input_schema, yyjson_val *arguments,
                 bool (*each)(void *context, struct str header, yyjson_val *value), void *context) MUST_CHECK;

/* The fields of a call. Fails where there are more than MIRROR_MAX, one is too long, or no memory. In the arena, or
 * where the arguments are. */
enum err_code mirror_write(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                           const struct mirror_field **ret_fields, size_t *ret_n, struct err *err) MUST_CHECK;

/* Whether a tool may be used at all: clients must leave one out whose marks are not as they must be. `err` says what is
 * wrong with which, as the end of a sentence about the schema. */
enum err_code mirror_check(yyjson_val *input_schema, struct err *err) MUST_CHECK;

#endif
