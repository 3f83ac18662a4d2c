/* An upstream that misbehaves by path, and a client that asks it: for the tests of the HTTP client. */
#ifndef CONNEK_TEST_NET_HTTP_CLIENT_FIXTURE_H
#define CONNEK_TEST_NET_HTTP_CLIENT_FIXTURE_H

#include "net/http_client.h"

#include "upstream.h"

#include "base/limits.h"

/* ---- the other side ---- */

static inline bool is_target(const char *request, const char *target) {
  const char *space = strchr(request, ' ');
  size_t n = strlen(target);
  return space && strncmp(space + 1, target, n) == 0 && (space[1 + n] == ' ' || space[1 + n] == '?');
}

static inline void send_many_fields(int fd, int n, size_t value_n) {
  char *value = malloc(value_n + 1);
  memset(value, 'v', value_n);
  value[value_n] = '\0';
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
  for (int i = 0; i < n; i++) {
    char name[32];
    snprintf(name, sizeof(name), "X-%d: ", i);
    upstream_text(fd, name);
    upstream_text(fd, value);
    upstream_text(fd, "\r\n");
  }
  upstream_text(fd, "\r\nok");
  free(value);
}

static inline void send_body(int fd, size_t n, bool is_chunked) {
  char head[128], piece[8192];
  memset(piece, 'b', sizeof(piece));
  snprintf(head, sizeof(head),
           is_chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      : "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           n);
  upstream_text(fd, head);
  while (n > 0) {
    size_t now = n < sizeof(piece) ? n : sizeof(piece);
    if (is_chunked) {
      snprintf(head, sizeof(head), "%zx\r\n", now);
      upstream_text(fd, head);
    }
    upstream_write(fd, piece, now);
    if (is_chunked) upstream_text(fd, "\r\n");
    n -= now;
  }
  if (is_chunked) upstream_text(fd, "0\r\nX-Trailer: late\r\n\r\n");
}

/* A gzip stream of endless zeros, about 20 bytes a kilobyte (RFC 1951, fixed codes). */
static inline void send_gzip_bomb(int fd) {
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n");
  unsigned char bytes[64 * 1024] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  size_t bit = 80;
  /* final block, fixed codes; literal 0; then "258 times the byte before" without end */
  const char *start = "11000110000", *again = "1100010100000";
  for (size_t i = 0; i < 11; i++, bit++)
    if (start[i] == '1') bytes[bit / 8] |= (unsigned char)(1u << (bit % 8));
  while (bit + 13 < sizeof(bytes) * 8)
    for (size_t i = 0; i < 13; i++, bit++)
      if (again[i] == '1') bytes[bit / 8] |= (unsigned char)(1u << (bit % 8));
  upstream_write(fd, (const char *)bytes, sizeof(bytes) - 2);
}

/* "hello, hello", by zlib. */
static inline void send_gzip(int fd, size_t n_less) {
  static const char gzip[] = {(char)0x1f, (char)0x8b, (char)0x08, (char)0x00, (char)0x00, (char)0x00,
                              (char)0x00, (char)0x00, (char)0x02, (char)0x03, (char)0xcb, (char)0x48,
                              (char)0xcd, (char)0xc9, (char)0xc9, (char)0xd7, (char)0x51, (char)0xc8,
                              (char)0x00, (char)0x51, (char)0x00, (char)0xff, (char)0xc5, (char)0xcc,
                              (char)0xf3, (char)0x0c, (char)0x00, (char)0x00, (char)0x00};
  char head[128];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
           sizeof(gzip) - n_less);
  upstream_text(fd, head);
  upstream_write(fd, gzip, sizeof(gzip) - n_less);
}

/* What only a few bytes tell apart from an answer as others give it. */
static inline bool answer_oddly(struct upstream_connection *connection, const char *request) {
  int fd = connection->fd;
  if (is_target(request, "/until-close")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nX-Empty:\r\n\r\nall of it");
    return false;
  }
  if (is_target(request, "/says-close")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  } else if (is_target(request, "/nothing")) {
    upstream_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
  } else if (is_target(request, "/head")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
  } else if (is_target(request, "/bare-lf")) {
    upstream_text(fd, "HTTP/1.1 200 OK\nContent-Length: 2\nX-A: b\n\nok");
  } else if (is_target(request, "/more-than-asked")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    uv_sleep(20); /* behind the answer, and not with it */
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  } else if (is_target(request, "/gzip")) {
    send_gzip(fd, 0);
  } else if (is_target(request, "/gzip-cut")) {
    send_gzip(fd, 16);
  } else if (is_target(request, "/coded-twice")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  } else if (is_target(request, "/coding-unknown")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 2\r\n\r\nbx");
  } else {
    upstream_reply(fd, "200 OK", "text/plain; charset=utf-8", "hello");
  }
  return true;
}

static inline bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  int fd = connection->fd;
  if (is_target(request, "/redirect")) {
    upstream_text(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
  } else if (is_target(request, "/missing")) {
    upstream_reply(fd, "404 Not Found", "application/json", "{\"message\":\"none\"}");
  } else if (is_target(request, "/big")) {
    send_body(fd, 100 * 1000, false);
  } else if (is_target(request, "/chunked")) {
    send_body(fd, 100 * 1000, true);
  } else if (is_target(request, "/bomb")) {
    send_gzip_bomb(fd);
    return false;
  } else if (is_target(request, "/many-fields")) {
    send_many_fields(fd, LIMIT_HTTP_HEADER_COUNT, 1);
  } else if (is_target(request, "/large-fields")) {
    send_many_fields(fd, 20, 4000);
  } else if (is_target(request, "/hang")) {
    return true;
  } else if (is_target(request, "/cut")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    return false;
  } else if (is_target(request, "/garbage")) {
    upstream_text(fd, "what is HTTP?\r\n\r\n");
    return false;
  } else if (is_target(request, "/interim")) {
    upstream_text(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
    upstream_reply(fd, "200 OK", "text/plain", "final");
  } else if (is_target(request, "/dies-when-used-again") && connection->n_requests > 1) {
    return false;
  } else if (is_target(request, "/last")) {
    upstream_reply(fd, "200 OK", "text/plain", "bye");
    return false;
  } else {
    return answer_oddly(connection, request);
  }
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

struct outcome {
  int n_done;
  bool has_response;
  struct http_client_response response;
  struct err err;
  struct http_client *client; /* where `done` goes on */
  struct fixture *fixture;
  struct http_transfer *victim;
  int n_left;
};

static inline void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct outcome *outcome = context;
  outcome->n_done++;
  outcome->has_response = response != NULL;
  if (response) outcome->response = *response;
  if (err) outcome->err = *err;
}

/* The transport that is tested: every test runs over both. */
static bool uses_curl_alone;

static inline void client_start(struct fixture *f, const char *proxy) {
  const struct http_client_options options = {.guard = &f->guard, .proxy = proxy, .uses_curl_alone = uses_curl_alone};
  assert_ok(http_client_new(&f->loop, &options, &f->client, &test_err));
}

static inline int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_ok(loop_init(&f->loop, &test_err));
  f->upstream = upstream_start(answer);
  f->exception = (struct address_exception){STR("127.0.0.1"), f->upstream->port};
  f->guard = (struct address_guard){&f->exception, 1};
  arena_init(&f->arena, 0);
  client_start(f, NULL);
  *state = f;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *f = *state;
  if (f->client) http_client_free(f->client);
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  upstream_stop(f->upstream);
  arena_release(&f->arena);
  free(f);
  return 0;
}

static inline struct str url_of(struct fixture *f, const char *host, const char *target) {
  return arena_printf(&f->arena, "http://%s:%u%s", host, f->upstream->port, target);
}

static inline struct http_client_request get(struct fixture *f, const char *target) {
  return (struct http_client_request){.method = STR("GET"), .url = url_of(f, "127.0.0.1", target)};
}

static inline struct http_transfer *start(struct fixture *f, const struct http_client_request *request,
                                          struct outcome *outcome) {
  struct http_transfer *transfer = NULL;
  assert_ok(http_client_send(f->client, &f->arena, request, on_done, outcome, &transfer, &test_err));
  assert_non_null(transfer);
  return transfer;
}

static inline void wait_for(struct fixture *f, const struct outcome *outcome, int n) {
  while (outcome->n_done < n)
    uv_run(&f->loop.uv, UV_RUN_ONCE);
  assert_int_equal(outcome->n_done, n);
}

static inline struct outcome fetch(struct fixture *f, const struct http_client_request *request) {
  struct outcome outcome = {0};
  start(f, request, &outcome);
  assert_int_equal(outcome.n_done, 0); /* never from within send */
  wait_for(f, &outcome, 1);
  return outcome;
}

static inline struct outcome fetch_target(struct fixture *f, const char *target) {
  const struct http_client_request request = get(f, target);
  return fetch(f, &request);
}

static inline void assert_failed(const struct outcome *outcome, enum err_code code, const char *text) {
  assert_false(outcome->has_response);
  if (outcome->err.code != code || !strstr(outcome->err.text, text))
    fail_msg("%s: %s (%s)", err_code_name(outcome->err.code), outcome->err.text, outcome->err.detail);
}

/* Both transports promise the same. */
static inline int over_curl(void **state) {
  uses_curl_alone = true;
  return 0;
}

static inline int over_our_own(void **state) {
  uses_curl_alone = false;
  return 0;
}

#define RUN_OVER_BOTH(tests) \
  cmocka_run_group_tests(tests, over_curl, NULL) + cmocka_run_group_tests(tests, over_our_own, NULL)

#endif
