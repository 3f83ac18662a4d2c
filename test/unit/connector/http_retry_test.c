/* Retries with a clock of the test's own: nothing here waits. */
#include "connector/http/call.h"

#include "unit.h"

#include "codec/json_path.h"

#define SECOND INT64_C(1000000)
static const int64_t now = INT64_C(1795168800) * SECOND; /* 2026-11-20T10:00:00Z */

static struct arena arena;

static int tear_down(void **state) {
  arena_release(&arena);
  return 0;
}

/* An answer with one field and a body. */
static struct http_answer answer_of(int status, const char *name, const char *value, const char *json) {
  struct http_field *field = arena_new(&arena, struct http_field);
  struct http_client_response *response = arena_new(&arena, struct http_client_response);
  *field = (struct http_field){str_of(name), str_of(value)};
  *response = (struct http_client_response){.status = status, .fields = field, .n_fields = name ? 1 : 0};
  yyjson_doc *doc = NULL;
  if (json) assert_ok(json_read_verbatim(&arena, str_of(json), &doc, &test_err));
  return (struct http_answer){
      .status = status, .response = response, .root = yyjson_doc_get_root(doc), .is_error = true};
}

static const struct http_after *header_after(const char *name, enum http_after_unit unit) {
  struct http_after *after = arena_new(&arena, struct http_after);
  *after = (struct http_after){.unit = unit, .header = str_of(name)};
  return after;
}

static const struct http_after *body_after(const char *path_text, enum http_after_unit unit) {
  struct http_after *after = arena_new(&arena, struct http_after);
  struct json_path *path = arena_new(&arena, struct json_path);
  assert_ok(json_path_compile(str_of(path_text), path, &test_err));
  *after = (struct http_after){.unit = unit, .path = path};
  return after;
}

/* -1: the service does not say. */
static void assert_told(const struct http_after *after, struct http_answer answer, int64_t expected_us) {
  const struct http_tool tool = {.retry = {.after = after, .n_after = after ? 1 : 0}};
  int64_t wait_us = -1;
  bool is_told = http_retry_told(&tool, &answer, now, &wait_us);
  if (wait_us != expected_us) fail_msg("%lld us, not %lld", (long long)wait_us, (long long)expected_us);
  assert_int_equal(is_told, expected_us >= 0);
}

static void every_form_of_a_header_is_read(void **state) {
  const struct {
    enum http_after_unit unit;
    const char *value;
    int64_t wait_us;
  } rows[] = {
      {HTTP_AFTER_RETRY_AFTER, "3", 3 * SECOND},
      {HTTP_AFTER_RETRY_AFTER, "Fri, 20 Nov 2026 10:00:37 GMT", 37 * SECOND},
      {HTTP_AFTER_RETRY_AFTER, "Fri, 20 Nov 2026 09:00:00 GMT", 0},
      {HTTP_AFTER_RETRY_AFTER, "later", -1},
      {HTTP_AFTER_SECONDS, "0.25", SECOND / 4},
      {HTTP_AFTER_MS, "1500", 3 * SECOND / 2},
      {HTTP_AFTER_EPOCH, "1795168860", 60 * SECOND},
      {HTTP_AFTER_EPOCH, "1795168000", 0},
      {HTTP_AFTER_EPOCH_MS, "1795168800250", SECOND / 4},
      {HTTP_AFTER_EPOCH, "", -1},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_told(header_after("X-Reset", rows[i].unit), answer_of(429, "x-reset", rows[i].value, NULL), rows[i].wait_us);
  assert_told(header_after("X-Reset", HTTP_AFTER_SECONDS), answer_of(429, "X-Other", "3", NULL), -1);
}

static void every_form_of_a_bodys_hint_is_read(void **state) {
  const char *body = "{\"parameters\":{\"retry_after\":7},\"ms\":2500,\"at\":1795168805000,\"text\":\"4\",\"no\":{}}";
  struct http_answer answer = answer_of(429, NULL, NULL, body);
  assert_told(body_after("parameters.retry_after", HTTP_AFTER_SECONDS), answer, 7 * SECOND);
  assert_told(body_after("ms", HTTP_AFTER_MS), answer, 5 * SECOND / 2);
  assert_told(body_after("at", HTTP_AFTER_EPOCH_MS), answer, 5 * SECOND);
  assert_told(body_after("text", HTTP_AFTER_SECONDS), answer, 4 * SECOND);
  assert_told(body_after("no", HTTP_AFTER_SECONDS), answer, -1);
  assert_told(body_after("absent", HTTP_AFTER_SECONDS), answer, -1);
  assert_told(body_after("ms", HTTP_AFTER_MS), answer_of(429, NULL, NULL, NULL), -1);
}

static void the_first_place_that_says_something_counts(void **state) {
  const struct http_after after[] = {*header_after("X-None", HTTP_AFTER_EPOCH), *body_after("s", HTTP_AFTER_SECONDS),
                                     *body_after("t", HTTP_AFTER_SECONDS)};
  const struct http_tool tool = {.retry = {.after = after, .n_after = 3}};
  struct http_answer answer = answer_of(429, NULL, NULL, "{\"s\":2,\"t\":3}");
  int64_t wait_us;
  assert_true(http_retry_told(&tool, &answer, now, &wait_us));
  assert_int_equal(wait_us, 2 * SECOND);
}

static void https_own_word_counts_unnamed(void **state) {
  assert_told(NULL, answer_of(503, "Retry-After", "5", NULL), 5 * SECOND);
  assert_told(NULL, answer_of(503, "Date", "5", NULL), -1);
}

static void without_a_word_waits_double_and_differ(void **state) {
  int64_t least = http_retry_backoff_us(0, 0), most = http_retry_backoff_us(0, UINT32_MAX);
  assert_int_equal(least, SECOND / 4);
  assert_int_equal(most, SECOND / 2);
  for (unsigned n = 1; n < 5; n++) {
    assert_int_equal(http_retry_backoff_us(n, UINT32_MAX), 2 * http_retry_backoff_us(n - 1, UINT32_MAX));
    assert_int_equal(http_retry_backoff_us(n, 0), 2 * http_retry_backoff_us(n - 1, 0));
  }
  assert_true(http_retry_backoff_us(60, UINT32_MAX) <= 16 * SECOND);
}

/* ---- may it be repeated? ---- */

static const struct http_retry_status statuses[] = {{.status = 429}, {.status = 503}, {403, {"Retry-After", 11}}};
static const struct str codes[] = {{"ratelimited", 11}};
static const struct http_tool plain = {
    .retry = {.statuses = statuses, .n_statuses = 3, .codes = codes, .n_codes = 1, .max = 3}};
static const struct http_tool idempotent = {
    .retry = {.statuses = statuses, .n_statuses = 3, .codes = codes, .n_codes = 1, .max = 3},
    .idempotency = {"Idempotency-Key", 15}};

static bool allows(const struct http_tool *tool, enum policy_does does, struct http_answer answer) {
  const struct http_failure failure = {.reply = &answer, .was_sent = true};
  return http_retry_allows(tool, does, &failure);
}

static void reads_are_repeated_on_the_statuses_and_codes_that_are_listed(void **state) {
  assert_true(allows(&plain, DOES_READ, answer_of(429, NULL, NULL, NULL)));
  assert_true(allows(&plain, DOES_READ, answer_of(503, NULL, NULL, NULL)));
  assert_false(allows(&plain, DOES_READ, answer_of(500, NULL, NULL, NULL)));
  assert_false(allows(&plain, DOES_READ, answer_of(404, NULL, NULL, NULL)));
  assert_false(allows(&plain, DOES_READ, answer_of(403, NULL, NULL, NULL)));
  assert_true(allows(&plain, DOES_READ, answer_of(403, "retry-after", "1", NULL)));
  struct http_answer coded = answer_of(200, NULL, NULL, NULL);
  coded.code = STR("ratelimited");
  assert_true(allows(&plain, DOES_READ, coded));
  coded.code = STR("not_found");
  assert_false(allows(&plain, DOES_READ, coded));
}

static void writes_are_repeated_only_with_an_idempotency_key(void **state) {
  const enum policy_does kinds[] = {DOES_WRITE, DOES_DESTROY};
  for (size_t i = 0; i < 2; i++) {
    assert_false(allows(&plain, kinds[i], answer_of(429, NULL, NULL, NULL)));
    assert_false(allows(&plain, kinds[i], answer_of(503, "Retry-After", "1", NULL)));
    assert_true(allows(&idempotent, kinds[i], answer_of(429, NULL, NULL, NULL)));
  }
}

static void what_broke_off_is_repeated_where_that_is_safe(void **state) {
  const struct {
    const struct http_tool *tool;
    enum policy_does does;
    enum err_code code;
    bool was_sent, is_allowed;
  } rows[] = {
      {&plain, DOES_READ, ERR_UPSTREAM, true, true},       {&plain, DOES_READ, ERR_UPSTREAM, false, true},
      {&plain, DOES_WRITE, ERR_UPSTREAM, true, false},     {&plain, DOES_WRITE, ERR_UPSTREAM, false, true},
      {&idempotent, DOES_WRITE, ERR_UPSTREAM, true, true}, {&plain, DOES_READ, ERR_TIMEOUT, true, false},
      {&plain, DOES_READ, ERR_DENIED, false, false},       {&plain, DOES_READ, ERR_TOO_LARGE, true, false},
      {&idempotent, DOES_WRITE, ERR_TIMEOUT, true, false}, {&plain, DOES_DESTROY, ERR_UPSTREAM, true, false},
      {&plain, DOES_DESTROY, ERR_UPSTREAM, false, true},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const struct http_failure failure = {.code = rows[i].code, .was_sent = rows[i].was_sent};
    if (http_retry_allows(rows[i].tool, rows[i].does, &failure) != rows[i].is_allowed) fail_msg("row %zu", i);
  }
}

static void without_a_rule_nothing_is_repeated(void **state) {
  const struct http_tool none = {.retry = {.statuses = statuses, .n_statuses = 3}};
  const struct http_failure failure = {.code = ERR_UPSTREAM};
  assert_false(allows(&none, DOES_READ, answer_of(429, NULL, NULL, NULL)));
  assert_false(http_retry_allows(&none, DOES_READ, &failure));
}

static void the_text_says_when(void **state) {
  assert_str(http_retry_text(&arena, 0), "Try again in a second.");
  assert_str(http_retry_text(&arena, 36 * SECOND + 1), "Try again in 37 seconds.");
  assert_str(http_retry_text(&arena, 3600 * SECOND), "Try again in 60 minutes.");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(every_form_of_a_header_is_read, tear_down),
      cmocka_unit_test_teardown(every_form_of_a_bodys_hint_is_read, tear_down),
      cmocka_unit_test_teardown(the_first_place_that_says_something_counts, tear_down),
      cmocka_unit_test_teardown(https_own_word_counts_unnamed, tear_down),
      cmocka_unit_test_teardown(without_a_word_waits_double_and_differ, tear_down),
      cmocka_unit_test_teardown(reads_are_repeated_on_the_statuses_and_codes_that_are_listed, tear_down),
      cmocka_unit_test_teardown(writes_are_repeated_only_with_an_idempotency_key, tear_down),
      cmocka_unit_test_teardown(what_broke_off_is_repeated_where_that_is_safe, tear_down),
      cmocka_unit_test_teardown(without_a_rule_nothing_is_repeated, tear_down),
      cmocka_unit_test_teardown(the_text_says_when, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
