/* Nothing that a stranger wrote becomes markup. */
#include "web/html.h"
#include "unit.h"

static struct buf out;

static int setup(void **state) {
  buf_init(&out, NULL, 4096);
  return 0;
}

static int teardown(void **state) {
  buf_release(&out);
  return 0;
}

static void assert_written(const char *text) {
  assert_false(buf_failed(&out));
  assert_int_equal(out.n, strlen(text));
  assert_memory_equal(out.p, text, out.n);
}

static void text_is_escaped_wherever_it_stands(void **state) {
  HTML(&out, "<a title=\"{}\">{}</a>", STR("\" onclick='x'"), STR("<script>&amp;</script>"));
  assert_written("<a title=\"&quot; onclick=&#39;x&#39;\">&lt;script&gt;&amp;amp;&lt;/script&gt;</a>");
}

static void what_stands_in_a_text_is_no_place(void **state) {
  HTML(&out, "<p>{}{}</p>", STR("{}"), STR("b"));
  assert_written("<p>{}b</p>");
}

static void hidden_and_broken_characters_show(void **state) {
  html_text(&out, STR("a\x01\xe2\x80\xae"
                      "b\xff"));
  assert_written(
      "a\xef\xbf\xbd\xef\xbf\xbd"
      "b\xef\xbf\xbd");
}

static void a_wrong_number_of_texts_fails(void **state) {
  HTML(&out, "{}{}", STR("a"));
  assert_true(buf_failed(&out));
  buf_clear(&out);
  HTML(&out, "{}", STR("a"), STR("b"));
  assert_true(buf_failed(&out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(text_is_escaped_wherever_it_stands, setup, teardown),
      cmocka_unit_test_setup_teardown(what_stands_in_a_text_is_no_place, setup, teardown),
      cmocka_unit_test_setup_teardown(hidden_and_broken_characters_show, setup, teardown),
      cmocka_unit_test_setup_teardown(a_wrong_number_of_texts_fails, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
