#include "http_client_fixture.h"
#include "wait.h"

static void run_until_asked(struct fixture *f, int n) {
  WAIT_UNTIL(atomic_load(&f->upstream->n_requests) >= n, loop_turn(&f->loop));
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

/* What cannot be sent twice: the server might be ending the kept one just then. */
static void a_new_connection_is_made_for_whoever_needs_one(void **state) {
  struct fixture *f = *state;
  struct http_client_request request = get(f, "/ok");
  assert_str(fetch_target(f, "/ok").response.body, "hello");
  request.needs_new_connection = true;
  for (int i = 0; i < 3; i++)
    assert_str(fetch(f, &request).response.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 4);
  assert_str(fetch_target(f, "/ok").response.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 4);
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

/* Pools know hosts, not organisations. */
static void a_connection_made_for_one_organisation_serves_no_other(void **state) {
  struct fixture *f = *state;
  const char *const hosts[] = {"127.0.0.1", "localhost"};
  for (size_t i = 0; i < 2; i++) {
    f->exception = (struct address_exception){str_of(hosts[i]), 0, STR("acme")};
    f->guard.has_organisations = true;
    struct http_client_request request = {.method = STR("GET"), .url = url_of(f, hosts[i], "/ok")};
    int n_accepted = atomic_load(&f->upstream->n_accepted), n_requests = atomic_load(&f->upstream->n_requests);
    request.organisation = STR("acme");
    assert_str(fetch(f, &request).response.body, "hello");
    const struct str others[] = {STR("globex"), STR(""), STR_NONE};
    for (size_t k = 0; k < 3; k++) {
      request.organisation = others[k];
      struct outcome outcome = fetch(f, &request);
      assert_failed(&outcome, ERR_DENIED, "a private address");
    }
    request.method = STR("POST");
    request.organisation = STR("globex");
    struct outcome outcome = fetch(f, &request);
    assert_failed(&outcome, ERR_DENIED, "a private address");
    request.method = STR("GET");
    request.organisation = STR("acme");
    assert_str(fetch(f, &request).response.body, "hello");
    assert_int_equal(atomic_load(&f->upstream->n_requests), n_requests + 2);
    assert_in_range(atomic_load(&f->upstream->n_accepted), n_accepted + 1, n_accepted + 2);
  }
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
  run_until_asked(f, 1);
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
  run_until_asked(f, 1);
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
  run_until_asked(f, 5);
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
  struct http_client_request request = {.method = STR("GET"),
                                        .url = STR("http://api.example.com/ok?a=b"),
                                        .secret_parameter = STR("k"),
                                        .secret_value = STR("v")};
  f->guard.n_exceptions = 0;
  struct outcome outcome = fetch(f, &request);
  unsetenv("no_proxy");
  assert_str(outcome.response.body, "hello");
  assert_true(upstream_saw(f->upstream, "GET http://api.example.com/ok?a=b&k=v HTTP/1.1\r\n"));
  const char *refused[] = {"http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/"};
  for (size_t i = 0; i < 3; i++) {
    request.url = str_of(refused[i]);
    struct http_transfer *transfer;
    assert_int_equal(http_client_send(f->client, &f->arena, &request, on_done, &outcome, &transfer, &test_err),
                     ERR_DENIED);
  }
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

static void an_answer_ends_where_it_says_or_with_its_connection(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/until-close");
  assert_str(outcome.response.body, "all of it");
  assert_int_equal(outcome.response.n_fields, 1);
  assert_str(outcome.response.fields[0].name, "X-Empty");
  assert_int_equal(outcome.response.fields[0].value.n, 0);
  outcome = fetch_target(f, "/nothing");
  assert_int_equal(outcome.response.status, 204);
  assert_int_equal(outcome.response.body.n, 0);
  struct http_client_request request = get(f, "/says-close");
  assert_str(fetch(f, &request).response.body, "ok");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 2);
  fetch_target(f, "/ok"); /* on another one: the last has said that it closes */
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 3);
}

static void lines_may_end_with_a_bare_lf(void **state) {
  struct fixture *f = *state;
  struct outcome outcome = fetch_target(f, "/bare-lf");
  assert_str(outcome.response.body, "ok");
  assert_int_equal(outcome.response.n_fields, 2);
  assert_str(outcome.response.fields[1].value, "b");
}

static void what_follows_an_answer_answers_nothing(void **state) {
  struct fixture *f = *state;
  if (uses_curl_alone) skip_because("libcurl 7.88 takes it for an answer; the plain transport is tested");
  for (int i = 0; i < 5; i++) {
    assert_str(fetch_target(f, "/more-than-asked").response.body, "ok");
    uv_sleep(60); /* until the rest is there */
    assert_str(fetch_target(f, "/ok").response.body, "hello");
  }
}

static void compressed_answers_are_made_plain(void **state) {
  struct fixture *f = *state;
  assert_str(fetch_target(f, "/gzip").response.body, "hello, hello");
  struct http_client_request request = get(f, "/gzip");
  request.max_body = 11;
  struct outcome outcome = fetch(f, &request);
  assert_failed(&outcome, ERR_TOO_LARGE, "larger than allowed");
  outcome = fetch_target(f, "/gzip-cut");
  assert_false(outcome.has_response && outcome.response.body.n == 12); /* libcurl gives what there is */
  outcome = fetch_target(f, "/coded-twice");
  if (!uses_curl_alone) assert_failed(&outcome, ERR_UPSTREAM, "127.0.0.1"); /* libcurl undoes a transfer coding */
  outcome = fetch_target(f, "/coding-unknown");
  assert_failed(&outcome, ERR_UPSTREAM, "cannot be decompressed");
}

static void more_than_a_host_may_have_wait_for_their_turn(void **state) {
  struct fixture *f = *state;
  enum { N = LIMIT_UPSTREAM_HOST_CONNECTIONS + 44 };
  const struct http_client_request request = get(f, "/ok");
  static struct outcome outcomes[N], cancelled;
  memset(outcomes, 0, sizeof(outcomes));
  cancelled.n_done = 0;
  for (int i = 0; i < N; i++)
    start(f, &request, &outcomes[i]);
  http_client_cancel(start(f, &request, &cancelled)); /* while it waits */
  for (int i = 0; i < N; i++)
    wait_for(f, &outcomes[i], 1);
  for (int i = 0; i < N; i++)
    assert_str(outcomes[i].response.body, "hello");
  assert_int_equal(cancelled.n_done, 0);
  assert_true(atomic_load(&f->upstream->n_accepted) <= LIMIT_UPSTREAM_HOST_CONNECTIONS);
}

/* Waiting for one's turn is no failure to connect: only the whole time counts, and its end is told as what it is. */
static void whoever_waits_for_its_turn_may_wait_longer_than_connecting_may_take(void **state) {
  struct fixture *f = *state;
  struct http_client_request hanging = get(f, "/hang"), fine = get(f, "/ok");
  static struct http_transfer *busy[LIMIT_UPSTREAM_HOST_CONNECTIONS];
  struct outcome never = {0}, patient = {0}, late = {0};
  for (int i = 0; i < LIMIT_UPSTREAM_HOST_CONNECTIONS; i++)
    busy[i] = start(f, &hanging, &never);
  run_until_asked(f, LIMIT_UPSTREAM_HOST_CONNECTIONS);
  start(f, &fine, &patient);
  fine.timeout_ms = 15 * 1000;
  start(f, &fine, &late);
  loop_age(&f->loop, 2 * LIMIT_UPSTREAM_CONNECT_MS * INT64_C(1000));
  uv_sleep(60);
  uv_run(&f->loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(patient.n_done + late.n_done, 0);
  loop_age(&f->loop, 6 * INT64_C(1000000));
  wait_for(f, &late, 1);
  assert_failed(&late, ERR_TIMEOUT, "127.0.0.1 is busy with 256 other calls, and none made room within 15000 ms");
  http_client_cancel(busy[0]);
  wait_for(f, &patient, 1);
  assert_str(patient.response.body, "hello");
  assert_int_equal(never.n_done, 0);
}

/* The other side has hung up, and the loop does not know it yet: what must not be repeated is not written there. */
static void a_write_is_not_sent_to_whoever_has_hung_up(void **state) {
  struct fixture *f = *state;
  assert_str(fetch_target(f, "/last").response.body, "bye");
  uv_sleep(20);
  struct http_client_request request = get(f, "/ok");
  request.method = STR("POST");
  assert_str(fetch(f, &request).response.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 2);
}

static void a_large_body_is_sent_whole(void **state) {
  struct fixture *f = *state;
  char *body = malloc(60 * 1000);
  memset(body, 'x', 60 * 1000);
  struct http_client_request request = get(f, "/ok");
  request.method = STR("POST");
  request.body = str_make(body, 60 * 1000);
  request.has_body = true;
  for (int i = 0; i < 3; i++)
    assert_true(fetch(f, &request).has_response);
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 1);
  assert_true(upstream_saw(f->upstream, "\r\nContent-Length: 60000\r\n"));
  free(body);
}

static void an_answer_to_head_has_no_body(void **state) {
  struct fixture *f = *state;
  struct http_client_request request = get(f, "/head");
  request.method = STR("HEAD");
  for (int i = 0; i < 2; i++) {
    struct outcome outcome = fetch(f, &request);
    assert_int_equal(outcome.response.status, 200);
    assert_int_equal(outcome.response.body.n, 0);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_get_brings_status_fields_and_body),
      TEST(a_connection_is_used_again),
      TEST(a_new_connection_is_made_for_whoever_needs_one),
      TEST(many_at_once_all_come_back),
      TEST(a_private_address_is_refused_unless_excepted),
      TEST(a_name_is_judged_by_the_address_it_leads_to),
      TEST(a_connection_made_for_one_organisation_serves_no_other),
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
      TEST(only_what_is_safe_is_repeated_on_a_dead_connection),
      TEST(an_answer_ends_where_it_says_or_with_its_connection),
      TEST(lines_may_end_with_a_bare_lf),
      TEST(what_follows_an_answer_answers_nothing),
      TEST(compressed_answers_are_made_plain),
      TEST(more_than_a_host_may_have_wait_for_their_turn),
      TEST(whoever_waits_for_its_turn_may_wait_longer_than_connecting_may_take),
      TEST(a_write_is_not_sent_to_whoever_has_hung_up),
      TEST(a_large_body_is_sent_whole),
      TEST(an_answer_to_head_has_no_body),
  };
  return RUN_OVER_BOTH(tests);
}
