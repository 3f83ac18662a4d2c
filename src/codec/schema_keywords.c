/* The table of JSON Schema's keywords: in which drafts, in which vocabulary, where subschemas stand in it, and what it
 * compiles to. What is not in it is an annotation. */
#include <stddef.h>

#include "codec/schema_keyword.h"

#define NUMBERS(member) GROUP_NUMBERS, offsetof(struct schema_numbers, member)
#define STRINGS(member) GROUP_STRINGS, offsetof(struct schema_strings, member)
#define ARRAYS(member) GROUP_ARRAYS, offsetof(struct schema_arrays, member)
#define OBJECTS(member) GROUP_OBJECTS, offsetof(struct schema_objects, member)
#define LOGIC(member) GROUP_LOGIC, offsetof(struct schema_logic, member)

static const struct schema_keyword keywords[] = {
    {"$ref", schema_compile_reference, D_ALL, VOCABULARY_CORE, POSITION_NONE, 0, 0},
    {"$dynamicRef", schema_compile_dynamic, D20, VOCABULARY_CORE, POSITION_NONE, 0, 0},
    {"$recursiveRef", schema_compile_reference, D19, VOCABULARY_CORE, POSITION_NONE, 0, 0},
    {"$defs", schema_compile_definitions, D19 | D20, VOCABULARY_CORE, POSITION_MAP, 0, 0},
    {"definitions", schema_compile_definitions, D_ALL, VOCABULARY_CORE, POSITION_MAP, 0, 0},

    {"allOf", schema_compile_list, D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, LOGIC(all_of)},
    {"anyOf", schema_compile_list, D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, LOGIC(any_of)},
    {"oneOf", schema_compile_list, D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, LOGIC(one_of)},
    {"not", schema_compile_one, D_ALL, VOCABULARY_APPLICATOR, POSITION_ONE, LOGIC(negated)},
    {"if", schema_compile_one, D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, LOGIC(condition)},
    {"then", schema_compile_one, D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, LOGIC(then)},
    {"else", schema_compile_one, D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, LOGIC(otherwise)},
    {"properties", schema_compile_members, D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP, 0, 0},
    {"patternProperties", schema_compile_patterns, D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP, 0, 0},
    {"additionalProperties", schema_compile_one, D_ALL, VOCABULARY_APPLICATOR, POSITION_ONE, OBJECTS(rest)},
    {"propertyNames", schema_compile_one, D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, OBJECTS(names)},
    {"dependentSchemas", schema_compile_dependents, D19 | D20, VOCABULARY_APPLICATOR, POSITION_MAP, 0, 0},
    /* Gone since 2019-09, but kept in the drafts' own schemas for those who still write it. */
    {"dependencies", schema_compile_dependents, D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP_OR_NAMES, 0, 0},
    {"items", schema_compile_one, D20, VOCABULARY_APPLICATOR, POSITION_ONE, ARRAYS(rest)},
    {"items", schema_compile_items, D04 | D07 | D19, VOCABULARY_APPLICATOR, POSITION_ONE_OR_LIST, 0, 0},
    {"additionalItems", schema_compile_additional_items, D04 | D07 | D19, VOCABULARY_APPLICATOR, POSITION_ONE, 0, 0},
    {"prefixItems", schema_compile_list, D20, VOCABULARY_APPLICATOR, POSITION_LIST, ARRAYS(first)},
    {"contains", schema_compile_contains, D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, 0, 0},

    {"unevaluatedItems", schema_compile_one, D19 | D20, VOCABULARY_UNEVALUATED, POSITION_ONE, LOGIC(unevaluated_items)},
    {"unevaluatedProperties", schema_compile_one, D19 | D20, VOCABULARY_UNEVALUATED, POSITION_ONE,
     LOGIC(unevaluated_properties)},

    {"type", schema_compile_type, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"enum", schema_compile_choices, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"const", schema_compile_constant, D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"multipleOf", schema_compile_multiple, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"minimum", schema_compile_bound, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(minimum)},
    {"maximum", schema_compile_bound, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(maximum)},
    {"exclusiveMinimum", schema_compile_bound, D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(above)},
    {"exclusiveMaximum", schema_compile_bound, D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(below)},
    {"exclusiveMinimum", schema_compile_exclusive, D04, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(above)},
    {"exclusiveMaximum", schema_compile_exclusive, D04, VOCABULARY_VALIDATION, POSITION_NONE, NUMBERS(below)},
    {"minLength", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, STRINGS(min_length)},
    {"maxLength", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, STRINGS(max_length)},
    {"pattern", schema_compile_pattern, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"minItems", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, ARRAYS(min_items)},
    {"maxItems", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, ARRAYS(max_items)},
    {"uniqueItems", schema_compile_unique, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"minContains", schema_compile_count, D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, ARRAYS(min_contains)},
    {"maxContains", schema_compile_count, D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, ARRAYS(max_contains)},
    {"minProperties", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, OBJECTS(min_members)},
    {"maxProperties", schema_compile_count, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, OBJECTS(max_members)},
    {"required", schema_compile_members, D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},
    {"dependentRequired", schema_compile_dependents, D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, 0, 0},

    {"format", schema_compile_format, D_ALL, VOCABULARY_FORMAT, POSITION_NONE, 0, 0},
};

const struct schema_keyword *schema_keyword_find(struct str name, const struct schema_dialect *dialect) {
  for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
    const struct schema_keyword *keyword = &keywords[i];
    if (keyword->drafts & dialect->draft && keyword->vocabulary & dialect->vocabularies &&
        str_eq_c(name, keyword->name))
      return keyword;
  }
  return NULL;
}
