/* A server and its clients in one thread: the loop is turned by hand, time is made to pass by ageing the loop. What a
 * test waits for, it waits for by turning the loop until it is there (UNTIL), never by a number of turns. */
#ifndef CONNEK_TEST_HTTP_SERVED_H
#define CONNEK_TEST_HTTP_SERVED_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/http_server.h"
#include "net/http_server_inner.h"
#include "wait.h"

enum { OWED_MAX = 16 };

/* What the handlers below share; one server at a time. */
static struct {
  struct loop loop;
  struct http_server *server;
  uint16_t port;
  struct http_server_counts last; /* when it was drained */
  bool is_drained;
  /* deferred replies */
  struct http_exchange *owed[OWED_MAX];
  unsigned n_owed;
  unsigned n_departed;
  unsigned n_released;
  struct buf seen; /* a line a request, as on_request saw it */
} served;

static void turn(unsigned n) __attribute__((unused));
static void turn(unsigned n) {
  while (n-- > 0)
    uv_run(&served.loop.uv, UV_RUN_NOWAIT);
}

/* Turns the loop until the condition holds; a test that waits in vain fails. */
#define UNTIL(condition) WAIT_UNTIL(condition, turn(1))

static void see(const struct http_exchange *exchange) __attribute__((unused));
static void see(const struct http_exchange *exchange) {
  buf_printf(&served.seen, "%.*s %.*s", STR_ARG(exchange->method), STR_ARG(exchange->path));
  if (exchange->query.n > 0) buf_printf(&served.seen, " ?%.*s", STR_ARG(exchange->query));
  if (exchange->body.n > 0) buf_printf(&served.seen, " body %zu", exchange->body.n);
  buf_append_c(&served.seen, "\n");
}

/* Answers at once: 200, with the method, the path and the body's length as text. */
static void on_request_echo(struct http_exchange *exchange, void *context) __attribute__((unused));
static void on_request_echo(struct http_exchange *exchange, void *context) {
  see(exchange);
  struct str text = arena_printf(&exchange->arena, "%.*s %.*s %zu", STR_ARG(exchange->method), STR_ARG(exchange->path),
                                 exchange->body.n);
  http_reply(exchange, &(struct http_reply){.status = 200, .content_type = STR("text/plain"), .body = text});
}

static void on_departed_count(struct http_exchange *exchange) {
  served.n_departed++;
}

/* Answers when the test does. */
static void on_request_defer(struct http_exchange *exchange, void *context) __attribute__((unused));
static void on_request_defer(struct http_exchange *exchange, void *context) {
  see(exchange);
  assert_true(served.n_owed < OWED_MAX);
  exchange->on_departed = on_departed_count;
  served.owed[served.n_owed++] = exchange;
}

static void on_released(void *context) {
  served.n_released++;
}

static void answer(unsigned i, struct str body) __attribute__((unused));
static void answer(unsigned i, struct str body) {
  struct http_exchange *exchange = served.owed[i];
  served.owed[i] = NULL;
  http_reply(exchange, &(struct http_reply){.status = 200, .body = body, .release = on_released});
}

static void serve_with(const struct http_server_options *options) {
  memset(&served, 0, sizeof(served));
  buf_init(&served.seen, NULL, 64 * MIB);
  assert_ok(loop_init(&served.loop, &test_err));
  assert_ok(http_server_start(&served.loop, STR("127.0.0.1"), 0, true, options, &served.server, &test_err));
  served.port = http_server_port(served.server);
  assert_int_not_equal(served.port, 0);
}

static void serve(void (*on_request)(struct http_exchange *, void *)) __attribute__((unused));
static void serve(void (*on_request)(struct http_exchange *, void *)) {
  serve_with(&(struct http_server_options){.on_request = on_request});
}

static void on_drained(void *context) {
  http_server_count(served.server, &served.last);
  served.is_drained = true;
}

/* Every test ends so: nothing may be left over. */
static void serve_end(void) __attribute__((unused));
static void serve_end(void) {
  if (!served.is_drained) {
    http_server_drain(served.server, on_drained, NULL);
    turn(10);
    if (!served.is_drained) { /* connections whose clients hold on */
      loop_age(&served.loop, LIMIT_HTTP_DRAIN_MS * (int64_t)1000);
      http_server_sweep(served.server);
    }
  }
  UNTIL(served.is_drained);
  assert_int_equal(served.last.connections, 0);
  loop_stop(&served.loop);
  loop_run(&served.loop);
  loop_release(&served.loop);
  buf_release(&served.seen);
}

static void age_ms(int64_t ms) __attribute__((unused));
static void age_ms(int64_t ms) {
  loop_age(&served.loop, ms * 1000);
  http_server_sweep(served.server);
  turn(3);
}

static int client_with(int receive_buffer) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(served.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  uint64_t accepted = served.server->counts->accepted;
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  UNTIL(served.server->counts->accepted > accepted);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}
static int client(void) __attribute__((unused));
static int client(void) {
  return client_with(0);
}

/* Ends early where the server has closed: what it answered is what counts. */
static void give_n(int fd, const void *bytes, size_t n) {
  int64_t until_us = clock_monotonic_us() + PATIENCE_US;
  for (size_t at = 0; at < n;) {
    ssize_t sent = send(fd, (const char *)bytes + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) at += (size_t)sent;
    if (sent < 0 && errno != EAGAIN) break;
    turn(1);
    if (clock_monotonic_us() > until_us) fail_msg("the server does not read");
  }
  /* The kernel has handed all of it on, and the server has read what it wants: silence means something after this. */
  int unsent = 1;
  while (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 && clock_monotonic_us() < until_us)
    turn(1);
  turn(5);
}
static void give(int fd, const char *text) __attribute__((unused));
static void give(int fd, const char *text) {
  give_n(fd, text, strlen(text));
}

/* RST instead of FIN. */
static void client_reset(int fd) __attribute__((unused));
static void client_reset(int fd) {
  struct linger linger = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close(fd);
  turn(5);
}

/* What has come by now. `ret_is_end`: and nothing more will. */
static size_t take_now(int fd, struct buf *into, bool *ret_is_end) {
  char *room = buf_reserve(into, 64 * KIB);
  assert_non_null(room);
  ssize_t n = recv(fd, room, 64 * KIB, MSG_DONTWAIT);
  *ret_is_end = n == 0 || (n < 0 && errno != EAGAIN);
  if (n > 0) into->n += (size_t)n;
  return n > 0 ? (size_t)n : 0;
}

/* Waits until so many bytes are there. */
static void take_n(int fd, struct buf *into, size_t n) __attribute__((unused));
static void take_n(int fd, struct buf *into, size_t n) {
  bool is_end = false;
  UNTIL((into->n < n && take_now(fd, into, &is_end) > 0 && into->n >= n) || into->n >= n || is_end);
  if (into->n < n) fail_msg("the connection ended after %zu bytes, not %zu", into->n, n);
}

/* Reads until the server's end. */
static void take_all(int fd, struct buf *into) __attribute__((unused));
static void take_all(int fd, struct buf *into) {
  bool is_end = false;
  UNTIL((take_now(fd, into, &is_end), is_end));
}

/* The server says nothing, and stays. */
static void assert_silent(int fd) __attribute__((unused));
static void assert_silent(int fd) {
  turn(5);
  char c;
  ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
  if (n >= 0 || errno != EAGAIN) fail_msg("the server was not silent: %zd", n);
}

/* The server has ended its side, and sends nothing before. */
static bool has_end(int fd) {
  char c;
  ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
  if (n > 0) fail_msg("bytes instead of the end");
  return n == 0 || errno != EAGAIN;
}
static void assert_end(int fd) __attribute__((unused));
static void assert_end(int fd) {
  UNTIL(has_end(fd));
}

static bool has(struct str text, const char *part) __attribute__((unused));
static bool has(struct str text, const char *part) {
  return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* The reply that take_reply read last. */
static struct {
  struct buf bytes;
  struct str head, body;
} got;

/* Reads one reply and not a byte more: its head byte by byte, then as much as Content-Length says. 0: none came. */
static int take_reply(int fd) __attribute__((unused));
static int take_reply(int fd) {
  if (!got.bytes.p) buf_init(&got.bytes, NULL, 64 * MIB);
  buf_clear(&got.bytes);
  size_t head_n = 0, wanted = 0;
  int64_t until_us = clock_monotonic_us() + PATIENCE_US;
  while (clock_monotonic_us() < until_us) {
    char *room = buf_reserve(&got.bytes, 64 * KIB);
    assert_non_null(room);
    size_t left = wanted - got.bytes.n;
    ssize_t n = recv(fd, room, head_n == 0 ? 1 : left < 64 * KIB ? left : 64 * KIB, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return 0;
    if (n > 0) got.bytes.n += (size_t)n;
    if (n < 0) turn(1);
    struct str bytes = buf_str(&got.bytes);
    if (head_n == 0 && str_ends(bytes, STR("\r\n\r\n"))) {
      head_n = bytes.n;
      const char *length = memmem(bytes.p, bytes.n, "\r\nContent-Length: ", 18);
      wanted = bytes.n + (length ? strtoul(length + 18, NULL, 10) : 0);
    }
    if (head_n == 0 || bytes.n < wanted) continue;
    got.head = str_make(bytes.p, head_n);
    got.body = str_make(bytes.p + head_n, bytes.n - head_n);
    assert_true(str_starts(bytes, STR("HTTP/1.1 ")));
    return (int)strtol(bytes.p + 9, NULL, 10);
  }
  return 0;
}

static void got_release(void) __attribute__((unused));
static void got_release(void) {
  buf_release(&got.bytes);
}

#endif
