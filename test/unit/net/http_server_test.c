/* The server over real sockets: framing, replies, order, caps. Departure and deadlines, streams, drain and memory have
 * tests of their own. */
#include "net/http_server.h"

#include <sys/resource.h>

#include "http_requests.h"
#include "http_served.h"

static void each_raw_request_gets_its_status_and_end(void **state) {
  serve(on_request_echo);
  for (size_t i = 0; i < RAW_REQUESTS; i++) {
    const struct raw_request *raw = &raw_requests[i];
    int fd = client();
    give_n(fd, raw->bytes, raw->n);
    if (raw->status == 0) {
      assert_silent(fd);
    } else {
      bool is_head = memmem(raw->bytes, raw->n, "HEAD /", 6) != NULL;
      if (!is_head) {
        int status = take_reply(fd);
        if (status != raw->status) fail_msg("%s: %d, not %d", raw->what, status, raw->status);
        if (has(got.head, "\r\nConnection: close\r\n") != raw->closes) fail_msg("%s: a wrong Connection", raw->what);
        if (raw->status != 200 && !has(got.head, "\r\nContent-Type: application/json\r\n"))
          fail_msg("%s: not JSON", raw->what);
        if (raw->closes)
          assert_end(fd);
        else
          assert_silent(fd);
      }
    }
    close(fd);
    UNTIL(served.server->counts->connections == 0);
  }
  struct http_server_counts counts;
  http_server_count(served.server, &counts);
  assert_int_equal(counts.accepted, RAW_REQUESTS);
  unsigned n_taken = 0, n_refused = 0;
  for (size_t i = 0; i < RAW_REQUESTS; i++) {
    n_taken += raw_requests[i].status == 200;
    n_refused += raw_requests[i].status / 100 == 4;
  }
  assert_int_equal(counts.requests, n_taken);
  assert_int_equal(counts.refused, n_refused);
  serve_end();
}

static void a_reply_has_its_fields(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  struct http_field fields[] = {
      {STR("X-One"), STR("1")}, {STR("X-Bad"), STR("a\r\nX-Evil: b")}, {STR("X-Two"), STR("")}};
  http_reply(
      served.owed[0],
      &(struct http_reply){
          .status = 429, .content_type = STR("application/json"), .fields = fields, .n_fields = 3, .body = STR("{}")});
  assert_int_equal(take_reply(fd), 429);
  assert_true(str_starts(got.head, STR("HTTP/1.1 429 Too Many Requests\r\nDate: ")));
  assert_true(
      has(got.head, " GMT\r\nContent-Type: application/json\r\nX-One: 1\r\nX-Two: \r\nContent-Length: 2\r\n\r\n"));
  assert_str(got.body, "{}");
  assert_silent(fd);
  close(fd);
  serve_end();
}

static void head_gets_the_length_but_no_body(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "HEAD / HTTP/1.1\r\n" H "\r\n");
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  take_n(fd, &bytes, 1);
  assert_silent(fd);
  assert_true(has(buf_str(&bytes), "\r\nContent-Length: 8\r\n"));
  assert_true(str_ends(buf_str(&bytes), STR("\r\n\r\n")));
  buf_release(&bytes);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n"); /* the framing held */
  assert_int_equal(take_reply(fd), 200);
  close(fd);
  serve_end();
}

static void replies_204_and_304_have_neither_body_nor_length(void **state) {
  int statuses[] = {204, 304};
  for (int i = 0; i < 2; i++) {
    serve(on_request_defer);
    int fd = client();
    give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
    http_reply(served.owed[0], &(struct http_reply){.status = statuses[i], .body = STR("never")});
    assert_int_equal(take_reply(fd), statuses[i]);
    assert_false(has(got.head, "Content-Length"));
    assert_false(has(buf_str(&got.bytes), "never"));
    close(fd);
    serve_end();
  }
}

static void http_1_0_is_told_what_becomes_of_the_connection(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nConnection: keep-alive\r\n"));
  give(fd, "GET / HTTP/1.0\r\n\r\n");
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nConnection: close\r\n"));
  assert_end(fd);
  close(fd);
  serve_end();
}

static void a_reply_may_close_the_connection(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\nGET /never HTTP/1.1\r\n" H "\r\n");
  http_reply(served.owed[0], &(struct http_reply){.status = 200, .must_close = true});
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nConnection: close\r\n"));
  assert_end(fd);
  assert_int_equal(served.n_owed, 1);
  close(fd);
  serve_end();
}

static void fields_are_found_once(void **state) {
  serve(on_request_defer);
  int64_t begun_us = loop_now_us(&served.loop);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "One: 1\r\nTwo: a\r\ntWo: b\r\n\r\n");
  struct str value = STR("before");
  assert_true(http_field_once(served.owed[0], "oNE", &value));
  assert_str(value, "1");
  assert_true(http_field_once(served.owed[0], "None", &value));
  assert_null(value.p);
  value = STR("before");
  assert_false(http_field_once(served.owed[0], "two", &value));
  assert_str(value, "before");
  assert_int_equal(served.owed[0]->peer->ss_family, AF_INET);
  assert_in_range(served.owed[0]->received_us, begun_us, loop_now_us(&served.loop));
  answer(0, STR(""));
  close(fd);
  serve_end();
}

static void pipelined_requests_are_answered_in_order(void **state) {
  serve(on_request_echo);
  int fd = client();
  struct buf all;
  buf_init(&all, NULL, MIB);
  for (int i = 0; i < 500; i++)
    buf_printf(&all, "POST /%d HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", i);
  give_n(fd, all.p, all.n);
  struct buf replies;
  buf_init(&replies, NULL, MIB);
  buf_clear(&all);
  give(fd, "GET /last HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
  take_all(fd, &replies);
  const char *at = replies.p;
  for (int i = 0; i < 500; i++) {
    char expected[32];
    snprintf(expected, sizeof(expected), "\r\n\r\nPOST /%d 3", i);
    at = memmem(at, replies.n - (size_t)(at - replies.p), expected, strlen(expected));
    if (!at) fail_msg("no reply to %d in its place", i);
  }
  buf_release(&all);
  buf_release(&replies);
  close(fd);
  serve_end();
}

static void a_pipelined_request_waits_for_the_reply_before_it(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /3 HT");
  give(fd, "TP/1.1\r\n" H "\r\n");
  assert_int_equal(served.n_owed, 1);
  answer(0, STR("one"));
  assert_int_equal(served.n_owed, 2);
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "one");
  answer(1, STR("two"));
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "two");
  assert_int_equal(served.n_owed, 3);
  answer(2, STR("three"));
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "three");
  assert_str(buf_str(&served.seen), "GET /1\nGET /2\nGET /3\n");
  close(fd);
  serve_end();
}

static void reading_ahead_is_capped(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET /1 HTTP/1.1\r\n" H "\r\n");
  give(fd, "and no request"); /* so that what is left to hold is less than a read may bring */
  /* Far more than is held: the rest must stay in the kernel, whose buffers fill. */
  char *flood = malloc(64 * KIB);
  memset(flood, 'x', 64 * KIB);
  size_t sent = 0;
  struct http_connection *connection = served.server->lists[HTTP_CONNECTION_HANDLING].first;
  while (connection->is_reading && sent < 64 * MIB) {
    ssize_t n = send(fd, flood, 64 * KIB, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += (size_t)n;
    turn(1);
  }
  assert_false(connection->is_reading);
  assert_int_equal(connection->held_n - connection->held_at, LIMIT_HTTP_PIPELINED);
  answer(0, STR("one"));
  assert_int_equal(take_reply(fd), 200);
  assert_int_equal(take_reply(fd), 400); /* what was held is no request */
  free(flood);
  close(fd);
  serve_end();
}

static void ten_thousand_tiny_pieces_make_one_request(void **state) {
  serve(on_request_echo);
  int fd = client();
  struct buf request;
  buf_init(&request, NULL, MIB);
  buf_append_c(&request, CHUNKED);
  for (int i = 0; i < 1800; i++)
    buf_append_c(&request, "1\r\na\r\n");
  buf_append_c(&request, "0\r\n\r\n");
  assert_true(request.n > 10000);
  for (size_t i = 0; i < request.n; i++) {
    assert_int_equal(send(fd, request.p + i, 1, 0), 1);
    turn(1);
  }
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "POST / 1800");
  buf_release(&request);
  close(fd);
  serve_end();
}

static void the_largest_body_arrives_whole(void **state) {
  for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
    serve(on_request_defer);
    int fd = client();
    char *body = malloc(LIMIT_HTTP_BODY);
    for (size_t i = 0; i < LIMIT_HTTP_BODY; i++)
      body[i] = (char)(i * 31 + i / 251);
    if (is_chunked) {
      give(fd, CHUNKED "400000\r\n");
      give_n(fd, body, LIMIT_HTTP_BODY);
      give(fd, "\r\n0\r\n\r\n");
    } else {
      give(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 4194304\r\n\r\n");
      give_n(fd, body, LIMIT_HTTP_BODY);
    }
    assert_int_equal(served.n_owed, 1);
    assert_int_equal(served.owed[0]->body.n, LIMIT_HTTP_BODY);
    assert_memory_equal(served.owed[0]->body.p, body, LIMIT_HTTP_BODY);
    answer(0, STR("thanks"));
    assert_int_equal(take_reply(fd), 200);
    free(body);
    close(fd);
    serve_end();
  }
}

/* More than the kernel takes: the rest goes as the client reads. */
static void a_large_reply_goes_as_fast_as_it_is_read(void **state) {
  serve(on_request_defer);
  int fd = client_with(4096);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
  size_t n = 16 * MIB;
  char *body = malloc(n);
  for (size_t i = 0; i < n; i++)
    body[i] = (char)(i * 7 + i / 253);
  answer(0, str_make(body, n));
  turn(5);
  assert_int_equal(served.n_released, 0);
  assert_int_equal(served.n_owed, 1);
  assert_non_null(served.server->lists[HTTP_CONNECTION_WRITING].first);
  assert_int_equal(take_reply(fd), 200);
  assert_int_equal(got.body.n, n);
  assert_memory_equal(got.body.p, body, n);
  assert_int_equal(served.n_released, 1);
  assert_int_equal(served.n_owed, 2);
  answer(1, STR("two"));
  assert_int_equal(take_reply(fd), 200);
  free(body);
  close(fd);
  serve_end();
}

static void a_client_that_waits_is_told_to_continue(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  take_n(fd, &bytes, 25);
  assert_str(buf_str(&bytes), "HTTP/1.1 100 Continue\r\n\r\n");
  give(fd, "abc");
  assert_int_equal(take_reply(fd), 200);
  /* one that does not wait needs no telling */
  give(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\na");
  assert_silent(fd);
  give(fd, "bc");
  assert_int_equal(take_reply(fd), 200);
  buf_release(&bytes);
  close(fd);
  serve_end();
}

static bool on_head_refuse(struct http_exchange *exchange, void *context, struct http_reply *ret_refusal) {
  assert_int_equal(exchange->body.n, 0);
  if (!str_eq_c(exchange->path, "/no")) return true;
  ret_refusal->status = 401;
  ret_refusal->body = STR("{\"no\":1}");
  return false;
}

static void a_head_can_be_refused_before_its_body(void **state) {
  serve_with(&(struct http_server_options){.on_request = on_request_echo, .on_head = on_head_refuse});
  int fd = client();
  give(fd, "POST /yes HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
  assert_int_equal(take_reply(fd), 200);
  give(fd, "POST /no HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  assert_int_equal(take_reply(fd), 401);
  assert_str(got.body, "{\"no\":1}");
  assert_end(fd);
  close(fd);
  fd = client();
  give(fd, "POST /no HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 401);
  assert_end(fd);
  assert_str(buf_str(&served.seen), "POST /yes body 3\n");
  close(fd);
  serve_end();
}

static void connections_over_the_cap_are_closed_at_once(void **state) {
  serve_with(&(struct http_server_options){.on_request = on_request_echo, .max_connections = 2});
  int first = client(), second = client(), third = client();
  assert_end(third);
  assert_silent(first);
  assert_silent(second);
  close(third);
  close(first);
  UNTIL(served.server->counts->connections == 1);
  int fourth = client();
  give(fourth, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fourth), 200);
  close(second);
  close(fourth);
  serve_end();
}

static void without_descriptors_it_waits_instead_of_spinning(void **state) {
  serve(on_request_echo);
  struct rlimit before, none;
  getrlimit(RLIMIT_NOFILE, &before);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  none = before;
  none.rlim_cur = (rlim_t)fd + 1; /* the next descriptor is one too many */
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(served.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  UNTIL(!uv_is_active((uv_handle_t *)&served.server->listener.poll));
  assert_true(uv_is_active((uv_handle_t *)&served.server->listener.rest));
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  while (!uv_is_active((uv_handle_t *)&served.server->listener.poll))
    uv_run(&served.loop.uv, UV_RUN_ONCE);
  assert_int_equal(take_reply(fd), 200);
  close(fd);
  serve_end();
}

static void an_idle_connection_is_small(void **state) {
  assert_in_range(sizeof(struct http_connection), 1, 1024);
  serve(on_request_echo);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200);
  struct http_connection *connection = served.server->lists[HTTP_CONNECTION_IDLE].first;
  assert_null(connection->exchange);
  assert_null(connection->held);
  close(fd);
  serve_end();
}

static void accepted_sockets_do_not_delay(void **state) {
  serve(on_request_echo);
  int fd = client();
  uv_os_fd_t accepted;
  int on = 0;
  socklen_t n = sizeof(on);
  assert_int_equal(uv_fileno((uv_handle_t *)&served.server->lists[HTTP_CONNECTION_IDLE].first->tcp.tcp, &accepted), 0);
  assert_int_equal(getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
  assert_int_equal(on, 1);
  close(fd);
  serve_end();
}

static void an_address_that_cannot_be_listened_on_is_an_error(void **state) {
  struct http_server_options options = {.on_request = on_request_echo};
  struct http_server *server = NULL;
  serve(on_request_echo);
  assert_int_equal(http_server_start(&served.loop, STR("example.com"), 0, false, &options, &server, &test_err),
                   ERR_INVALID);
  assert_int_equal(http_server_start(&served.loop, STR("127.0.0.1"), served.port, false, &options, &server, &test_err),
                   ERR_CONFLICT);
  assert_int_equal(http_server_start(&served.loop, STR("192.0.2.1"), 0, false, &options, &server, &test_err),
                   ERR_UNAVAILABLE);
  assert_null(server);
  serve_end();
}

static void two_servers_may_share_an_address(void **state) {
  serve(on_request_echo);
  struct http_server *second = NULL;
  assert_ok(http_server_start(&served.loop, STR("localhost"), served.port, true,
                              &(struct http_server_options){.on_request = on_request_echo}, &second, &test_err));
  assert_int_equal(http_server_port(second), served.port);
  http_server_drain(second, on_drained, NULL);
  UNTIL(served.is_drained);
  served.is_drained = false;
  serve_end();
}

static int release_all(void **state) {
  got_release();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_raw_request_gets_its_status_and_end),
      cmocka_unit_test(a_reply_has_its_fields),
      cmocka_unit_test(head_gets_the_length_but_no_body),
      cmocka_unit_test(replies_204_and_304_have_neither_body_nor_length),
      cmocka_unit_test(http_1_0_is_told_what_becomes_of_the_connection),
      cmocka_unit_test(a_reply_may_close_the_connection),
      cmocka_unit_test(fields_are_found_once),
      cmocka_unit_test(pipelined_requests_are_answered_in_order),
      cmocka_unit_test(a_pipelined_request_waits_for_the_reply_before_it),
      cmocka_unit_test(reading_ahead_is_capped),
      cmocka_unit_test(ten_thousand_tiny_pieces_make_one_request),
      cmocka_unit_test(the_largest_body_arrives_whole),
      cmocka_unit_test(a_large_reply_goes_as_fast_as_it_is_read),
      cmocka_unit_test(a_client_that_waits_is_told_to_continue),
      cmocka_unit_test(a_head_can_be_refused_before_its_body),
      cmocka_unit_test(connections_over_the_cap_are_closed_at_once),
      cmocka_unit_test(without_descriptors_it_waits_instead_of_spinning),
      cmocka_unit_test(an_idle_connection_is_small),
      cmocka_unit_test(accepted_sockets_do_not_delay),
      cmocka_unit_test(an_address_that_cannot_be_listened_on_is_an_error),
      cmocka_unit_test(two_servers_may_share_an_address),
  };
  return cmocka_run_group_tests(tests, NULL, release_all);
}
