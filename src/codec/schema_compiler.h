/* What the files that compile schemas share: documents are indexed (where their subschemas, identifiers and anchors
 * stand), then subschemas become nodes, one by one from a list, so that the depth of a schema is nobody's recursion.
 * All that is here is gone when compiling has ended; nodes are in the caller's arena. */
#ifndef CONNEK_CODEC_SCHEMA_COMPILER_H
#define CONNEK_CODEC_SCHEMA_COMPILER_H

#include "base/map.h"
#include "codec/schema_node.h"

enum schema_draft_bit { D04 = 1, D07 = 2, D19 = 4, D20 = 8, D_ALL = 15 };

enum schema_vocabulary {
  VOCABULARY_CORE = 1,
  VOCABULARY_APPLICATOR = 2,
  VOCABULARY_UNEVALUATED = 4,
  VOCABULARY_VALIDATION = 8,
  VOCABULARY_FORMAT = 16,
  VOCABULARY_ALL = 31,
};

struct schema_dialect {
  enum schema_draft_bit draft;
  unsigned vocabularies;
  bool asserts_format;
};

/* A schema with a base URI of its own: a document's root, or what has an $id. */
struct schema_resource {
  unsigned id;
  struct str base;
  yyjson_val *root;
  struct schema_dialect dialect;
};

/* A subschema that is an object. */
struct schema_spot {
  yyjson_val *value;
  uintptr_t address; /* of the value: its key */
  struct schema_resource *resource;
  struct schema_node *node; /* NULL until it is wanted */
  struct schema_spot *next_pending;
  struct schema_edge *edges; /* to those that always see the same value: $ref and allOf */
  struct schema_spot *next;
  size_t n_into;
};

struct schema_edge {
  struct schema_spot *to;
  struct schema_edge *next;
};

struct schema_anchor {
  struct schema_spot *spot;
  bool is_dynamic;
  struct schema_anchor *next; /* of the same name, where dynamic */
};

/* A name of $dynamicAnchors. */
struct schema_dynamic_name {
  struct schema_anchor *first;
  size_t n;
  struct schema_dynamic *dynamic; /* NULL until a $dynamicRef names it */
  struct schema_dynamic_name *next;
};

struct schema_root {
  struct str uri;
  yyjson_val *value;
  struct schema_root *next;
};

struct schema_compiler {
  struct arena *arena;
  struct arena scratch;
  const struct schema_options *options;
  struct err *err;
  struct map resources;     /* by URI */
  struct map spots;         /* by the address of the value */
  struct map anchors;       /* by "RESOURCE#NAME" */
  struct map dynamic_names; /* by name */
  struct schema_dynamic_name *first_dynamic_name;
  struct schema_root *roots; /* the schema itself comes last */
  struct schema_spot *first_spot, *pending;
  size_t n_spots;
  unsigned n_resources;
};

/* Where the subschemas stand in a keyword's value. */
enum schema_position {
  POSITION_NONE,
  POSITION_ONE,
  POSITION_LIST,
  POSITION_MAP,
  POSITION_ONE_OR_LIST,
  POSITION_MAP_OR_NAMES, /* a map of schemas and of lists of names */
};

enum schema_group { GROUP_NONE, GROUP_NUMBERS, GROUP_STRINGS, GROUP_ARRAYS, GROUP_OBJECTS, GROUP_LOGIC };

struct schema_keyword {
  const char *name;
  enum err_code (*compile)(struct schema_compiler *compiler, struct schema_spot *spot,
                           const struct schema_keyword *keyword, yyjson_val *value);
  unsigned drafts;
  enum schema_vocabulary vocabulary;
  enum schema_position position;
  enum schema_group group; /* what it fills in, for those that are alike */
  unsigned offset;
};

/* schema_keywords.c; NULL: an annotation. */
const struct schema_keyword *schema_keyword_find(struct str name, const struct schema_dialect *dialect);

/* schema_dialect.c. `inherited` is what holds without $schema; "" and NULL where the URI is not one of ours. */
enum err_code schema_dialect_read(struct schema_compiler *compiler, yyjson_val *root,
                                  const struct schema_dialect *inherited,
                                  struct schema_dialect *ret_dialect) MUST_CHECK;
struct schema_dialect schema_dialect_of(enum schema_draft draft, bool asserts_format);

/* schema_index.c */
enum err_code schema_index_document(struct schema_compiler *compiler, struct str uri, yyjson_val *root,
                                    struct schema_resource **ret_resource) MUST_CHECK;
/* Of a subschema that stands where none was expected. */
enum err_code schema_index_value(struct schema_compiler *compiler, yyjson_val *value,
                                 struct schema_resource *resource) MUST_CHECK;
struct schema_spot *schema_spot_find(const struct schema_compiler *compiler, yyjson_val *value);
struct schema_anchor *schema_anchor_find(struct schema_compiler *compiler, const struct schema_resource *resource,
                                         struct str name);
/* Fills in the error, its place the pointer to `value`; returns ERR_INVALID. */
enum err_code schema_refuse(struct schema_compiler *compiler, yyjson_val *value, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* schema_reference.c: what the text of a $ref in a spot leads to; an object or a boolean, indexed. */
enum err_code schema_reference_follow(struct schema_compiler *compiler, const struct schema_spot *spot,
                                      yyjson_val *reference, yyjson_val **ret_value,
                                      struct schema_anchor **ret_anchor) MUST_CHECK;

/* schema_compile.c: the node of a subschema, which may yet have to be filled in. */
enum err_code schema_node_of(struct schema_compiler *compiler, yyjson_val *value,
                             const struct schema_node **ret_node) MUST_CHECK;
/* The two see the same value, always. */
enum err_code schema_edge_add(struct schema_compiler *compiler, struct schema_spot *from, yyjson_val *to) MUST_CHECK;

/* schema_meta.c: the drafts' own schemas, as JSON; NULL: not the URI of one. */
const char *schema_meta_text(struct str uri);

#endif
