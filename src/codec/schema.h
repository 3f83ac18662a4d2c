/* JSON Schema for tools' arguments: compiled once per tool, run on every call. Today a subset that refuses to compile
 * what it does not know (so that nothing is silently allowed): type (one or a list), properties, required,
 * additionalProperties (boolean), enum, const, items (one schema), minItems, maxItems, minLength, maxLength, minimum,
 * maximum; annotations (title, description, default, examples, $schema, x-*) are accepted and ignored. */
#ifndef CONNEK_CODEC_SCHEMA_H
#define CONNEK_CODEC_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

struct schema;

/* The schema borrows `value`, which must live as long as it; it lives in the arena and is immutable: any thread may run
 * it. */
enum err_code schema_compile(struct arena *arena, yyjson_val *value, struct schema **ret_schema,
                             struct err *err) MUST_CHECK;
/* On failure ERR_INVALID: the text names the argument and the rule ("limit: must be at most 100"), the place is a JSON
 * pointer. */
enum err_code schema_check(const struct schema *schema, yyjson_val *value, struct err *err) MUST_CHECK;

#endif
