/* What pages write: fields with their labels, times as people say them. */
#include "web/page.h"

#include "base/limits.h"
#include "unit.h"

static const int64_t minute_us = INT64_C(60) * 1000000;

static void assert_time(int64_t ago_us, const char *words) {
  const int64_t now = INT64_C(1790000000000000); /* 2026-09-21T13:33:20Z */
  char wanted[200];
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  page_time(&out, now - ago_us, now);
  (void)snprintf(wanted, sizeof(wanted), ">%s</time>", words);
  if (!str_ends(buf_str(&out), str_of(wanted))) fail_msg("%.*s is not %s", STR_ARG(buf_str(&out)), words);
  buf_release(&out);
}

static void a_time_is_said_as_people_say_it_and_exactly_for_who_asks(void **state) {
  assert_time(0, "just now");
  assert_time(-minute_us, "just now"); /* another machine's clock */
  assert_time(minute_us - 1, "just now");
  assert_time(minute_us, "1 minute ago");
  assert_time(59 * minute_us, "59 minutes ago");
  assert_time(60 * minute_us, "1 hour ago");
  assert_time(24 * 60 * minute_us - 1, "23 hours ago");
  assert_time(24 * 60 * minute_us, "1 day ago");
  assert_time(29 * 24 * 60 * minute_us, "29 days ago");
  assert_time(30 * 24 * 60 * minute_us, "2026-08-22");
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  page_time(&out, INT64_C(1790000000000000), INT64_C(1790000000000000) + minute_us);
  assert_str(buf_str(&out),
             "<time datetime=\"2026-09-21T14:13:20Z\" title=\"2026-09-21 14:13 UTC\">1 minute ago</time>");
  buf_release(&out);
  buf_init(&out, NULL, 4 * KIB);
  page_time(&out, 0, INT64_C(1790000000000000));
  assert_str(buf_str(&out), "never");
  buf_release(&out);
}

static void a_field_has_its_label_and_its_hint(void **state) {
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  page_input(&out, &(struct page_input){.name = "email",
                                        .label = "E-mail",
                                        .type = "email",
                                        .autocomplete = "username",
                                        .value = STR("\"><b>"),
                                        .hint = STR("a & b")});
  struct str text = buf_str(&out);
  assert_true(memmem(text.p, text.n, "<label for=\"email\">", 19));
  assert_true(memmem(text.p, text.n, "aria-describedby=\"email-hint\"", 29));
  assert_true(memmem(text.p, text.n, "id=\"email-hint\">a &amp; b<", 26));
  assert_true(memmem(text.p, text.n, "value=\"&quot;&gt;&lt;b&gt;\"", 27));
  buf_release(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_time_is_said_as_people_say_it_and_exactly_for_who_asks),
      cmocka_unit_test(a_field_has_its_label_and_its_hint),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
