/* The commands' side of DIR/control.sock: one question, one answer, on a blocking socket with a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "org/coherence.h"
#include "org/control_socket.h"

static enum err_code unconfirmed(struct err *err, const char *what) {
  enum err_code code = err_set(err, ERR_TIMEOUT, "the running server did not confirm the change in time");
  err_detail(err, "%s", what);
  return code;
}

static enum err_code broken(struct err *err, const char *what) {
  enum err_code code = err_set(err, ERR_UNAVAILABLE, "the running server did not confirm the change");
  err_detail(err, "%s: %s", what, uv_strerror(-errno));
  return code;
}

static void set_send_timeout(int fd, int64_t left_us) {
  struct timeval left = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left));
}

/* *ret_is_there false: nobody listens. A full backlog waits as long as sending may. */
static enum err_code ask_connect(int fd, int dir_fd, bool *ret_is_there, struct err *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char path[CONTROL_PATH_SIZE];
  control_socket_path(dir_fd, path);
  memcpy(address.sun_path, path, sizeof(path));
  if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
    *ret_is_there = true;
    return ERR_NONE;
  }
  if (errno == ENOENT || errno == ECONNREFUSED) {
    *ret_is_there = false;
    return ERR_NONE;
  }
  if (errno == EAGAIN || errno == EINPROGRESS) return unconfirmed(err, "connect");
  if (errno == EACCES || errno == EPERM) {
    return err_set(err, ERR_DENIED, "a server runs on this data folder, but this user may not speak to it");
  }
  return broken(err, "connect");
}

static enum err_code read_line(int fd, int64_t deadline_us, char line[CONTROL_LINE], size_t *ret_n, struct err *err) {
  size_t n = 0;
  while (n < CONTROL_LINE) {
    int64_t left_us = deadline_us - clock_monotonic_us();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int is_ready = left_us > 0 ? poll(&ready, 1, (int)(left_us / 1000 + 1)) : 0;
    if (is_ready < 0 && errno == EINTR) continue;
    if (is_ready <= 0) return unconfirmed(err, "poll");
    ssize_t got = recv(fd, line + n, CONTROL_LINE - n, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0) errno = ECONNRESET;
      return broken(err, "recv");
    }
    const char *end = memchr(line + n, '\n', (size_t)got);
    n += (size_t)got;
    if (!end) continue;
    *ret_n = (size_t)(end - line);
    return ERR_NONE;
  }
  errno = EMSGSIZE;
  return broken(err, "recv");
}

static enum err_code judge_answer(struct str line, struct err *err) {
  struct arena arena;
  yyjson_doc *doc;
  arena_init(&arena, 64 * KIB);
  enum err_code code = json_read(&arena, line, &doc, err);
  if (code == ERR_NONE && !yyjson_is_true(json_get(yyjson_doc_get_root(doc), "ok"))) {
    struct str why = json_get_str(yyjson_doc_get_root(doc), "error");
    code = err_set(err, ERR_UNAVAILABLE, "the running server could not take the change: %.*s", STR_ARG(why));
  }
  arena_release(&arena);
  return code;
}

static enum err_code ask(int fd, int dir_fd, int timeout_ms, bool *ret_is_there, struct err *err) {
  static const char question[] = "{\"op\":\"sync\"}\n";
  int64_t deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
  char line[CONTROL_LINE];
  size_t n = 0;
  bool is_there;
  set_send_timeout(fd, (int64_t)(timeout_ms > 0 ? timeout_ms : 1) * 1000);
  enum err_code code = ask_connect(fd, dir_fd, &is_there, err);
  if (code != ERR_NONE) return code;
  if (is_there) {
    ssize_t sent = send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return unconfirmed(err, "send");
    if (sent != (ssize_t)sizeof(question) - 1) return broken(err, "send");
    code = read_line(fd, deadline_us, line, &n, err);
    if (code == ERR_NONE) code = judge_answer(str_make(line, n), err);
  }
  if (code == ERR_NONE) *ret_is_there = is_there;
  return code;
}

enum err_code coherence_ask(const char *dir, int timeout_ms, bool *ret_is_running, struct err *err) {
  int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    *ret_is_running = false;
    return ERR_NONE;
  }
  if (dir_fd < 0) return broken(err, "open");
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  enum err_code code = fd < 0 ? broken(err, "socket") : ask(fd, dir_fd, timeout_ms, ret_is_running, err);
  if (fd >= 0) close(fd);
  close(dir_fd);
  return code;
}
