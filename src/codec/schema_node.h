/* A compiled schema, between the files that compile and those that check. Subschemas are nodes that point at each other
 * (in circles, by $ref); what a node asks of each type of value stands apart and is absent where it asks nothing. */
#ifndef CONNEK_CODEC_SCHEMA_NODE_H
#define CONNEK_CODEC_SCHEMA_NODE_H

#include "codec/schema.h"
#include "codec/schema_format.h"
#include "codec/schema_number.h"
#include "codec/schema_pattern.h"

enum schema_type {
  SCHEMA_NULL = 1,
  SCHEMA_BOOLEAN = 2,
  SCHEMA_INTEGER = 4,
  SCHEMA_NUMBER = 8, /* integers too */
  SCHEMA_STRING = 16,
  SCHEMA_ARRAY = 32,
  SCHEMA_OBJECT = 64,
  SCHEMA_ANY = 127,
};

struct schema_node;

struct schema_list {
  const struct schema_node **p;
  size_t n;
};

struct schema_numbers {
  yyjson_val *minimum, *maximum, *above, *below; /* NULL: none */
  yyjson_val *multiple_of;                       /* NULL: none */
  struct schema_divisor divisor;
};

struct schema_strings {
  uint64_t min_length, max_length;
  const struct schema_pattern *pattern;
  struct str pattern_text;
  const struct schema_format *format; /* NULL: none that is asserted */
};

struct schema_arrays {
  uint64_t min_items, max_items;
  struct schema_list first;       /* prefixItems */
  const struct schema_node *rest; /* NULL: anything, and it is not evaluated */
  const struct schema_node *contains;
  uint64_t min_contains, max_contains;
  bool is_unique;
  bool contains_evaluates; /* 2019-09 and before: it does not */
};

/* Of `required`, so many are found in the walk over the members; others are looked up. */
enum { SCHEMA_REQUIRED_MASKED = 64 };

struct schema_property {
  struct str name;
  const struct schema_node *node; /* NULL: it is only required */
  bool is_required;
  unsigned bit; /* where it is required: its bit; SCHEMA_REQUIRED_MASKED: none was left */
};

struct schema_pattern_property {
  const struct schema_pattern *pattern;
  const struct schema_node *node;
};

/* Where there is a member of that name. */
struct schema_dependent {
  struct str name;
  struct str *required;
  size_t n_required;
  const struct schema_node *node; /* NULL: none */
};

struct schema_objects {
  uint64_t min_members, max_members;
  struct schema_property *properties; /* in schema_property_order */
  size_t n_properties;
  uint64_t required; /* all the bits */
  bool has_more_required;
  struct schema_pattern_property *patterns;
  size_t n_patterns;
  const struct schema_node *rest; /* additionalProperties; NULL: anything, and it is not evaluated */
  const struct schema_node *names;
  struct schema_dependent *dependents;
  size_t n_dependents;
};

/* $dynamicRef: the node of the outermost resource under way that has one of that name. */
struct schema_dynamic {
  struct schema_dynamic_target {
    unsigned resource;
    const struct schema_node *node;
  } *targets;
  size_t n;
};

struct schema_logic {
  const struct schema_node *reference;  /* $ref */
  const struct schema_dynamic *dynamic; /* of $dynamicRef: */
  const struct schema_node *initial;    /* where no resource under way knows better */
  struct schema_list all_of, any_of, one_of;
  const struct schema_node *negated;
  const struct schema_node *condition, *then, *otherwise;
  const struct schema_node *unevaluated_items, *unevaluated_properties;
};

struct schema_node {
  unsigned char types; /* mask; 0: no value fits */
  bool is_open;        /* every value fits */
  unsigned resource;   /* which, for $dynamicRef */
  yyjson_val *choices; /* of enum, an array */
  yyjson_val *constant;
  struct schema_numbers *numbers;
  struct schema_strings *strings;
  struct schema_arrays *arrays;
  struct schema_objects *objects;
  struct schema_logic *logic;
};

struct schema {
  const struct schema_node *root;
  size_t max_work;
  bool has_dynamic;
};

extern const struct schema_node schema_open, schema_shut; /* true and false */

/* Names and masks of the types, ended by a NULL name. */
struct schema_type_name {
  const char *name;
  enum schema_type type;
};
extern const struct schema_type_name schema_type_names[];

/* By length, then by bytes: most names differ in length already. */
static inline int schema_name_order(struct str a, struct str b) {
  if (a.n != b.n) return a.n < b.n ? -1 : 1;
  return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

#endif
