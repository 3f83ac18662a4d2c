/* How each keyword is compiled: the functions behind the table of schema_keywords.c. */
#ifndef CONNEK_CODEC_SCHEMA_KEYWORD_H
#define CONNEK_CODEC_SCHEMA_KEYWORD_H

#include "codec/schema_compiler.h"

typedef enum err_code schema_keyword_compile(struct schema_compiler *compiler, struct schema_spot *spot,
                                             const struct schema_keyword *keyword, yyjson_val *value);

/* schema_keyword_value.c: of what is judged by itself */
schema_keyword_compile schema_compile_type, schema_compile_choices, schema_compile_constant, schema_compile_bound,
    schema_compile_exclusive, schema_compile_multiple, schema_compile_count, schema_compile_pattern,
    schema_compile_format, schema_compile_unique;
/* schema_keyword_tree.c: of what leads to other subschemas */
schema_keyword_compile schema_compile_reference, schema_compile_dynamic, schema_compile_definitions, schema_compile_one,
    schema_compile_list, schema_compile_items, schema_compile_additional_items, schema_compile_contains,
    schema_compile_members, schema_compile_patterns, schema_compile_dependents;

/* The part of the node that keywords of a group fill in, made where there is none; NULL without memory. */
void *schema_group_of(struct schema_compiler *compiler, struct schema_node *node, enum schema_group group);

#endif
