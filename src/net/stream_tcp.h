/* Streams over TCP, and the listener that accepts them. */
#ifndef CONNEK_NET_STREAM_TCP_H
#define CONNEK_NET_STREAM_TCP_H

#include "base/str.h"
#include "net/stream.h"

/* Embedded in what owns it. `buffer` is shared by all streams of a worker: it holds bytes only while on_read runs. */
struct stream_tcp {
  struct stream stream;
  uv_tcp_t tcp;
  union {
    uv_connect_t connect; /* before anything else */
    uv_write_t write;
    uv_shutdown_t shutdown; /* never while a write is under way */
  };
  char *buffer;
  size_t buffer_size;
};

/* Takes over a connected, non-blocking socket. Reading has not begun. After failure the socket is closed and the stream
 * has still to be closed, as any other. */
enum err_code stream_tcp_open(struct stream_tcp *stream, struct loop *loop, int fd, const struct sockaddr_storage *peer,
                              const struct stream_events *events, char *buffer, size_t buffer_size,
                              struct err *err) MUST_CHECK;
/* Opens one to `peer`: events->on_connected tells, never from within. After failure it has still to be closed. */
enum err_code stream_tcp_connect(struct stream_tcp *stream, struct loop *loop, const struct sockaddr_storage *peer,
                                 const struct stream_events *events, char *buffer, size_t buffer_size,
                                 struct err *err) MUST_CHECK;

/* Embedded in what owns it. */
struct listener_tcp {
  uv_poll_t poll;
  uv_timer_t rest;
  int fd;
  uint16_t port;
  unsigned n_handles; /* not closed yet */
  /* A client's socket, non-blocking, TCP_NODELAY: the callee's from now on. */
  void (*on_accepted)(struct listener_tcp *listener, int fd, const struct sockaddr_storage *peer);
  void (*on_closed)(struct listener_tcp *listener);
};

/* host: a literal address or "localhost"; port 0: any. With `reuse_port` several listeners share one address. */
enum err_code listener_tcp_open(struct listener_tcp *listener, struct loop *loop, struct str host, uint16_t port,
                                bool reuse_port,
                                void (*on_accepted)(struct listener_tcp *, int, const struct sockaddr_storage *),
                                struct err *err) MUST_CHECK;
/* ERR_CONFLICT: somebody listens there already. Listeners with `reuse_port` would silently share the address, with
 * another process of the same user as well: whoever opens several asks this first. */
enum err_code listener_tcp_probe(struct str host, uint16_t port, struct err *err) MUST_CHECK;
/* Accepts no more, at once. `on_closed` comes in a later turn. Once. */
void listener_tcp_close(struct listener_tcp *listener, void (*on_closed)(struct listener_tcp *listener));

#endif
