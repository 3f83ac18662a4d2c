/* Hellos, then frames, between a stream and the TCP beneath it. Must not know what the bytes mean.
 *
 *   client: connected -> its hello sent -> the answer read and right -> on_connected
 *   server: the hello read and right -> its answer sent -> frames
 *   whatever is not as it has to be: on_connected or on_error with UV_EPROTO, and nothing is read any more
 *
 * What has been read and not been taken (the owner stopped reading in between) stays here; the socket is read again
 * when it is gone. */
#include "net/stream_sealed.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/secret.h"

enum { IN_SIZE = LIMIT_HTTP_READ + CHANNEL_FRAME };

struct sealed {
  struct stream_tcp tcp; /* first */
  struct stream_sealed *outer;
  struct channel *channel;
  uv_timer_t soon; /* what was read before is told in a turn of its own */
  unsigned n_handles;
  bool is_client, is_settled, is_hello_flying, is_open; /* is_open: frames may come and go */
  bool is_wanted, is_broken, is_closing, has_ended, has_told_end;
  uint8_t hello[CHANNEL_CLIENT_HELLO];
  uint8_t *out; /* being written */
  size_t in_at, in_n, plain_at, plain_n;
  uint8_t in[IN_SIZE];
  uint8_t plain[CHANNEL_PLAIN];
};

static struct sealed *sealed_of(const struct stream *stream) {
  return ((const struct stream_sealed *)stream)->sealed;
}

static struct sealed *of_tcp(struct stream *stream) {
  return (struct sealed *)stream; /* the first member of its first member */
}

static struct stream *tcp(struct sealed *sealed) {
  return &sealed->tcp.stream;
}

struct sealed *sealed_new(const uint8_t key[CHANNEL_KEY]) {
  struct sealed *sealed = calloc(1, sizeof *sealed);
  if (sealed) sealed->channel = channel_new(key);
  if (sealed && sealed->channel) return sealed;
  free(sealed);
  return NULL;
}

void sealed_free(struct sealed *sealed) {
  if (!sealed) return;
  channel_free(sealed->channel);
  secret_wipe(sealed->plain, sizeof sealed->plain);
  free(sealed->out);
  free(sealed);
}

/* ---- what the owner is told ---- */

static void fail(struct sealed *sealed, int status) {
  struct stream *outer = &sealed->outer->stream;
  if (sealed->is_broken || sealed->is_closing) return;
  sealed->is_broken = true;
  tcp(sealed)->methods->read_stop(tcp(sealed));
  if (sealed->is_client && !sealed->is_open)
    outer->events->on_connected(outer, status);
  else
    outer->events->on_error(outer, status);
}

static void tell_piece(struct sealed *sealed) {
  struct stream *outer = &sealed->outer->stream;
  size_t n = sealed->plain_n < outer->read_max ? sealed->plain_n : outer->read_max;
  const char *bytes = (const char *)sealed->plain + sealed->plain_at;
  sealed->plain_at += n;
  sealed->plain_n -= n;
  outer->events->on_read(outer, bytes, n);
}

/* The next whole frame, into `plain`. False: none is there, or what is there is none. */
static bool take_frame(struct sealed *sealed) {
  const uint8_t *frame = sealed->in + sealed->in_at;
  if (sealed->in_n < CHANNEL_HEAD) return false;
  size_t n = channel_frame_size(frame);
  if (n > 0 && sealed->in_n < n) return false;
  sealed->plain_at = 0;
  if (n == 0 || !channel_open(sealed->channel, frame, n, sealed->plain, &sealed->plain_n)) {
    sealed->plain_n = 0;
    fail(sealed, UV_EPROTO);
    return false;
  }
  sealed->in_at += n;
  sealed->in_n -= n;
  return true;
}

static bool may_tell(const struct sealed *sealed) {
  return sealed->is_open && sealed->is_wanted && !sealed->is_broken && !sealed->is_closing;
}

static void pump(struct sealed *sealed) {
  while (may_tell(sealed) && (sealed->plain_n > 0 || take_frame(sealed)))
    tell_piece(sealed);
  if (sealed->in_n > 0 && sealed->in_at > 0) memmove(sealed->in, sealed->in + sealed->in_at, sealed->in_n);
  sealed->in_at = 0;
  if (!may_tell(sealed)) return;
  if (!sealed->has_ended) {
    tcp(sealed)->methods->read_start(tcp(sealed));
  } else if (!sealed->has_told_end) {
    sealed->has_told_end = true;
    sealed->outer->stream.events->on_read(&sealed->outer->stream, NULL, 0);
  }
}

static void on_soon(uv_timer_t *timer) {
  pump(timer->data);
}

/* ---- hellos ---- */

static bool send_hello(struct sealed *sealed, size_t n) {
  sealed->is_hello_flying = true;
  return tcp(sealed)->methods->write(tcp(sealed), (const char *)sealed->hello, n, NULL, 0) == ERR_NONE;
}

/* Both hellos are through. */
static void open_when_settled(struct sealed *sealed) {
  if (sealed->is_open || !sealed->is_settled || sealed->is_hello_flying) return;
  sealed->is_open = true;
  if (sealed->is_client) {
    sealed->is_wanted = false;
    tcp(sealed)->methods->read_stop(tcp(sealed)); /* the owner says when it wants to read */
    sealed->outer->stream.events->on_connected(&sealed->outer->stream, 0);
  } else {
    pump(sealed);
  }
}

static void take_hello(struct sealed *sealed) {
  size_t n = sealed->is_client ? CHANNEL_SERVER_HELLO : CHANNEL_CLIENT_HELLO;
  if (sealed->is_settled || sealed->in_n < n) return;
  bool is_right = sealed->is_client ? channel_settle(sealed->channel, sealed->in)
                                    : channel_answer(sealed->channel, sealed->in, sealed->hello);
  sealed->in_n -= n;
  memmove(sealed->in, sealed->in + n, sealed->in_n);
  sealed->is_settled = is_right;
  if (!is_right || (!sealed->is_client && !send_hello(sealed, CHANNEL_SERVER_HELLO)))
    fail(sealed, UV_EPROTO);
  else
    open_when_settled(sealed);
}

/* ---- what the TCP beneath tells ---- */

static void on_connected(struct stream *stream, int status) {
  struct sealed *sealed = of_tcp(stream);
  if (status < 0) {
    fail(sealed, status);
  } else if (!channel_greet(sealed->channel, sealed->hello) || !send_hello(sealed, CHANNEL_CLIENT_HELLO)) {
    fail(sealed, UV_EPROTO);
  } else {
    stream->methods->read_start(stream);
  }
}

static void on_read(struct stream *stream, const char *bytes, size_t n) {
  struct sealed *sealed = of_tcp(stream);
  if (n == 0) {
    sealed->has_ended = true;
    stream->methods->read_stop(stream);
    if (!sealed->is_open) fail(sealed, UV_ECONNRESET);
  }
  if (n > IN_SIZE - sealed->in_n) {
    fail(sealed, UV_EPROTO);
    return;
  }
  if (n > 0) memcpy(sealed->in + sealed->in_n, bytes, n);
  sealed->in_n += n;
  if (sealed->is_open)
    pump(sealed);
  else if (!sealed->is_broken)
    take_hello(sealed);
}

static void on_error(struct stream *stream, int uv_error) {
  fail(of_tcp(stream), uv_error);
}

static void on_written(struct stream *stream, int status) {
  struct sealed *sealed = of_tcp(stream);
  if (sealed->is_hello_flying) {
    sealed->is_hello_flying = false;
    if (status < 0)
      fail(sealed, status);
    else
      open_when_settled(sealed);
    return;
  }
  free(sealed->out);
  sealed->out = NULL;
  sealed->outer->stream.events->on_written(&sealed->outer->stream, status);
}

static void handle_closed(struct sealed *sealed) {
  struct stream *outer = &sealed->outer->stream;
  if (--sealed->n_handles > 0) return;
  sealed_free(sealed);
  outer->events->on_closed(outer);
}

static void on_closed(struct stream *stream) {
  handle_closed(of_tcp(stream));
}

static void on_soon_closed(uv_handle_t *handle) {
  handle_closed(handle->data);
}

static const struct stream_events tcp_events = {.on_connected = on_connected,
                                                .on_read = on_read,
                                                .on_error = on_error,
                                                .on_written = on_written,
                                                .on_closed = on_closed};

/* ---- what the owner asks ---- */

static void sealed_read_start(struct stream *stream) {
  struct sealed *sealed = sealed_of(stream);
  sealed->is_wanted = true;
  if (sealed->is_broken) return;
  if (sealed->is_open && (sealed->in_n > 0 || sealed->plain_n > 0 || sealed->has_ended))
    uv_timer_start(&sealed->soon, on_soon, 0, 0);
  else
    tcp(sealed)->methods->read_start(tcp(sealed));
}

static void sealed_read_stop(struct stream *stream) {
  struct sealed *sealed = sealed_of(stream);
  sealed->is_wanted = false;
  if (sealed->is_open) tcp(sealed)->methods->read_stop(tcp(sealed));
}

static bool seal_piece(struct sealed *sealed, const char *bytes, size_t n, uint8_t **io_at) {
  for (size_t done = 0; done < n;) {
    size_t part = n - done < CHANNEL_PLAIN ? n - done : CHANNEL_PLAIN;
    if (!channel_seal(sealed->channel, (const uint8_t *)bytes + done, part, *io_at)) return false;
    *io_at += CHANNEL_HEAD + part + CHANNEL_TAG;
    done += part;
  }
  return true;
}

static size_t sealed_size(size_t n) {
  return n + (n / CHANNEL_PLAIN + 1) * (CHANNEL_HEAD + CHANNEL_TAG);
}

static enum err_code sealed_write(struct stream *stream, const char *head, size_t head_n, const char *body,
                                  size_t body_n) {
  struct sealed *sealed = sealed_of(stream);
  if (!sealed->is_open || sealed->is_broken || sealed->out) return ERR_CANCELLED;
  uint8_t *at = sealed->out = malloc(sealed_size(head_n) + sealed_size(body_n));
  if (!at || !seal_piece(sealed, head, head_n, &at) || !seal_piece(sealed, body, body_n, &at)) {
    free(sealed->out);
    sealed->out = NULL;
    return ERR_CANCELLED;
  }
  const char *first = (const char *)sealed->out;
  enum err_code code = tcp(sealed)->methods->write(tcp(sealed), first, (size_t)(at - sealed->out), NULL, 0);
  if (code != ERR_NONE) {
    free(sealed->out);
    sealed->out = NULL;
  }
  return code;
}

static void sealed_shutdown(struct stream *stream) {
  tcp(sealed_of(stream))->methods->shutdown(tcp(sealed_of(stream)));
}

static void sealed_close(struct stream *stream) {
  struct sealed *sealed = sealed_of(stream);
  sealed->is_closing = true;
  uv_close((uv_handle_t *)&sealed->soon, on_soon_closed);
  tcp(sealed)->methods->close(tcp(sealed));
}

static size_t sealed_unsent(const struct stream *stream) {
  const struct sealed *sealed = sealed_of(stream);
  return sealed->tcp.stream.methods->unsent(&sealed->tcp.stream);
}

static bool sealed_is_quiet(const struct stream *stream) {
  const struct sealed *sealed = sealed_of(stream);
  return sealed->is_open && !sealed->is_broken && !sealed->has_ended && sealed->in_n == 0 && sealed->plain_n == 0 &&
         sealed->tcp.stream.methods->is_quiet(&sealed->tcp.stream);
}

static const struct stream_methods sealed_methods = {.read_start = sealed_read_start,
                                                     .read_stop = sealed_read_stop,
                                                     .write = sealed_write,
                                                     .shutdown = sealed_shutdown,
                                                     .close = sealed_close,
                                                     .unsent = sealed_unsent,
                                                     .is_quiet = sealed_is_quiet};

static void init(struct stream_sealed *stream, struct sealed *sealed, struct loop *loop,
                 const struct sockaddr_storage *peer, const struct stream_events *events) {
  *stream = (struct stream_sealed){
      .stream = {.methods = &sealed_methods, .events = events, .peer = *peer, .read_max = LIMIT_HTTP_READ},
      .sealed = sealed};
  sealed->outer = stream;
  sealed->n_handles = 2;
  uv_timer_init(&loop->uv, &sealed->soon);
  sealed->soon.data = sealed;
}

enum err_code stream_sealed_open(struct stream_sealed *stream, struct sealed *sealed, struct loop *loop, int fd,
                                 const struct sockaddr_storage *peer, const struct stream_events *events, char *buffer,
                                 size_t buffer_size, struct err *err) {
  init(stream, sealed, loop, peer, events);
  return stream_tcp_open(&sealed->tcp, loop, fd, peer, &tcp_events, buffer, buffer_size, err);
}

enum err_code stream_sealed_connect(struct stream_sealed *stream, struct sealed *sealed, struct loop *loop,
                                    const struct sockaddr_storage *peer, const struct stream_events *events,
                                    char *buffer, size_t buffer_size, struct err *err) {
  init(stream, sealed, loop, peer, events);
  sealed->is_client = true;
  return stream_tcp_connect(&sealed->tcp, loop, peer, &tcp_events, buffer, buffer_size, err);
}
