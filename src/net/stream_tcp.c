/* TCP under the byte-stream interface. Must not know what the bytes mean. */
#include "net/stream_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, REST_MS = 100 };

static struct stream_tcp *tcp_of(const struct stream *stream) {
  return (struct stream_tcp *)stream; /* its first member */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer) {
  struct stream_tcp *tcp = handle->data;
  size_t n = tcp->buffer_size < tcp->stream.read_max ? tcp->buffer_size : tcp->stream.read_max;
  *ret_buffer = uv_buf_init(tcp->buffer, (unsigned)n);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buffer) {
  struct stream_tcp *tcp = handle->data;
  if (n > 0) {
    tcp->stream.events->on_read(&tcp->stream, buffer->base, (size_t)n);
  } else if (n == UV_EOF) {
    tcp->stream.events->on_read(&tcp->stream, buffer->base, 0);
  } else if (n < 0) {
    uv_read_stop(handle);
    tcp->stream.events->on_error(&tcp->stream, (int)n);
  }
}

static void tcp_read_start(struct stream *stream) {
  int failure = uv_read_start((uv_stream_t *)&tcp_of(stream)->tcp, on_alloc, on_read);
  (void)failure; /* fails only where it reads already, or is closing: both leave nothing to do */
}

static void tcp_read_stop(struct stream *stream) {
  uv_read_stop((uv_stream_t *)&tcp_of(stream)->tcp);
}

static void on_write_end(uv_write_t *request, int status) {
  struct stream_tcp *tcp = request->data;
  if (uv_is_closing((uv_handle_t *)&tcp->tcp)) return;
  tcp->stream.events->on_written(&tcp->stream, status);
}

/* What the system takes at once needs no request and no turn of the loop: the common case is one system call. */
static enum err_code tcp_write(struct stream *stream, const char *head, size_t head_n, const char *body,
                               size_t body_n) {
  struct stream_tcp *tcp = tcp_of(stream);
  uv_buf_t pieces[2] = {uv_buf_init((char *)head, (unsigned)head_n), uv_buf_init((char *)body, (unsigned)body_n)};
  unsigned n_pieces = body_n > 0 ? 2 : 1;
  int taken = uv_try_write((uv_stream_t *)&tcp->tcp, pieces, n_pieces);
  if (taken < 0 && taken != UV_EAGAIN) return ERR_CANCELLED;
  size_t sent = taken > 0 ? (size_t)taken : 0;
  if (sent == head_n + body_n) {
    stream->events->on_written(stream, 0);
    return ERR_NONE;
  }
  uv_buf_t *first = pieces;
  if (sent >= first->len && n_pieces == 2) {
    sent -= first->len;
    first++;
    n_pieces--;
  }
  first->base += sent;
  first->len -= sent;
  tcp->write.data = tcp;
  int failure = uv_write(&tcp->write, (uv_stream_t *)&tcp->tcp, first, n_pieces, on_write_end);
  return failure < 0 ? ERR_CANCELLED : ERR_NONE;
}

static void on_shutdown(uv_shutdown_t *request, int status) {}

static void tcp_shutdown(struct stream *stream) {
  struct stream_tcp *tcp = tcp_of(stream);
  int failure = uv_shutdown(&tcp->shutdown, (uv_stream_t *)&tcp->tcp, on_shutdown);
  (void)failure; /* not connected any more: reading tells the owner */
}

static void on_close(uv_handle_t *handle) {
  struct stream_tcp *tcp = handle->data;
  tcp->stream.events->on_closed(&tcp->stream);
}

static void tcp_close(struct stream *stream) {
  uv_close((uv_handle_t *)&tcp_of(stream)->tcp, on_close);
}

static size_t tcp_unsent(const struct stream *stream) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&tcp_of(stream)->tcp);
}

static bool tcp_is_quiet(const struct stream *stream) {
  const struct stream_tcp *tcp = (const struct stream_tcp *)stream;
  char byte;
  uv_os_fd_t fd;
  if (uv_fileno((const uv_handle_t *)&tcp->tcp, &fd) != 0) return false;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static const struct stream_methods tcp_methods = {
    .read_start = tcp_read_start,
    .read_stop = tcp_read_stop,
    .write = tcp_write,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .unsent = tcp_unsent,
    .is_quiet = tcp_is_quiet,
};

static void tcp_init(struct stream_tcp *stream, struct loop *loop, const struct sockaddr_storage *peer,
                     const struct stream_events *events, char *buffer, size_t buffer_size) {
  *stream = (struct stream_tcp){.buffer = buffer, .buffer_size = buffer_size};
  stream->stream = (struct stream){.methods = &tcp_methods, .events = events, .peer = *peer, .read_max = buffer_size};
  uv_tcp_init(&loop->uv, &stream->tcp); /* without a socket of its own nothing in it can fail */
  stream->tcp.data = stream;
}

enum err_code stream_tcp_open(struct stream_tcp *stream, struct loop *loop, int fd, const struct sockaddr_storage *peer,
                              const struct stream_events *events, char *buffer, size_t buffer_size, struct err *err) {
  tcp_init(stream, loop, peer, events, buffer, buffer_size);
  int failure = uv_tcp_open(&stream->tcp, fd);
  if (failure == 0) return ERR_NONE;
  close(fd);
  return err_set(err, ERR_UNAVAILABLE, "cannot use a socket: %s", uv_strerror(failure));
}

static void on_connect(uv_connect_t *request, int status) {
  struct stream_tcp *tcp = request->data;
  if (uv_is_closing((uv_handle_t *)&tcp->tcp)) return;
  tcp->stream.events->on_connected(&tcp->stream, status);
}

enum err_code stream_tcp_connect(struct stream_tcp *stream, struct loop *loop, const struct sockaddr_storage *peer,
                                 const struct stream_events *events, char *buffer, size_t buffer_size,
                                 struct err *err) {
  tcp_init(stream, loop, peer, events, buffer, buffer_size);
  uv_tcp_nodelay(&stream->tcp, 1);
  stream->connect.data = stream;
  int failure = uv_tcp_connect(&stream->connect, &stream->tcp, (const struct sockaddr *)peer, on_connect);
  return failure == 0 ? ERR_NONE : err_set(err, ERR_UNAVAILABLE, "cannot connect: %s", uv_strerror(failure));
}

static enum err_code address_parse(struct str host, uint16_t port, struct sockaddr_storage *ret_address,
                                   socklen_t *ret_n, struct err *err) {
  char text[INET6_ADDRSTRLEN];
  struct sockaddr_storage address = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
  struct str literal = str_eq_fold(host, STR("localhost")) ? STR("127.0.0.1") : host;
  if (str_starts(literal, STR("[")) && str_ends(literal, STR("]"))) literal = str_make(literal.p + 1, literal.n - 2);
  if (literal.n >= sizeof(text) || memchr(literal.p, '\0', literal.n)) literal = STR("");
  memcpy(text, literal.p, literal.n);
  text[literal.n] = '\0';
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *ret_n = sizeof(*v4);
  } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *ret_n = sizeof(*v6);
  } else {
    return err_set(err, ERR_INVALID, "cannot listen on \"%.*s\": it is neither an IP address nor \"localhost\"",
                   (int)(host.n > 64 ? 64 : host.n), host.p);
  }
  *ret_address = address;
  return ERR_NONE;
}

static uint16_t port_of(int fd) {
  struct sockaddr_storage address = {0};
  socklen_t n = sizeof(address);
  if (getsockname(fd, (struct sockaddr *)&address, &n) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

/* A bound socket, or -1 with errno. Linux hands TCP_NODELAY on to what is accepted: one call here instead of one a
 * connection. */
static int socket_bind(const struct sockaddr_storage *address, socklen_t n, bool reuse_port) {
  int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
      bind(fd, (const struct sockaddr *)address, n) == 0)
    return fd;
  int failure = errno;
  close(fd);
  errno = failure;
  return -1;
}

/* The same, listening. */
static int socket_listen(const struct sockaddr_storage *address, socklen_t n, bool reuse_port) {
  int fd = socket_bind(address, n, reuse_port);
  if (fd < 0 || listen(fd, BACKLOG) == 0) return fd;
  int failure = errno;
  close(fd);
  errno = failure;
  return -1;
}

static enum err_code cannot_listen(struct str host, uint16_t port, struct err *err) {
  return err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_UNAVAILABLE, "cannot listen on %.*s port %u: %s",
                 STR_ARG(host), port, strerror(errno));
}

/* Without SO_REUSEPORT: then any listener is in the way, also one that has set it. */
enum err_code listener_tcp_probe(struct str host, uint16_t port, struct err *err) {
  struct sockaddr_storage address;
  socklen_t n = 0;
  enum err_code code = address_parse(host, port, &address, &n, err);
  if (code != ERR_NONE) return code;
  int fd = socket_bind(&address, n, false);
  if (fd < 0) return cannot_listen(host, port, err);
  close(fd);
  return ERR_NONE;
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *rest) {
  struct listener_tcp *listener = rest->data;
  uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

/* Without descriptors or memory the socket stays readable and accepting keeps failing: who waits in the backlog is
 * better off there than the loop is spinning. */
static void listener_rest(struct listener_tcp *listener) {
  uv_poll_stop(&listener->poll);
  uv_timer_start(&listener->rest, on_rested, REST_MS, 0);
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
  struct listener_tcp *listener = poll->data;
  if (status < 0) {
    listener_rest(listener);
    return;
  }
  for (int i = 0; i < ACCEPTS_PER_TURN && uv_is_active((uv_handle_t *)poll); i++) {
    struct sockaddr_storage peer = {0};
    socklen_t n = sizeof(peer);
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listener->on_accepted(listener, fd, &peer);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      listener_rest(listener);
      return;
    } /* anything else is the one client's trouble (ECONNABORTED and others of accept(2)) */
  }
}

enum err_code listener_tcp_open(struct listener_tcp *listener, struct loop *loop, struct str host, uint16_t port,
                                bool reuse_port,
                                void (*on_accepted)(struct listener_tcp *, int, const struct sockaddr_storage *),
                                struct err *err) {
  struct sockaddr_storage address;
  socklen_t n = 0;
  enum err_code code = address_parse(host, port, &address, &n, err);
  if (code != ERR_NONE) return code;
  int fd = socket_listen(&address, n, reuse_port);
  if (fd < 0) return cannot_listen(host, port, err);
  *listener = (struct listener_tcp){.fd = fd, .port = port_of(fd), .on_accepted = on_accepted};
  int failure = uv_poll_init(&loop->uv, &listener->poll, fd);
  if (failure < 0) {
    close(fd);
    return err_set(err, ERR_UNAVAILABLE, "cannot watch a socket: %s", uv_strerror(failure));
  }
  uv_timer_init(&loop->uv, &listener->rest);
  listener->poll.data = listener;
  listener->rest.data = listener;
  uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
  return ERR_NONE;
}

static void on_handle_closed(uv_handle_t *handle) {
  struct listener_tcp *listener = handle->data;
  if (--listener->n_handles == 0) listener->on_closed(listener);
}

void listener_tcp_close(struct listener_tcp *listener, void (*on_closed)(struct listener_tcp *listener)) {
  listener->on_closed = on_closed;
  listener->n_handles = 2;
  uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
  uv_close((uv_handle_t *)&listener->rest, on_handle_closed);
  close(listener->fd); /* only now: the poll's close takes it out of epoll first */
}
