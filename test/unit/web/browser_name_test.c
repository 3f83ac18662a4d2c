/* Browsers by the names that people have for them. */
#include "web/browser_name.h"

#include "unit.h"

static void a_browser_is_called_what_people_call_it(void **state) {
  static const struct {
    const char *agent, *name;
  } known[] = {
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
       "Safari/537.36",
       "Chrome on Windows"},
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
       "Safari/537.36 "
       "Edg/131.0.0.0",
       "Edge on Windows"},
      {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
       "Safari/605.1.15",
       "Safari on a Mac"},
      {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
       "CriOS/131.0.0.0 "
       "Mobile/15E148 Safari/604.1",
       "Chrome on iPhone"},
      {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
       "Safari/537.36",
       "Chrome on Android"},
      {"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"},
      {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
       "Chrome on ChromeOS"},
      {"Mozilla/5.0 Firefox/133.0", "Firefox"},
      {"Mozilla/5.0 (compatible; Something/2.1)", "A program"},
      {"curl/8.5.0", "A program"},
      {"Firefox/133.0", "A program"},
      {"<script>Chrome/1", "A program"},
      {"", "A program"},
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    struct arena arena;
    arena_init(&arena, 0);
    struct str name = browser_name(&arena, str_of(known[i].agent));
    if (!str_eq_c(name, known[i].name)) fail_msg("\"%s\" is \"%.*s\"", known[i].agent, STR_ARG(name));
    arena_release(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_browser_is_called_what_people_call_it)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
