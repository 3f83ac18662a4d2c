/* A byte stream, whatever carries it: TCP today, TLS later. The HTTP server speaks to this alone. Single-threaded:
 * everything happens on the stream's loop. Implementations: stream_tcp.c. */
#ifndef CONNEK_NET_STREAM_H
#define CONNEK_NET_STREAM_H

#include <sys/socket.h>

#include "base/err.h"
#include "net/loop.h"

struct stream;

struct stream_events {
  /* A stream that was opened to somewhere is up (status 0), or never will be (status < 0): then the owner closes it. */
  void (*on_connected)(struct stream *stream, int status);
  /* Bytes arrived: valid during the call only. n == 0: the peer has ended its side. */
  void (*on_read)(struct stream *stream, const char *bytes, size_t n);
  /* It broke. The owner closes it; nothing else comes. */
  void (*on_error)(struct stream *stream, int uv_error);
  /* The write given last has been taken by the system (or failed: status < 0). May come before `write` returns. */
  void (*on_written)(struct stream *stream, int status);
  /* After stream_close: the last event; the owner may free what holds the stream. */
  void (*on_closed)(struct stream *stream);
};

struct stream_methods {
  void (*read_start)(struct stream *stream);
  void (*read_stop)(struct stream *stream);
  /* Two pieces, written as one (the second may be empty). Both must stay valid until on_written, which comes exactly
   * once unless the stream is closed before. One write at a time. On failure nothing was written, on_written does not
   * come, and the stream is of no more use. */
  enum err_code (*write)(struct stream *stream, const char *head, size_t head_n, const char *body, size_t body_n);
  void (*shutdown)(struct stream *stream); /* ends our side; reading goes on */
  /* At once: what was not yet taken is dropped, and what was given to write may go. No event follows but on_closed,
   * which never comes from within this call. */
  void (*close)(struct stream *stream);
  size_t (*unsent)(const struct stream *stream); /* bytes not yet taken by the system */
  /* As far as the system knows at this moment: nothing waits to be read, and the peer has not ended its side. */
  bool (*is_quiet)(const struct stream *stream);
};

struct stream {
  const struct stream_methods *methods;
  const struct stream_events *events;
  struct sockaddr_storage peer;
  size_t read_max; /* the owner's: at most so many bytes come with one on_read; never 0 while reading */
};

#endif
