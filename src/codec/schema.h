/* JSON Schema for tools' arguments: compiled once per tool, run on every call. Drafts 2020-12, which is what a schema
 * is of that does not say, and 07 (by $schema; 06 and 04 are read as 07, 2019-09 as 2020-12 with its lists of items).
 * What a schema says by keywords that are not JSON Schema's is an annotation, as is its "format" unless asked for.
 * Nothing is ever fetched: $ref reaches the schema itself, the documents the caller gives, and the two drafts' own
 * schemas. */
#ifndef CONNEK_CODEC_SCHEMA_H
#define CONNEK_CODEC_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

struct schema;

enum schema_draft {
  SCHEMA_DRAFT_2020_12,
  SCHEMA_DRAFT_2019_09,
  SCHEMA_DRAFT_07,
  SCHEMA_DRAFT_04,
};

enum {
  SCHEMA_MAX_SUBSCHEMAS = 10 * 1000, /* in one compiled schema, with what it refers to */
  SCHEMA_MAX_PATTERN = 4 * 1024,     /* bytes of one pattern */
  SCHEMA_MAX_NESTING = 512,          /* subschemas within each other while a value is checked */
  /* What checking one value may cost. One step is a value seen by a subschema, or so much work of another kind: 10 to
   * 50 ns, so that the worst schema with the worst value holds a thread for less than a second. */
  SCHEMA_MAX_WORK = 1000 * 1000,
};

/* What $ref may name by this absolute URI (without a fragment). */
struct schema_document {
  struct str uri;
  yyjson_val *value;
};

struct schema_options {
  enum schema_draft draft;                 /* of a document without $schema */
  bool asserts_format;                     /* else "format" is an annotation; a vocabulary may demand it as well */
  const struct schema_document *documents; /* borrowed, as the schema is */
  size_t n_documents;
  size_t max_work; /* steps; 0: SCHEMA_MAX_WORK */
};

/* The schema borrows `value` and the documents, which must live as long as it and must have come from json_read (their
 * depth is bounded, their text valid); it lives in the arena and is immutable: any thread may run it. Refused, with a
 * JSON pointer as place: keywords of JSON Schema with values they cannot have, a $ref to nowhere, a schema that refers
 * to itself for the same value, one over the caps above. */
enum err_code schema_compile(struct arena *arena, yyjson_val *value, struct schema **ret_schema,
                             struct err *err) MUST_CHECK;
enum err_code schema_compile_with(struct arena *arena, yyjson_val *value, const struct schema_options *options,
                                  struct schema **ret_schema, struct err *err) MUST_CHECK;
/* On failure ERR_INVALID: the text names the argument and the rule ("limit: must be at most 100"), the place is a JSON
 * pointer. ERR_TOO_LARGE: it takes more work than the cap, so nobody knows whether the value fits. ERR_NO_MEMORY. The
 * value must have come from json_read. Nothing is allocated but for patterns, and for uniqueItems and unevaluated*
 * with more than some items. */
enum err_code schema_check(const struct schema *schema, yyjson_val *value, struct err *err) MUST_CHECK;

#endif
