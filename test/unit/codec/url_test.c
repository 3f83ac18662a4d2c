#include "unit.h"

#include "codec/url.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static void the_parts_of_good_urls(void **state) {
  const struct {
    const char *text, *scheme, *host;
    unsigned port;
    bool is_ipv6;
    const char *path, *query;
  } cases[] = {
      {"http://example.com", "http", "example.com", 80, false, "/", ""},
      {"https://example.com/", "https", "example.com", 443, false, "/", ""},
      {"HTTPS://EXAMPLE.com:8443/A/b", "https", "example.com", 8443, false, "/A/b", ""},
      {"http://example.com?", "http", "example.com", 80, false, "/", ""},
      {"http://example.com?a=1?b/c", "http", "example.com", 80, false, "/", "a=1?b/c"},
      {"http://h/p%2F%c3%a9;v=1/~a_b-c.d!$&'()*+,;=:@?x=%20&y=", "http", "h", 80, false,
       "/p%2F%c3%a9;v=1/~a_b-c.d!$&'()*+,;=:@", "x=%20&y="},
      {"http://127.0.0.1:1/", "http", "127.0.0.1", 1, false, "/", ""},
      {"http://[::1]:65535/x", "http", "::1", 65535, true, "/x", ""},
      {"http://[2001:DB8::A]", "http", "2001:db8::a", 80, true, "/", ""},
      {"http://[::ffff:10.0.0.1]/", "http", "::ffff:10.0.0.1", 80, true, "/", ""},
      {"http://a_b-c.1x.example/", "http", "a_b-c.1x.example", 80, false, "/", ""},
      {"http://h//a/../b/./", "http", "h", 80, false, "//a/../b/./", ""},
      {"http://h/@/a:b", "http", "h", 80, false, "/@/a:b", ""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct url url;
    assert_ok(url_parse(&arena, str_of(cases[i].text), &url, &test_err));
    assert_str(url.scheme, cases[i].scheme);
    assert_str(url.host, cases[i].host);
    assert_int_equal(url.port, cases[i].port);
    assert_int_equal(url.is_ipv6, cases[i].is_ipv6);
    assert_str(url.path, cases[i].path);
    assert_str(url.query, cases[i].query);
  }
}

static void urls_that_two_readers_could_take_differently_are_refused(void **state) {
  const char *const bad[] = {"",
                             "http",
                             "http:",
                             "http:/",
                             "http://",
                             "https://",
                             "//example.com/",
                             "/path",
                             "example.com",
                             "ftp://h/",
                             "file:///etc",
                             "javascript:alert(1)",
                             "httpx://h/",
                             "http:///path",
                             "http://:80/",
                             "http://?q",
                             "http://user@h/",
                             "http://u:p@h/",
                             "http://@h/",
                             "http://h@evil/",
                             "http://h/#f",
                             "http://h#f",
                             "http://h?q#f",
                             "http://h/a b",
                             " http://h/",
                             "http://h/ ",
                             "http://h\\@evil/",
                             "http://h\\evil/",
                             "http://h/a\\b",
                             "http://h/\n",
                             "http://h/\x01",
                             "http://h/\x7f",
                             "http://h/\xC3\xA9",
                             "http://h/%",
                             "http://h/%2",
                             "http://h/%zz",
                             "http://h/%2x",
                             "http://h/?%",
                             "http://h/?%g0",
                             "http://h/<",
                             "http://h/\"",
                             "http://h/{a}",
                             "http://h/a|b",
                             "http://h/a^b",
                             "http://h/a`b",
                             "http://h/[a]",
                             "http://h:/",
                             "http://h:0/",
                             "http://h:00/",
                             "http://h:080/",
                             "http://h:65536/",
                             "http://h:99999/",
                             "http://h:100000/",
                             "http://h:+80/",
                             "http://h:-1/",
                             "http://h:8 0/",
                             "http://h:80:80/",
                             "http://h:x/",
                             "http://h./",
                             "http://.h/",
                             "http://a..b/",
                             "http://h%41/",
                             "http://h!/",
                             "http://h*/",
                             "http://\xC3\xA9.example/",
                             "http://127.1/",
                             "http://2130706433/",
                             "http://0x7f000001/",
                             "http://0x7f.0.0.1/",
                             "http://127.0.0.0x1/",
                             "http://0177.0.0.1/",
                             "http://127.0.0.01/",
                             "http://127.0.0.256/",
                             "http://1.2.3/",
                             "http://1.2.3.4.5/",
                             "http://[::1",
                             "http://::1/",
                             "http://[]/",
                             "http://[::1]x/",
                             "http://[::1]:/",
                             "http://[::g]/",
                             "http://[fe80::1%25eth0]/",
                             "http://[fe80::1%eth0]/",
                             "http://[127.0.0.1]/",
                             "http://[v1.x]/",
                             "http://[::1]@h/",
                             "http://[::1]:80:90/"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct url url = {.port = 42};
    if (url_parse(&arena, str_of(bad[i]), &url, &test_err) != ERR_INVALID) fail_msg("accepted \"%s\"", bad[i]);
    assert_int_equal(url.port, 42);
  }
  struct url url;
  assert_int_equal(url_parse(&arena, str_make("http://h/\0", 10), &url, NULL), ERR_INVALID);
  assert_int_equal(url_parse(&arena, str_make("http://h\0.x/", 12), &url, NULL), ERR_INVALID);
  assert_int_equal(url_parse(&arena, str_make("http://[::1\0]/", 14), &url, NULL), ERR_INVALID);
  assert_int_equal(url_parse(&arena, STR_NONE, &url, NULL), ERR_INVALID);
}

static void hosts_are_as_long_as_dns_allows(void **state) {
  char text[400] = "http://";
  struct url url;
  size_t n = strlen(text);
  for (size_t i = 0; i < 253; i++)
    text[n + i] = i % 64 == 63 ? '.' : 'a';
  assert_ok(url_parse(&arena, str_make(text, n + 253), &url, &test_err));
  text[n + 253] = 'a';
  assert_int_equal(url_parse(&arena, str_make(text, n + 254), &url, NULL), ERR_INVALID);
  text[n + 63] = 'a';
  assert_int_equal(url_parse(&arena, str_make(text, n + 100), &url, NULL), ERR_INVALID);
}

static void an_endless_url_is_too_large(void **state) {
  static char text[9000] = "http://h/";
  memset(text + 9, 'a', sizeof(text) - 9);
  struct url url;
  assert_int_equal(url_parse(&arena, str_make(text, sizeof(text)), &url, NULL), ERR_TOO_LARGE);
  assert_ok(url_parse(&arena, str_make(text, 8192), &url, &test_err));
}

static void the_text_may_go_after_parsing(void **state) {
  char text[] = "http://host:81/path?query";
  struct url url;
  assert_ok(url_parse(&arena, str_of(text), &url, &test_err));
  memset(text, 'x', sizeof(text));
  assert_str(url.host, "host");
  assert_str(url.path, "/path");
  assert_str(url.query, "query");
}

static void authorities(void **state) {
  const struct {
    const char *text, *host;
    unsigned port;
  } good[] = {{"localhost", "localhost", 0},
              {"localhost:3000", "localhost", 3000},
              {"Host.Example:80", "Host.Example", 80},
              {"127.0.0.1:0", "127.0.0.1", 0},
              {"[::1]", "::1", 0},
              {"[::1]:65535", "::1", 65535},
              {"0.0.0.0:8080", "0.0.0.0", 8080}};
  struct str host;
  uint16_t port;
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    assert_ok(url_parse_authority(str_of(good[i].text), &host, &port, &test_err));
    assert_str(host, good[i].host);
    assert_int_equal(port, good[i].port);
  }
  host = STR("untouched");
  port = 42;
  const char *const bad[] = {"",   ":80", "h:", "h:80:", "h:x",    "h:65536", "h:00",     "u@h",
                             "h/", "h?",  "h#", "::1",   "::1:80", "[::1",    "[::1]80",  "[h]",
                             "h ", " h",  "*",  "*:80",  "h,h2",   "h\t",     "http://h", "127.1:80"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (url_parse_authority(str_of(bad[i]), &host, &port, &test_err) != ERR_INVALID)
      fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_int_equal(url_parse_authority(STR_NONE, &host, &port, NULL), ERR_INVALID);
  assert_str(host, "untouched");
  assert_int_equal(port, 42);
}

static void which_hosts_say_that_they_are_this_machine(void **state) {
  const char *const own[] = {"http://localhost/", "http://LOCALHOST:1/", "http://127.0.0.1/", "http://127.9.9.9:80/",
                             "http://[::1]:8080/"};
  const char *const others[] = {"http://127.0.0.1.example.com/",
                                "http://localhost.example.com/",
                                "http://128.0.0.1/",
                                "http://[::2]/",
                                "http://example.com/127.0.0.1",
                                "http://127.example/"};
  struct url url;
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
    assert_ok(url_parse(&arena, str_of(own[i]), &url, &test_err));
    assert_true(url_is_loopback(&url));
  }
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    assert_ok(url_parse(&arena, str_of(others[i]), &url, &test_err));
    assert_false(url_is_loopback(&url));
  }
}

static void all_but_unreserved_is_encoded(void **state) {
  struct buf out;
  buf_init(&out, &arena, 1000);
  url_write_encoded(&out, STR("aZ09-._~ /?#&=+%\xC3\xA9\n"));
  assert_str(buf_str(&out), "aZ09-._~%20%2F%3F%23%26%3D%2B%25%C3%A9%0A");
}

static void decoding_undoes_encoding(void **state) {
  char bytes[255];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (char)(i + 1);
  struct buf out;
  buf_init(&out, &arena, 1000);
  url_write_encoded(&out, str_make(bytes, sizeof(bytes)));
  struct str raw;
  assert_true(url_decode(&arena, buf_str(&out), &raw));
  assert_true(str_eq(raw, str_make(bytes, sizeof(bytes))));
}

static void bad_escapes_are_not_decoded(void **state) {
  struct str raw;
  assert_true(url_decode(&arena, STR("a+b%2b%2B"), &raw));
  assert_str(raw, "a+b++");
  assert_true(url_decode(&arena, STR("%2525"), &raw));
  assert_str(raw, "%25"); /* once */
  const char *const bad[] = {"%", "%4", "%%41", "%g1", "%1g", "a%00b", "%u0041", "%-1"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (url_decode(&arena, str_of(bad[i]), &raw)) fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_str(raw, "%25");
}

static void running_out_of_memory_at_any_point_is_an_error(void **state) {
  bool has_worked = false;
  for (size_t max = 16; !has_worked; max += 16) {
    struct arena small;
    arena_init(&small, max);
    struct url url;
    enum err_code code = url_parse(&small, STR("https://example.com/a/longer/path?query"), &url, &test_err);
    has_worked = code == ERR_NONE;
    if (!has_worked) assert_int_equal(code, ERR_NO_MEMORY);
    arena_release(&small);
    assert_true(max < 1000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_parts_of_good_urls),
      cmocka_unit_test(urls_that_two_readers_could_take_differently_are_refused),
      cmocka_unit_test(hosts_are_as_long_as_dns_allows),
      cmocka_unit_test(an_endless_url_is_too_large),
      cmocka_unit_test(the_text_may_go_after_parsing),
      cmocka_unit_test(authorities),
      cmocka_unit_test(which_hosts_say_that_they_are_this_machine),
      cmocka_unit_test(all_but_unreserved_is_encoded),
      cmocka_unit_test(decoding_undoes_encoding),
      cmocka_unit_test(bad_escapes_are_not_decoded),
      cmocka_unit_test(running_out_of_memory_at_any_point_is_an_error),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
