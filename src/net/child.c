/* A child process on a loop: its lines, its end. Must not know what it is for.
 *
 * States: RUNNING -> STOPPING (asked to end; `patience` runs) -> EXITED (reaped, its group killed; what it still had to
 * say is read) -> all handles closed, on_ended, freed. */
#include "net/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/child_process.h"

enum { READ_SIZE = 32 * KIB, ERROR_LINE = 1 * KIB, LAST_WORDS_MS = 1000 };

struct line_reader {
  uv_pipe_t pipe;
  struct buf line;
  bool is_cutting; /* the rest of a line that is too long is left out */
};

struct child {
  struct child_options options;
  struct loop *loop;
  pid_t pid;
  int pidfd;
  uv_pipe_t input;
  struct line_reader output, error;
  uv_poll_t exit;
  uv_timer_t patience;
  unsigned n_handles; /* not closed yet */
  bool is_stopping, has_exited, is_closing;
  char how[96];
  char buffer[READ_SIZE];
};

/* ---- its end ---- */

static void on_closed(uv_handle_t *handle) {
  struct child *child = handle->data;
  if (--child->n_handles > 0) return;
  buf_release(&child->output.line);
  buf_release(&child->error.line);
  close(child->pidfd);
  void (*on_ended)(void *, const char *) = child->options.on_ended;
  void *context = child->options.context;
  char how[sizeof(child->how)];
  memcpy(how, child->how, sizeof(how));
  free(child);
  on_ended(context, how);
}

static void close_handle(uv_handle_t *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, on_closed);
}

static void close_all(struct child *child) {
  child->is_closing = true;
  close_handle((uv_handle_t *)&child->input);
  close_handle((uv_handle_t *)&child->output.pipe);
  close_handle((uv_handle_t *)&child->error.pipe);
  close_handle((uv_handle_t *)&child->exit);
  close_handle((uv_handle_t *)&child->patience);
}

static void settle(struct child *child) {
  bool is_silent =
      uv_is_closing((uv_handle_t *)&child->output.pipe) && uv_is_closing((uv_handle_t *)&child->error.pipe);
  if (child->has_exited && is_silent) close_all(child);
}

static void on_patience(uv_timer_t *timer) {
  struct child *child = timer->data;
  if (child->has_exited)
    close_all(child); /* somebody who left its group holds its streams */
  else
    kill(-child->pid, SIGKILL);
}

static void describe(struct child *child, const siginfo_t *info) {
  if (info->si_code == CLD_EXITED)
    snprintf(child->how, sizeof(child->how), "ended with status %d", info->si_status);
  else
    snprintf(child->how, sizeof(child->how), "was ended by signal %d (%s)", info->si_status,
             strsignal(info->si_status));
}

/* Before it is reaped its number is nobody else's: so its group can be killed safely. */
static void on_exit_event(uv_poll_t *poll, int status, int events) {
  struct child *child = poll->data;
  siginfo_t info = {0};
  if (child->has_exited || waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  if (info.si_pid == 0) return;
  kill(-child->pid, SIGKILL);
  (void)waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG);
  describe(child, &info);
  child->has_exited = true;
  uv_poll_stop(&child->exit);
  close_handle((uv_handle_t *)&child->input);
  uv_timer_start(&child->patience, on_patience, LAST_WORDS_MS, 0);
  settle(child);
}

void child_stop(struct child *child) {
  if (child->is_stopping || child->has_exited) return;
  child->is_stopping = true;
  close_handle((uv_handle_t *)&child->input);
  kill(-child->pid, SIGTERM);
  uv_timer_start(&child->patience, on_patience, LIMIT_CHILD_STOP_MS, 0);
}

/* ---- what it says ---- */

static void tell(struct child *child, struct line_reader *reader, struct str line) {
  if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
  if (line.n == 0) return;
  if (reader == &child->output)
    child->options.on_line(child->options.context, line);
  else
    child->options.on_error_line(child->options.context, line);
}

/* False: more than may be. */
static bool keep(struct child *child, struct line_reader *reader, struct str part) {
  bool is_output = reader == &child->output;
  size_t max = is_output ? child->options.max_line : ERROR_LINE, room = max - reader->line.n;
  bool fits = part.n <= room;
  if (!reader->is_cutting) buf_append(&reader->line, part.p, fits ? part.n : room);
  if (!fits) reader->is_cutting = true;
  return (fits || !is_output) && !buf_failed(&reader->line);
}

static void take(struct child *child, struct line_reader *reader, struct str bytes) {
  while (bytes.n > 0) {
    const char *end = memchr(bytes.p, '\n', bytes.n);
    struct str part = str_make(bytes.p, end ? (size_t)(end - bytes.p) : bytes.n);
    if (end && reader->line.n == 0 && !reader->is_cutting && part.n <= child->options.max_line) {
      tell(child, reader, reader == &child->output || part.n <= ERROR_LINE ? part : str_make(part.p, ERROR_LINE));
    } else if (!keep(child, reader, part)) {
      child->options.on_error_line(child->options.context, STR("a line on its standard output is too long"));
      kill(-child->pid, SIGKILL);
      close_handle((uv_handle_t *)&reader->pipe);
      settle(child);
      return;
    } else if (end) {
      tell(child, reader, buf_str(&reader->line));
      buf_release(&reader->line);
      buf_init(&reader->line, NULL, child->options.max_line);
      reader->is_cutting = false;
    }
    if (!end) return;
    bytes = str_make(end + 1, bytes.n - part.n - 1);
  }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct child *child = handle->data;
  *buf = uv_buf_init(child->buffer, sizeof(child->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct child *child = stream->data;
  struct line_reader *reader = stream == (uv_stream_t *)&child->output.pipe ? &child->output : &child->error;
  if (n == 0) return;
  if (n > 0) {
    take(child, reader, str_make(buf->base, (size_t)n));
    return;
  }
  if (reader->line.n > 0) tell(child, reader, buf_str(&reader->line));
  close_handle((uv_handle_t *)stream);
  settle(child);
}

/* ---- what it is told ---- */

struct writing {
  uv_write_t write;
  char bytes[];
};

static void on_written(uv_write_t *write, int status) {
  free(write); /* the first member of its struct writing */
}

void child_write(struct child *child, struct str line) {
  uv_stream_t *input = (uv_stream_t *)&child->input;
  if (child->is_stopping || child->has_exited || uv_is_closing((uv_handle_t *)input)) return;
  struct writing *writing = malloc(sizeof(*writing) + line.n + 1);
  bool is_over = uv_stream_get_write_queue_size(input) + line.n > child->options.max_unread;
  if (writing && !is_over) {
    memcpy(writing->bytes, line.p, line.n);
    writing->bytes[line.n] = '\n';
    uv_buf_t buf = uv_buf_init(writing->bytes, (unsigned)line.n + 1);
    if (uv_write(&writing->write, input, &buf, 1, on_written) == 0) return;
  }
  free(writing);
  if (is_over) child->options.on_error_line(child->options.context, STR("it does not read its standard input"));
  child_stop(child);
}

/* ---- its beginning ---- */

static void handle_add(struct child *child, uv_handle_t *handle) {
  handle->data = child;
  child->n_handles++;
}

static int pipe_open(struct child *child, uv_pipe_t *pipe, int fd) {
  uv_pipe_init(&child->loop->uv, pipe, 0);
  handle_add(child, (uv_handle_t *)pipe);
  int failure = uv_pipe_open(pipe, fd);
  if (failure) close(fd);
  return failure;
}

enum err_code child_start(struct loop *loop, const struct child_options *options, struct child **ret_child,
                          struct err *err) {
  struct child_process process;
  struct child *child = calloc(1, sizeof(*child));
  if (!child) return err_no_memory(err);
  enum err_code code = child_process_start(options, &process, err);
  if (code != ERR_NONE) {
    free(child);
    return code;
  }
  child->options = *options;
  child->options.environment = NULL;
  child->loop = loop;
  child->pid = process.pid;
  child->pidfd = process.pidfd;
  buf_init(&child->output.line, NULL, options->max_line);
  buf_init(&child->error.line, NULL, options->max_line);
  uv_timer_init(&loop->uv, &child->patience);
  handle_add(child, (uv_handle_t *)&child->patience);
  (void)fcntl(process.pidfd, F_SETFL, O_NONBLOCK);
  int failure = pipe_open(child, &child->input, process.input);
  failure |= pipe_open(child, &child->output.pipe, process.output);
  failure |= pipe_open(child, &child->error.pipe, process.error);
  failure |= uv_poll_init(&loop->uv, &child->exit, process.pidfd);
  handle_add(child, (uv_handle_t *)&child->exit);
  failure |= uv_poll_start(&child->exit, UV_READABLE, on_exit_event);
  if (!failure) failure |= uv_read_start((uv_stream_t *)&child->output.pipe, on_alloc, on_read);
  if (!failure) failure |= uv_read_start((uv_stream_t *)&child->error.pipe, on_alloc, on_read);
  if (failure) kill(-child->pid, SIGKILL); /* and its end is told as any other's */
  *ret_child = child;
  return ERR_NONE;
}
