#include "http_client_fixture.h"

#include "base/asan.h"

static void fields_and_the_secret_are_sent(void **state) {
  struct fixture *f = *state;
  const struct http_field fields[] = {{STR("X-One"), STR("1")}, {STR("X-Empty"), STR("")}};
  struct http_client_request request = get(f, "/ok");
  request.fields = fields;
  request.n_fields = 2;
  request.secret_field = STR("Authorization");
  request.secret_prefix = STR("Bearer ");
  request.secret_value = STR("s3cr3t");
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "\r\nX-One: 1\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nX-Empty:\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nAuthorization: Bearer s3cr3t\r\n"));
  /* The next request of the same easy handle has nothing of it. */
  fetch_target(f, "/ok");
  assert_false(upstream_saw(f->upstream, "Authorization"));
  assert_false(upstream_saw(f->upstream, "X-One"));
}

static void a_secret_in_the_query_is_encoded(void **state) {
  struct fixture *f = *state;
  struct http_client_request request = get(f, "/ok");
  request.secret_parameter = STR("api key");
  request.secret_value = STR("a&b=c#\xf0\x9f\x98\x80");
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "GET /ok?api%20key=a%26b%3Dc%23%F0%9F%98%80 HTTP/1.1\r\n"));
  request = get(f, "/ok?x=1");
  request.secret_parameter = STR("k");
  request.secret_value = STR("v");
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "GET /ok?x=1&k=v HTTP/1.1\r\n"));
}

static unsigned times_seen(struct fixture *f, const char *text) {
  unsigned n = 0;
  pthread_mutex_lock(&f->upstream->lock);
  for (const char *at = f->upstream->last; (at = strcasestr(at, text)); at++)
    n++;
  pthread_mutex_unlock(&f->upstream->lock);
  return n;
}

static void a_callers_own_field_takes_the_place_of_ours(void **state) {
  struct fixture *f = *state;
  fetch_target(f, "/ok");
  assert_int_equal(times_seen(f, "\r\nuser-agent: connek/"), 1);
  assert_int_equal(times_seen(f, "\r\naccept-encoding: gzip, deflate"), 1);
  const struct http_field fields[] = {{STR("user-agent"), STR("other/1")}, {STR("Accept-encoding"), STR("identity")}};
  struct http_client_request request = get(f, "/ok");
  request.fields = fields;
  request.n_fields = 2;
  assert_true(fetch(f, &request).has_response);
  assert_int_equal(times_seen(f, "\r\nuser-agent:"), 1);
  assert_int_equal(times_seen(f, "\r\nuser-agent: other/1\r\n"), 1);
  assert_int_equal(times_seen(f, "\r\naccept-encoding:"), 1);
  assert_int_equal(times_seen(f, "\r\naccept-encoding: identity\r\n"), 1);
}

static void a_target_goes_out_as_it_was_written(void **state) {
  struct fixture *f = *state;
  /* But for a "?" with nothing behind it. */
  static const char *const targets[] = {"/ok/../a//b;c?d=/../e&f=%2f%2E?g", "/", "/?", "?a=b", "", "/%7Euser?"};
  static const char *const sent[] = {"/ok/../a//b;c?d=/../e&f=%2f%2E?g", "/", "/", "/?a=b", "/", "/%7Euser"};
  for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
    char line[128], host[64];
    fetch_target(f, targets[i]);
    snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", sent[i]);
    snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", f->upstream->port);
    assert_true(upstream_saw(f->upstream, line));
    assert_true(upstream_saw(f->upstream, host));
  }
}

/* Is the text anywhere between two allocations of one block? What ASan has fenced off is passed over. */
static bool holds(const char *from, const char *to, const char *text) {
  assert_true(from < to && to - from < 64 * 1024);
  size_t n = 0, most = (size_t)(to - from);
  char *seen = malloc(most);
  for (const char *p = from; p < to; p++) {
#if HAS_ASAN
    if (__asan_address_is_poisoned(p)) continue;
#endif
    seen[n++] = *p;
  }
  bool is_there = memmem(seen, n, text, strlen(text)) != NULL;
  free(seen);
  return is_there;
}

static void the_secret_is_wiped_from_the_arena(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++) {
    struct arena arena = f->arena;
    arena_init(&f->arena, 0);
    char *before = arena_alloc(&f->arena, 16);
    struct http_client_request request = get(f, "/ok?marker");
    char url[128];
    if (i < 2) {
      *(i ? &request.secret_parameter : &request.secret_field) = STR("X-Key");
      request.secret_value = STR("canary-7c1f");
    } else { /* in the URL itself, which is the caller's: this one does not lie in the arena */
      snprintf(url, sizeof(url), i == 2 ? "http://127.0.0.1:%u/canary-7c1f" : "http://127.0.0.1:%u/ok?canary-7c1f",
               f->upstream->port);
      request.url = str_of(url);
      request.has_secret_in_url = true;
    }
    assert_true(fetch(f, &request).has_response);
    assert_true(upstream_saw(f->upstream, "canary-7c1f"));
    char *after = arena_alloc(&f->arena, 16);
    assert_true(holds(before, after, "/ok?marker"));
    assert_false(holds(before, after, "canary"));
    arena_release(&f->arena);
    f->arena = arena;
  }
}

static void what_would_split_a_request_is_refused(void **state) {
  struct fixture *f = *state;
  const struct str bad[] = {STR("a\r\nX-Injected: 1"), STR("a\nb"), STR("a\0b"), STR("a\rb"), STR("\x7f")};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct http_transfer *transfer;
    struct outcome outcome = {0};
    const struct http_field field = {STR("X-Value"), bad[i]}, name = {bad[i], STR("v")};
    struct http_client_request request = get(f, "/ok");
    request.n_fields = 1;
    request.fields = &field;
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_INVALID);
    request.fields = &name;
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_INVALID);
    request.n_fields = 0;
    request.secret_field = STR("X-Key");
    request.secret_value = bad[i];
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_INVALID);
    request = get(f, "/ok");
    request.url = arena_printf(&f->arena, "%.*s/%.*s", STR_ARG(request.url), STR_ARG(bad[i]));
    if (memchr(request.url.p, '\n', request.url.n) || memchr(request.url.p, '\r', request.url.n))
      assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                       ERR_INVALID);
    request = get(f, "/ok");
    request.method = STR("GET /x HTTP/1.1\r\nX: ");
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_INVALID);
    assert_int_equal(outcome.n_done, 0);
  }
  assert_int_equal(atomic_load(&f->upstream->n_requests), 0);
  assert_true(fetch_target(f, "/ok").has_response);
}

static void a_body_is_sent_and_the_next_get_has_none(void **state) {
  struct fixture *f = *state;
  const struct http_field type = {STR("Content-Type"), STR("application/json")};
  struct http_client_request request = get(f, "/ok");
  request.method = STR("POST");
  request.fields = &type;
  request.n_fields = 1;
  request.body = STR("{\"a\":1}");
  request.has_body = true;
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "POST /ok HTTP/1.1\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nContent-Length: 7\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nContent-Type: application/json\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\n\r\n{\"a\":1}"));
  assert_false(upstream_saw(f->upstream, "Expect:"));
  request = get(f, "/ok");
  request.method = STR("DELETE");
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "DELETE /ok HTTP/1.1\r\n"));
  request.method = STR("PUT");
  assert_true(fetch(f, &request).has_response);
  assert_true(upstream_saw(f->upstream, "PUT /ok HTTP/1.1\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nContent-Length: 0\r\n"));
  fetch_target(f, "/ok");
  assert_true(upstream_saw(f->upstream, "GET /ok HTTP/1.1\r\n"));
  assert_false(upstream_saw(f->upstream, "Content-Length"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(fields_and_the_secret_are_sent),
      TEST(a_secret_in_the_query_is_encoded),
      TEST(a_callers_own_field_takes_the_place_of_ours),
      TEST(a_target_goes_out_as_it_was_written),
      TEST(the_secret_is_wiped_from_the_arena),
      TEST(what_would_split_a_request_is_refused),
      TEST(a_body_is_sent_and_the_next_get_has_none),
  };
  return RUN_OVER_BOTH(tests);
}
