/* The server's side of DIR/control.sock. Knows lines and peers; what an op means is its owner's. */
#include "org/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "codec/json.h"

enum { RETRY_MS = 200 }; /* after accept(2) failed for want of descriptors */

struct control_connection {
  struct control_request request; /* first: a request's address is its connection's */
  struct control_socket *socket;
  struct control_connection *previous, *next;
  uv_pipe_t pipe;
  uv_timer_t deadline;
  unsigned n_handles; /* not yet closed */
  bool is_waiting;    /* its request is held by the owner */
  bool is_taking;     /* take_lines is on the stack */
  bool has_ended;     /* the client will send no more */
  bool is_closing;
  size_t n;
  char line[CONTROL_LINE];
};

struct control_socket {
  struct loop *loop;
  control_handler handler;
  void *context;
  int dir_fd, fd;
  uv_poll_t poll; /* of fd: accept(2) is ours, so that a refused peer costs no handle */
  uv_timer_t retry;
  unsigned n_handles;
  bool is_closing;
  size_t n_connections;
  struct control_connection *connections;
};

void control_socket_path(int dir_fd, char ret_path[CONTROL_PATH_SIZE]) {
  (void)snprintf(ret_path, CONTROL_PATH_SIZE, "/proc/self/fd/%d/" CONTROL_SOCKET_NAME, dir_fd);
}

static void socket_settle(struct control_socket *socket) {
  if (socket->is_closing && socket->n_handles == 0 && socket->n_connections == 0) free(socket);
}

/* A connection: closed in two steps (its handles, then its memory). */

static void connection_settle(struct control_connection *connection) {
  struct control_socket *socket = connection->socket;
  if (connection->n_handles > 0 || connection->is_waiting || connection->is_taking) return;
  if (connection->previous) connection->previous->next = connection->next;
  if (connection->next) connection->next->previous = connection->previous;
  if (socket->connections == connection) socket->connections = connection->next;
  socket->n_connections--;
  free(connection);
  socket_settle(socket);
}

static void on_connection_closed(uv_handle_t *handle) {
  struct control_connection *connection = handle->data;
  connection->n_handles--;
  connection_settle(connection);
}

static void connection_close(struct control_connection *connection) {
  if (connection->is_closing) return;
  connection->is_closing = true;
  uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
  uv_close((uv_handle_t *)&connection->deadline, on_connection_closed);
}

static void on_deadline(uv_timer_t *timer) {
  connection_close(timer->data);
}

/* An answer is short and the only one under way: a socket that cannot take it at once has no reader. */
static void connection_write(struct control_connection *connection, struct str text) {
  if (connection->is_closing) return;
  uv_buf_t piece = uv_buf_init((char *)text.p, (unsigned)text.n);
  if (uv_try_write((uv_stream_t *)&connection->pipe, &piece, 1) != (int)text.n) connection_close(connection);
}

static void connection_write_error(struct control_connection *connection, const char *text) {
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  buf_append_c(&out, "{\"ok\":false,\"error\":");
  json_write_str(&out, str_of(text));
  buf_append_c(&out, "}\n");
  connection_write(connection, buf_failed(&out) ? STR("{\"ok\":false,\"error\":\"no memory\"}\n") : buf_str(&out));
  buf_release(&out);
}

static void take_line(struct control_connection *connection, struct str line) {
  struct control_socket *socket = connection->socket;
  struct arena arena;
  struct err err;
  yyjson_doc *doc;
  struct str op = STR_NONE;
  arena_init(&arena, 64 * KIB);
  enum err_code code = json_read(&arena, line, &doc, &err);
  if (code == ERR_NONE) op = json_get_str(yyjson_doc_get_root(doc), "op");
  if (code != ERR_NONE) {
    connection_write_error(connection, err.text);
  } else if (!op.p) {
    connection_write_error(connection, "not an object with \"op\"");
  } else {
    connection->is_waiting = true;
    (void)uv_timer_stop(&connection->deadline);
    socket->handler(socket->context, &connection->request, op);
  }
  arena_release(&arena);
}

/* One line after the other, each when the one before it has its answer. */
static void take_lines(struct control_connection *connection) {
  if (connection->is_taking) return; /* an answer from within the handler: the loop below goes on */
  connection->is_taking = true;
  while (!connection->is_waiting && !connection->is_closing) {
    char *end = memchr(connection->line, '\n', connection->n);
    if (!end) break;
    char line[CONTROL_LINE];
    size_t n = (size_t)(end - connection->line);
    memcpy(line, connection->line, n);
    connection->n -= n + 1;
    memmove(connection->line, end + 1, connection->n);
    take_line(connection, str_make(line, n));
    if (!connection->is_waiting && !connection->is_closing) {
      (void)uv_timer_start(&connection->deadline, on_deadline, CONTROL_LINE_MS, 0);
    }
  }
  connection->is_taking = false;
  if (connection->has_ended && !connection->is_waiting) connection_close(connection);
  connection_settle(connection);
}

void control_answer(struct control_request *request, int64_t version, const struct err *err) {
  struct control_connection *connection = (struct control_connection *)request;
  connection->is_waiting = false;
  if (err) {
    connection_write_error(connection, err->text);
  } else {
    char text[64];
    (void)snprintf(text, sizeof(text), "{\"ok\":true,\"version\":%lld}\n", (long long)version);
    connection_write(connection, str_of(text));
  }
  if (!connection->is_closing) (void)uv_timer_start(&connection->deadline, on_deadline, CONTROL_LINE_MS, 0);
  take_lines(connection);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room) {
  struct control_connection *connection = handle->data;
  *ret_room = uv_buf_init(connection->line + connection->n, (unsigned)(sizeof(connection->line) - connection->n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room) {
  struct control_connection *connection = stream->data;
  if (n == 0) return;
  if (n == UV_EOF) {
    /* Its half is closed; it may still wait for an answer. */
    connection->has_ended = true;
    (void)uv_read_stop(stream);
    take_lines(connection);
    return;
  }
  if (n < 0) { /* UV_ENOBUFS: the buffer is full */
    if (n == UV_ENOBUFS && !connection->is_waiting) connection_write_error(connection, "the line is too long");
    connection_close(connection);
    return;
  }
  connection->n += (size_t)n;
  take_lines(connection);
}

/* Whoever may read the master key may speak: this user and root. */
static bool is_trusted(int fd) {
  struct ucred peer;
  socklen_t n = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

/* Takes `fd`. */
static void connection_begin(struct control_socket *socket, int fd) {
  struct control_connection *connection = NULL;
  if (is_trusted(fd) && socket->n_connections < CONTROL_CONNECTIONS) connection = calloc(1, sizeof(*connection));
  if (!connection) {
    close(fd);
    return;
  }
  connection->socket = socket;
  connection->next = socket->connections;
  if (connection->next) connection->next->previous = connection;
  socket->connections = connection;
  socket->n_connections++;
  (void)uv_pipe_init(&socket->loop->uv, &connection->pipe, 0);
  (void)uv_timer_init(&socket->loop->uv, &connection->deadline);
  connection->pipe.data = connection;
  connection->deadline.data = connection;
  connection->n_handles = 2;
  if (uv_pipe_open(&connection->pipe, fd) != 0) {
    close(fd);
    connection_close(connection);
    return;
  }
  (void)uv_timer_start(&connection->deadline, on_deadline, CONTROL_LINE_MS, 0);
  if (uv_read_start((uv_stream_t *)&connection->pipe, on_room_wanted, on_read) != 0) connection_close(connection);
}

static void on_connections(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer) {
  struct control_socket *socket = timer->data;
  (void)uv_poll_start(&socket->poll, UV_READABLE, on_connections);
}

static void on_connections(uv_poll_t *poll, int status, int events) {
  struct control_socket *socket = poll->data;
  for (;;) {
    int fd = accept4(socket->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      connection_begin(socket, fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    (void)uv_poll_stop(poll); /* no descriptors: it would report the same for ever */
    (void)uv_timer_start(&socket->retry, on_retry, RETRY_MS, 0);
    return;
  }
}

/* Opening. */

static enum err_code cannot(struct err *err, const char *what) {
  enum err_code code = err_set(err, ERR_UNAVAILABLE, "cannot listen on %s", CONTROL_SOCKET_NAME);
  err_detail(err, "%s: %s", what, uv_strerror(-errno));
  return code;
}

static enum err_code remove_stale(int dir_fd, struct err *err) {
  struct stat found;
  if (fstatat(dir_fd, CONTROL_SOCKET_NAME, &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? ERR_NONE : cannot(err, "fstatat");
  }
  if (!S_ISSOCK(found.st_mode)) {
    return err_set(err, ERR_CONFLICT, "there is a %s that is not a socket", CONTROL_SOCKET_NAME);
  }
  return unlinkat(dir_fd, CONTROL_SOCKET_NAME, 0) == 0 || errno == ENOENT ? ERR_NONE : cannot(err, "unlinkat");
}

/* Linux makes the name with the mode that the descriptor had before bind(2): nobody else ever sees it open. */
static enum err_code bind_and_listen(int fd, int dir_fd, struct err *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char path[CONTROL_PATH_SIZE];
  control_socket_path(dir_fd, path);
  memcpy(address.sun_path, path, sizeof(path));
  if (fchmod(fd, 0600) != 0) return cannot(err, "fchmod");
  if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) return cannot(err, "bind");
  return listen(fd, CONTROL_BACKLOG) == 0 ? ERR_NONE : cannot(err, "listen");
}

static enum err_code open_descriptors(struct control_socket *socket_, const char *dir, struct err *err) {
  socket_->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (socket_->dir_fd < 0) return cannot(err, "open");
  enum err_code code = remove_stale(socket_->dir_fd, err);
  if (code != ERR_NONE) return code;
  socket_->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_->fd < 0) return cannot(err, "socket");
  return bind_and_listen(socket_->fd, socket_->dir_fd, err);
}

static void close_descriptors(struct control_socket *socket) {
  if (socket->fd >= 0) {
    (void)unlinkat(socket->dir_fd, CONTROL_SOCKET_NAME, 0);
    close(socket->fd);
  }
  if (socket->dir_fd >= 0) close(socket->dir_fd);
  socket->fd = socket->dir_fd = -1;
}

enum err_code control_socket_open(struct loop *loop, const char *dir, control_handler handler, void *context,
                                  struct control_socket **ret_socket, struct err *err) {
  struct control_socket *socket = calloc(1, sizeof(*socket));
  if (!socket) return err_no_memory(err);
  *socket = (struct control_socket){.loop = loop, .handler = handler, .context = context, .dir_fd = -1, .fd = -1};
  enum err_code code = open_descriptors(socket, dir, err);
  if (code == ERR_NONE && uv_poll_init(&loop->uv, &socket->poll, socket->fd) != 0) code = cannot(err, "uv_poll_init");
  if (code != ERR_NONE) {
    close_descriptors(socket);
    free(socket);
    return code;
  }
  (void)uv_timer_init(&loop->uv, &socket->retry);
  socket->n_handles = 2;
  socket->poll.data = socket;
  socket->retry.data = socket;
  (void)uv_poll_start(&socket->poll, UV_READABLE, on_connections);
  *ret_socket = socket;
  return ERR_NONE;
}

static void on_socket_closed(uv_handle_t *handle) {
  struct control_socket *socket = handle->data;
  socket->n_handles--;
  socket_settle(socket);
}

void control_socket_close(struct control_socket *socket) {
  if (!socket || socket->is_closing) return;
  socket->is_closing = true;
  for (struct control_connection *connection = socket->connections; connection; connection = connection->next) {
    connection_close(connection);
  }
  uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
  uv_close((uv_handle_t *)&socket->retry, on_socket_closed);
  close_descriptors(socket);
}
