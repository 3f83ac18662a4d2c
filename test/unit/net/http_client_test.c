#include "net/http_client.h"

#include "upstream.h"

#include "base/limits.h"

/* ---- the other side ---- */

static bool is_target(const char *request, const char *target) {
  const char *space = strchr(request, ' ');
  size_t n = strlen(target);
  return space && strncmp(space + 1, target, n) == 0 && (space[1 + n] == ' ' || space[1 + n] == '?');
}

static void send_many_fields(int fd, int n, size_t value_n) {
  char *value = malloc(value_n + 1);
  memset(value, 'v', value_n);
  value[value_n] = '\0';
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
  for (int i = 0; i < n; i++) {
    char name[32];
    snprintf(name, sizeof(name), "X-%d: ", i);
    upstream_text(fd, name);
    upstream_text(fd, value);
    upstream_text(fd, "\r\n");
  }
  upstream_text(fd, "\r\nok");
  free(value);
}

static void send_body(int fd, size_t n, bool is_chunked) {
  char head[128], piece[8192];
  memset(piece, 'b', sizeof(piece));
  snprintf(head, sizeof(head),
           is_chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      : "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           n);
  upstream_text(fd, head);
  while (n > 0) {
    size_t now = n < sizeof(piece) ? n : sizeof(piece);
    if (is_chunked) {
      snprintf(head, sizeof(head), "%zx\r\n", now);
      upstream_text(fd, head);
    }
    upstream_write(fd, piece, now);
    if (is_chunked) upstream_text(fd, "\r\n");
    n -= now;
  }
  if (is_chunked) upstream_text(fd, "0\r\nX-Trailer: late\r\n\r\n");
}

/* A gzip stream of endless zeros, about 20 bytes a kilobyte (RFC 1951, fixed codes). */
static void send_gzip_bomb(int fd) {
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n");
  unsigned char bytes[64 * 1024] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  size_t bit = 80;
  /* final block, fixed codes; literal 0; then "258 times the byte before" without end */
  const char *start = "11000110000", *again = "1100010100000";
  for (size_t i = 0; i < 11; i++, bit++)
    if (start[i] == '1') bytes[bit / 8] |= (unsigned char)(1u << (bit % 8));
  while (bit + 13 < sizeof(bytes) * 8)
    for (size_t i = 0; i < 13; i++, bit++)
      if (again[i] == '1') bytes[bit / 8] |= (unsigned char)(1u << (bit % 8));
  upstream_write(fd, (const char *)bytes, sizeof(bytes) - 2);
}

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  int fd = connection->fd;
  if (is_target(request, "/redirect")) {
    upstream_text(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
  } else if (is_target(request, "/missing")) {
    upstream_reply(fd, "404 Not Found", "application/json", "{\"message\":\"none\"}");
  } else if (is_target(request, "/big")) {
    send_body(fd, 100 * 1000, false);
  } else if (is_target(request, "/chunked")) {
    send_body(fd, 100 * 1000, true);
  } else if (is_target(request, "/bomb")) {
    send_gzip_bomb(fd);
    return false;
  } else if (is_target(request, "/many-fields")) {
    send_many_fields(fd, LIMIT_HTTP_HEADER_COUNT, 1);
  } else if (is_target(request, "/large-fields")) {
    send_many_fields(fd, 20, 4000);
  } else if (is_target(request, "/hang")) {
    return true;
  } else if (is_target(request, "/cut")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    return false;
  } else if (is_target(request, "/garbage")) {
    upstream_text(fd, "what is HTTP?\r\n\r\n");
    return false;
  } else if (is_target(request, "/interim")) {
    upstream_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
    upstream_reply(fd, "200 OK", "text/plain", "final");
  } else if (is_target(request, "/dies-when-used-again") && connection->n_requests > 1) {
    return false;
  } else if (is_target(request, "/last")) {
    upstream_reply(fd, "200 OK", "text/plain", "bye");
    return false;
  } else {
    upstream_reply(fd, "200 OK", "text/plain; charset=utf-8", "hello");
  }
  return true;
}

/* ---- our side ---- */

struct fixture {
  struct loop loop;
  struct upstream *upstream;
  struct address_exception exception;
  struct address_guard guard;
  struct http_client *client;
  struct arena arena;
};

struct outcome {
  int n_done;
  bool has_response;
  struct http_client_response response;
  struct err err;
  struct http_client *client; /* where `done` goes on */
  struct fixture *fixture;
  struct http_transfer *victim;
  int n_left;
};

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct outcome *outcome = context;
  outcome->n_done++;
  outcome->has_response = response != NULL;
  if (response) outcome->response = *response;
  if (err) outcome->err = *err;
}

static void client_start(struct fixture *f, const char *proxy) {
  const struct http_client_options options = {.guard = &f->guard, .proxy = proxy};
  assert_ok(http_client_new(&f->loop, &options, &f->client, &test_err));
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_ok(loop_init(&f->loop, &test_err));
  f->upstream = upstream_start(answer);
  f->exception = (struct address_exception){STR("127.0.0.1"), f->upstream->port};
  f->guard = (struct address_guard){&f->exception, 1};
  arena_init(&f->arena, 0);
  client_start(f, NULL);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  if (f->client) http_client_free(f->client);
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  upstream_stop(f->upstream);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static struct str url_of(struct fixture *f, const char *host, const char *target) {
  return arena_printf(&f->arena, "http://%s:%u%s", host, f->upstream->port, target);
}

static struct http_client_request get(struct fixture *f, const char *target) {
  return (struct http_client_request){.method = STR("GET"), .url = url_of(f, "127.0.0.1", target)};
}

static struct http_transfer *start(struct fixture *f, const struct http_client_request *request,
                                   struct outcome *outcome) {
  struct http_transfer *transfer = NULL;
  assert_ok(http_client_send(f->client, &f->arena, request, on_done, outcome, &transfer, &test_err));
  assert_non_null(transfer);
  return transfer;
}

static void wait_for(struct fixture *f, const struct outcome *outcome, int n) {
  while (outcome->n_done < n)
    uv_run(&f->loop.uv, UV_RUN_ONCE);
  assert_int_equal(outcome->n_done, n);
}

static struct outcome fetch(struct fixture *f, const struct http_client_request *request) {
  struct outcome outcome = {0};
  start(f, request, &outcome);
  assert_int_equal(outcome.n_done, 0); /* never from within send */
  wait_for(f, &outcome, 1);
  return outcome;
}

static struct outcome fetch_target(struct fixture *f, const char *target) {
  const struct http_client_request request = get(f, target);
  return fetch(f, &request);
}

static void assert_failed(const struct outcome *outcome, enum err_code code, const char *text) {
  assert_false(outcome->has_response);
  if (outcome->err.code != code || !strstr(outcome->err.text, text))
    fail_msg("%s: %s (%s)", err_code_name(outcome->err.code), outcome->err.text, outcome->err.detail);
}

static void a_get_brings_status_fields_and_body(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/ok?a=b%20c");
  assert_true(outcome.has_response);
  assert_int_equal(outcome.response.status, 200);
  assert_str(outcome.response.body, "hello");
  assert_str(outcome.response.content_type, "text/plain; charset=utf-8");
  assert_int_equal(outcome.response.n_fields, 2);
  assert_str(outcome.response.fields[1].name, "Content-Length");
  assert_str(outcome.response.fields[1].value, "5");
  assert_true(upstream_saw(f->upstream, "GET /ok?a=b%20c HTTP/1.1\r\n"));
  assert_true(upstream_saw(f->upstream, "\r\nUser-Agent: connek/"));
  outcome = fetch_target(f, "/missing");
  assert_int_equal(outcome.response.status, 404);
  assert_str(outcome.response.body, "{\"message\":\"none\"}");
}

static void a_connection_is_used_again(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 20; i++)
    assert_str(fetch_target(f, "/ok").response.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 1);
  /* The server ends it while it is idle: the next request gets a new one. */
  assert_str(fetch_target(f, "/last").response.body, "bye");
  for (int i = 0; i < 3; i++)
    assert_str(fetch_target(f, "/ok").response.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 2);
}

static void many_at_once_all_come_back(void **state) {
  struct fixture *f = *state;
  const struct http_client_request request = get(f, "/ok");
  struct outcome outcomes[64] = {0};
  for (int round = 1; round <= 3; round++) {
    for (int i = 0; i < 64; i++)
      start(f, &request, &outcomes[i]);
    for (int i = 0; i < 64; i++)
      wait_for(f, &outcomes[i], round);
    for (int i = 0; i < 64; i++)
      assert_str(outcomes[i].response.body, "hello");
  }
  assert_int_equal(atomic_load(&f->upstream->n_requests), 192);
  assert_true(atomic_load(&f->upstream->n_accepted) <= 64);
}

static void a_private_address_is_refused_unless_excepted(void **state) {
  struct fixture *f = *state;
  f->exception.port++;
  struct outcome outcome = fetch_target(f, "/ok");
  char expected[160];
  snprintf(expected, sizeof(expected),
           "127.0.0.1 is a private address; the operator can allow it with --allow-upstream 127.0.0.1:%u",
           f->upstream->port);
  assert_failed(&outcome, ERR_DENIED, expected);
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 0);
  f->exception.port = 0;
  assert_str(fetch_target(f, "/ok").response.body, "hello");
}

static void a_name_is_judged_by_the_address_it_leads_to(void **state) {
  struct fixture *f = *state;
  struct http_client_request request = {.method = STR("GET"), .url = url_of(f, "localhost", "/ok")};
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_DENIED,
                "localhost stands at a private address; the operator can allow it with "
                "--allow-upstream localhost:");
  assert_null(strstr(outcome.err.text, "127.0.0.1"));
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 0);
  f->exception.host = STR("localhost");
  outcome = fetch(f, &request);
  assert_str(outcome.response.body, "hello");
}

static void metadata_is_refused_even_where_excepted(void **state) {
  struct fixture *f = *state;
  f->exception = (struct address_exception){STR("169.254.169.254"), 0};
  struct http_client_request request = {.method = STR("GET"), .url = STR("http://169.254.169.254/latest/meta-data/")};
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_DENIED, "169.254.169.254 is a cloud metadata address, which is never connected to");
  request.url = STR("http://[::ffff:169.254.169.254]/");
  outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_DENIED, "cloud metadata");
}

static void odd_spellings_of_an_address_do_not_get_through(void **state) {
  struct fixture *f = *state;
  const char *hosts[] = {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "0"};
  for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
    struct http_client_request request = {.method = STR("GET"), .url = url_of(f, hosts[i], "/ok")};
    struct http_transfer *transfer;
    struct outcome outcome = {0};
    enum err_code code = http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err);
    if (code == ERR_NONE) {
      wait_for(f, &outcome, 1);
      assert_false(outcome.has_response);
    }
  }
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 0);
}

static void a_redirect_is_an_answer_and_not_followed(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/redirect");
  assert_int_equal(outcome.response.status, 302);
  assert_int_equal(atomic_load(&f->upstream->n_requests), 1);
}

static void the_path_arrives_as_it_was_written(void **state) {
  struct fixture *f = *state;
  fetch_target(f, "/a/../b/./%2e%2e/%2Fc//d");
  assert_true(upstream_saw(f->upstream, "GET /a/../b/./%2e%2e/%2Fc//d HTTP/1.1\r\n"));
}

static void a_body_over_the_cap_ends_the_transfer(void **state) {
  struct fixture *f = *state;
  const char *targets[] = {"/big", "/chunked"};
  for (size_t i = 0; i < 2; i++) {
    struct http_client_request request = get(f, targets[i]);
    request.max_body = 100 * 1000;
    assert_int_equal(fetch(f, &request).response.body.n, 100 * 1000);
    request.max_body = 100 * 1000 - 1;
    struct outcome outcome = fetch(f, &request);
    assert_failed(&outcome, ERR_TOO_LARGE, "the answer of 127.0.0.1 is larger than allowed");
  }
}

static void the_cap_counts_what_decompression_makes(void **state) {
  struct fixture *f = *state;
  struct http_client_request request = get(f, "/bomb");
  request.max_body = 256 * 1000;
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_TOO_LARGE, "larger than allowed");
  assert_true(f->arena.used < 2 * MIB);
}

static void a_head_over_the_caps_ends_the_transfer(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/many-fields");
  assert_failed(&outcome, ERR_TOO_LARGE, "larger than allowed");
  outcome = fetch_target(f, "/large-fields");
  assert_failed(&outcome, ERR_TOO_LARGE, "larger than allowed");
}

static void interim_responses_and_trailers_are_left_out(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/interim");
  assert_int_equal(outcome.response.status, 200);
  assert_str(outcome.response.body, "final");
  assert_int_equal(outcome.response.n_fields, 2);
  outcome = fetch_target(f, "/chunked");
  assert_int_equal(outcome.response.n_fields, 1);
  assert_str(outcome.response.fields[0].name, "Transfer-Encoding");
}

static void a_hanging_upstream_times_out(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = {0};
  bool was_sent = false;
  struct http_client_request request = get(f, "/hang");
  request.timeout_ms = 20 * 1000;
  request.ret_was_sent = &was_sent;
  start(f, &request, &outcome);
  while (atomic_load(&f->upstream->n_requests) == 0)
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(outcome.n_done, 0);
  loop_age(&f->loop, 19 * 1000 * 1000);
  uv_sleep(60);
  uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(outcome.n_done, 0);
  loop_age(&f->loop, 2 * 1000 * 1000);
  wait_for(f, &outcome, 1);
  assert_failed(&outcome, ERR_TIMEOUT, "127.0.0.1 did not answer within 20000 ms");
  assert_true(was_sent);
}

static void a_broken_answer_is_the_upstreams_fault(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/cut?secret=1");
  assert_failed(&outcome, ERR_UPSTREAM, "127.0.0.1 broke off, or answered what is no HTTP");
  assert_null(strstr(outcome.err.text, "secret"));
  assert_null(strstr(outcome.err.detail, "secret"));
  outcome = fetch_target(f, "/garbage");
  assert_failed(&outcome, ERR_UPSTREAM, "127.0.0.1");
}

static void a_closed_port_and_an_unknown_name_say_so(void **state) {
  struct fixture *f = *state;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  f->exception.port = 0;
  bool was_sent = true;
  struct http_client_request request = {.method = STR("GET"),
                                        .url = arena_printf(&f->arena, "http://127.0.0.1:%u/", ntohs(address.sin_port)),
                                        .ret_was_sent = &was_sent};
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_UPSTREAM, "cannot connect to 127.0.0.1, port ");
  assert_false(was_sent);
  close(fd);
  request.url = STR("http://no-such-name.invalid/");
  outcome = fetch(f, &request);
  /* At once, or, where name servers cannot be reached, late. */
  assert_failed(&outcome, outcome.err.code == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM, "no-such-name.invalid");
}

static void a_cancelled_transfer_is_never_heard_of_again(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = {0}, other = {0};
  const struct http_client_request hanging = get(f, "/hang"), fine = get(f, "/ok");
  http_client_cancel(start(f, &fine, &outcome)); /* before it began */
  struct http_transfer *transfer = start(f, &hanging, &outcome);
  while (atomic_load(&f->upstream->n_requests) == 0)
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  http_client_cancel(transfer);
  for (int i = 1; i <= 5; i++) {
    start(f, &fine, &other);
    wait_for(f, &other, i);
  }
  assert_int_equal(outcome.n_done, 0);
}

static void freeing_the_client_ends_what_is_under_way(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = {0};
  const struct http_client_request request = get(f, "/hang");
  for (int i = 0; i < 5; i++)
    start(f, &request, &outcome);
  while (atomic_load(&f->upstream->n_requests) < 5)
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  start(f, &request, &outcome); /* and one that has not begun */
  http_client_free(f->client);
  f->client = NULL;
  for (int i = 0; i < 5; i++)
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(outcome.n_done, 0);
}

static void on_done_send_again(void *context, const struct http_client_response *response, const struct err *err) {
  struct outcome *outcome = context;
  on_done(outcome, response, err);
  if (outcome->victim) {
    http_client_cancel(outcome->victim);
    outcome->victim = NULL;
  }
  if (outcome->n_left-- == 0) return;
  const struct http_client_request request = get(outcome->fixture, "/ok");
  struct http_transfer *transfer;
  assert_ok(http_client_send(outcome->fixture->client, &outcome->fixture->arena, &request, on_done_send_again, outcome,
                             &transfer, &test_err));
}

static void done_may_send_and_cancel_others(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = {.fixture = f, .n_left = 50}, cancelled = {0};
  const struct http_client_request hanging = get(f, "/hang"), fine = get(f, "/ok");
  outcome.victim = start(f, &hanging, &cancelled);
  struct http_transfer *transfer;
  assert_ok(http_client_send(f->client, &f->arena, &fine, on_done_send_again, &outcome, &transfer, &test_err));
  wait_for(f, &outcome, 51);
  assert_int_equal(cancelled.n_done, 0);
}

/* A transfer that fails at once, in the turn in which it was added, sends the next: nothing may be left waiting. */
static void a_send_from_an_immediate_failure_is_not_forgotten(void **state) {
  struct fixture *f = *state;
  f->exception.port++;
  struct outcome outcome = {.fixture = f, .n_left = 5};
  const struct http_client_request request = get(f, "/ok");
  struct http_transfer *transfer;
  assert_ok(http_client_send(f->client, &f->arena, &request, on_done_send_again, &outcome, &transfer, &test_err));
  wait_for(f, &outcome, 6);
}

static void the_environments_proxy_is_not_asked(void **state) {
  struct fixture *f = *state;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  struct outcome outcome = fetch_target(f, "/ok");
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  assert_str(outcome.response.body, "hello");
}

static void a_configured_proxy_is_asked_and_addresses_are_still_judged(void **state) {
  struct fixture *f = *state;
  http_client_free(f->client);
  char proxy[64];
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", f->upstream->port);
  setenv("no_proxy", "*", 1);
  client_start(f, proxy);
  struct http_client_request request = {.method = STR("GET"), .url = STR("http://api.example.com/ok")};
  f->guard.n_exceptions = 0;
  struct outcome outcome = fetch(f, &request);
  unsetenv("no_proxy");
  assert_str(outcome.response.body, "hello");
  assert_true(upstream_saw(f->upstream, "GET http://api.example.com/ok HTTP/1.1\r\n"));
  const char *refused[] = {"http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"};
  for (size_t i = 0; i < 3; i++) {
    request.url = str_of(refused[i]);
    struct http_transfer *transfer;
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_DENIED);
  }
}

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

static void the_secret_is_wiped_from_the_arena(void **state) {
  struct fixture *f = *state;
  arena_alloc(&f->arena, 1);
  struct http_client_request request = get(f, "/ok");
  request.secret_field = STR("X-Key");
  request.secret_value = STR("canary-7c1f");
  char *before = arena_alloc(&f->arena, 16);
  assert_true(fetch(f, &request).has_response);
  char *after = arena_alloc(&f->arena, 16);
  if (after > before && after - before < 8192) {
    size_t n = (size_t)(after - before);
    /* ASan's gaps between allocations are not to be read. */
#if !defined(__SANITIZE_ADDRESS__) && !(defined(__has_feature) && __has_feature(address_sanitizer))
    assert_null(memmem(before, n, "canary", 6));
#else
    (void)n;
#endif
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

static void only_what_is_safe_is_repeated_on_a_dead_connection(void **state) {
  struct fixture *f = *state;
  bool was_sent = false;
  struct http_client_request request = get(f, "/dies-when-used-again");
  assert_true(fetch_target(f, "/ok").has_response);
  assert_true(fetch(f, &request).has_response); /* took it, died; asked again on a new connection */
  assert_int_equal(atomic_load(&f->upstream->n_requests), 3);
  request.method = STR("POST");
  request.ret_was_sent = &was_sent;
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_UPSTREAM, "broke off");
  assert_true(was_sent);
  assert_int_equal(atomic_load(&f->upstream->n_requests), 4);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_get_brings_status_fields_and_body),
      TEST(a_connection_is_used_again),
      TEST(many_at_once_all_come_back),
      TEST(a_private_address_is_refused_unless_excepted),
      TEST(a_name_is_judged_by_the_address_it_leads_to),
      TEST(metadata_is_refused_even_where_excepted),
      TEST(odd_spellings_of_an_address_do_not_get_through),
      TEST(a_redirect_is_an_answer_and_not_followed),
      TEST(the_path_arrives_as_it_was_written),
      TEST(a_body_over_the_cap_ends_the_transfer),
      TEST(the_cap_counts_what_decompression_makes),
      TEST(a_head_over_the_caps_ends_the_transfer),
      TEST(interim_responses_and_trailers_are_left_out),
      TEST(a_hanging_upstream_times_out),
      TEST(a_broken_answer_is_the_upstreams_fault),
      TEST(a_closed_port_and_an_unknown_name_say_so),
      TEST(a_cancelled_transfer_is_never_heard_of_again),
      TEST(freeing_the_client_ends_what_is_under_way),
      TEST(done_may_send_and_cancel_others),
      TEST(a_send_from_an_immediate_failure_is_not_forgotten),
      TEST(the_environments_proxy_is_not_asked),
      TEST(a_configured_proxy_is_asked_and_addresses_are_still_judged),
      TEST(fields_and_the_secret_are_sent),
      TEST(a_secret_in_the_query_is_encoded),
      TEST(the_secret_is_wiped_from_the_arena),
      TEST(what_would_split_a_request_is_refused),
      TEST(a_body_is_sent_and_the_next_get_has_none),
      TEST(only_what_is_safe_is_repeated_on_a_dead_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
