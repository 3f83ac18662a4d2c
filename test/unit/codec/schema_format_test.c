/* The official suite has most of what there is to say of formats: here are the edges that it leaves out. */
#include "unit.h"

#include "codec/schema_format.h"

struct text {
  const char *format, *text;
};

static void expect_all(const struct text *texts, size_t n, bool is_expected) {
  for (size_t i = 0; i < n; i++) {
    const struct schema_format *format = schema_format_find(str_of(texts[i].format));
    assert_non_null(format);
    if (format->fits(str_of(texts[i].text)) != is_expected) fail_msg("%s: \"%s\"", texts[i].format, texts[i].text);
  }
}

static void texts_fit_their_format(void **state) {
  static const struct text yes[] = {
      {"date", "2024-02-29"},
      {"date", "0000-01-01"},
      {"time", "23:59:60Z"},
      {"time", "00:29:60+00:30"},
      {"time", "12:00:00.123456789-23:59"},
      {"date-time", "2026-11-20t07:00:00z"},
      {"duration", "P1Y2M3DT4H5M6S"},
      {"duration", "PT1H"},
      {"duration", "P4W"},
      {"email", "a.b+c@example.co.uk"},
      {"email", "\"joe bloggs\"@example.com"},
      {"email", "joe@[127.0.0.1]"},
      {"email", "joe@[IPv6:::1]"},
      {"idn-email", "j\xC3\xB6@ex\xC3\xA4mple.com"},
      {"hostname", "xn--4gbwdl.xn--wgbh1c"},
      {"ipv6", "::"},
      {"ipv6", "1::"},
      {"ipv6", "::ffff:192.0.2.1"},
      {"ipv6", "1:2:3:4:5:6:192.0.2.1"},
      {"ipv6", "1:2:3:4:5:6:7::"},
      {"uri-template", "http://example.com/{+path,x:3,list*}{?q}"},
      {"uuid", "00000000-0000-0000-0000-00000000000F"},
      {"json-pointer", "/a~0b/~1/"},
      {"relative-json-pointer", "0#"},
      {"relative-json-pointer", "12/a"},
  };
  static const struct text no[] = {
      {"date", ""},
      {"date", "2023-02-29"},
      {"date", "1900-02-29"},
      {"date", "2026-00-01"},
      {"date", "2026-04-31"},
      {"date", "2026-4-30"},
      {"time", "23:59:60+01:00"},
      {"time", "24:00:00Z"},
      {"time", "12:00:00"},
      {"time", "12:00:00.Z"},
      {"time", "12:00:00+24:00"},
      {"time", "12:00:0"},
      {"date-time", "2026-11-20 07:00:00Z"},
      {"date-time", "2026-11-20"},
      {"duration", "P"},
      {"duration", "PT"},
      {"duration", "P1D2M"},
      {"duration", "P1YT"},
      {"duration", "P1W2D"},
      {"duration", "P1Y2D"},
      {"email", "@example.com"},
      {"email", "a@"},
      {"email", "a..b@example.com"},
      {"email", ".a@example.com"},
      {"email", "a@b_c"},
      {"email", "a\\\"@example.com"},
      {"email", "\"a\"b\"@example.com"},
      {"email", "j\xC3\xB6@example.com"},
      {"email", "a@[256.0.0.1]"},
      {"email", "a@["},
      {"idn-email", "j\xC3\xB6"},
      {"hostname", ""},
      {"hostname", "a..b"},
      {"hostname", "-a"},
      {"hostname", "a."},
      {"hostname", "a_b"},
      {"ipv4", "1.2.3"},
      {"ipv4", "1.2.3.4."},
      {"ipv4", "01.2.3.4"},
      {"ipv4", "1.2.3.256"},
      {"ipv4", "1.2.3.0x4"},
      {"ipv6", ""},
      {"ipv6", ":"},
      {"ipv6", ":::"},
      {"ipv6", "1:2:3:4:5:6:7:8:9"},
      {"ipv6", "1:2:3:4:5:6:7"},
      {"ipv6", "1::2::3"},
      {"ipv6", "12345::"},
      {"ipv6", "1:2:3:4:5:6:7:1.2.3.4"},
      {"ipv6", "::1%eth0"},
      {"ipv6", "1:2:3:4:5:6:7::8:9"},
      {"ipv6", "1:"},
      {"uri-template", "{"},
      {"uri-template", "a}"},
      {"uri-template", "{}"},
      {"uri-template", "{a{b}}"},
      {"uuid", "0000000-00000-0000-0000-000000000000"},
      {"uuid", "00000000-0000-0000-0000-00000000000g"},
      {"json-pointer", "a"},
      {"json-pointer", "/~"},
      {"json-pointer", "/~2"},
      {"relative-json-pointer", ""},
      {"relative-json-pointer", "01"},
      {"relative-json-pointer", "/a"},
      {"relative-json-pointer", "0##"},
      {"regex", "("},
  };
  expect_all(yes, sizeof(yes) / sizeof(yes[0]), true);
  expect_all(no, sizeof(no) / sizeof(no[0]), false);
}

static void long_names_of_hosts_are_refused(void **state) {
  char text[300];
  const struct schema_format *hostname = schema_format_find(STR("hostname"));
  memset(text, 'a', sizeof(text));
  assert_true(hostname->fits(str_make(text, 63)));
  assert_false(hostname->fits(str_make(text, 64)));
  for (size_t i = 60; i < sizeof(text); i += 60)
    text[i] = '.';
  assert_true(hostname->fits(str_make(text, 253)));
  assert_false(hostname->fits(str_make(text, 254)));
}

static void unknown_formats_are_not_found(void **state) {
  assert_null(schema_format_find(STR("idn-hostname")));
  assert_null(schema_format_find(STR("")));
  assert_null(schema_format_find(STR("Date")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_fit_their_format),
      cmocka_unit_test(long_names_of_hosts_are_refused),
      cmocka_unit_test(unknown_formats_are_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
