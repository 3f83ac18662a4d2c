/* Forms and cookies, as browsers and others send them. */
#include "web/form.h"
#include "unit.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static void fields_are_decoded_once(void **state) {
  struct form form;
  assert_true(form_read(&arena, STR("a=1+2&b=%2B%26%3D&c&=x&a=3&d=%2541"), &form));
  assert_true(str_eq(form_get(&form, "a"), STR("1 2")));
  assert_true(str_eq(form_get(&form, "b"), STR("+&=")));
  assert_true(str_eq(form_get(&form, "d"), STR("%41")));
  assert_true(form_get(&form, "c").p && form_get(&form, "c").n == 0);
  assert_null(form_get(&form, "e").p);
  assert_true(form_repeats(&form, "a"));
  assert_false(form_repeats(&form, "b"));
}

static void what_is_malformed_is_no_form(void **state) {
  struct form form;
  assert_false(form_read(&arena, STR("a=%"), &form));
  assert_false(form_read(&arena, STR("a=%zz"), &form));
  assert_false(form_read(&arena, STR("a=%00"), &form));
  char many[FORM_FIELDS * 4 + 8];
  size_t n = 0;
  for (int i = 0; i <= FORM_FIELDS; i++)
    n += (size_t)snprintf(many + n, sizeof(many) - n, "a=&");
  assert_false(form_read(&arena, str_make(many, n), &form));
  assert_true(form_read(&arena, STR_NONE, &form));
  assert_int_equal(form.n, 0);
}

static void a_cookie_that_stands_twice_is_none(void **state) {
  const struct http_field once[] = {{STR("cookie"), STR("x=1; a=b ;y=2")}};
  const struct http_field twice[] = {{STR("Cookie"), STR("a=b")}, {STR("Cookie"), STR("a=c")}};
  struct http_exchange http = {.fields = once, .n_fields = 1};
  assert_true(str_eq(cookie_find(&http, "a"), STR("b")));
  assert_null(cookie_find(&http, "b").p);
  http.fields = twice;
  http.n_fields = 2;
  assert_null(cookie_find(&http, "a").p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(fields_are_decoded_once, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_malformed_is_no_form, setup, teardown),
      cmocka_unit_test_setup_teardown(a_cookie_that_stands_twice_is_none, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
