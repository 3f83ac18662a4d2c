/* HTTP between two servers that hold one key: everything that the plain stream promises, and nothing to anybody else.
 */
#include "net/stream_sealed.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "net/http_client.h"
#include "unit.h"

enum { PATIENCE_MS = 20000, LARGE = 3 * MIB };

static const uint8_t key[CHANNEL_KEY] = {1, 2, 3}, other_key[CHANNEL_KEY] = {1, 2, 4};

static struct {
  struct loop loop;
  struct http_server *server;
  struct http_client *client;
  struct arena arena;
  struct str url;
  struct http_server_counts counts;
  /* the last answer */
  bool is_done, has_drained;
  int status; /* -1: it failed */
  struct str body;
  size_t n_streamed, n_pieces;
  struct http_transfer *transfer;
  struct http_exchange *open; /* a stream that is not ended */
} t;

static void on_request(struct http_exchange *exchange, void *context) {
  http_reply(exchange, &(struct http_reply){.status = 200, .body = exchange->body});
}

static void turn_until(const bool *is_true) {
  int64_t until_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
  while (!*is_true) {
    if (clock_monotonic_us() > until_us) fail_msg("nothing came");
    uv_run(&t.loop.uv, UV_RUN_ONCE);
  }
}

static void on_drained(void *context) {
  t.has_drained = true;
}

static void begin_with(void (*handler)(struct http_exchange *, void *), const uint8_t *client_key) {
  memset(&t, 0, sizeof t);
  assert_ok(loop_init(&t.loop, &test_err));
  arena_init(&t.arena, 0);
  const struct http_server_options server = {.on_request = handler, .channel_key = key, .counts = &t.counts};
  assert_ok(http_server_start(&t.loop, STR("127.0.0.1"), 0, false, &server, &t.server, &test_err));
  const struct http_client_options client = {.channel_key = client_key};
  assert_ok(http_client_new(&t.loop, &client, &t.client, &test_err));
  t.url = arena_printf(&t.arena, "http://127.0.0.1:%u/x", http_server_port(t.server));
}

static void end(void) {
  http_client_free(t.client);
  http_server_drain(t.server, on_drained, NULL);
  turn_until(&t.has_drained);
  loop_stop(&t.loop);
  loop_run(&t.loop);
  loop_release(&t.loop);
  arena_release(&t.arena);
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  t.is_done = true;
  t.transfer = NULL;
  t.status = response ? response->status : -1;
  if (response) t.body = response->body;
}

static void ask(struct str body, const struct http_client_stream *stream) {
  const struct http_client_request request = {.method = STR("POST"),
                                              .url = t.url,
                                              .body = body,
                                              .has_body = true,
                                              .timeout_ms = PATIENCE_MS,
                                              .max_body = 2 * LARGE,
                                              .stream = stream};
  t.is_done = false;
  assert_ok(http_client_send(t.client, &t.arena, &request, on_done, NULL, &t.transfer, &test_err));
}

static void requests_go_and_answers_come_on_one_connection(void **state) {
  begin_with(on_request, key);
  for (int i = 0; i < 5; i++) {
    struct str body = arena_printf(&t.arena, "body %d", i);
    ask(body, NULL);
    turn_until(&t.is_done);
    assert_int_equal(t.status, 200);
    assert_true(str_eq(t.body, body));
  }
  assert_int_equal(atomic_load(&t.counts.accepted), 1);
  end();
}

static void what_is_larger_than_a_frame_and_any_buffer_comes_whole(void **state) {
  begin_with(on_request, key);
  char *bytes = malloc(LARGE);
  for (size_t i = 0; i < LARGE; i++)
    bytes[i] = (char)(i * 7 + i / 251);
  for (size_t n = CHANNEL_PLAIN - 300; n <= LARGE; n = n * 3 + 1) {
    ask(str_make(bytes, n), NULL);
    turn_until(&t.is_done);
    assert_int_equal(t.status, 200);
    assert_int_equal(t.body.n, n);
    assert_memory_equal(t.body.p, bytes, n);
  }
  free(bytes);
  end();
}

static void on_head(void *context, const struct http_client_response *head) {
  t.status = head->status;
}

/* Every other piece is too much for a while. */
static void on_piece(void *context, struct str piece) {
  for (size_t i = 0; i < piece.n; i++)
    assert_int_equal((uint8_t)piece.p[i], (uint8_t)((t.n_streamed + i) * 7));
  t.n_streamed += piece.n;
  if (++t.n_pieces % 2) http_client_pause(t.transfer);
}

static void on_request_stream(struct http_exchange *exchange, void *context) {
  http_stream_begin(exchange, &(struct http_reply){.status = 200}, NULL);
  for (size_t i = 0; i < LARGE / 4; i += KIB) {
    char piece[KIB];
    for (size_t j = 0; j < KIB; j++)
      piece[j] = (char)((i + j) * 7);
    (void)http_stream_write(exchange, str_make(piece, KIB));
  }
  http_stream_end(exchange);
}

static void a_stream_that_is_paused_loses_nothing(void **state) {
  const struct http_client_stream stream = {.on_head = on_head, .on_piece = on_piece};
  begin_with(on_request_stream, key);
  ask(STR("x"), &stream);
  int64_t until_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
  while (!t.is_done && clock_monotonic_us() < until_us) {
    uv_run(&t.loop.uv, UV_RUN_NOWAIT);
    if (t.transfer) http_client_resume(t.transfer);
  }
  assert_true(t.is_done);
  assert_int_equal(t.n_streamed, LARGE / 4);
  end();
}

static void who_does_not_hold_the_key_gets_no_answer_and_nothing_is_served(void **state) {
  begin_with(on_request, other_key);
  ask(STR("x"), NULL);
  turn_until(&t.is_done);
  assert_int_equal(t.status, -1);
  assert_int_equal(atomic_load(&t.counts.requests), 0);
  end();
}

static int dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http_server_port(t.server))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

/* Until the server has closed; what it said first. */
static size_t all_it_says(int fd, char *ret_bytes, size_t max) {
  size_t n = 0;
  int64_t until_us = clock_monotonic_us() + PATIENCE_MS * INT64_C(1000);
  while (clock_monotonic_us() < until_us) {
    ssize_t got = recv(fd, ret_bytes + n, max - n, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return n;
    if (got > 0) n += (size_t)got;
    uv_run(&t.loop.uv, UV_RUN_NOWAIT);
  }
  fail_msg("it did not close");
  return n;
}

static void plain_http_and_junk_get_no_byte(void **state) {
  char bytes[256];
  static const char *const junk[] = {
      "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}                                       ",
      "CNKNODE1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  begin_with(on_request, key);
  for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
    int fd = dial();
    assert_int_equal(send(fd, junk[i], strlen(junk[i]), MSG_NOSIGNAL), strlen(junk[i]));
    assert_int_equal(all_it_says(fd, bytes, sizeof bytes), 0);
    close(fd);
  }
  assert_int_equal(atomic_load(&t.counts.requests), 0);
  end();
}

static void one_that_greets_and_then_speaks_plainly_is_served_nothing(void **state) {
  uint8_t hello[CHANNEL_CLIENT_HELLO];
  char bytes[256];
  struct channel *channel = channel_new(key);
  begin_with(on_request, key);
  assert_true(channel_greet(channel, hello)); /* as one would that took a hello down, and says it again */
  int fd = dial();
  assert_int_equal(send(fd, hello, sizeof hello, MSG_NOSIGNAL), sizeof hello);
  assert_int_equal(send(fd, "\0\4POST / HTTP/1.1\r\n\r\nxxxxxxxxxxxxx", 34, MSG_NOSIGNAL), 34);
  assert_int_equal(all_it_says(fd, bytes, sizeof bytes), CHANNEL_SERVER_HELLO);
  assert_int_equal(atomic_load(&t.counts.requests), 0);
  close(fd);
  channel_free(channel);
  end();
}

static void a_client_that_is_let_go_in_the_middle_leaves_nothing(void **state) {
  begin_with(on_request, key);
  ask(STR("x"), NULL);
  for (int i = 0; i < 3; i++)
    uv_run(&t.loop.uv, UV_RUN_NOWAIT);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_go_and_answers_come_on_one_connection),
      cmocka_unit_test(what_is_larger_than_a_frame_and_any_buffer_comes_whole),
      cmocka_unit_test(a_stream_that_is_paused_loses_nothing),
      cmocka_unit_test(who_does_not_hold_the_key_gets_no_answer_and_nothing_is_served),
      cmocka_unit_test(plain_http_and_junk_get_no_byte),
      cmocka_unit_test(one_that_greets_and_then_speaks_plainly_is_served_nothing),
      cmocka_unit_test(a_client_that_is_let_go_in_the_middle_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
