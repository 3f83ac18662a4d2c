#include "gateway/arguments.h"

#include "unit.h"

static yyjson_val *parse(struct arena *arena, const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void assert_json(struct arena *arena, yyjson_val *value, const char *expected) {
  assert_non_null(value);
  struct buf out;
  buf_init(&out, arena, 1024);
  json_write_value(&out, value);
  assert_str(buf_str(&out), expected);
}

static void one_member_is_taken_out_and_the_others_stay(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  yyjson_val *arguments = parse(&arena, "{\"a\":1,\"account\":\"x\",\"b\":{\"account\":2}}");
  assert_json(&arena, arguments_without(&arena, arguments, "account"), "{\"a\":1,\"b\":{\"account\":2}}");
  assert_json(&arena, arguments, "{\"a\":1,\"account\":\"x\",\"b\":{\"account\":2}}");
  arena_release(&arena);
}

static void members_that_are_null_are_taken_out_and_nulls_within_others_stay(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  yyjson_val *arguments = parse(&arena, "{\"a\":null,\"b\":[null,{\"c\":null}],\"d\":false,\"e\":\"\",\"f\":null}");
  assert_json(&arena, arguments_without_nulls(&arena, arguments), "{\"b\":[null,{\"c\":null}],\"d\":false,\"e\":\"\"}");
  assert_json(&arena, arguments_without_nulls(&arena, parse(&arena, "{\"a\":null}")), "{}");
  assert_json(&arena, arguments_without_nulls(&arena, parse(&arena, "{}")), "{}");
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_member_is_taken_out_and_the_others_stay),
      cmocka_unit_test(members_that_are_null_are_taken_out_and_nulls_within_others_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
