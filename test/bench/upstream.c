/* The service that stands behind everything that is measured: as cheap as a web server can be, so that what is in front
 * of it is what the figures show. It shares nothing with Connek, so that it stays the same yardstick when Connek
 * changes.
 *
 *   GET or POST /item      a JSON object of 1,024 bytes
 *   GET or POST /bytes/N   a JSON object of N bytes (16 to 1 MiB)
 *   GET or POST /list/N    a page of orders, about N bytes (512 to 1 MiB), with the cursor of the next one
 *
 * Prints the port it listens on (127.0.0.1, any free one), then serves until it is killed or its parent ends. It trusts
 * its clients: the bench alone speaks to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  CONNECTIONS = 4096,
  REQUEST = 16 * 1024,
  HEAD = 256,
  ITEM = 1024,
  BODY_MIN = 16,
  LIST_MIN = 512,
  BODY_MAX = 1024 * 1024
};

struct connection {
  size_t n;
  char bytes[REQUEST];
};

struct reply {
  size_t body_n; /* 0: not made yet */
  size_t asked_n;
  size_t n;
  char bytes[HEAD + BODY_MAX];
};

struct upstream {
  int epoll, listener;
  struct connection *connections[CONNECTIONS]; /* by descriptor */
  struct reply item, bytes, list;
};

static void reply_head(struct reply *reply, size_t body_n) {
  reply->body_n = body_n;
  reply->n = (size_t)snprintf(reply->bytes, HEAD,
                              "HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Type: application/json\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              body_n);
}

/* An order, as a web API would tell it; the note fills it up. */
static void reply_make_item(struct reply *reply) {
  reply_head(reply, ITEM);
  char *body = reply->bytes + reply->n;
  size_t n = (size_t)snprintf(body, ITEM,
                              "{\"id\":\"ord_20261120_0001\",\"status\":\"open\",\"currency\":\"EUR\","
                              "\"customer\":{\"id\":4711,\"name\":\"Globex\",\"country\":\"DE\"},\"lines\":[");
  for (int i = 1; i <= 8; i++) {
    n += (size_t)snprintf(body + n, ITEM - n, "%s{\"sku\":\"SKU-%04d\",\"quantity\":%d,\"price\":%d.95,\"paid\":%s}",
                          i == 1 ? "" : ",", 1000 + i, i, 10 * i, i % 2 ? "true" : "false");
  }
  n += (size_t)snprintf(body + n, ITEM - n, "],\"note\":\"");
  memset(body + n, 'n', ITEM - 2 - n);
  memcpy(body + ITEM - 2, "\"}", 2);
  reply->n += ITEM;
}

static void reply_make_bytes(struct reply *reply, size_t body_n) {
  static const char start[] = "{\"note\":\"";
  reply_head(reply, body_n);
  char *body = reply->bytes + reply->n;
  memset(body, 'n', body_n);
  memcpy(body, start, sizeof(start) - 1);
  memcpy(body + body_n - 2, "\"}", 2);
  reply->n += body_n;
}

static void reply_make_list(struct reply *reply, size_t body_n) {
  static char body[BODY_MAX];
  size_t n = (size_t)snprintf(body, sizeof(body), "{\"next\":\"b3JkZXI3\",\"data\":[");
  for (int i = 1; i == 1 || n + 256 < body_n; i++) {
    n += (size_t)snprintf(body + n, sizeof(body) - n,
                          "%s{\"id\":\"ord_%06d\",\"status\":\"open\",\"total\":%d.50,\"currency\":\"EUR\","
                          "\"customer\":{\"id\":%d,\"name\":\"Globex\",\"country\":\"DE\"},\"internal\":true}",
                          i == 1 ? "" : ",", i, 10 * i, 4700 + i);
  }
  n += (size_t)snprintf(body + n, sizeof(body) - n, "]}");
  reply_head(reply, n);
  memcpy(reply->bytes + reply->n, body, n);
  reply->n += n;
  reply->asked_n = body_n;
}

static const struct reply *find_reply(struct upstream *upstream, const char *path) {
  static const char bytes[] = "/bytes/";
  if (strncmp(path, bytes, sizeof(bytes) - 1) == 0) {
    size_t n = strtoul(path + sizeof(bytes) - 1, NULL, 10);
    if (n < BODY_MIN || n > BODY_MAX) return NULL;
    if (upstream->bytes.body_n != n) reply_make_bytes(&upstream->bytes, n);
    return &upstream->bytes;
  }
  static const char list[] = "/list/";
  if (strncmp(path, list, sizeof(list) - 1) == 0) {
    size_t n = strtoul(path + sizeof(list) - 1, NULL, 10);
    if (n < LIST_MIN || n > BODY_MAX) return NULL;
    if (upstream->list.asked_n != n) reply_make_list(&upstream->list, n);
    return &upstream->list;
  }
  return strncmp(path, "/item", 5) == 0 ? &upstream->item : NULL;
}

/* The sockets block for writing: no reply here is larger than what its reader takes. */
static bool write_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    n -= (size_t)sent;
  }
  return true;
}

static size_t content_length(const char *head, const char *end) {
  static const char name[] = "content-length:";
  for (const char *line = head; line < end; line++) {
    line = memchr(line, '\n', (size_t)(end - line));
    if (!line) break;
    if (strncasecmp(line + 1, name, sizeof(name) - 1) == 0) return strtoul(line + sizeof(name), NULL, 10);
  }
  return 0;
}

/* Answers what has arrived in full. False: the connection is of no more use. */
static bool answer(struct upstream *upstream, int fd, struct connection *connection) {
  size_t done = 0;
  for (;;) {
    char *head = connection->bytes + done;
    size_t n = connection->n - done;
    char *end = n > 0 ? memmem(head, n, "\r\n\r\n", 4) : NULL;
    if (!end) break;
    size_t whole = (size_t)(end + 4 - head) + content_length(head, end + 2);
    if (whole > n) break;
    char *path = memchr(head, ' ', n);
    const struct reply *reply = path ? find_reply(upstream, path + 1) : NULL;
    if (!reply || !write_all(fd, reply->bytes, reply->n)) return false;
    done += whole;
  }
  connection->n -= done;
  if (done > 0 && connection->n > 0) memmove(connection->bytes, connection->bytes + done, connection->n);
  return true;
}

static void drop(struct upstream *upstream, int fd) {
  close(fd);
  free(upstream->connections[fd]);
  upstream->connections[fd] = NULL;
}

static void serve(struct upstream *upstream, int fd) {
  struct connection *connection = upstream->connections[fd];
  size_t room = sizeof(connection->bytes) - 1 - connection->n;
  ssize_t n = room > 0 ? recv(fd, connection->bytes + connection->n, room, MSG_DONTWAIT) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    drop(upstream, fd);
    return;
  }
  connection->n += (size_t)n;
  connection->bytes[connection->n] = '\0';
  if (!answer(upstream, fd, connection)) drop(upstream, fd);
}

static void accept_one(struct upstream *upstream) {
  int fd = accept4(upstream->listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  struct connection *connection = fd < CONNECTIONS ? malloc(sizeof(*connection)) : NULL;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (!connection || epoll_ctl(upstream->epoll, EPOLL_CTL_ADD, fd, &event)) {
    free(connection);
    close(fd);
    return;
  }
  connection->n = 0;
  upstream->connections[fd] = connection;
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool open_listener(struct upstream *upstream) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof(address);
  upstream->epoll = epoll_create1(EPOLL_CLOEXEC);
  upstream->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = upstream->listener};
  if (upstream->epoll < 0 || upstream->listener < 0 || bind(upstream->listener, (struct sockaddr *)&address, n) ||
      listen(upstream->listener, 1024) || getsockname(upstream->listener, (struct sockaddr *)&address, &n) ||
      epoll_ctl(upstream->epoll, EPOLL_CTL_ADD, upstream->listener, &event)) {
    perror("upstream");
    return false;
  }
  printf("%u\n", ntohs(address.sin_port));
  return fflush(stdout) == 0;
}

int main(void) {
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
  struct upstream *upstream = calloc(1, sizeof(*upstream));
  if (!upstream) return 1;
  reply_make_item(&upstream->item);
  if (!open_listener(upstream)) {
    free(upstream);
    return 1;
  }
  for (;;) {
    struct epoll_event events[128];
    int n = epoll_wait(upstream->epoll, events, 128, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.fd == upstream->listener)
        accept_one(upstream);
      else
        serve(upstream, events[i].data.fd);
    }
  }
}
