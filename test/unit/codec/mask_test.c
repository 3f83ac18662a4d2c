#include "codec/mask.h"

#include "unit.h"

static struct arena arena;

static yyjson_val *value_of(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct mask *mask_of(const char *text) {
  struct mask *mask;
  assert_ok(mask_compile(&arena, str_of(text), &mask, &test_err));
  return mask;
}

static void assert_masked(const char *mask, const char *json, const char *expected) {
  struct buf out;
  buf_init(&out, &arena, 100000);
  mask_write(&out, mask ? mask_of(mask) : NULL, value_of(json));
  assert_false(buf_failed(&out));
  if (!str_eq_c(buf_str(&out), expected)) fail_msg("%s of %s: %.*s", mask, json, STR_ARG(buf_str(&out)));
}

static void only_what_is_named_is_kept(void **state) {
  assert_masked("id,name", "{\"id\":1,\"secret\":2,\"name\":\"x\",\"nam\":3,\"name2\":4}", "{\"id\":1,\"name\":\"x\"}");
  assert_masked("id", "{\"x\":1}", "{}");
  assert_masked("a", "{\"a\":{\"b\":[1,{\"c\":null}]}}", "{\"a\":{\"b\":[1,{\"c\":null}]}}");
  assert_masked(NULL, "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
}

static void masks_reach_inside_objects_and_lists_of_them(void **state) {
  const char *json = "[{\"id\":1,\"owner\":{\"id\":2,\"mail\":3},\"lines\":[{\"sku\":4,\"cost\":5},{\"sku\":6}]}]";
  assert_masked("id,owner(id),lines(sku)", json,
                "[{\"id\":1,\"owner\":{\"id\":2},\"lines\":[{\"sku\":4},{\"sku\":6}]}]");
  assert_masked("lines(cost)", json, "[{\"lines\":[{\"cost\":5},{}]}]");
  assert_masked("a(b)", "{\"a\":[[{\"b\":1,\"c\":2}],7,null,\"t\"]}", "{\"a\":[[{\"b\":1}],7,null,\"t\"]}");
  assert_masked("a(b)", "{\"a\":5}", "{\"a\":5}");
}

static void a_star_keeps_a_level(void **state) {
  const char *json = "{\"a\":{\"x\":1,\"y\":2},\"b\":{\"x\":3,\"y\":4}}";
  assert_masked("*", json, json);
  assert_masked("*,a(x)", json, "{\"a\":{\"x\":1},\"b\":{\"x\":3,\"y\":4}}");
  assert_masked("*(y)", json, "{\"a\":{\"y\":2},\"b\":{\"y\":4}}");
  assert_masked("*(y),b(x)", json, "{\"a\":{\"y\":2},\"b\":{\"x\":3}}");
}

static void spaces_beside_names_do_not_count(void **state) {
  assert_masked(" a , b ( c , d ) ", "{\"a\":1,\"b\":{\"c\":2,\"d\":3,\"e\":4},\"f\":5}",
                "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}");
  assert_masked("first name", "{\"first name\":1,\"first\":2}", "{\"first name\":1}");
}

static void names_are_text_of_any_kind(void **state) {
  assert_masked("@odata.etag,\xC3\xA9", "{\"@odata.etag\":1,\"\xC3\xA9\":2,\"e\":3}",
                "{\"@odata.etag\":1,\"\xC3\xA9\":2}");
  assert_masked("a\"b", "{\"a\\\"b\":\"c\\nd\"}", "{\"a\\\"b\":\"c\\nd\"}");
}

static void what_is_no_object_stays(void **state) {
  assert_masked("a", "7", "7");
  assert_masked("a", "\"text\"", "\"text\"");
  assert_masked("a", "null", "null");
  assert_masked("a", "[]", "[]");
  assert_masked("a", "[1,[2]]", "[1,[2]]");
}

static void nonsense_is_refused(void **state) {
  struct mask *mask = (struct mask *)&arena;
  const char *bad[] = {"",      ",",     "a,",  ",a",  "a(",     "a()", "a(b", "a)",
                       "a(b))", "a(b)c", "(a)", "a,a", "a(b,b)", "*,*", " "};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (mask_compile(&arena, str_of(bad[i]), &mask, &test_err) != ERR_INVALID) fail_msg("\"%s\" was taken", bad[i]);
  assert_int_equal(mask_compile(&arena, str_make("a\0b", 3), &mask, &test_err), ERR_INVALID);
  assert_ptr_equal(mask, &arena);
}

static void depth_and_breadth_are_bounded(void **state) {
  char text[9000];
  size_t n = 0;
  for (size_t i = 0; i < 17; i++)
    n += (size_t)snprintf(text + n, sizeof(text) - n, "a(");
  struct mask *mask;
  assert_int_equal(mask_compile(&arena, str_of(text), &mask, &test_err), ERR_INVALID);
  assert_non_null(strstr(test_err.text, "too deep"));
  n = 0;
  for (size_t i = 0; i < 256; i++)
    n += (size_t)snprintf(text + n, sizeof(text) - n, "%sf%zu", i ? "," : "", i);
  assert_ok(mask_compile(&arena, str_of(text), &mask, &test_err));
  snprintf(text + n, sizeof(text) - n, ",more");
  assert_int_equal(mask_compile(&arena, str_of(text), &mask, &test_err), ERR_INVALID);
  memset(text, 'a', sizeof(text));
  assert_int_equal(mask_compile(&arena, str_make(text, sizeof(text)), &mask, &test_err), ERR_INVALID);
}

static void a_name_that_matches_nothing_is_found(void **state) {
  const char *json = "[{\"id\":1},{\"name\":\"x\",\"owner\":{\"id\":2}},{\"owner\":null,\"lines\":[]}]";
  assert_null(mask_unmatched(&arena, mask_of("id,name,owner(id),lines(sku)"), value_of(json)).p);
  assert_str(mask_unmatched(&arena, mask_of("id,nmae"), value_of(json)), "nmae");
  assert_str(mask_unmatched(&arena, mask_of("*,owner(di)"), value_of(json)), "owner.di");
  assert_null(mask_unmatched(&arena, mask_of("*"), value_of(json)).p);
  const char *different = "[{\"p\":{\"a\":1}},{\"p\":null},{\"p\":[]},{\"p\":{\"b\":[{},{\"c\":2}]}}]";
  assert_null(mask_unmatched(&arena, mask_of("p(a,b(c))"), value_of(different)).p);
  assert_str(mask_unmatched(&arena, mask_of("p(a,b(d))"), value_of(different)), "p.b.d");
}

static int tear_down(void **state) {
  arena_release(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(only_what_is_named_is_kept, tear_down),
      cmocka_unit_test_teardown(masks_reach_inside_objects_and_lists_of_them, tear_down),
      cmocka_unit_test_teardown(a_star_keeps_a_level, tear_down),
      cmocka_unit_test_teardown(spaces_beside_names_do_not_count, tear_down),
      cmocka_unit_test_teardown(names_are_text_of_any_kind, tear_down),
      cmocka_unit_test_teardown(what_is_no_object_stays, tear_down),
      cmocka_unit_test_teardown(nonsense_is_refused, tear_down),
      cmocka_unit_test_teardown(depth_and_breadth_are_bounded, tear_down),
      cmocka_unit_test_teardown(a_name_that_matches_nothing_is_found, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
