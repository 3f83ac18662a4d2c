#include "schema_fixture.h"

#define SHAPES                                                                                                   \
  "\"oneOf\":[{\"properties\":{\"kind\":{\"const\":\"circle\"},\"radius\":{\"type\":\"number\"}},\"required\":[" \
  "\"kind\",\"radius\"]},{\"properties\":{\"kind\":{\"const\":\"square\"},\"side\":{\"type\":\"number\"}},"      \
  "\"required\":[\"kind\",\"side\"]}]"

static void a_union_reports_the_branch_that_was_meant(void **state) {
  const struct check checks[] = {
      {"{" SHAPES "}", "{\"kind\":\"circle\",\"radius\":1}", NULL},
      {"{" SHAPES "}", "{\"kind\":\"square\",\"side\":\"1\"}", "side: must be a number", "/side"},
      {"{" SHAPES "}", "{\"kind\":\"circle\",\"radius\":\"1\"}", "radius: must be a number", "/radius"},
      {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}", "[\"a\",1]",
       "[1]: must be a string", "/1"},
      {"{\"properties\":{\"id\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}}", "{\"id\":1}",
       "id: must be a string, or must be null", "/id"},
      {"{\"anyOf\":[{\"minimum\":3},{\"minimum\":3}]}", "1", "arguments: must be at least 3", ""},
      {"{\"anyOf\":[{\"anyOf\":[{\"const\":1},{\"const\":2}]},{\"const\":3}]}", "4",
       "arguments: must be 1, or must be 2, or must be 3", ""},
  };
  RUN(checks);
}

static void other_logic_says_what_it_can(void **state) {
  const struct check checks[] = {
      {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2",
       "arguments: fits more than one of the forms of which it may have only one", ""},
      {"{\"not\":{\"type\":\"string\"}}", "\"x\"", "arguments: has a form that is ruled out", ""},
      {"{\"not\":{\"type\":\"string\"}}", "1", NULL},
      {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]}}", "{\"a\":1}",
       "b: is required", "/b"},
      {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]}}", "{}",
       "c: is required", "/c"},
      {"{\"then\":false,\"else\":false}", "1", NULL},
      {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", "arguments: must be at most 3", ""},
  };
  RUN(checks);
}

/* Beyond the bits of one word, and merged from branches. */
static void what_branches_evaluate_is_gathered(void **state) {
  struct buf schema, value;
  buf_init(&schema, &arena, 1 << 20);
  buf_init(&value, &arena, 1 << 20);
  buf_append_c(&schema, "{\"unevaluatedProperties\":false,\"anyOf\":[");
  for (int i = 0; i < 200; i++)
    buf_printf(&schema, "%s{\"properties\":{\"p%d\":{\"type\":\"integer\"}}}", i ? "," : "", i);
  buf_append_c(&schema, "]}");
  buf_append_byte(&schema, '\0');
  for (int i = 0; i < 200; i++)
    buf_printf(&value, "%c\"p%d\":%d", i ? ',' : '{', i, i);
  buf_append_c(&value, "}");
  buf_append_byte(&value, '\0');
  const struct check checks[] = {
      {schema.p, value.p, NULL},
      {schema.p, "{\"p0\":1,\"q\":1}", "q: is not known", "/q"},
      /* A branch that does not fit has evaluated nothing. */
      {schema.p, "{\"p0\":1,\"p1\":\"x\"}", "p1: is not known", "/p1"},
      {"{\"unevaluatedItems\":false,\"allOf\":[{\"contains\":{\"type\":\"string\"}},{\"prefixItems\":[true]}]}",
       "[1,\"a\",2]", "[2]: is not allowed", "/2"},
  };
  RUN(checks);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_union_reports_the_branch_that_was_meant),
      cmocka_unit_test(other_logic_says_what_it_can),
      cmocka_unit_test(what_branches_evaluate_is_gathered),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
