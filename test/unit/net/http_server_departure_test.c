/* Clients that leave and clients that are slow. Time passes by ageing the loop. */
#include "http_requests.h"
#include "http_served.h"

static void departure_is_seen_while_a_reply_is_owed(void **state) {
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    serve(on_request_defer);
    int fd = client();
    give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
    assert_false(served.owed[0]->has_departed);
    if (is_reset)
      client_reset(fd);
    else
      close(fd);
    UNTIL(served.owed[0]->has_departed);
    turn(5);
    assert_int_equal(served.n_departed, 1);
    answer(0, STR("too late"));
    UNTIL(served.n_released == 1 && served.server->counts->connections == 0);
    serve_end();
  }
}

static void who_half_closes_still_gets_the_reply(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /cut");
  shutdown(fd, SHUT_WR);
  UNTIL(served.n_departed == 1);
  answer(0, STR("one"));
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "one");
  assert_int_equal(served.n_owed, 2); /* it came before the end */
  assert_true(served.owed[1]->has_departed);
  answer(1, STR("two"));
  assert_int_equal(take_reply(fd), 200);
  assert_str(got.body, "two");
  assert_end(fd);
  assert_int_equal(served.n_owed, 2);
  close(fd);
  serve_end();
}

static void on_departed_answer(struct http_exchange *exchange) {
  served.n_departed++;
  http_reply(exchange, &(struct http_reply){.status = 499, .release = on_released});
}
static void on_request_answer_departed(struct http_exchange *exchange, void *context) {
  exchange->on_departed = on_departed_answer;
}

static void a_handler_may_answer_when_told_of_the_departure(void **state) {
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    serve(on_request_answer_departed);
    int fd = client();
    give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
    if (is_reset)
      client_reset(fd);
    else
      close(fd);
    UNTIL(served.n_departed == 1 && served.n_released == 1);
    serve_end();
  }
}

static void a_reply_to_someone_who_has_left_is_dropped(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n");
  client_reset(fd);
  UNTIL(served.n_departed == 1);
  answer(0, STR("x"));
  UNTIL(served.server->counts->connections == 0);
  assert_int_equal(served.n_released, 1);
  assert_int_equal(served.n_owed, 1);
  serve_end();
}

static void a_head_that_is_slow_gets_408_by_the_clock_of_its_first_byte(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "G");
  for (int i = 0; i < 9; i++) {
    age_ms(LIMIT_HTTP_HEADER_MS / 10);
    give(fd, i == 0 ? "ET / HTTP/1.1\r\nX: " : "y"); /* what comes late does not help */
  }
  assert_silent(fd);
  age_ms(LIMIT_HTTP_HEADER_MS / 10);
  assert_int_equal(take_reply(fd), 408);
  assert_end(fd);
  close(fd);
  serve_end();
}

static void a_body_that_is_slow_gets_408_by_the_clock_of_its_head(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "POST / HTTP/1.1\r\n" H);
  age_ms(LIMIT_HTTP_HEADER_MS - 1000);
  give(fd, "Content-Length: 100\r\n\r\n");
  for (int i = 0; i < 9; i++) {
    age_ms(LIMIT_HTTP_BODY_MS / 10);
    give(fd, "y");
  }
  assert_silent(fd);
  age_ms(LIMIT_HTTP_BODY_MS / 10);
  assert_int_equal(take_reply(fd), 408);
  assert_end(fd);
  struct http_server_counts counts;
  http_server_count(served.server, &counts);
  assert_int_equal(counts.refused, 1);
  close(fd);
  serve_end();
}

static void deadlines_pass_in_their_order(void **state) {
  serve(on_request_echo);
  int first = client();
  give(first, "GET / ");
  age_ms(LIMIT_HTTP_HEADER_MS / 2);
  int second = client();
  give(second, "GET / ");
  int idle = client();
  age_ms(LIMIT_HTTP_HEADER_MS / 2);
  assert_int_equal(take_reply(first), 408);
  assert_silent(second);
  age_ms(LIMIT_HTTP_HEADER_MS / 2);
  assert_int_equal(take_reply(second), 408);
  assert_silent(idle);
  age_ms(LIMIT_HTTP_IDLE_MS);
  assert_end(idle);
  close(first);
  close(second);
  close(idle);
  serve_end();
}

static void an_idle_connection_ends_without_a_word(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200);
  age_ms(LIMIT_HTTP_IDLE_MS - 10);
  assert_silent(fd);
  age_ms(20);
  assert_end(fd);
  close(fd);
  fd = client();
  give(fd, "\r\n"); /* what some clients send after a body */
  age_ms(LIMIT_HTTP_HEADER_MS);
  assert_end(fd);
  close(fd);
  serve_end();
}

static void a_pending_reply_has_no_deadline(void **state) {
  serve(on_request_defer);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  age_ms(10 * LIMIT_HTTP_IDLE_MS);
  assert_silent(fd);
  answer(0, STR("at last"));
  assert_int_equal(take_reply(fd), 200);
  close(fd);
  serve_end();
}

static void who_is_refused_can_read_why_although_it_goes_on_sending(void **state) {
  serve(on_request_echo);
  int fd = client();
  give(fd, "POST / HTTP/1.1\r\n" H "Content-Length: 99999999\r\n\r\n");
  char *flood = calloc(1, MIB);
  give_n(fd, flood, MIB);
  assert_int_equal(take_reply(fd), 413);
  assert_end(fd); /* its side; ours is still read */
  give_n(fd, flood, MIB);
  assert_int_equal(served.server->lists[HTTP_CONNECTION_LINGERING].first != NULL, true);
  age_ms(LIMIT_HTTP_LINGER_MS);
  assert_null(served.server->lists[HTTP_CONNECTION_LINGERING].first);
  free(flood);
  close(fd);
  serve_end();
}

static void a_reply_that_nobody_takes_is_given_up(void **state) {
  serve(on_request_defer);
  int fd = client_with(4096);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  char *body = calloc(1, 16 * MIB);
  answer(0, str_make(body, 16 * MIB));
  struct buf bytes;
  buf_init(&bytes, NULL, 64 * MIB);
  age_ms(LIMIT_HTTP_WRITE_MS - 1000);
  take_n(fd, &bytes, MIB); /* it reads on: patience */
  age_ms(1000);
  assert_int_equal(served.n_released, 0);
  age_ms(LIMIT_HTTP_WRITE_MS);
  assert_int_equal(served.n_released, 1);
  UNTIL(served.server->counts->connections == 0);
  buf_release(&bytes);
  free(body);
  close(fd);
  serve_end();
}

static int release_all(void **state) {
  got_release();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(departure_is_seen_while_a_reply_is_owed),
      cmocka_unit_test(who_half_closes_still_gets_the_reply),
      cmocka_unit_test(a_handler_may_answer_when_told_of_the_departure),
      cmocka_unit_test(a_reply_to_someone_who_has_left_is_dropped),
      cmocka_unit_test(a_head_that_is_slow_gets_408_by_the_clock_of_its_first_byte),
      cmocka_unit_test(a_body_that_is_slow_gets_408_by_the_clock_of_its_head),
      cmocka_unit_test(deadlines_pass_in_their_order),
      cmocka_unit_test(an_idle_connection_ends_without_a_word),
      cmocka_unit_test(a_pending_reply_has_no_deadline),
      cmocka_unit_test(who_is_refused_can_read_why_although_it_goes_on_sending),
      cmocka_unit_test(a_reply_that_nobody_takes_is_given_up),
  };
  return cmocka_run_group_tests(tests, NULL, release_all);
}
