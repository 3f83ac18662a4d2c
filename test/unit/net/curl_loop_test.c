/* What curl does with sockets behind our back: one that is still connecting is closed without a word to us. */
#include "http_client_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILLERS = 16, TURNS = 5 };

/* A listener whose backlog is full: whoever connects to it waits. */
struct deaf {
  int fd, fillers[FILLERS];
  uint16_t port;
};

static void deaf_open(struct deaf *deaf) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof(address);
  deaf->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(deaf->fd, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(deaf->fd, 0), 0);
  assert_int_equal(getsockname(deaf->fd, (struct sockaddr *)&address, &n), 0);
  deaf->port = ntohs(address.sin_port);
  for (int i = 0; i < FILLERS; i++) {
    deaf->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failure = connect(deaf->fillers[i], (struct sockaddr *)&address, sizeof(address));
    assert_true(failure == 0 || errno == EINPROGRESS);
  }
}

static void deaf_close(struct deaf *deaf) {
  for (int i = 0; i < FILLERS; i++)
    close(deaf->fillers[i]);
  close(deaf->fd);
}

static void turn(struct fixture *f) {
  for (int i = 0; i < TURNS; i++)
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
}

static void a_transfer_that_is_cancelled_while_it_connects_leaves_no_watch_behind(void **state) {
  struct fixture *f = *state;
  struct deaf deaf;
  deaf_open(&deaf);
  const struct address_exception exceptions[] = {f->exception, {STR("127.0.0.1"), deaf.port}};
  f->guard = (struct address_guard){exceptions, 2};
  const struct http_client_request fine = get(f, "/ok");
  const struct http_client_request unheard = {.method = STR("GET"),
                                              .url = arena_printf(&f->arena, "http://127.0.0.1:%u/", deaf.port)};
  for (int i = 0; i < 3; i++) {
    struct outcome cancelled = {0}, other = {0};
    struct http_transfer *transfer = start(f, &unheard, &cancelled);
    turn(f); /* curl connects, and has its socket watched */
    http_client_cancel(transfer);
    /* Its number may be anybody's now: a file's, which cannot be watched at all, or the next connection's. */
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    start(f, &fine, &other);
    turn(f);
    wait_for(f, &other, 1);
    assert_true(other.has_response);
    assert_int_equal(cancelled.n_done, 0);
    close(file);
  }
  f->guard = (struct address_guard){&f->exception, 1};
  deaf_close(&deaf);
}

/* Where the first of a host's addresses refuses, curl closes its socket and opens one for the next, which gets the same
 * number, within one call. */
static void the_next_address_of_a_host_is_watched_although_its_socket_has_the_number_of_the_first(void **state) {
  struct fixture *f = *state;
  const struct address_exception exceptions[] = {f->exception, {STR("localhost"), f->upstream->port}};
  f->guard = (struct address_guard){exceptions, 2};
  const struct http_client_request request = {.method = STR("GET"), .url = url_of(f, "localhost", "/ok")};
  struct outcome outcome = fetch(f, &request);
  assert_true(outcome.has_response);
  f->guard = (struct address_guard){&f->exception, 1};
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_transfer_that_is_cancelled_while_it_connects_leaves_no_watch_behind),
      TEST(the_next_address_of_a_host_is_watched_although_its_socket_has_the_number_of_the_first),
  };
  return RUN_OVER_BOTH(tests);
}
