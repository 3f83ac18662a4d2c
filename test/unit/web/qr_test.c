/* What a QR code is as a part of a page. That it says what it should is read in test/integration/sign_in.test.js. */
#include "web/qr.h"

#include "base/limits.h"
#include "unit.h"

static void it_is_one_picture_without_style_or_script(void **state) {
  struct buf out;
  buf_init(&out, NULL, 64 * KIB);
  assert_true(page_qr(&out, STR("otpauth://totp/a"), STR("\"a\" & b")));
  assert_true(
      str_starts(buf_str(&out), STR("<svg class=\"qr\" role=\"img\" aria-label=\"&quot;a&quot; &amp; b\" viewBox=")));
  assert_true(str_ends(buf_str(&out), STR("z\"/></svg>")));
  buf_append_byte(&out, '\0');
  assert_null(strstr(out.p, "style"));
  assert_null(strstr(out.p, "otpauth"));
  /* The upper left eye's first row, inside of four white modules. */
  assert_non_null(strstr(out.p, "<path d=\"M4 4h7v1h-7z"));
  buf_release(&out);
}

static void what_fits_none_writes_nothing(void **state) {
  static char long_text[4000];
  struct buf out;
  memset(long_text, 'a', sizeof(long_text));
  buf_init(&out, NULL, 64 * KIB);
  assert_false(page_qr(&out, str_make(long_text, sizeof(long_text)), STR("x")));
  assert_false(page_qr(&out, STR(""), STR("x")));
  assert_int_equal(out.n, 0);
  buf_release(&out);
  buf_init(&out, NULL, 100); /* a page that is full says so itself */
  (void)page_qr(&out, STR("abc"), STR("x"));
  assert_true(buf_failed(&out));
  buf_release(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_one_picture_without_style_or_script),
      cmocka_unit_test(what_fits_none_writes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
