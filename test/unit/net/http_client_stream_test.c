#include "net/http_client.h"

#include "upstream.h"

#include "base/limits.h"

/* ---- the other side: pieces, as the test wants them ---- */

static atomic_size_t n_flooded; /* what the other side got rid of */

static void send_chunk(int fd, const char *text) {
  char head[32];
  snprintf(head, sizeof(head), "%zx\r\n", strlen(text));
  upstream_text(fd, head);
  upstream_text(fd, text);
  upstream_text(fd, "\r\n");
}

static void flood(int fd, size_t n) {
  char piece[8192];
  memset(piece, 'f', sizeof(piece));
  upstream_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  for (size_t sent = 0; sent < n; sent += sizeof(piece)) {
    upstream_write(fd, piece, sizeof(piece));
    atomic_fetch_add(&n_flooded, sizeof(piece));
  }
}

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  int fd = connection->fd;
  if (strstr(request, "/flood")) {
    flood(fd, 24 * MIB);
    return false;
  }
  if (strstr(request, "/plain")) {
    upstream_reply(fd, "200 OK", "text/plain", "hello");
    return true;
  }
  if (strstr(request, "/interim")) upstream_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  if (strstr(request, "/silent")) return true;
  send_chunk(fd, "one ");
  if (strstr(request, "/open")) return true;
  send_chunk(fd, "two ");
  if (strstr(request, "/cut")) return false;
  send_chunk(fd, "three");
  upstream_text(fd, "0\r\nX-Trailer: 1\r\n\r\n");
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

struct seen {
  struct fixture *fixture;
  struct http_transfer *transfer;
  int n_heads, n_pieces, n_done, status;
  char type[64], body[64];
  size_t n_bytes;
  bool has_response;
  enum err_code error;
  bool pauses, cancels, sends;
};

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct seen *seen = context;
  seen->n_done++;
  seen->has_response = response != NULL;
  if (err) seen->error = err->code;
}

static void on_head(void *context, const struct http_client_response *head) {
  struct seen *seen = context;
  seen->n_heads++;
  seen->status = head->status;
  snprintf(seen->type, sizeof(seen->type), "%.*s", STR_ARG(head->content_type));
  assert_int_equal(seen->n_pieces, 0);
}

static void on_piece(void *context, struct str piece) {
  struct seen *seen = context;
  assert_int_equal(seen->n_heads, 1);
  seen->n_pieces++;
  if (seen->n_bytes + piece.n < sizeof(seen->body)) memcpy(seen->body + seen->n_bytes, piece.p, piece.n);
  seen->n_bytes += piece.n;
  if (seen->pauses) http_client_pause(seen->transfer);
  if (seen->cancels) http_client_cancel(seen->transfer);
}

static const struct http_client_stream stream = {.on_head = on_head, .on_piece = on_piece, .idle_ms = 5000};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_ok(loop_init(&f->loop, &test_err));
  f->upstream = upstream_start(answer);
  f->exception = (struct address_exception){STR("127.0.0.1"), f->upstream->port};
  f->guard = (struct address_guard){&f->exception, 1};
  arena_init(&f->arena, 0);
  const struct http_client_options options = {.guard = &f->guard};
  assert_ok(http_client_new(&f->loop, &options, &f->client, &test_err));
  atomic_store(&n_flooded, 0);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  http_client_free(f->client);
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  upstream_stop(f->upstream);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static void begin(struct fixture *f, const char *target, size_t max_body, struct seen *seen) {
  const struct http_client_request request = {
      .method = STR("POST"),
      .url = arena_printf(&f->arena, "http://127.0.0.1:%u%s", f->upstream->port, target),
      .body = STR("{}"),
      .has_body = true,
      .max_body = max_body,
      .timeout_ms = 20 * 1000,
      .stream = &stream};
  seen->fixture = f;
  assert_ok(http_client_send(f->client, &f->arena, &request, on_done, seen, &seen->transfer, &test_err));
}

#define run_until(f, condition) \
  while (!(condition))          \
  uv_run(&(f)->loop.uv, UV_RUN_ONCE)

static void run_for_a_while(struct fixture *f) {
  for (int i = 0; i < 20; i++) {
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
}

static void the_body_comes_in_pieces_after_its_head(void **state) {
  struct fixture *f = *state;
  const char *targets[] = {"/all", "/interim"};
  for (int i = 0; i < 2; i++) {
    struct seen seen = {0};
    begin(f, targets[i], 0, &seen);
    run_until(f, seen.n_done);
    assert_int_equal(seen.n_heads, 1);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.type, "text/event-stream");
    assert_string_equal(seen.body, "one two three");
    assert_true(seen.has_response);
  }
}

static void a_piece_is_told_while_the_rest_is_still_to_come(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/open", 0, &seen);
  run_until(f, seen.n_pieces);
  assert_string_equal(seen.body, "one ");
  assert_int_equal(seen.n_done, 0);
  http_client_cancel(seen.transfer);
  run_for_a_while(f);
  assert_int_equal(seen.n_done, 0);
}

static void what_breaks_off_says_so_after_its_last_piece(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/cut", 0, &seen);
  run_until(f, seen.n_done);
  assert_string_equal(seen.body, "one two ");
  assert_false(seen.has_response);
  assert_int_equal(seen.error, ERR_UPSTREAM);
}

static void silence_after_the_head_ends_it(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/silent", 0, &seen);
  run_until(f, seen.n_heads);
  loop_age(&f->loop, 6 * 1000 * 1000);
  run_until(f, seen.n_done);
  assert_int_equal(seen.error, ERR_TIMEOUT);
}

static void a_paused_stream_takes_little_more_and_loses_nothing(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses = true};
  begin(f, "/flood", 0, &seen);
  run_until(f, seen.n_pieces);
  run_for_a_while(f);
  assert_int_equal(seen.n_pieces, 1);
  assert_true(atomic_load(&n_flooded) < 20 * MIB); /* the kernel's buffers take some */
  assert_true(seen.n_bytes < 2 * MIB);
  loop_age(&f->loop, 60 * 1000 * 1000); /* whoever is made to wait is not late */
  run_for_a_while(f);
  assert_int_equal(seen.n_done, 0);
  seen.pauses = false;
  http_client_resume(seen.transfer);
  run_until(f, seen.n_done);
  assert_int_equal(seen.n_bytes, 24 * MIB);
  assert_true(seen.has_response);
}

static void a_paused_stream_that_ends_says_so_when_it_goes_on(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses = true};
  begin(f, "/all", 0, &seen);
  run_until(f, seen.n_pieces);
  run_for_a_while(f);
  assert_int_equal(seen.n_done, 0);
  seen.pauses = false;
  http_client_resume(seen.transfer);
  run_until(f, seen.n_done);
  assert_string_equal(seen.body, "one two three");
}

static void a_cap_ends_a_stream(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/flood", 1 * MIB, &seen);
  run_until(f, seen.n_done);
  assert_int_equal(seen.error, ERR_TOO_LARGE);
  assert_true(seen.n_bytes <= 1 * MIB);
}

static void a_receiver_may_cancel_and_begin_anew(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.cancels = true}, next = {0};
  begin(f, "/flood", 0, &seen);
  run_until(f, seen.n_pieces);
  begin(f, "/all", 0, &next);
  run_until(f, next.n_done);
  assert_int_equal(seen.n_done, 0);
  assert_int_equal(seen.n_pieces, 1);
  assert_string_equal(next.body, "one two three");
}

static void many_streams_at_once_are_not_mixed(void **state) {
  struct fixture *f = *state;
  static struct seen seen[48];
  memset(seen, 0, sizeof(seen));
  for (int i = 0; i < 48; i++)
    begin(f, i % 2 ? "/all" : "/plain", 0, &seen[i]);
  for (int i = 0; i < 48; i++)
    run_until(f, seen[i].n_done);
  for (int i = 0; i < 48; i++)
    assert_string_equal(seen[i].body, i % 2 ? "one two three" : "hello");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_body_comes_in_pieces_after_its_head),
      TEST(a_piece_is_told_while_the_rest_is_still_to_come),
      TEST(what_breaks_off_says_so_after_its_last_piece),
      TEST(silence_after_the_head_ends_it),
      TEST(a_paused_stream_takes_little_more_and_loses_nothing),
      TEST(a_paused_stream_that_ends_says_so_when_it_goes_on),
      TEST(a_cap_ends_a_stream),
      TEST(a_receiver_may_cancel_and_begin_anew),
      TEST(many_streams_at_once_are_not_mixed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
