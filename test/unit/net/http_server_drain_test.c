/* The graceful end: what is idle closes, what is owed is answered, and at the latest after LIMIT_HTTP_DRAIN_MS it is
 * over. */
#include "http_requests.h"
#include "http_served.h"

static void drain(void) {
  http_server_drain(served.server, on_drained, NULL);
}

static void an_unused_server_drains_at_once(void **state) {
  serve(on_request_echo);
  drain();
  assert_false(served.is_drained); /* never from within the call */
  UNTIL(served.is_drained);
  serve_end();
}

static void idle_connections_close_and_no_more_are_accepted(void **state) {
  serve(on_request_echo);
  int fd = client();
  drain();
  assert_end(fd);
  int late = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(served.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  assert_int_equal(connect(late, (struct sockaddr *)&address, sizeof(address)), -1);
  assert_int_equal(errno, ECONNREFUSED);
  UNTIL(served.is_drained);
  close(late);
  close(fd);
  serve_end();
}

static void an_open_call_is_answered_and_its_connection_closed(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\nGET /more HTTP/1.1\r\n" H "\r\n");
  drain();
  turn(10);
  assert_false(served.is_drained);
  answer(0, STR("done"));
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "done");
  assert_true(has(got.head, "\r\nConnection: close\r\n"));
  assert_end(fd);
  close(fd);
  UNTIL(served.is_drained);
  assert_int_equal(served.n_owed, 1);
  serve_end();
}

static void a_request_under_way_is_still_taken(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\na");
  drain();
  turn(5);
  give(fd, "bc");
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nConnection: close\r\n"));
  close(fd);
  UNTIL(served.is_drained);
  serve_end();
}

static void an_open_stream_may_end_by_itself(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  http_stream_begin(served.owed[0], &(struct http_reply){.status = 200}, NULL);
  assert_int_equal(take_reply(fd), 200); /* before it was known */
  drain();
  turn(5);
  assert_true(http_stream_write(served.owed[0], STR("bye")));
  http_stream_end(served.owed[0]);
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  take_all(fd, &bytes);
  assert_str(buf_str(&bytes), "3\r\nbye\r\n0\r\n\r\n");
  buf_release(&bytes);
  close(fd);
  UNTIL(served.is_drained);
  serve_end();
}

static void what_takes_too_long_is_cut_off(void **state) {
  serve(on_request_defer);
  int handled = client();
  give(handled, "GET / HTTP/1.1\r\n" H "\r\n");
  shutdown(handled, SHUT_WR); /* this departure is told once */
  UNTIL(served.n_departed == 1);
  int streamed = client();
  give(streamed, "GET / HTTP/1.1\r\n" H "\r\n");
  http_stream_begin(served.owed[1], &(struct http_reply){.status = 200, .release = on_released}, NULL);
  int halfway = client();
  give(halfway, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\na");
  drain();
  turn(10);
  assert_false(served.is_drained);
  age_ms(LIMIT_HTTP_DRAIN_MS - 1000);
  assert_false(served.is_drained);
  assert_int_equal(served.n_departed, 1);
  loop_age(&served.loop, 1000 * 1000);
  http_server_sweep(served.server);
  UNTIL(served.is_drained);
  assert_int_equal(served.n_departed, 2);
  /* What is owed still is; only then the last memory goes (which the leak check would see). */
  assert_true(http_stream_write(served.owed[1], STR("x")));
  http_stream_end(served.owed[1]);
  answer(0, STR("too late"));
  assert_int_equal(served.n_released, 2);
  close(handled);
  close(streamed);
  close(halfway);
  serve_end();
}

static void on_request_drain(struct http_exchange *exchange, void *context) {
  drain();
  on_request_echo(exchange, context);
}

static void a_handler_may_drain(void **state) {
  serve(on_request_drain);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nConnection: close\r\n"));
  close(fd);
  UNTIL(served.is_drained);
  serve_end();
}

static int release_all(void **state) {
  got_release();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_unused_server_drains_at_once),
      cmocka_unit_test(idle_connections_close_and_no_more_are_accepted),
      cmocka_unit_test(an_open_call_is_answered_and_its_connection_closed),
      cmocka_unit_test(a_request_under_way_is_still_taken),
      cmocka_unit_test(an_open_stream_may_end_by_itself),
      cmocka_unit_test(what_takes_too_long_is_cut_off),
      cmocka_unit_test(a_handler_may_drain),
  };
  return cmocka_run_group_tests(tests, NULL, release_all);
}
