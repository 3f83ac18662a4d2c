/* A real HTTP server for tests of what calls out: blocking sockets, a thread a connection, answers by a function of the
 * test. Not strict, not fast, not for anything else. */
#ifndef CONNEK_TEST_UPSTREAM_H
#define CONNEK_TEST_UPSTREAM_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

enum { UPSTREAM_CONNECTIONS = 512, UPSTREAM_REQUEST = 64 * 1024, UPSTREAM_SEEN = 4 * 1024 * 1024 };

struct upstream;

struct upstream_connection {
  struct upstream *upstream;
  pthread_t thread;
  int fd;
  int n_requests; /* on this connection so far, this one included */
};

/* `request` is the whole request, NUL-terminated. Writes to connection->fd; false closes it. */
typedef bool (*upstream_answer)(struct upstream_connection *connection, const char *request, size_t n);

struct upstream {
  int fd;
  uint16_t port;
  upstream_answer answer;
  pthread_t thread;
  atomic_int n_accepted, n_requests;
  struct upstream_connection connections[UPSTREAM_CONNECTIONS];
  pthread_mutex_t lock;
  char last[UPSTREAM_REQUEST]; /* the last request, under `lock` */
  char *seen;                  /* all of them, one behind the other, under `lock`; up to UPSTREAM_SEEN */
  size_t seen_n;
};

static inline void upstream_write(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t written = send(fd, bytes, n, MSG_NOSIGNAL);
    if (written <= 0) return;
    bytes += written;
    n -= (size_t)written;
  }
}

static inline void upstream_text(int fd, const char *text) {
  upstream_write(fd, text, strlen(text));
}

static inline void upstream_reply(int fd, const char *status, const char *type, const char *body) {
  char head[256];
  int n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, type,
                   strlen(body));
  upstream_write(fd, head, (size_t)n);
  upstream_text(fd, body);
}

/* Of a chunked body, in one write: what it says may have another thread write the next one before this returns. */
static inline void upstream_chunk(int fd, const char *text) {
  char chunk[16 * 1024];
  size_t n = strlen(text);
  if (n > sizeof(chunk) - 32) abort();
  upstream_write(fd, chunk, (size_t)snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", n, text));
}

/* Head and body of the next request; 0: the peer has gone. */
static inline size_t upstream_read(int fd, char *request) {
  size_t n = 0, need = 0;
  while (need == 0 || n < need) {
    ssize_t got = recv(fd, request + n, UPSTREAM_REQUEST - 1 - n, 0);
    if (got <= 0) return 0;
    n += (size_t)got;
    request[n] = '\0';
    char *end = need ? NULL : strstr(request, "\r\n\r\n");
    if (!end) continue;
    char *length = strcasestr(request, "\r\ncontent-length:");
    need = (size_t)(end - request) + 4 + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
  }
  return n;
}

static inline void upstream_keep(struct upstream *upstream, const char *request, size_t n) {
  pthread_mutex_lock(&upstream->lock);
  memcpy(upstream->last, request, n + 1);
  if (upstream->seen_n + n + 1 <= UPSTREAM_SEEN) {
    upstream->seen = realloc(upstream->seen, upstream->seen_n + n + 1);
    if (!upstream->seen) abort();
    memcpy(upstream->seen + upstream->seen_n, request, n + 1);
    upstream->seen_n += n;
  }
  pthread_mutex_unlock(&upstream->lock);
}

static inline void *upstream_serve(void *context) {
  struct upstream_connection *connection = context;
  struct upstream *upstream = connection->upstream;
  char *request = malloc(UPSTREAM_REQUEST);
  size_t n;
  while (request && (n = upstream_read(connection->fd, request)) > 0) {
    connection->n_requests++;
    upstream_keep(upstream, request, n);
    atomic_fetch_add(&upstream->n_requests, 1);
    if (!upstream->answer(connection, request, n)) break;
  }
  free(request);
  shutdown(connection->fd, SHUT_RDWR);
  return NULL;
}

static inline void *upstream_accept(void *context) {
  struct upstream *upstream = context;
  for (;;) {
    int fd = accept(upstream->fd, NULL, NULL);
    if (fd < 0) return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int i = atomic_load(&upstream->n_accepted);
    if (i == UPSTREAM_CONNECTIONS) {
      close(fd);
      continue;
    }
    upstream->connections[i] = (struct upstream_connection){.upstream = upstream, .fd = fd};
    atomic_store(&upstream->n_accepted, i + 1); /* before it can answer */
    if (pthread_create(&upstream->connections[i].thread, NULL, upstream_serve, &upstream->connections[i]) != 0) abort();
  }
}

static inline struct upstream *upstream_start(upstream_answer answer) {
  struct upstream *upstream = calloc(1, sizeof(*upstream));
  assert_non_null(upstream);
  upstream->answer = answer;
  pthread_mutex_init(&upstream->lock, NULL);
  upstream->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  assert_int_equal(bind(upstream->fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(upstream->fd, 512), 0);
  assert_int_equal(getsockname(upstream->fd, (struct sockaddr *)&address, &size), 0);
  upstream->port = ntohs(address.sin_port);
  assert_int_equal(pthread_create(&upstream->thread, NULL, upstream_accept, upstream), 0);
  return upstream;
}

static inline void upstream_stop(struct upstream *upstream) {
  shutdown(upstream->fd, SHUT_RDWR);
  pthread_join(upstream->thread, NULL);
  close(upstream->fd);
  for (int i = 0; i < atomic_load(&upstream->n_accepted); i++) {
    shutdown(upstream->connections[i].fd, SHUT_RDWR);
    pthread_join(upstream->connections[i].thread, NULL);
    close(upstream->connections[i].fd);
  }
  pthread_mutex_destroy(&upstream->lock);
  free(upstream->seen);
  free(upstream);
}

/* Does the last request hold this text? */
static inline bool upstream_saw(struct upstream *upstream, const char *text) {
  pthread_mutex_lock(&upstream->lock);
  bool has = strcasestr(upstream->last, text) != NULL;
  pthread_mutex_unlock(&upstream->lock);
  return has;
}

/* Has any request held it? For what comes over several connections at once, in whichever order. */
static inline bool upstream_has_seen(struct upstream *upstream, const char *text) {
  pthread_mutex_lock(&upstream->lock);
  bool has = upstream->seen && strcasestr(upstream->seen, text) != NULL;
  pthread_mutex_unlock(&upstream->lock);
  return has;
}

#endif
