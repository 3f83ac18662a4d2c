/* Replies that come bit by bit: chunked framing, back-pressure, departure. */
#include "http_requests.h"
#include "http_served.h"

static unsigned n_drained;

static void on_drain(struct http_exchange *exchange) {
  n_drained++;
}

/* The handler begins, the test goes on. */
static void on_request_begin(struct http_exchange *exchange, void *context) {
  on_request_defer(exchange, context);
  http_stream_begin(
      exchange, &(struct http_reply){.status = 200, .content_type = STR("text/event-stream"), .release = on_released},
      on_drain);
}

/* Reads one chunked reply to its last chunk: the body, without framing. */
static void take_chunked(int fd, struct buf *body) {
  struct buf line;
  buf_init(&line, NULL, KIB);
  int64_t until_us = clock_monotonic_us() + PATIENCE_US;
  size_t left = 0; /* of this chunk, with its CRLF */
  size_t size = 0;
  while (clock_monotonic_us() < until_us) {
    char *room = left > 2 ? buf_reserve(body, left - 2) : buf_reserve(&line, 1);
    assert_non_null(room);
    ssize_t n = recv(fd, room, left > 2 ? left - 2 : 1, MSG_DONTWAIT);
    if (n == 0) fail_msg("the stream was cut");
    if (n < 0) {
      turn(1);
      continue;
    }
    if (left > 2) {
      body->n += (size_t)n;
      left -= (size_t)n;
    } else if (left > 0) {
      assert_int_equal(room[0], left == 2 ? '\r' : '\n');
      if (--left == 0 && size == 0) break;
    } else {
      line.n++;
      if (room[0] != '\n') continue;
      size = strtoul(line.p, NULL, 16);
      left = size + 2;
      buf_clear(&line);
    }
  }
  buf_release(&line);
}

static void a_stream_is_chunked_and_the_connection_lives_on(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
  struct http_exchange *exchange = served.owed[0];
  assert_true(http_stream_write(exchange, STR("data: 1\n\n")));
  assert_true(http_stream_write(exchange, STR("")));
  assert_true(http_stream_write(exchange, STR("data: 23456789\n\n")));
  assert_int_equal(take_reply(fd), 200);
  assert_true(has(got.head, "\r\nTransfer-Encoding: chunked\r\n"));
  assert_true(has(got.head, "\r\nContent-Type: text/event-stream\r\n"));
  assert_false(has(got.head, "Content-Length"));
  assert_int_equal(served.n_owed, 1);
  http_stream_end(exchange);
  struct buf body;
  buf_init(&body, NULL, MIB);
  take_chunked(fd, &body);
  assert_str(buf_str(&body), "data: 1\n\ndata: 23456789\n\n");
  UNTIL(served.n_owed == 2);
  assert_int_equal(served.n_released, 1);
  http_stream_end(served.owed[1]); /* an empty one */
  assert_int_equal(take_reply(fd), 200);
  buf_clear(&body);
  take_chunked(fd, &body);
  assert_int_equal(body.n, 0);
  buf_release(&body);
  close(fd);
  serve_end();
}

static void events_arrive_as_they_are_written(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200); /* the head does not wait for an event */
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  for (int i = 0; i < 10; i++) {
    buf_clear(&bytes);
    assert_true(http_stream_write(served.owed[0], STR("x\n")));
    take_n(fd, &bytes, 7);
    assert_str(buf_str(&bytes), "2\r\nx\n\r\n");
    assert_silent(fd);
    age_ms(10 * LIMIT_HTTP_IDLE_MS); /* silence has no deadline */
  }
  http_stream_end(served.owed[0]);
  buf_clear(&bytes);
  take_n(fd, &bytes, 5);
  assert_str(buf_str(&bytes), "0\r\n\r\n");
  buf_release(&bytes);
  close(fd);
  serve_end();
}

static void an_idle_stream_holds_no_buffer(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_true(http_stream_write(served.owed[0], STR("x\n")));
  turn(3);
  struct http_server_exchange *inner = http_server_exchange_of(served.owed[0]);
  assert_null(inner->pending.p);
  assert_null(inner->flying.p);
  http_stream_end(served.owed[0]);
  close(fd);
  serve_end();
}

static void what_is_written_in_one_turn_leaves_in_one_write(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200);
  for (int i = 0; i < 100; i++)
    assert_true(http_stream_write(served.owed[0], STR("x")));
  http_stream_end(served.owed[0]);
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  turn(1);
  bool is_end;
  UNTIL(take_now(fd, &bytes, &is_end) > 0);
  assert_int_equal(bytes.n, 100 * 6 + 5);
  buf_release(&bytes);
  close(fd);
  serve_end();
}

static void http_1_0_gets_the_bytes_until_the_end(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert_true(http_stream_write(served.owed[0], STR("one ")));
  assert_true(http_stream_write(served.owed[0], STR("two")));
  http_stream_end(served.owed[0]);
  struct buf bytes;
  buf_init(&bytes, NULL, MIB);
  take_all(fd, &bytes);
  assert_true(str_ends(buf_str(&bytes), STR("\r\n\r\none two")));
  assert_true(has(buf_str(&bytes), "\r\nConnection: close\r\n"));
  assert_false(has(buf_str(&bytes), "chunked"));
  buf_release(&bytes);
  close(fd);
  serve_end();
}

static void head_gets_no_piece(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "HEAD / HTTP/1.1\r\n" H "\r\n");
  assert_true(http_stream_write(served.owed[0], STR("never")));
  http_stream_end(served.owed[0]);
  assert_int_equal(take_reply(fd), 200);
  assert_silent(fd);
  close(fd);
  serve_end();
}

static void a_slow_reader_holds_the_writer_back(void **state) {
  serve(on_request_begin);
  n_drained = 0;
  int fd = client_with(4096);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  assert_int_equal(take_reply(fd), 200);
  char piece[16 * KIB];
  for (size_t i = 0; i < sizeof(piece); i++)
    piece[i] = (char)('a' + i % 26);
  size_t n_written = 0;
  while (http_stream_write(served.owed[0], str_make(piece, sizeof(piece)))) {
    n_written++;
    turn(1);
    assert_in_range(n_written, 0, 4096);
  }
  n_written++; /* the last one was taken too */
  struct http_server_exchange *inner = http_server_exchange_of(served.owed[0]);
  size_t unsent = inner->pending.n + inner->connection->tcp.stream.methods->unsent(&inner->connection->tcp.stream);
  assert_in_range(unsent, 256 * KIB, 256 * KIB + 2 * sizeof(piece));
  assert_false(http_stream_write(served.owed[0], STR("")));
  turn(5);
  assert_int_equal(n_drained, 0);
  struct buf body;
  buf_init(&body, NULL, 64 * MIB);
  UNTIL(n_drained == 1 || (take_now(fd, &body, &(bool){false}), false));
  assert_true(http_stream_write(served.owed[0], STR("the end")));
  http_stream_end(served.owed[0]);
  UNTIL(served.n_released == 1 || (take_now(fd, &body, &(bool){false}), false));
  UNTIL(str_ends(buf_str(&body), STR("\r\n7\r\nthe end\r\n0\r\n\r\n")) || (take_now(fd, &body, &(bool){false}), false));
  assert_int_equal(body.n, n_written * (sizeof(piece) + strlen("4000\r\n\r\n")) + strlen("7\r\nthe end\r\n0\r\n\r\n"));
  assert_int_equal(n_drained, 1);
  buf_release(&body);
  close(fd);
  serve_end();
}

static void a_reader_that_stops_is_given_up_and_the_handler_told(void **state) {
  serve(on_request_begin);
  int fd = client_with(4096);
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  char piece[16 * KIB] = {0};
  UNTIL(!http_stream_write(served.owed[0], str_make(piece, sizeof(piece))));
  turn(5);
  age_ms(LIMIT_HTTP_WRITE_MS - 100);
  assert_int_equal(served.n_departed, 0);
  age_ms(200);
  assert_int_equal(served.n_departed, 1);
  assert_true(served.owed[0]->has_departed);
  assert_true(http_stream_write(served.owed[0], STR("into nothing")));
  UNTIL(served.server->counts->connections == 0);
  http_stream_end(served.owed[0]);
  assert_int_equal(served.n_released, 1);
  close(fd);
  serve_end();
}

static void the_end_of_the_client_is_told_while_a_stream_is_open(void **state) {
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    serve(on_request_begin);
    int fd = client();
    give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
    if (is_reset)
      client_reset(fd);
    else
      close(fd);
    UNTIL(served.n_departed == 1);
    assert_true(http_stream_write(served.owed[0], STR("x")));
    turn(3);
    assert_true(http_stream_write(served.owed[0], STR("x")));
    turn(3);
    http_stream_end(served.owed[0]);
    UNTIL(served.n_released == 1 && served.server->counts->connections == 0);
    assert_int_equal(served.n_departed, 1);
    serve_end();
  }
}

static void on_departed_end(struct http_exchange *exchange) {
  served.n_departed++;
  http_stream_end(exchange);
}

static void a_handler_may_end_the_stream_when_told(void **state) {
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    serve(on_request_begin);
    int fd = client_with(4096);
    give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
    served.owed[0]->on_departed = on_departed_end;
    char piece[16 * KIB] = {0}; /* a write is under way */
    UNTIL(!http_stream_write(served.owed[0], str_make(piece, sizeof(piece))));
    turn(3);
    if (is_reset)
      client_reset(fd);
    else
      close(fd);
    UNTIL(served.n_departed == 1 && served.n_released == 1 && served.server->counts->connections == 0);
    serve_end();
  }
}

static void who_half_closes_still_gets_the_stream(void **state) {
  serve(on_request_begin);
  int fd = client();
  give(fd, "GET / HTTP/1.1\r\n" H "\r\n");
  shutdown(fd, SHUT_WR);
  UNTIL(served.n_departed == 1);
  assert_true(http_stream_write(served.owed[0], STR("late")));
  http_stream_end(served.owed[0]);
  assert_int_equal(take_reply(fd), 200);
  struct buf body;
  buf_init(&body, NULL, MIB);
  take_chunked(fd, &body);
  assert_str(buf_str(&body), "late");
  assert_end(fd);
  buf_release(&body);
  close(fd);
  serve_end();
}

static void many_streams_are_flushed_in_the_same_turn(void **state) {
  serve(on_request_begin);
  int fds[OWED_MAX];
  for (int i = 0; i < OWED_MAX; i++) {
    fds[i] = client();
    give(fds[i], "GET / HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(take_reply(fds[i]), 200);
  }
  for (int i = 0; i < OWED_MAX; i++)
    assert_true(http_stream_write(served.owed[i], STR("x")));
  http_stream_end(served.owed[3]);
  client_reset(fds[5]);
  turn(1);
  for (int i = 0; i < OWED_MAX; i++) {
    if (i == 5) continue;
    struct buf bytes;
    buf_init(&bytes, NULL, MIB);
    take_n(fds[i], &bytes, i == 3 ? 11 : 6);
    assert_str(buf_str(&bytes), i == 3 ? "1\r\nx\r\n0\r\n\r\n" : "1\r\nx\r\n");
    buf_release(&bytes);
    close(fds[i]);
    if (i != 3) http_stream_end(served.owed[i]);
  }
  http_stream_end(served.owed[5]);
  UNTIL(served.n_released == OWED_MAX);
  serve_end();
}

static int release_all(void **state) {
  got_release();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stream_is_chunked_and_the_connection_lives_on),
      cmocka_unit_test(events_arrive_as_they_are_written),
      cmocka_unit_test(an_idle_stream_holds_no_buffer),
      cmocka_unit_test(what_is_written_in_one_turn_leaves_in_one_write),
      cmocka_unit_test(http_1_0_gets_the_bytes_until_the_end),
      cmocka_unit_test(head_gets_no_piece),
      cmocka_unit_test(a_slow_reader_holds_the_writer_back),
      cmocka_unit_test(a_reader_that_stops_is_given_up_and_the_handler_told),
      cmocka_unit_test(the_end_of_the_client_is_told_while_a_stream_is_open),
      cmocka_unit_test(a_handler_may_end_the_stream_when_told),
      cmocka_unit_test(who_half_closes_still_gets_the_stream),
      cmocka_unit_test(many_streams_are_flushed_in_the_same_turn),
  };
  return cmocka_run_group_tests(tests, NULL, release_all);
}
