#include "net/http_client.h"

#include "upstream.h"
#include "wait.h"

#include "base/limits.h"

/* ---- the other side: pieces, as the test wants them ---- */

static atomic_size_t n_flooded; /* what the other side got rid of */

static void flood(int fd, size_t n) {
  char piece[8192];
  memset(piece, 'f', sizeof(piece));
  upstream_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  for (size_t sent = 0; sent < n; sent += sizeof(piece)) {
    upstream_write(fd, piece, sizeof(piece));
    atomic_fetch_add(&n_flooded, sizeof(piece));
  }
}

/* What is not worth a branch: [in the target, the answer, whether the connection stays]. */
static const struct {
  const char *target, *text;
  bool stays;
} constant_answers[] = {
    {"/plain", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
    {"/coded-nothing", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", true},
    {"/coded", "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 2\r\n\r\nbx", true},
    {"/nothing", "HTTP/1.1 204 No Content\r\n\r\n", true},
    {"/head", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", true},
    {"/refused", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", true},
    {"/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", false},
    {"/garbage", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\nwhat?\r\n", true},
    {"/more-than-asked",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", true},
};

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  int fd = connection->fd;
  if (strstr(request, "/flood")) {
    flood(fd, 24 * MIB);
    return false;
  }
  for (size_t i = 0; i < sizeof(constant_answers) / sizeof(constant_answers[0]); i++) {
    if (!strstr(request, constant_answers[i].target)) continue;
    upstream_text(fd, constant_answers[i].text);
    return constant_answers[i].stays;
  }
  if (strstr(request, "/interim")) upstream_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  if (strstr(request, "/silent")) return true;
  upstream_chunk(fd, "one ");
  if (strstr(request, "/open")) return true;
  upstream_chunk(fd, "two ");
  if (strstr(request, "/cut")) return false;
  upstream_chunk(fd, "three");
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
  uv_timer_t beat; /* uv_run looks at what is awaited now and then, also when nothing happens any more */
};

struct seen {
  struct fixture *fixture;
  struct http_transfer *transfer;
  int n_heads, n_pieces, n_done, status;
  char type[64], body[64];
  size_t n_bytes;
  bool has_response;
  enum err_code error;
  bool pauses, cancels;
  bool pauses_at_head, cancels_at_head, resumes_at_once;
  struct seen *another;
};

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct seen *seen = context;
  seen->n_done++;
  seen->has_response = response != NULL;
  if (err) seen->error = err->code;
}

static void act(struct seen *seen, bool pauses, bool cancels) {
  if (pauses) http_client_pause(seen->transfer);
  if (pauses && seen->resumes_at_once) http_client_resume(seen->transfer);
  if (cancels) http_client_cancel(seen->transfer);
}

static void on_head(void *context, const struct http_client_response *head) {
  struct seen *seen = context;
  seen->n_heads++;
  seen->status = head->status;
  snprintf(seen->type, sizeof(seen->type), "%.*s", STR_ARG(head->content_type));
  assert_int_equal(seen->n_pieces, 0);
  assert_int_equal(seen->n_done, 0);
  act(seen, seen->pauses_at_head, seen->cancels_at_head);
}

static void begin(struct fixture *f, const char *target, size_t max_body, struct seen *seen);

static void on_piece(void *context, struct str piece) {
  struct seen *seen = context;
  assert_int_equal(seen->n_heads, 1);
  seen->n_pieces++;
  if (seen->n_bytes + piece.n < sizeof(seen->body)) memcpy(seen->body + seen->n_bytes, piece.p, piece.n);
  seen->n_bytes += piece.n;
  if (seen->another && seen->n_pieces == 1) begin(seen->fixture, "/all", 0, seen->another);
  act(seen, seen->pauses, seen->cancels);
}

static const struct http_client_stream stream = {.on_head = on_head, .on_piece = on_piece, .idle_ms = 5000};

/* The transport that is tested: every test runs over both. */
static bool uses_curl_alone;

static void on_beat(uv_timer_t *beat) {}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_ok(loop_init(&f->loop, &test_err));
  f->upstream = upstream_start(answer);
  f->exception = (struct address_exception){STR("127.0.0.1"), f->upstream->port};
  f->guard = (struct address_guard){&f->exception, 1};
  arena_init(&f->arena, 0);
  uv_timer_init(&f->loop.uv, &f->beat);
  uv_timer_start(&f->beat, on_beat, 10, 10);
  const struct http_client_options options = {.guard = &f->guard, .uses_curl_alone = uses_curl_alone};
  assert_ok(http_client_new(&f->loop, &options, &f->client, &test_err));
  atomic_store(&n_flooded, 0);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  http_client_free(f->client);
  uv_close((uv_handle_t *)&f->beat, NULL);
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  upstream_stop(f->upstream);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static void begin_by(struct fixture *f, const char *method, const char *target, size_t max_body, struct seen *seen) {
  bool has_body = strcmp(method, "POST") == 0;
  const struct http_client_request request = {
      .method = str_of(method),
      .url = arena_printf(&f->arena, "http://127.0.0.1:%u%s", f->upstream->port, target),
      .body = has_body ? STR("{}") : STR(""),
      .has_body = has_body,
      .max_body = max_body,
      .timeout_ms = 20 * 1000,
      .stream = &stream};
  seen->fixture = f;
  assert_ok(http_client_send(f->client, &f->arena, &request, on_done, seen, &seen->transfer, &test_err));
}

static void begin(struct fixture *f, const char *target, size_t max_body, struct seen *seen) {
  begin_by(f, "POST", target, max_body, seen);
}

#define run_until(f, condition) WAIT_UNTIL(condition, loop_turn(&(f)->loop))

static void run_to_end(struct fixture *f, const struct seen *seen) {
  while (!seen->n_done)
    uv_run(&f->loop.uv, UV_RUN_ONCE);
}

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
    run_to_end(f, &seen);
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
  run_to_end(f, &seen);
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
  run_to_end(f, &seen);
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
  run_to_end(f, &seen);
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
  run_to_end(f, &seen);
  assert_string_equal(seen.body, "one two three");
}

static void a_cap_ends_a_stream(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/flood", 1 * MIB, &seen);
  run_to_end(f, &seen);
  assert_int_equal(seen.error, ERR_TOO_LARGE);
  assert_true(seen.n_bytes <= 1 * MIB);
}

static void a_receiver_may_cancel_and_begin_anew(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.cancels = true}, next = {0};
  begin(f, "/flood", 0, &seen);
  run_until(f, seen.n_pieces);
  begin(f, "/all", 0, &next);
  run_to_end(f, &next);
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
    run_to_end(f, &seen[i]);
  for (int i = 0; i < 48; i++)
    assert_string_equal(seen[i].body, i % 2 ? "one two three" : "hello");
}

static void whole_streams_leave_their_connection_to_the_next(void **state) {
  struct fixture *f = *state;
  const char *targets[] = {"/all", "/plain", "/nothing", "/interim", "/coded-nothing", "/refused", "/all"};
  for (int i = 0; i < 7; i++) {
    struct seen seen = {0};
    begin(f, targets[i], 0, &seen);
    run_to_end(f, &seen);
    assert_int_equal(seen.n_heads, 1);
    assert_true(seen.has_response);
  }
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 1);
}

static void one_that_was_paused_leaves_it_as_well(void **state) {
  struct fixture *f = *state;
  const char *targets[] = {"/plain", "/all", "/plain"};
  for (int i = 0; i < 3; i++) {
    struct seen seen = {.pauses = true, .pauses_at_head = i == 1};
    begin(f, targets[i], 0, &seen);
    while (!seen.n_done) {
      uv_run(&f->loop.uv, UV_RUN_ONCE);
      if (seen.n_heads > 0 && seen.n_done == 0) http_client_resume(seen.transfer);
    }
    assert_string_equal(seen.body, i == 1 ? "one two three" : "hello");
    assert_true(seen.has_response);
  }
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 1);
}

static void a_broken_or_cancelled_stream_takes_its_connection_along(void **state) {
  struct fixture *f = *state;
  struct seen first = {0}, second = {.cancels = true}, third = {0};
  begin(f, "/garbage", 0, &first);
  run_to_end(f, &first);
  assert_string_equal(first.body, "one ");
  assert_int_equal(first.error, ERR_UPSTREAM);
  begin(f, "/open", 0, &second);
  run_until(f, second.n_pieces);
  begin(f, "/plain", 0, &third);
  run_to_end(f, &third);
  assert_string_equal(third.body, "hello");
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 3);
}

static void what_follows_a_stream_belongs_to_no_other(void **state) {
  if (uses_curl_alone) skip_because("libcurl 7.88 leaves the connection in its pool; the plain transport is tested");
  struct fixture *f = *state;
  for (int i = 0; i < 2; i++) {
    struct seen seen = {0};
    begin(f, "/more-than-asked", 0, &seen);
    run_to_end(f, &seen);
    assert_string_equal(seen.body, "ok");
  }
  assert_int_equal(atomic_load(&f->upstream->n_accepted), 2);
}

static void a_body_that_ends_with_its_connection_is_whole(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/until-close", 0, &seen);
  run_to_end(f, &seen);
  assert_true(seen.has_response);
  assert_string_equal(seen.body, "all of it");
}

static void an_answer_without_a_body_has_its_head_told(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 2; i++) {
    struct seen seen = {.pauses_at_head = i == 1};
    begin_by(f, "HEAD", "/head", 0, &seen);
    run_until(f, seen.n_heads);
    if (i == 1) {
      run_for_a_while(f);
      assert_int_equal(seen.n_done, 0);
      http_client_resume(seen.transfer);
    }
    run_to_end(f, &seen);
    assert_int_equal(seen.n_pieces, 0);
    assert_true(seen.has_response);
  }
}

static void a_coding_that_cannot_be_undone_ends_it(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  begin(f, "/coded", 0, &seen);
  run_to_end(f, &seen);
  assert_int_equal(seen.n_pieces, 0);
  assert_int_equal(seen.error, ERR_UPSTREAM);
  if (!uses_curl_alone) assert_true(upstream_saw(f->upstream, "\r\naccept-encoding: identity\r\n"));
}

static void the_head_may_pause_it(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses_at_head = true};
  begin(f, "/all", 0, &seen);
  run_until(f, seen.n_heads);
  run_for_a_while(f);
  assert_int_equal(seen.n_pieces, 0);
  http_client_resume(seen.transfer);
  assert_int_equal(seen.n_pieces, 0); /* never from within */
  run_to_end(f, &seen);
  assert_string_equal(seen.body, "one two three");
}

static void one_that_is_paused_before_its_head_waits_with_it(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 2; i++) {
    struct seen seen = {.pauses_at_head = i == 1};
    begin(f, "/all", 0, &seen);
    http_client_pause(seen.transfer);
    run_for_a_while(f);
    assert_int_equal(seen.n_heads, 0);
    http_client_resume(seen.transfer);
    if (i == 1) {
      run_until(f, seen.n_heads);
      run_for_a_while(f);
      assert_int_equal(seen.n_pieces, 0);
      http_client_resume(seen.transfer);
    }
    run_to_end(f, &seen);
    assert_string_equal(seen.body, "one two three");
  }
}

static void who_resumes_at_once_loses_nothing(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses = true, .pauses_at_head = true, .resumes_at_once = true}, next = {0};
  begin(f, "/all", 0, &seen);
  run_to_end(f, &seen);
  assert_string_equal(seen.body, "one two three");
  begin(f, "/all", 0, &next);
  run_to_end(f, &next);
  assert_string_equal(next.body, "one two three");
}

static void who_resumes_and_pauses_again_is_left_alone(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses = true};
  begin(f, "/all", 0, &seen);
  run_until(f, seen.n_pieces);
  int n = seen.n_pieces;
  http_client_resume(seen.transfer);
  http_client_pause(seen.transfer);
  run_for_a_while(f);
  assert_int_equal(seen.n_pieces, n);
  http_client_resume(seen.transfer);
  http_client_cancel(seen.transfer);
  run_for_a_while(f);
  assert_int_equal(seen.n_pieces, n);
  assert_int_equal(seen.n_done, 0);
}

static void one_that_cannot_connect_says_so_when_it_goes_on(void **state) {
  struct fixture *f = *state;
  struct seen seen = {0};
  uint16_t port = f->upstream->port;
  f->exception.port = f->upstream->port = 1; /* nobody's */
  begin(f, "/all", 0, &seen);
  f->upstream->port = port;
  http_client_pause(seen.transfer);
  run_for_a_while(f);
  assert_int_equal(seen.n_done, 0);
  http_client_resume(seen.transfer);
  assert_int_equal(seen.n_done, 0);
  run_to_end(f, &seen);
  assert_int_equal(seen.error, ERR_UPSTREAM);
  assert_int_equal(seen.n_heads, 0);
}

static void the_head_may_cancel_it(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.cancels_at_head = true};
  begin(f, "/all", 0, &seen);
  run_until(f, seen.n_heads);
  run_for_a_while(f);
  assert_int_equal(seen.n_pieces, 0);
  assert_int_equal(seen.n_done, 0);
}

static void a_piece_may_begin_another_stream(void **state) {
  struct fixture *f = *state;
  struct seen another = {0}, seen = {.another = &another};
  begin(f, "/flood", 0, &seen);
  run_to_end(f, &seen);
  assert_non_null(another.fixture); /* it has begun */
  run_to_end(f, &another);
  assert_int_equal(seen.n_bytes, 24 * MIB);
  assert_string_equal(another.body, "one two three");
}

static void a_client_that_is_freed_takes_paused_streams_along(void **state) {
  struct fixture *f = *state;
  struct seen seen = {.pauses = true};
  begin(f, "/flood", 0, &seen);
  run_until(f, seen.n_pieces);
}

static int over_curl(void **state) {
  uses_curl_alone = true;
  return 0;
}

static int over_our_own(void **state) {
  uses_curl_alone = false;
  return 0;
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
      TEST(whole_streams_leave_their_connection_to_the_next),
      TEST(one_that_was_paused_leaves_it_as_well),
      TEST(a_broken_or_cancelled_stream_takes_its_connection_along),
      TEST(what_follows_a_stream_belongs_to_no_other),
      TEST(a_body_that_ends_with_its_connection_is_whole),
      TEST(an_answer_without_a_body_has_its_head_told),
      TEST(a_coding_that_cannot_be_undone_ends_it),
      TEST(the_head_may_pause_it),
      TEST(one_that_is_paused_before_its_head_waits_with_it),
      TEST(who_resumes_at_once_loses_nothing),
      TEST(who_resumes_and_pauses_again_is_left_alone),
      TEST(one_that_cannot_connect_says_so_when_it_goes_on),
      TEST(the_head_may_cancel_it),
      TEST(a_piece_may_begin_another_stream),
      TEST(a_client_that_is_freed_takes_paused_streams_along),
  };
  return cmocka_run_group_tests(tests, over_curl, NULL) + cmocka_run_group_tests(tests, over_our_own, NULL);
}
