#include "schema_fixture.h"

static void references_lead_to_definitions_anchors_and_resources(void **state) {
  const struct check checks[] = {
      {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"}},\"$defs\":{\"n\":{\"type\":\"integer\"}}}", "{\"a\":\"x\"}",
       "a: must be an integer", "/a"},
      {"{\"$ref\":\"#/$defs/a~1b%25c~0\",\"$defs\":{\"a/b%c~\":{\"type\":\"integer\"}}}", "\"x\"",
       "arguments: must be an integer"},
      {"{\"$ref\":\"#n\",\"$defs\":{\"n\":{\"$anchor\":\"n\",\"type\":\"integer\"}}}", "\"x\"",
       "arguments: must be an integer"},
      {"{\"$ref\":\"n.json\",\"$defs\":{\"n\":{\"$id\":\"n.json\",\"type\":\"integer\"}}}", "\"x\"",
       "arguments: must be an integer"},
      /* Siblings of $ref count since 2019-09. */
      {"{\"$ref\":\"#/$defs/n\",\"maximum\":3,\"$defs\":{\"n\":{\"type\":\"integer\"}}}", "4",
       "arguments: must be at most 3"},
      /* Where no schema was expected. */
      {"{\"$ref\":\"#/components/schemas/n\",\"components\":{\"schemas\":{\"n\":{\"type\":\"integer\"}}}}", "\"x\"",
       "arguments: must be an integer"},
      {"{\"$ref\":\"#/prefixItems/1\",\"prefixItems\":[true,{\"type\":\"integer\"}]}", "\"x\"",
       "arguments: must be an integer"},
      /* Along a pointer into a resource, what stands there counts from that resource. */
      {"{\"$ref\":\"#/$defs/r/x/y\",\"$defs\":{\"n\":{\"type\":\"string\"},\"r\":{\"$id\":\"r\",\"x\":{\"y\":{\"$ref\":"
       "\"#/$defs/n\"}},\"$defs\":{\"n\":{\"type\":\"integer\"}}}}}",
       "\"x\"", "arguments: must be an integer"},
      /* In what is named twice, as generators write it, each copy sees itself. */
      {"{\"properties\":{\"a\":{\"$id\":\"x\",\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"integer\"}}},"
       "\"b\":{\"$id\":\"x\",\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"string\"}}}}}",
       "{\"a\":1,\"b\":2}", "b: must be a string", "/b"},
  };
  RUN(checks);
}

static void recursion_into_the_value_is_fine(void **state) {
  const char *const tree =
      "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"children\":{\"items\":{\"$ref\":\"#\"}}},"
      "\"additionalProperties\":false}";
  const struct check checks[] = {
      {tree, "{\"name\":\"a\",\"children\":[{\"children\":[{\"name\":\"b\"}]}]}", NULL},
      {tree, "{\"name\":\"a\",\"children\":[{\"children\":[{\"name\":1}]}]}",
       "children[0].children[0].name: must be a string", "/children/0/children/0/name"},
  };
  RUN(checks);
}

static void draft_07_is_told_by_schema(void **state) {
#define D7 "\"$schema\":\"http://json-schema.org/draft-07/schema#\","
  const struct check checks[] = {
      {"{" D7 "\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\"]", NULL},
      {"{" D7 "\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\",1]", "[1]: is not allowed", "/1"},
      {"{" D7 "\"$ref\":\"#/definitions/n\",\"maximum\":3,\"definitions\":{\"n\":{\"type\":\"integer\"}}}", "4", NULL},
      {"{" D7 "\"$ref\":\"#n\",\"definitions\":{\"n\":{\"$id\":\"#n\",\"type\":\"integer\"}}}", "\"x\"",
       "arguments: must be an integer"},
      {"{" D7 "\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}", "{\"c\":1}", "d: is required", "/d"},
      {"{" D7 "\"prefixItems\":[{\"type\":\"string\"}],\"unevaluatedItems\":false}", "[1]", NULL},
      {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"minimum\":1,\"exclusiveMinimum\":true}", "1",
       "arguments: must be more than 1"},
      {"{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"items\":[{\"type\":\"string\"}],"
       "\"unevaluatedItems\":false}",
       "[\"a\",1]", "[1]: is not allowed", "/1"},
      /* Of what it does not know, 2020-12 is assumed. */
      {"{\"$schema\":\"https://example.com/mine\",\"prefixItems\":[{\"type\":\"string\"}]}", "[1]",
       "[0]: must be a string"},
  };
  RUN(checks);
}

static void the_drafts_own_schemas_are_known(void **state) {
  const struct check checks[] = {
      {"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}",
       "{\"properties\":{\"a\":{\"type\":\"integer\",\"minLength\":1}}}", NULL},
      {"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", "{\"properties\":{\"a\":{\"minLength\":-1}}}",
       "properties.a.minLength: must be at least 0", "/properties/a/minLength"},
      {"{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}", "{\"items\":[{\"type\":\"integer\"}]}", NULL},
      {"{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}", "{\"required\":[1]}", "required[0]: must be a string",
       "/required/0"},
  };
  RUN(checks);
}

static void what_leads_nowhere_does_not_compile(void **state) {
  const struct refusal cases[] = {
      {"{\"$ref\":\"#/x\"}", "/$ref", "\"#/x\" leads nowhere"},
      {"{\"$ref\":\"#x\"}", "/$ref", "leads nowhere"},
      {"{\"$ref\":1}", "/$ref", "must be a URI"},
      {"{\"properties\":{\"a\":{\"$ref\":\"http://169.254.169.254/latest\"}}}", "/properties/a/$ref",
       "nothing is fetched"},
      {"{\"$ref\":\"file:///etc/passwd\"}", "/$ref", "nothing is fetched"},
      {"{\"$ref\":\"#/title\",\"title\":\"x\"}", "/$ref", "leads to what is no schema"},
      {"{\"$ref\":\"#/enum/00\",\"enum\":[{}]}", "/$ref", "leads nowhere"},
      {"{\"$dynamicRef\":\"#x\"}", "/$dynamicRef", "leads nowhere"},
      {"{\"$defs\":{\"unused\":{\"$ref\":\"#/nowhere\"}}}", "/$defs/unused/$ref", "leads nowhere"},
      /* An $id where there is no subschema identifies nothing. */
      {"{\"$ref\":\"n.json\",\"enum\":[{\"$id\":\"n.json\"}]}", "/$ref", "nothing is fetched"},
  };
  REFUSE(cases);
}

static void a_circle_that_a_value_cannot_leave_does_not_compile(void **state) {
  const struct refusal cases[] = {
      {"{\"$ref\":\"#\"}", "", "refers to itself"},
      {"{\"type\":\"object\",\"allOf\":[{\"$ref\":\"#\"}]}", "", "refers to itself"},
      {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}", "/$defs/a",
       "refers to itself"},
  };
  REFUSE(cases);
}

static void documents_are_given_by_the_caller(void **state) {
  const struct schema_document documents[] = {
      {STR("https://example.com/n"), read_ok("{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"$ref\":\"more#m\"}")},
      {STR("https://example.com/more"), read_ok("{\"$defs\":{\"m\":{\"$anchor\":\"m\",\"minimum\":3}}}")},
      {STR("https://example.com/bad"), read_ok("{\"properties\":{\"a\":{\"type\":1}}}")},
  };
  const struct schema_options options = {.documents = documents, .n_documents = 3};
  const struct check checks[] = {
      {"{\"$ref\":\"https://example.com/n#/$defs/n\"}", "\"x\"", "arguments: must be an integer"},
      {"{\"$ref\":\"https://example.com/n\"}", "2", "arguments: must be at least 3"},
      {"{\"$id\":\"https://example.com/folder/x\",\"$ref\":\"../n\"}", "2", "arguments: must be at least 3"},
  };
  run_with(checks, 3, &options);
  const struct refusal cases[] = {
      {"{\"$ref\":\"https://example.com/bad#/properties/a\"}", "https://example.com/bad#/properties/a/type"},
      {"{\"$ref\":\"https://example.com/other\"}", "/$ref", "nothing is fetched"},
  };
  refuse_all(cases, 2, &options);
}

/* The list of the outer resource's items, as in the specification's example of generics. */
static void a_dynamic_reference_takes_the_outermost_anchor(void **state) {
#define LIST                                                                                                           \
  "\"list\":{\"$id\":\"list\",\"items\":{\"$dynamicRef\":\"#item\"},\"$defs\":{\"any\":{\"$dynamicAnchor\":\"item\"}}" \
  "}"
  const struct check checks[] = {
      {"{\"$id\":\"https://example.com/\",\"$ref\":\"list\",\"$defs\":{\"item\":{\"$dynamicAnchor\":\"item\",\"type\":"
       "\"string\"}," LIST "}}",
       "[\"a\",1]", "[1]: must be a string", "/1"},
      {"{\"$id\":\"https://example.com/\",\"$ref\":\"list\",\"$defs\":{\"item\":{\"$anchor\":\"item\",\"type\":"
       "\"string\"}," LIST "}}",
       "[\"a\",1]", NULL},
  };
  RUN(checks);
}

static void vocabularies_switch_keywords(void **state) {
  const struct schema_document documents[] = {
      {STR("https://example.com/shapes"),
       read_ok("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$vocabulary\":{"
               "\"https://json-schema.org/draft/2020-12/vocab/core\":true,"
               "\"https://json-schema.org/draft/2020-12/vocab/applicator\":true}}")},
      {STR("https://example.com/strict"),
       read_ok("{\"$vocabulary\":{\"https://json-schema.org/draft/2020-12/vocab/format-assertion\":true}}")},
      {STR("https://example.com/strange"), read_ok("{\"$vocabulary\":{\"https://example.com/colours\":true}}")},
      {STR("https://example.com/odd"), read_ok("{\"$vocabulary\":{\"https://example.com/colours\":false}}")},
  };
  const struct schema_options options = {.documents = documents, .n_documents = 4};
  const struct check checks[] = {
      {"{\"$schema\":\"https://example.com/shapes\",\"properties\":{\"a\":{\"maximum\":1},\"b\":false},"
       "\"required\":[\"z\"]}",
       "{\"a\":2}", NULL},
      {"{\"$schema\":\"https://example.com/shapes\",\"properties\":{\"b\":false}}", "{\"b\":2}", "b: is not allowed"},
      {"{\"$schema\":\"https://example.com/strict\",\"format\":\"ipv4\"}", "\"x\"",
       "arguments: must be an IPv4 address"},
      {"{\"$schema\":\"https://example.com/odd\"}", "1", NULL},
  };
  run_with(checks, 4, &options);
  const struct refusal cases[] = {{"{\"$schema\":\"https://example.com/strange\"}", "/$schema", "vocabulary"}};
  refuse_all(cases, 1, &options);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(references_lead_to_definitions_anchors_and_resources),
      cmocka_unit_test(recursion_into_the_value_is_fine),
      cmocka_unit_test(draft_07_is_told_by_schema),
      cmocka_unit_test(the_drafts_own_schemas_are_known),
      cmocka_unit_test(what_leads_nowhere_does_not_compile),
      cmocka_unit_test(a_circle_that_a_value_cannot_leave_does_not_compile),
      cmocka_unit_test(documents_are_given_by_the_caller),
      cmocka_unit_test(a_dynamic_reference_takes_the_outermost_anchor),
      cmocka_unit_test(vocabularies_switch_keywords),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
