#include "codec/plain_text.h"

#include "unit.h"

static const struct {
  const char *text, *clean;
} cases[] = {
    {"plain, with \xC3\xA4 and\ttabs\nand lines\r\n", NULL},
    {"\xE6\x97\xA5\xE6\x9C\xAC", NULL},
    {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", NULL}, /* a woman at a computer */
    {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xE2\x9D\xA4\xEF\xB8\x8F\xE2\x80\x8D\xF0\x9F\x91\xA8", NULL}, /* two joiners meet */
    {"\x1B[31mred\x1B[0m", "red"},
    {"\x1B]0;title\x07"
     "after",
     "after"},
    {"\x1B]8;;https://evil.example\x1B\\link\x1B]8;;\x1B\\", "link"},
    {"\x1B]never ends\nnext", "\nnext"},
    {"\x1B(Bx", "x"},
    {"a\x1B", "a"},
    {"\xC2\x9B"
     "31mred",
     "red"}, /* CSI as one character */
    {"over\rwritten", "overwritten"},
    {"a\bb\x7F", "ab"},
    {"zero\xE2\x80\x8Bwidth", "zerowidth"},
    {"\xE2\x80\xAEturned\xE2\x80\xAC", "turned"},
    {"\xE2\x81\xA6isolated\xE2\x81\xA9", "isolated"},
    {"\xEF\xBB\xBFmark", "mark"},
    {"tags\xF3\xA0\x81\x81\xF3\xA0\x81\x82", "tags"},
    {"soft\xC2\xADhyphen", "softhyphen"},
    {"bits\xE2\x80\x8C\xE2\x80\x8D\xE2\x80\x8C\xE2\x80\x8D", "bits\xE2\x80\x8C\xE2\x80\x8D"},
    {"\xE2\x80\x8D"
     "begins",
     "begins"},
    {"", NULL},
};

static void what_nobody_can_see_is_taken_out_and_nothing_else(void **state) {
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const char *expected = cases[i].clean ? cases[i].clean : cases[i].text;
    struct buf out;
    buf_init(&out, NULL, 4096);
    bool has_taken = plain_text_write(&out, str_of(cases[i].text));
    if (!str_eq_c(out.n ? buf_str(&out) : STR(""), expected)) fail_msg("case %zu: \"%.*s\"", i, STR_ARG(buf_str(&out)));
    assert_int_equal(has_taken, cases[i].clean != NULL);
    assert_int_equal(plain_text_is(str_of(cases[i].text)), cases[i].clean == NULL);
    buf_release(&out);
  }
}

static void what_was_cleaned_is_clean(void **state) {
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct buf out;
    buf_init(&out, NULL, 4096);
    (void)plain_text_write(&out, str_of(cases[i].text));
    assert_true(plain_text_is(out.n ? buf_str(&out) : STR("")));
    buf_release(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_nobody_can_see_is_taken_out_and_nothing_else),
      cmocka_unit_test(what_was_cleaned_is_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
