/* libcurl's multi interface on a libuv loop. The point of this file is what it does not do: curl asks to watch a socket
 * and to forget it around every single transfer, and a watch that is made anew each time costs two epoll_ctl(2) a
 * transfer. So the socket of a connection keeps its uv_poll handle, armed for reading, until curl closes it.
 *
 * Only a connection that is up is closed through us. A socket that is still connecting, and the name resolver's, curl
 * may close by itself, before it says that it need not be watched; until then its number may be somebody else's. To
 * watch a descriptor that is closed ends the process (libuv), so what is not proven to be a connection is let go of.
 *
 * Invariants:
 * 1. watchers[fd] is NULL or the one watcher of that descriptor; a closing watcher is not in the table.
 * 2. `armed` is what uv_poll watches for. `wanted` is what curl asked for, 0 while the connection idles in its pool.
 * 3. An idle connection is armed for reading alone, or, once it has spoken or hung up, for nothing.
 * 4. `n_handles` counts libuv handles that are not closed yet; the memory goes with the last, after curl_loop_free. */
#include "net/curl_loop.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct watcher {
  uv_poll_t poll;
  struct curl_loop *curl;
  curl_socket_t fd;
  uint64_t cookie;    /* the kernel's name of this very socket */
  int armed, wanted;  /* UV_READABLE | UV_WRITABLE */
  bool is_connection; /* we shall be told when it closes */
};

struct curl_loop {
  CURLM *multi;
  struct loop *loop;
  curl_loop_ended ended;
  void (*settled)(void *context); /* or NULL */
  void *context;
  struct watcher **watchers; /* by descriptor */
  size_t n_watchers;
  uv_timer_t timer;
  uv_prepare_t kick; /* runs transfers that were just added, before the loop waits */
  bool is_adding, is_kicking, is_acting, is_freed;
  unsigned n_handles;
};

static void handle_closed(struct curl_loop *curl) {
  if (--curl->n_handles == 0 && curl->is_freed) {
    free(curl->watchers);
    free(curl);
  }
}

static void on_watcher_closed(uv_handle_t *handle) {
  struct watcher *watcher = handle->data;
  struct curl_loop *curl = watcher->curl;
  free(watcher);
  handle_closed(curl);
}

static void on_own_handle_closed(uv_handle_t *handle) {
  handle_closed(handle->data);
}

/* What ended is told after curl has returned, so that whoever is told may add and remove transfers. */
static void tell_ended(struct curl_loop *curl) {
  CURLMsg *message;
  int n_left;
  while ((message = curl_multi_info_read(curl->multi, &n_left)))
    if (message->msg == CURLMSG_DONE) curl->ended(curl->context, message->easy_handle, message->data.result);
}

static void act(struct curl_loop *curl, curl_socket_t fd, int flags) {
  int n_running;
  curl->is_acting = true;
  (void)curl_multi_socket_action(curl->multi, fd, flags, &n_running);
  if (curl->settled) curl->settled(curl->context);
  tell_ended(curl);
  if (curl->settled) curl->settled(curl->context);
  curl->is_acting = false;
}

static struct watcher *watcher_find(const struct curl_loop *curl, curl_socket_t fd) {
  return (size_t)fd < curl->n_watchers ? curl->watchers[fd] : NULL;
}

static bool table_reserve(struct curl_loop *curl, curl_socket_t fd) {
  size_t n = curl->n_watchers ? curl->n_watchers : 64;
  while (n <= (size_t)fd)
    n *= 2;
  if (n == curl->n_watchers) return true;
  struct watcher **table = realloc(curl->watchers, n * sizeof(*table));
  if (!table) return false;
  memset(table + curl->n_watchers, 0, (n - curl->n_watchers) * sizeof(*table));
  curl->watchers = table;
  curl->n_watchers = n;
  return true;
}

/* 0: it is none. */
static uint64_t socket_cookie(curl_socket_t fd) {
  uint64_t cookie = 0;
  socklen_t n = sizeof(cookie);
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) == 0 ? cookie : 0;
}

/* Is it still the same socket, and connected to a host? */
static bool is_up(const struct watcher *watcher) {
  struct sockaddr_storage peer = {0};
  socklen_t n = sizeof(peer);
  if (watcher->cookie == 0 || socket_cookie(watcher->fd) != watcher->cookie) return false;
  return getpeername(watcher->fd, (struct sockaddr *)&peer, &n) == 0 && peer.ss_family != AF_UNIX;
}

static struct watcher *watcher_new(struct curl_loop *curl, curl_socket_t fd) {
  if (!table_reserve(curl, fd)) return NULL;
  struct watcher *watcher = calloc(1, sizeof(*watcher));
  if (!watcher) return NULL;
  if (uv_poll_init_socket(&curl->loop->uv, &watcher->poll, fd) != 0) {
    free(watcher);
    return NULL;
  }
  watcher->poll.data = watcher;
  watcher->curl = curl;
  watcher->fd = fd;
  watcher->cookie = socket_cookie(fd);
  curl->watchers[fd] = watcher;
  curl->n_handles++;
  return watcher;
}

static void watcher_close(struct watcher *watcher) {
  watcher->curl->watchers[watcher->fd] = NULL;
  uv_close((uv_handle_t *)&watcher->poll, on_watcher_closed);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static int watcher_arm(struct watcher *watcher, int events) {
  if (watcher->armed == events) return 0;
  int status = events ? uv_poll_start(&watcher->poll, events, on_poll) : uv_poll_stop(&watcher->poll);
  watcher->armed = status == 0 ? events : 0;
  return status == 0 ? 0 : -1;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct watcher *watcher = handle->data;
  if (status < 0) watcher->armed = 0; /* libuv has stopped it */
  if (!watcher->wanted) {
    /* An idle connection has spoken or hung up: curl finds that out before it uses it again. */
    (void)watcher_arm(watcher, 0);
    return;
  }
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  struct curl_loop *curl = watcher->curl;
  curl_socket_t fd = watcher->fd;
  act(curl, fd, flags);
  /* curl has seen the error; where it still wants the socket, it must hear of it again. */
  if (status < 0 && watcher_find(curl, fd) == watcher) (void)watcher_arm(watcher, watcher->wanted);
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context) {
  (void)easy, (void)socket_context;
  struct curl_loop *curl = context;
  struct watcher *watcher = watcher_find(curl, fd);
  if (what == CURL_POLL_REMOVE) {
    if (!watcher) return 0;
    if (!watcher->is_connection) watcher->is_connection = is_up(watcher);
    if (!watcher->is_connection) {
      watcher_close(watcher);
      return 0;
    }
    watcher->wanted = 0;
    return watcher->armed & UV_WRITABLE ? watcher_arm(watcher, UV_READABLE) : 0;
  }
  if (!watcher) watcher = watcher_new(curl, fd);
  if (!watcher) return -1;
  watcher->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return watcher_arm(watcher, watcher->wanted);
}

static void on_timer(uv_timer_t *timer) {
  act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(uv_prepare_t *kick) {
  struct curl_loop *curl = kick->data;
  uv_prepare_stop(kick);
  curl->is_kicking = true;
  act(curl, CURL_SOCKET_TIMEOUT, 0);
  curl->is_kicking = false;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_clock(CURLM *multi, long timeout_ms, void *context) {
  (void)multi;
  struct curl_loop *curl = context;
  /* A transfer that is being added wants to run at once: with all others of this turn, from on_kick. One that is added
   * in on_kick itself would miss that, and waits for the timer. */
  if (curl->is_adding && !curl->is_kicking) return uv_prepare_start(&curl->kick, on_kick) == 0 ? 0 : -1;
  if (timeout_ms < 0) return uv_is_active((uv_handle_t *)&curl->timer) ? uv_timer_stop(&curl->timer) : 0;
  return uv_timer_start(&curl->timer, on_timer, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

enum err_code curl_loop_new(struct loop *loop, curl_loop_ended ended, void *context, struct curl_loop **ret_curl,
                            struct err *err) {
  struct curl_loop *curl = calloc(1, sizeof(*curl));
  if (!curl) return err_no_memory(err);
  *curl = (struct curl_loop){.multi = curl_multi_init(), .loop = loop, .ended = ended, .context = context};
  if (!curl->multi) {
    free(curl);
    return err_no_memory(err);
  }
  curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
  curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_clock);
  curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
  uv_timer_init(&loop->uv, &curl->timer);
  uv_prepare_init(&loop->uv, &curl->kick);
  curl->timer.data = curl->kick.data = curl;
  curl->n_handles = 2;
  *ret_curl = curl;
  return ERR_NONE;
}

void curl_loop_free(struct curl_loop *curl) {
  curl_multi_cleanup(curl->multi); /* closes its connections, through curl_loop_close_socket */
  for (size_t fd = 0; fd < curl->n_watchers; fd++)
    if (curl->watchers[fd]) watcher_close(curl->watchers[fd]);
  curl->is_freed = true;
  uv_close((uv_handle_t *)&curl->timer, on_own_handle_closed);
  uv_close((uv_handle_t *)&curl->kick, on_own_handle_closed);
}

CURLMcode curl_loop_add(struct curl_loop *curl, CURL *easy) {
  curl->is_adding = true;
  CURLMcode code = curl_multi_add_handle(curl->multi, easy);
  curl->is_adding = false;
  return code;
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy) {
  (void)curl_multi_remove_handle(curl->multi, easy);
}

void curl_loop_set_settled(struct curl_loop *curl, void (*settled)(void *context)) {
  curl->settled = settled;
}

void curl_loop_kick(struct curl_loop *curl) {
  if (!curl->is_acting) uv_prepare_start(&curl->kick, on_kick); /* else it is about to be called anyway */
}

void curl_loop_set_limits(struct curl_loop *curl, long per_host, long cached) {
  curl_multi_setopt(curl->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
  curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, cached);
}

curl_socket_t curl_loop_open_socket(struct curl_loop *curl, const struct curl_sockaddr *address) {
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  struct watcher *closed = watcher_find(curl, fd);
  if (!closed) return fd;
  /* The number of one that curl has just closed: it takes the watch to go on where it wants the same of the new one. */
  int wanted = closed->wanted;
  watcher_close(closed);
  struct watcher *watcher = watcher_new(curl, fd);
  if (watcher) watcher->wanted = wanted;
  if (watcher && watcher_arm(watcher, wanted) == 0) return fd;
  if (watcher) watcher_close(watcher);
  close(fd);
  return CURL_SOCKET_BAD;
}

int curl_loop_close_socket(void *context, curl_socket_t fd) {
  struct watcher *watcher = watcher_find(context, fd);
  if (watcher) watcher_close(watcher);
  return close(fd);
}
