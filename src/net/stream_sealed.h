/* A byte stream between servers of one installation: TCP beneath, a channel (base/channel.h) within, and a stream like
 * any other to whoever uses it. Nothing is told of a peer before it has proved that it holds the key. */
#ifndef CONNEK_NET_STREAM_SEALED_H
#define CONNEK_NET_STREAM_SEALED_H

#include "base/channel.h"
#include "net/stream_tcp.h"

struct sealed; /* what it needs beside; freed when the stream has closed */

/* Embedded in what owns it. */
struct stream_sealed {
  struct stream stream;
  struct sealed *sealed;
};

/* NULL: no memory. To be given to one of the next two, or let go of again. */
struct sealed *sealed_new(const uint8_t key[CHANNEL_KEY]);
void sealed_free(struct sealed *sealed);
/* As stream_tcp_open and stream_tcp_connect. */
enum err_code stream_sealed_open(struct stream_sealed *stream, struct sealed *sealed, struct loop *loop, int fd,
                                 const struct sockaddr_storage *peer, const struct stream_events *events, char *buffer,
                                 size_t buffer_size, struct err *err) MUST_CHECK;
enum err_code stream_sealed_connect(struct stream_sealed *stream, struct sealed *sealed, struct loop *loop,
                                    const struct sockaddr_storage *peer, const struct stream_events *events,
                                    char *buffer, size_t buffer_size, struct err *err) MUST_CHECK;

#endif
