/* Reads with libuv whatever the descriptor is: what can be polled as a stream, files with its threads. Must not know
 * what the lines mean. */
#include "net/line_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

enum { READ_SIZE = 64 * KIB };

struct line_reader {
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tty_t tty;
    uv_tcp_t tcp;
  } handle;
  uv_fs_t file; /* of a file, instead */
  uv_loop_t *loop;
  int fd;
  bool is_file, is_reading, is_freed, has_ended, is_cut;
  size_t max;
  const struct line_reader_events *events;
  void *context;
  struct buf line; /* what has come of a line without its end */
  char bytes[READ_SIZE];
};

static void release(struct line_reader *reader) {
  buf_release(&reader->line);
  free(reader);
}

static void tell_line(struct line_reader *reader, struct str line) {
  bool is_cut = reader->is_cut || line.n > reader->max;
  if (line.n > reader->max) line.n = reader->max;
  if (line.n > 0 && !is_cut && line.p[line.n - 1] == '\r') line.n--;
  reader->is_cut = false;
  reader->events->on_line(reader->context, line, is_cut);
}

static void keep(struct line_reader *reader, struct str piece) {
  size_t room = reader->max - reader->line.n;
  if (piece.n > room) {
    reader->is_cut = true;
    piece.n = room;
  }
  buf_append_str(&reader->line, piece);
  if (buf_failed(&reader->line)) reader->is_cut = true;
}

static void take(struct line_reader *reader, size_t n) {
  struct str rest = {reader->bytes, n};
  while (rest.n > 0 && !reader->is_freed) {
    const char *end = memchr(rest.p, '\n', rest.n);
    struct str piece = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
    rest = end ? str_make(end + 1, rest.n - piece.n - 1) : STR_NONE;
    if (end && reader->line.n == 0) { /* the usual case: no copy */
      tell_line(reader, piece);
    } else {
      keep(reader, piece);
      if (!end) break;
      tell_line(reader, buf_str(&reader->line));
      buf_clear(&reader->line);
    }
  }
}

static void end(struct line_reader *reader) {
  if (reader->has_ended) return;
  reader->has_ended = true;
  if (!reader->is_file) (void)uv_read_stop(&reader->handle.stream);
  if (reader->line.n > 0) tell_line(reader, buf_str(&reader->line));
  if (!reader->is_freed) reader->events->on_end(reader->context);
}

/* ---- streams ---- */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buf) {
  struct line_reader *reader = handle->data;
  *ret_buf = uv_buf_init(reader->bytes, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes) {
  struct line_reader *reader = stream->data;
  if (n > 0) take(reader, (size_t)n);
  if (n < 0 && !reader->is_freed) end(reader);
}

static void on_close(uv_handle_t *handle) {
  release(handle->data);
}

/* ---- files ---- */

static bool read_file(struct line_reader *reader);

static void on_file_read(uv_fs_t *request) {
  struct line_reader *reader = request->data;
  ssize_t n = request->result;
  uv_fs_req_cleanup(request);
  if (!reader->is_freed && n > 0) take(reader, (size_t)n);
  if (!reader->is_freed && (n <= 0 || !read_file(reader))) end(reader);
  if (n <= 0 || reader->is_freed || reader->has_ended) reader->is_reading = false; /* until here it must not go */
  if (reader->is_freed) release(reader);
}

static bool read_file(struct line_reader *reader) {
  uv_buf_t bytes = uv_buf_init(reader->bytes, READ_SIZE);
  reader->file.data = reader;
  reader->is_reading = uv_fs_read(reader->loop, &reader->file, reader->fd, &bytes, 1, -1, on_file_read) == 0;
  return reader->is_reading;
}

/* ---- */

static int open_stream(struct line_reader *reader, uv_handle_type type) {
  int failure;
  switch (type) {
    case UV_NAMED_PIPE:
      failure = uv_pipe_init(reader->loop, &reader->handle.pipe, 0);
      return failure ? failure : uv_pipe_open(&reader->handle.pipe, reader->fd);
    case UV_TTY:
      return uv_tty_init(reader->loop, &reader->handle.tty, reader->fd, 0);
    case UV_TCP:
      failure = uv_tcp_init(reader->loop, &reader->handle.tcp);
      return failure ? failure : uv_tcp_open(&reader->handle.tcp, reader->fd);
    default:
      return UV_EINVAL;
  }
}

enum err_code line_reader_new(struct loop *loop, int fd, size_t max, const struct line_reader_events *events,
                              void *context, struct line_reader **ret_reader, struct err *err) {
  struct line_reader *reader = calloc(1, sizeof(*reader));
  if (!reader) return err_no_memory(err);
  *reader = (struct line_reader){.loop = &loop->uv, .fd = fd, .max = max, .events = events, .context = context};
  buf_init(&reader->line, NULL, max);
  uv_handle_type type = uv_guess_handle(fd);
  reader->is_file = type == UV_FILE;
  if (reader->is_file && read_file(reader)) {
    *ret_reader = reader;
    return ERR_NONE;
  }
  int failure = open_stream(reader, type);
  reader->handle.any.data = reader;
  if (!failure) failure = uv_read_start(&reader->handle.stream, on_alloc, on_read);
  if (!failure) {
    *ret_reader = reader;
    return ERR_NONE;
  }
  (void)err_set(err, ERR_UNAVAILABLE, "it cannot be read: %s", uv_strerror(failure));
  if (type == UV_NAMED_PIPE || type == UV_TTY || type == UV_TCP) {
    reader->is_freed = true;
    uv_close(&reader->handle.any, on_close);
  } else {
    release(reader);
  }
  return ERR_UNAVAILABLE;
}

void line_reader_free(struct line_reader *reader) {
  if (!reader || reader->is_freed) return;
  reader->is_freed = true;
  if (!reader->is_file) {
    uv_close(&reader->handle.any, on_close);
  } else if (!reader->is_reading) {
    release(reader);
  }
}
