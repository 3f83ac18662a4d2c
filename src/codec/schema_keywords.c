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
    {"$ref", D_ALL, VOCABULARY_CORE, POSITION_NONE, schema_compile_reference, 0, 0},
    {"$dynamicRef", D20, VOCABULARY_CORE, POSITION_NONE, schema_compile_dynamic, 0, 0},
    {"$recursiveRef", D19, VOCABULARY_CORE, POSITION_NONE, schema_compile_reference, 0, 0},
    {"$defs", D19 | D20, VOCABULARY_CORE, POSITION_MAP, schema_compile_definitions, 0, 0},
    {"definitions", D_ALL, VOCABULARY_CORE, POSITION_MAP, schema_compile_definitions, 0, 0},

    {"allOf", D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, schema_compile_list, LOGIC(all_of)},
    {"anyOf", D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, schema_compile_list, LOGIC(any_of)},
    {"oneOf", D_ALL, VOCABULARY_APPLICATOR, POSITION_LIST, schema_compile_list, LOGIC(one_of)},
    {"not", D_ALL, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, LOGIC(negated)},
    {"if", D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, LOGIC(condition)},
    {"then", D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, LOGIC(then)},
    {"else", D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, LOGIC(otherwise)},
    {"properties", D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP, schema_compile_members, 0, 0},
    {"patternProperties", D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP, schema_compile_patterns, 0, 0},
    {"additionalProperties", D_ALL, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, OBJECTS(rest)},
    {"propertyNames", D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, OBJECTS(names)},
    {"dependentSchemas", D19 | D20, VOCABULARY_APPLICATOR, POSITION_MAP, schema_compile_dependents, 0, 0},
    /* Gone since 2019-09, but kept in the drafts' own schemas for those who still write it. */
    {"dependencies", D_ALL, VOCABULARY_APPLICATOR, POSITION_MAP_OR_NAMES, schema_compile_dependents, 0, 0},
    {"items", D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_one, ARRAYS(rest)},
    {"items", D04 | D07 | D19, VOCABULARY_APPLICATOR, POSITION_ONE_OR_LIST, schema_compile_items, 0, 0},
    {"additionalItems", D04 | D07 | D19, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_additional_items, 0, 0},
    {"prefixItems", D20, VOCABULARY_APPLICATOR, POSITION_LIST, schema_compile_list, ARRAYS(first)},
    {"contains", D07 | D19 | D20, VOCABULARY_APPLICATOR, POSITION_ONE, schema_compile_contains, 0, 0},

    {"unevaluatedItems", D19 | D20, VOCABULARY_UNEVALUATED, POSITION_ONE, schema_compile_one, LOGIC(unevaluated_items)},
    {"unevaluatedProperties", D19 | D20, VOCABULARY_UNEVALUATED, POSITION_ONE, schema_compile_one,
     LOGIC(unevaluated_properties)},

    {"type", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_type, 0, 0},
    {"enum", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_choices, 0, 0},
    {"const", D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_constant, 0, 0},
    {"multipleOf", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_multiple, 0, 0},
    {"minimum", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_bound, NUMBERS(minimum)},
    {"maximum", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_bound, NUMBERS(maximum)},
    {"exclusiveMinimum", D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_bound, NUMBERS(above)},
    {"exclusiveMaximum", D07 | D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_bound, NUMBERS(below)},
    {"exclusiveMinimum", D04, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_exclusive, NUMBERS(above)},
    {"exclusiveMaximum", D04, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_exclusive, NUMBERS(below)},
    {"minLength", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, STRINGS(min_length)},
    {"maxLength", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, STRINGS(max_length)},
    {"pattern", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_pattern, 0, 0},
    {"minItems", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, ARRAYS(min_items)},
    {"maxItems", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, ARRAYS(max_items)},
    {"uniqueItems", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_unique, 0, 0},
    {"minContains", D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, ARRAYS(min_contains)},
    {"maxContains", D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, ARRAYS(max_contains)},
    {"minProperties", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, OBJECTS(min_members)},
    {"maxProperties", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_count, OBJECTS(max_members)},
    {"required", D_ALL, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_members, 0, 0},
    {"dependentRequired", D19 | D20, VOCABULARY_VALIDATION, POSITION_NONE, schema_compile_dependents, 0, 0},

    {"format", D_ALL, VOCABULARY_FORMAT, POSITION_NONE, schema_compile_format, 0, 0},
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
