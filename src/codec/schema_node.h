/* A compiled schema, between the file that compiles and the file that checks. */
#ifndef CONNEK_CODEC_SCHEMA_NODE_H
#define CONNEK_CODEC_SCHEMA_NODE_H

#include "codec/schema.h"

enum schema_type {
  SCHEMA_NULL = 1,
  SCHEMA_BOOLEAN = 2,
  SCHEMA_INTEGER = 4,
  SCHEMA_NUMBER = 8, /* integers too */
  SCHEMA_STRING = 16,
  SCHEMA_ARRAY = 32,
  SCHEMA_OBJECT = 64,
};

struct schema_property {
  struct str name;
  struct schema *schema; /* NULL: anything, it is only required */
  bool is_required;
};

struct schema {
  unsigned types;                     /* mask; 0: any */
  struct schema_property *properties; /* by name */
  size_t n_properties;
  bool is_closed; /* additionalProperties: false */
  struct schema *items;
  uint64_t min_items, max_items, min_length, max_length;
  yyjson_val *minimum, *maximum; /* NULL: none */
  yyjson_val *choices;           /* of enum, an array */
  yyjson_val *constant;
};

/* Names and masks of the types, ended by a NULL name. */
struct schema_type_name {
  const char *name;
  enum schema_type type;
};
extern const struct schema_type_name schema_type_names[];

/* Where compiling or checking stands, as a list of steps up to the root. */
struct schema_path {
  const struct schema_path *parent;
  struct str name; /* .p NULL: an index */
  size_t index;
};

/* Sets the place to the path's JSON pointer. */
void schema_place(const struct schema_path *path, struct err *err);
int schema_property_order(const void *a, const void *b);

#endif
