#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf8_sequence.h"

static char line[20000];
static int pipe_ends[2];
static int saved_stderr;

static int stderr_catch(void **state) {
  if (pipe(pipe_ends) != 0 || fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) != 0) return 1;
  saved_stderr = dup(STDERR_FILENO);
  log_set_level(LOG_DEBUG);
  return dup2(pipe_ends[1], STDERR_FILENO) < 0;
}

static int stderr_restore(void **state) {
  dup2(saved_stderr, STDERR_FILENO);
  close(saved_stderr);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return 0;
}

/* What was written since, without the time. */
static const char *caught(void) {
  ssize_t n = read(pipe_ends[0], line, sizeof(line) - 1);
  if (n < 0) n = 0;
  line[n] = '\0';
  const char start[] = "{\"time\":\"2026-11-20T10:00:00.000000Z\",";
  return n > 0 ? line + strlen(start) : line;
}

static void a_line_is_one_object(void **state) {
  log_event(LOG_INFO, "listening", LOG_TEXT("address", "[::1]:8080"), LOG_INT("workers", 2),
            LOG_INT("least", INT64_MIN), LOG_BOOL("is_ready", true), LOG_BOOL("is_old", false));
  assert_string_equal(caught(),
                      "\"level\":\"info\",\"event\":\"listening\",\"address\":\"[::1]:8080\",\"workers\":2,"
                      "\"least\":-9223372036854775808,\"is_ready\":true,\"is_old\":false}\n");
  assert_memory_equal(line, "{\"time\":\"20", 11);
}

static void levels_below_the_set_one_are_silent(void **state) {
  log_set_level(LOG_WARN);
  log_event(LOG_INFO, "no", LOG_INT("n", 1));
  assert_string_equal(caught(), "");
  log_event(LOG_WARN, "yes", LOG_INT("n", 1));
  assert_string_not_equal(caught(), "");
  log_set_level(LOG_OFF);
  log_event(LOG_ERROR, "no", LOG_INT("n", 1));
  log_event(LOG_OFF, "no", LOG_INT("n", 1));
  assert_string_equal(caught(), "");
  log_set_level(LOG_DEBUG);
}

static void nothing_can_break_out_of_its_string(void **state) {
  log_event(LOG_INFO, "e", LOG_TEXT("a", "\"}\n\\\x1b[31m\x7f\xC2\x9B"),
            LOG_STR("b", str_make("\0\xFF"
                                  "a\xE2\x82",
                                  5)),
            LOG_TEXT("c", "gr\xC3\xBC\xC3\x9F"));
  assert_string_equal(caught(),
                      "\"level\":\"info\",\"event\":\"e\",\"a\":\"\\\"}\\u000a\\\\\\u001b[31m\\u007f\\u009b\","
                      "\"b\":\"\\u0000\\ufffda\\ufffd\\ufffd\",\"c\":\"gr\xC3\xBC\xC3\x9F\"}\n");
}

static void an_absent_text_is_empty(void **state) {
  log_event(LOG_INFO, "e", LOG_TEXT("a", NULL), LOG_STR("b", STR_NONE));
  assert_string_equal(caught(), "\"level\":\"info\",\"event\":\"e\",\"a\":\"\",\"b\":\"\"}\n");
}

/* From the inside of the text on: fields follow whole or not at all. */
static void rest_check(const char *p) {
  while (*p != '"') {
    assert_true((unsigned char)*p >= 0x20);
    p += *p == '\\' ? 2 : 1;
  }
  const char *const rests[] = {"\"}\n", "\",\"number\":1234567890123456789}\n",
                               "\",\"number\":1234567890123456789,\"last\":\"x\"}\n",
                               "\",\"number\":1234567890123456789,\"last\":\"\xE2\x80\xA6\"}\n"};
  for (size_t i = 0; i < 4; i++) {
    if (strcmp(p, rests[i]) == 0) return;
  }
  fail_msg("the line ends with %s", p);
}

/* Whatever the lengths: one line of at most 4096 bytes that is still JSON. */
static void a_long_line_is_cut_and_stays_well_formed(void **state) {
  static char text[6000];
  const char *const units[] = {"a", "\"", "\n", "\xE2\x82\xAC"};
  for (size_t u = 0; u < 4; u++) {
    size_t unit = strlen(units[u]);
    for (size_t n = 600; n < 4400; n += n > 3900 && n < 4100 ? 1 : 97) {
      size_t at = 0;
      while (at + unit <= n) {
        memcpy(text + at, units[u], unit);
        at += unit;
      }
      log_event(LOG_INFO, "e", LOG_STR("text", str_make(text, at)), LOG_INT("number", 1234567890123456789),
                LOG_TEXT("last", "x"));
      caught();
      size_t length = strlen(line);
      assert_in_range(length, 100, 4096);
      assert_memory_equal(line + length - 2, "}\n", 2);
      rest_check(strstr(line, "\"text\":\"") + 8);
      for (size_t i = 0; i < length;) {
        size_t step = utf8_sequence(line + i, length - i);
        assert_int_not_equal(step, 0);
        i += step;
      }
    }
  }
}

static void errno_survives(void **state) {
  errno = EPIPE;
  log_event(LOG_INFO, "e", LOG_INT("n", 1));
  assert_int_equal(errno, EPIPE);
  caught();
}

static void level_names_are_read(void **state) {
  enum log_level level = LOG_DEBUG;
  assert_true(log_parse_level(STR("error"), &level));
  assert_int_equal(level, LOG_ERROR);
  assert_true(log_parse_level(STR("off"), &level));
  assert_false(log_parse_level(STR("WARN"), &level));
  assert_false(log_parse_level(STR(""), &level));
  assert_int_equal(level, LOG_OFF);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_line_is_one_object, stderr_catch, stderr_restore),
      cmocka_unit_test_setup_teardown(levels_below_the_set_one_are_silent, stderr_catch, stderr_restore),
      cmocka_unit_test_setup_teardown(nothing_can_break_out_of_its_string, stderr_catch, stderr_restore),
      cmocka_unit_test_setup_teardown(an_absent_text_is_empty, stderr_catch, stderr_restore),
      cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_stays_well_formed, stderr_catch, stderr_restore),
      cmocka_unit_test_setup_teardown(errno_survives, stderr_catch, stderr_restore),
      cmocka_unit_test(level_names_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
