#include "fixture.h"

#include "upstream.h"
#include "wait.h"

#include "base/limits.h"

/* ---- the service ---- */

static char *large_body(size_t n) {
  char *body = malloc(n + 3);
  memset(body, 'x', n + 2);
  body[0] = body[n + 1] = '"';
  body[n + 2] = '\0';
  return body;
}

static bool is_path(const char *request, const char *path) {
  return strncmp(request + 4, path, strlen(path)) == 0 && strchr(" ?", request[4 + strlen(path)]);
}

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  int fd = connection->fd;
  const struct {
    const char *path, *status, *type, *body;
  } answers[] = {
      {"/pretty", "200 OK", "application/json; charset=utf-8", " {\n \"a\": 1.50\n}\n"},
      {"/list", "200 OK", "application/vnd.api+json", "[1,\"two\"]"},
      {"/text", "200 OK", "text/plain", "just text"},
      {"/untyped", "200 OK", "", "{\"typed\":false}"},
      {"/png", "200 OK", "image/png", "\x89PNG\r\n\x1a\n\xff"},
      {"/empty", "204 No Content", "", ""},
      {"/twice", "200 OK", "application/json", "{\"a\":1,\"a\":2}"},
      {"/broken", "200 OK", "application/json", "{\"a\":"},
      {"/lies", "200 OK", "application/json", "<html>oops</html>"},
      {"/missing", "404 Not Found", "application/json", "{\"error\":{\"message\":\"no order 7\\nat all\"}}"},
      {"/many-errors", "422 Unprocessable Entity", "application/json",
       "{\"errors\":[{\"detail\":\"cents: too low\"}]}"},
      {"/html-error", "502 Bad Gateway", "text/html", "<html><body>nginx</body></html>"},
      {"/plain-error", "500 Internal Server Error", "text/plain", "it broke\x1b[31m\r\n"},
      {"/limited", "429 Too Many Requests", "application/json", "{\"message\":\"slow down\"}"},
      {"/refused", "401 Unauthorized", "application/json", "{\"message\":\"bad key s3cr3t-k3y given\"}"},
      {"/moved", "302 Found", "text/plain", "elsewhere"},
      {"/repeats", "200 OK", "application/json", "{\"you_sent\":\"s3cr3t-k3y\"}"},
  };
  if (is_path(request, "/hang")) return true;
  if (is_path(request, "/large")) {
    char *body = large_body(LIMIT_RESULT + 1000);
    upstream_reply(fd, "200 OK", "application/json", body);
    free(body);
    return true;
  }
  for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
    if (is_path(request, answers[i].path)) {
      upstream_reply(fd, answers[i].status, answers[i].type, answers[i].body);
      return true;
    }
  upstream_reply(fd, "200 OK", "application/json", "{\"ok\":true}");
  return true;
}

static const char manifest[] =
    "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"base\":\"{conn.base}\","
    "\"headers\":{\"X-Api-Version\":\"7\"},"
    "\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"Authorization\",\"prefix\":\"Bearer \"}],"
    "\"tools\":["
    "{\"name\":\"get\",\"does\":\"read\",\"description\":\"Gets one.\",\"input\":{\"type\":\"object\",\"properties\":{"
    "\"id\":{},\"page\":{}},\"required\":[\"id\"]},\"call\":\"GET /orders/{id}/lines\","
    "\"query\":{\"page\":\"{page}\",\"order\":\"date DESC\",\"n\":20,\"all\":true}},"
    "{\"name\":\"find\",\"does\":\"read\",\"description\":\"Finds.\",\"input\":{\"type\":\"object\",\"properties\":{"
    "\"statuses\":{},\"q\":{}}},\"call\":\"GET /orders\",\"query\":{\"Status "
    "es\":\"{statuses|csv}\",\"q\":\"name:{q}\"}},"
    "{\"name\":\"raw\",\"does\":\"read\",\"description\":\"A path.\",\"input\":{\"type\":\"object\",\"properties\":{"
    "\"a\":{},\"b\":{}},\"required\":[\"a\"]},\"call\":\"GET /{a}\",\"query\":{\"b\":\"{b}\"}},"
    "{\"name\":\"change\",\"does\":\"write\",\"description\":\"A write by GET.\",\"input\":{\"type\":\"object\","
    "\"properties\":{\"a\":{}},\"required\":[\"a\"]},\"call\":\"GET /{a}\"}"
    "]}";

struct more {
  struct upstream *upstream;
  struct secret *credential;
};

static struct upstream *upstream_of(struct fixture *f) {
  return ((struct more *)f->more)->upstream;
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  struct more *more = calloc(1, sizeof(*more));
  f->more = more;
  more->upstream = upstream_start(answer);
  more->credential = secret_new("{\"key\":\"s3cr3t-k3y\"}", 20);
  fixture_start(f);
  char settings[128];
  snprintf(settings, sizeof(settings), "{\"base\":\"http://127.0.0.1:%u\"}", more->upstream->port);
  fixture_connect(f, manifest, settings);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  struct more *more = f->more;
  fixture_stop(f);
  upstream_stop(more->upstream);
  secret_free(more->credential);
  free(more);
  free(f);
  return 0;
}

static struct trial *start(struct fixture *f, const char *tool, const char *arguments) {
  struct trial *trial = trial_start(f, tool, arguments);
  trial->call.credential = ((struct more *)f->more)->credential;
  trial_invoke(trial);
  return trial;
}

static struct trial *run(struct fixture *f, const char *tool, const char *arguments) {
  struct trial *trial = start(f, tool, arguments);
  trial_wait(trial);
  return trial;
}

static struct trial *fetch(struct fixture *f, const char *path) {
  char arguments[128];
  snprintf(arguments, sizeof(arguments), "{\"a\":\"%s\"}", path);
  return run(f, "raw", arguments);
}

static void assert_fetched(struct fixture *f, const char *path, const char *text, const char *structured) {
  struct trial *trial = fetch(f, path);
  assert_false(trial->call.result.is_error);
  assert_str(trial->call.result.text, text);
  assert_str(trial->call.result.structured, structured);
  trial_free(trial);
}

static void assert_refused(struct fixture *f, const char *path, enum err_code code, const char *text) {
  struct trial *trial = fetch(f, path);
  assert_true(trial->call.result.is_error);
  assert_int_equal(trial->call.result.error, code);
  assert_str(trial->call.result.text, text);
  trial_free(trial);
}

/* The target of the last request. */
static void assert_target(struct fixture *f, const char *tool, const char *arguments, const char *target) {
  struct trial *trial = run(f, tool, arguments);
  if (trial->call.result.is_error) fail_msg("%s: %.*s", arguments, STR_ARG(trial->call.result.text));
  trial_free(trial);
  char line[1024];
  snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", target);
  pthread_mutex_lock(&upstream_of(f)->lock);
  bool is_same = strncmp(upstream_of(f)->last, line, strlen(line)) == 0;
  if (!is_same) fail_msg("%s: %.300s\n   not %s", arguments, upstream_of(f)->last, target);
  pthread_mutex_unlock(&upstream_of(f)->lock);
}

/* ---- requests ---- */

static void a_call_carries_its_fields_and_the_key(void **state) {
  struct fixture *f = *state;
  assert_target(f, "get", "{\"id\":\"o1\",\"page\":2}", "/orders/o1/lines?page=2&order=date%20DESC&n=20&all=true");
  assert_true(upstream_saw(upstream_of(f), "\r\nAuthorization: Bearer s3cr3t-k3y\r\n"));
  assert_true(upstream_saw(upstream_of(f), "\r\nX-Api-Version: 7\r\n"));
  assert_true(upstream_saw(upstream_of(f), "\r\nAccept: application/json\r\n"));
  assert_true(
      upstream_saw(upstream_of(f), "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
}

static void what_is_absent_drops_its_part(void **state) {
  struct fixture *f = *state;
  assert_target(f, "get", "{\"id\":\"o1\"}", "/orders/o1/lines?order=date%20DESC&n=20&all=true");
  assert_target(f, "get", "{\"id\":\"o1\",\"page\":null}", "/orders/o1/lines?order=date%20DESC&n=20&all=true");
  assert_target(f, "find", "{}", "/orders");
  assert_target(f, "find", "{\"statuses\":[]}", "/orders");
  assert_target(f, "find", "{\"q\":\"x\"}", "/orders?q=name%3Ax");
}

static void values_keep_their_type_as_text(void **state) {
  struct fixture *f = *state;
  assert_target(f, "raw", "{\"a\":1,\"b\":true}", "/1?b=true");
  assert_target(f, "raw", "{\"a\":-7,\"b\":false}", "/-7?b=false");
  assert_target(f, "raw", "{\"a\":18446744073709551615,\"b\":1.5}", "/18446744073709551615?b=1.5");
  assert_target(f, "raw", "{\"a\":\"x\",\"b\":1e300}", "/x?b=1e%2B300");
  assert_target(f, "raw", "{\"a\":\"x\",\"b\":\"\"}", "/x?b=");
}

static void lists_are_joined_where_the_manifest_says_so(void **state) {
  struct fixture *f = *state;
  assert_target(f, "find", "{\"statuses\":[\"PAID\",\"a,b\",3]}", "/orders?Status%20es=PAID,a%2Cb,3");
  assert_target(f, "find", "{\"statuses\":\"PAID\"}", "/orders?Status%20es=PAID");
  assert_target(f, "raw", "{\"a\":\"x\",\"b\":[1,\"&\"]}", "/x?b=1&b=%26");
  assert_target(f, "raw", "{\"a\":\"x\",\"b\":{\"gte\":1,\"in\":[2,3]}}",
                "/x?b%5Bgte%5D=1&b%5Bin%5D%5B0%5D=2&b%5Bin%5D%5B1%5D=3");
  struct trial *trial = run(f, "raw", "{\"a\":[1]}");
  assert_int_equal(trial->call.result.error, ERR_INVALID);
  assert_non_null(strstr(trial->call.result.text.p, "a is a list"));
  trial_free(trial);
  trial = run(f, "raw", "{\"a\":{\"x\":1}}");
  assert_int_equal(trial->call.result.error, ERR_INVALID);
  assert_non_null(strstr(trial->call.result.text.p, "a must be text"));
  trial_free(trial);
  trial = run(f, "find", "{\"statuses\":[[1]]}");
  assert_int_equal(trial->call.result.error, ERR_INVALID);
  trial_free(trial);
}

static void whatever_an_argument_holds_stays_data(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *json, *encoded;
  } rows[] = {
      {"a/b", "a%2Fb"},
      {"../admin", "..%2Fadmin"},
      {"..\\\\admin", "..%5Cadmin"},
      {"a/../../b", "a%2F..%2F..%2Fb"},
      {"%2f", "%252f"},
      {"%2e%2e", "%252e%252e"},
      {"..%2f..", "..%252f.."},
      {"a?b=c", "a%3Fb%3Dc"},
      {"a#b", "a%23b"},
      {"a&b=c", "a%26b%3Dc"},
      {"a;b", "a%3Bb"},
      {"a b+c", "a%20b%2Bc"},
      {"\\r\\nX-Injected: 1", "%0D%0AX-Injected%3A%201"},
      {"\\nGET /x HTTP/1.1", "%0AGET%20%2Fx%20HTTP%2F1.1"},
      {"\\u0001\\u007f", "%01%7F"},
      {"\\ud83d\\ude00\\u00e9", "%F0%9F%98%80%C3%A9"},
      {"//evil.example", "%2F%2Fevil.example"},
      {"@evil.example", "%40evil.example"},
      {"http://evil.example/", "http%3A%2F%2Fevil.example%2F"},
      {"{id}", "%7Bid%7D"},
      {"...", "..."},
      {"\\\"'<>|", "%22%27%3C%3E%7C"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char arguments[256], target[256];
    snprintf(arguments, sizeof(arguments), "{\"id\":\"%s\",\"page\":\"%s\"}", rows[i].json, rows[i].json);
    snprintf(target, sizeof(target), "/orders/%s/lines?page=%s&order=date%%20DESC&n=20&all=true", rows[i].encoded,
             rows[i].encoded);
    assert_target(f, "get", arguments, target);
    assert_false(upstream_saw(upstream_of(f), "\r\nX-Injected"));
  }
}

static void a_path_cannot_be_shortened_by_an_argument(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *arguments, *text;
  } rows[] = {
      {"{\"a\":\"..\"}", "cannot stand alone"},  {"{\"a\":\".\"}", "cannot stand alone"},
      {"{\"a\":\"\"}", "a must not be empty"},   {"{\"a\":null}", "a is missing"},
      {"{\"a\":[]}", "an argument of the path"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct trial *trial = run(f, "raw", rows[i].arguments);
    char text[512];
    snprintf(text, sizeof(text), "%.*s", STR_ARG(trial->call.result.text));
    if (trial->call.result.error != ERR_INVALID || !strstr(text, rows[i].text))
      fail_msg("%s: %s", rows[i].arguments, text);
    trial_free(trial);
  }
  assert_int_equal(atomic_load(&upstream_of(f)->n_requests), 0);
}

static void an_argument_too_long_for_a_url_is_refused(void **state) {
  struct fixture *f = *state;
  char *body = large_body(LIMIT_HTTP_TARGET), *arguments = malloc(LIMIT_HTTP_TARGET + 64);
  snprintf(arguments, LIMIT_HTTP_TARGET + 64, "{\"a\":%s}", body);
  struct trial *trial = run(f, "raw", arguments);
  assert_int_equal(trial->call.result.error, ERR_TOO_LARGE);
  trial_free(trial);
  free(arguments);
  free(body);
}

static void the_key_may_go_into_the_query(void **state) {
  struct fixture *f = *state;
  char settings[128];
  snprintf(settings, sizeof(settings), "{\"base\":\"http://127.0.0.1:%u/v2/\"}", upstream_of(f)->port);
  fixture_connect(f,
                  "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"base\":\"https://"
                  "api.example.com\",\"may_change_base\":true,\"auth\":[{\"type\":"
                  "\"key\",\"in\":\"query\",\"name\":\"api key\",\"value\":\"k-{key}\"}],\"tools\":[{\"name\":\"get\","
                  "\"description\":\"G\",\"call\":\"GET /x\",\"query\":{\"a\":1}}]}",
                  settings);
  assert_target(f, "get", "{}", "/v2/x?a=1&api%20key=k-s3cr3t-k3y");
  assert_false(upstream_saw(upstream_of(f), "Authorization"));
}

static void without_its_key_nothing_is_sent(void **state) {
  struct fixture *f = *state;
  assert_error(f, "raw", "{\"a\":\"x\"}", ERR_UNAVAILABLE, "ledger: the connection has no key");
  struct secret *empty = secret_new("{}", 2);
  struct trial *trial = trial_start(f, "raw", "{\"a\":\"x\"}");
  trial->call.credential = empty;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_UNAVAILABLE);
  trial_free(trial);
  secret_free(empty);
  assert_int_equal(atomic_load(&upstream_of(f)->n_requests), 0);
}

/* ---- replies ---- */

static void json_is_given_as_text_and_structure(void **state) {
  struct fixture *f = *state;
  assert_fetched(f, "ok", "{\"ok\":true}", "{\"ok\":true}");
  assert_fetched(f, "pretty", "{\"a\":1.50}", "{\"a\":1.50}");
  assert_fetched(f, "list", "{\"items\":[1,\"two\"]}", "{\"items\":[1,\"two\"]}");
  assert_fetched(f, "untyped", "{\"typed\":false}", "{\"typed\":false}");
}

static void text_is_text_and_the_rest_is_said(void **state) {
  struct fixture *f = *state;
  assert_fetched(f, "text", "just text", "");
  assert_fetched(f, "empty", "Done: 204, without content.", "");
  assert_refused(f, "png", ERR_UPSTREAM, "ledger answered 9 bytes of image/png, which cannot be shown as text");
}

static void json_that_two_readers_could_read_differently_is_refused(void **state) {
  struct fixture *f = *state;
  const char *paths[] = {"twice", "broken", "lies"};
  for (size_t i = 0; i < 3; i++) {
    struct trial *trial = fetch(f, paths[i]);
    assert_int_equal(trial->call.result.error, ERR_UPSTREAM);
    assert_true(str_starts(trial->call.result.text, STR("ledger: it answered what is not valid JSON: ")));
    assert_int_equal(trial->call.result.structured.n, 0);
    trial_free(trial);
  }
}

static void errors_are_told_in_the_services_own_words(void **state) {
  struct fixture *f = *state;
  assert_refused(f, "missing", ERR_UPSTREAM, "ledger answered 404 Not Found: no order 7 at all");
  struct trial *trial = fetch(f, "many-errors");
  assert_non_null(strstr(trial->call.result.text.p, ": cents: too low"));
  trial_free(trial);
  assert_refused(f, "html-error", ERR_UPSTREAM, "ledger answered 502 Bad Gateway");
  assert_refused(f, "plain-error", ERR_UPSTREAM, "ledger answered 500 Internal Server Error: it broke [31m");
  assert_refused(f, "limited", ERR_LIMITED, "ledger answered 429 Too Many Requests: slow down");
  assert_refused(f, "moved", ERR_UPSTREAM, "ledger answered 302 Found (redirects are not followed): elsewhere");
}

static void a_key_that_the_service_repeats_is_not_shown(void **state) {
  struct fixture *f = *state;
  assert_refused(
      f, "refused", ERR_UPSTREAM,
      "ledger answered 401 Unauthorized (the connection's credential does not allow it): bad key [credential "
      "removed] given");
  assert_fetched(f, "repeats", "{\"you_sent\":\"[credential removed]\"}", "{\"you_sent\":\"[credential removed]\"}");
}

static void a_large_answer_is_cut_and_it_is_said(void **state) {
  struct trial *trial = fetch(*state, "large");
  const struct connector_result *result = &trial->call.result;
  assert_false(result->is_error);
  assert_true(result->text.n <= LIMIT_RESULT);
  assert_int_equal(result->structured.n, 0);
  assert_true(str_ends(result->text, STR("bytes, of which the first 1048448 are shown]")));
  trial_free(trial);
}

/* ---- time ---- */

static void the_calls_deadline_holds(void **state) {
  struct fixture *f = *state;
  struct trial *trial = trial_start(f, "raw", "{\"a\":\"hang\"}");
  trial->call.credential = ((struct more *)f->more)->credential;
  trial->call.deadline_us = loop_now_us(&f->loop) + 20 * 1000;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  assert_false(trial->call.result.is_unknown); /* it only reads */
  trial_free(trial);
  trial = trial_start(f, "raw", "{\"a\":\"ok\"}");
  trial->call.deadline_us = loop_now_us(&f->loop);
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  trial_free(trial);
}

static void a_write_whose_reply_is_lost_is_unknown(void **state) {
  struct fixture *f = *state;
  struct trial *trial = trial_start(f, "change", "{\"a\":\"hang\"}");
  trial->call.credential = ((struct more *)f->more)->credential;
  trial->call.deadline_us = loop_now_us(&f->loop) + 20 * 1000 * 1000;
  trial_invoke(trial);
  WAIT_UNTIL(atomic_load(&upstream_of(f)->n_requests) > 0, loop_turn(&f->loop));
  loop_age(&f->loop, 21 * 1000 * 1000);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  assert_true(trial->call.result.is_unknown);
  trial_free(trial);
  f->exception.port = 1; /* refused before anything was sent: it did not happen */
  trial = trial_start(f, "change", "{\"a\":\"ok\"}");
  trial->call.credential = ((struct more *)f->more)->credential;
  trial->call.deadline_us = loop_now_us(&f->loop) + 20 * 1000 * 1000;
  trial_invoke(trial);
  trial_wait(trial);
  /* the connection of before may be used again: it was judged */
  assert_true(trial->call.result.error == ERR_DENIED || !trial->call.result.is_error);
  assert_false(trial->call.result.is_unknown);
  trial_free(trial);
}

static void cancelling_ends_a_call_once(void **state) {
  struct fixture *f = *state;
  const char *tools[] = {"raw", "change"};
  for (int i = 0; i < 2; i++) {
    struct trial *trial = start(f, tools[i], "{\"a\":\"hang\"}");
    WAIT_UNTIL(atomic_load(&upstream_of(f)->n_requests) > i, loop_turn(&f->loop));
    f->connector.kind->cancel(&trial->call);
    f->connector.kind->cancel(&trial->call);
    assert_int_equal(trial->n_done, 0); /* not from within */
    trial_wait(trial);
    assert_int_equal(trial->call.result.error, ERR_CANCELLED);
    assert_int_equal(trial->call.result.is_unknown, i == 1);
    trial_free(trial);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_call_carries_its_fields_and_the_key),
      TEST(what_is_absent_drops_its_part),
      TEST(values_keep_their_type_as_text),
      TEST(lists_are_joined_where_the_manifest_says_so),
      TEST(whatever_an_argument_holds_stays_data),
      TEST(a_path_cannot_be_shortened_by_an_argument),
      TEST(an_argument_too_long_for_a_url_is_refused),
      TEST(the_key_may_go_into_the_query),
      TEST(without_its_key_nothing_is_sent),
      TEST(json_is_given_as_text_and_structure),
      TEST(text_is_text_and_the_rest_is_said),
      TEST(json_that_two_readers_could_read_differently_is_refused),
      TEST(errors_are_told_in_the_services_own_words),
      TEST(a_key_that_the_service_repeats_is_not_shown),
      TEST(a_large_answer_is_cut_and_it_is_said),
      TEST(the_calls_deadline_holds),
      TEST(a_write_whose_reply_is_lost_is_unknown),
      TEST(cancelling_ends_a_call_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
