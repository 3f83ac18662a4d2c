/* Each allocation fails once: nothing crashes, nothing leaks, every exchange that the handler was given ends. */
#include "http_requests.h"
#include "http_served.h"

/* The linker sends every call of ours, and of the libraries built with us, through here (--wrap in meson.build). */
static long left_until_failure = -1; /* -1: none fails */

static bool must_fail(void) {
  if (left_until_failure < 0) return false;
  return left_until_failure-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) {
  return must_fail() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t count, size_t n) {
  return must_fail() ? NULL : __real_calloc(count, n);
}
void *__wrap_realloc(void *p, size_t n) {
  return must_fail() ? NULL : __real_realloc(p, n);
}

static unsigned n_given;

/* /now is answered at once, /later by finish(), /stream in part now and in part by finish(). */
static void on_request(struct http_exchange *exchange, void *context) {
  n_given++;
  if (str_eq_c(exchange->path, "/now")) {
    http_reply(exchange, &(struct http_reply){.status = 200, .release = on_released, .body = STR("now")});
    return;
  }
  exchange->on_departed = on_departed_count;
  served.owed[served.n_owed++] = exchange;
  if (!str_eq_c(exchange->path, "/stream")) return;
  static const char piece[100 * 1024];
  http_stream_begin(exchange, &(struct http_reply){.status = 200, .release = on_released}, NULL);
  for (int i = 0; i < 3; i++)
    (void)!http_stream_write(exchange, str_make(piece, sizeof(piece)));
}

static unsigned n_finished;
static void finish(void) {
  for (; n_finished < served.n_owed; n_finished++) {
    struct http_exchange *exchange = served.owed[n_finished];
    if (str_eq_c(exchange->path, "/stream"))
      http_stream_end(exchange);
    else
      answer(n_finished, STR("later"));
  }
}

static void make_requests(struct buf *requests) {
  buf_init(requests, NULL, MIB);
  buf_append_c(requests, "GET /now HTTP/1.1\r\n" H);
  for (int i = 0; i < 40; i++)
    buf_printf(requests, "X-%d: %0200d\r\n", i, i);
  buf_append_c(requests, "\r\nPOST /later HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n");
  for (int i = 0; i < 100000; i++)
    buf_append_byte(requests, 'x');
  buf_append_c(requests, "POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2000\r\n");
  for (int i = 0; i < 0x2000; i++)
    buf_append_byte(requests, 'y');
  buf_append_c(requests, "\r\n0\r\n\r\nGET /now HTTP/1.1\r\n" H "\r\n");
}

/* All four requests over one connection, until they are answered or the server ends it. */
static void talk(const struct buf *requests) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(served.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  static char sink[64 * 1024];
  size_t at = 0;
  bool is_end = false;
  int64_t until_us = clock_monotonic_us() + PATIENCE_US;
  while (!is_end && served.n_released < 4) {
    ssize_t sent = send(fd, requests->p + at, requests->n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) at += (size_t)sent;
    turn(1);
    ssize_t n = recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
    is_end = n == 0 || (n < 0 && errno != EAGAIN);
    finish();
    if (clock_monotonic_us() > until_us) fail_msg("neither answered nor ended");
  }
  close(fd);
}

static void each_allocation_may_fail(void **state) {
  struct buf requests;
  make_requests(&requests);
  bool has_failed = true;
  for (long n = 0; has_failed; n++) {
    n_given = n_finished = 0;
    serve(on_request);
    left_until_failure = n;
    talk(&requests);
    has_failed = left_until_failure < 0;
    left_until_failure = -1;
    finish();
    serve_end();
    assert_int_equal(served.n_released, n_given);
    if (!has_failed) assert_int_equal(n_given, 4);
    assert_in_range(n, 0, 1000);
  }
  buf_release(&requests);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
