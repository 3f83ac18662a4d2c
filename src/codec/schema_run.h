/* What the files that check share: one run of a schema over one value. */
#ifndef CONNEK_CODEC_SCHEMA_RUN_H
#define CONNEK_CODEC_SCHEMA_RUN_H

#include "codec/schema_node.h"
#include "codec/schema_seen.h"
#include "codec/schema_work.h"

enum { SCHEMA_SHOWN_PATTERN = 120 };

/* Where the run stands in the value, as a list of steps up to the root. */
struct schema_path {
  const struct schema_path *parent;
  struct str name; /* .p NULL: an index */
  size_t index;
  bool is_name; /* the name itself is looked at, not the member */
};

/* The resources under way, innermost first: what $dynamicRef looks through. */
struct schema_scope {
  const struct schema_scope *outer;
  unsigned resource;
};

struct schema_run {
  struct err *err; /* NULL: a trial, nobody will read why it failed */
  size_t work;
  unsigned nesting;
  bool has_dynamic;
  const struct schema_scope *scope;
  struct schema_matcher *matcher;
  unsigned n_unions; /* whose branches are being reported, one within the other */
  /* Of the last failure that filled in err: */
  size_t rule_at;      /* where in its text the rule begins, behind the name */
  unsigned fail_depth; /* steps from the root */
  bool is_fail_choice; /* a const or an enum said no: in a union, another branch is meant */
};

/* ERR_INVALID: it does not fit, and err (where not NULL) says why. Any other failure ends the run, and err says nothing
 * yet. `seen` may be NULL; where the value does not fit, what it holds means nothing. */
enum err_code schema_run_node(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                              const struct schema_path *path, struct schema_seen *seen) MUST_CHECK;
enum err_code schema_run_array(struct schema_run *run, const struct schema_arrays *rules, yyjson_val *array,
                               const struct schema_path *path, struct schema_seen *seen) MUST_CHECK;
enum err_code schema_run_object(struct schema_run *run, const struct schema_objects *rules, yyjson_val *object,
                                const struct schema_path *path, struct schema_seen *seen) MUST_CHECK;
/* The keywords that apply subschemas to the same value. */
enum err_code schema_run_logic(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                               const struct schema_path *path, struct schema_seen *seen) MUST_CHECK;

/* Both return ERR_INVALID. `values` as JSON end the rule: one, or (is_list) the items of an array. */
enum err_code schema_fail(struct schema_run *run, const struct schema_path *path, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum err_code schema_fail_values(struct schema_run *run, const struct schema_path *path, const char *rule,
                                 yyjson_val *values, bool is_list);
enum err_code schema_fail_type(struct schema_run *run, const struct schema_path *path, unsigned types);

unsigned schema_path_depth(const struct schema_path *path);

#endif
