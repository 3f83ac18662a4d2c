#include "org/control_socket.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "server.h"

static void a_client_that_leaves_does_no_harm(void **state) {
  struct fixture *f = *state;
  struct server server;
  server_start(&server, f);
  sem_t gate;
  sem_init(&gate, 0, 0);
  struct errand errand;
  errand_send(&server.workers[1], &errand, wait_on_semaphore, &gate);
  log_organisation(f, f->organisation);
  for (int i = 0; i < 5; i++) {
    int fd = dial(&server);
    say(fd, "{\"op\":\"sync\"}\n");
    close(fd);
  }
  let_main_loop_turn(&server);
  sem_post(&gate);
  errand_wait(&errand);
  ask(&server);
  sem_destroy(&gate);
  server_end(&server);
}

static void what_is_no_request_is_told_so(void **state) {
  static const char *const lines[] = {
      "{\"op\":\"shutdown\"}\n",
      "{\"op\":\"Sync\"}\n",
      "{\"op\":7}\n",
      "{}\n",
      "[]\n",
      "\n",
      "sync\n",
      "{\"op\":\"sync\",\"op\":\"sync\"}\n",
  };
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    say(fd, lines[i]);
    hear(fd, line);
    assert_memory_equal(line, "{\"ok\":false,\"error\":\"", strlen("{\"ok\":false,\"error\":\""));
  }
  say(fd, "{\"op\":\"sync\"}\n"); /* the connection goes on */
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":true,\"version\":0}");
  close(fd);
  server_end(&server);
}

static void several_lines_at_once_are_answered_in_order(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  say(fd, "{\"op\":\"sync\"}\n{\"op\":\"no\"}\n{\"op\":\"sync\"}\n{\"op\":");
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":false,\"error\":\"unknown op\"}");
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  say(fd, "\"sync\"}\n");
  shutdown(fd, SHUT_WR); /* who has said all still gets the answer */
  hear(fd, line);
  assert_non_null(strstr(line, "\"ok\":true"));
  hear(fd, line);
  assert_string_equal(line, "");
  close(fd);
  server_end(&server);
}

static void a_line_without_end_is_cut_off(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  server_start(&server, *state);
  int fd = dial(&server);
  for (int i = 0; i < CONTROL_LINE; i += 64) {
    say(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  }
  hear(fd, line);
  assert_string_equal(line, "{\"ok\":false,\"error\":\"the line is too long\"}");
  hear(fd, line);
  assert_string_equal(line, "");
  close(fd);
  server_end(&server);
}

static void too_many_connections_are_closed_and_places_come_free(void **state) {
  struct server server;
  char line[CONTROL_LINE];
  int fds[CONTROL_CONNECTIONS];
  server_start(&server, *state);
  for (int i = 0; i < CONTROL_CONNECTIONS; i++)
    fds[i] = dial(&server);
  say(fds[CONTROL_CONNECTIONS - 1], "{\"op\":\"sync\"}\n");
  hear(fds[CONTROL_CONNECTIONS - 1], line); /* all have been accepted */
  int extra = dial(&server);
  hear(extra, line);
  assert_string_equal(line, "");
  close(extra);
  for (int i = 0; i < CONTROL_CONNECTIONS; i++)
    close(fds[i]);
  bool is_running;
  while (coherence_ask(server.f->dir, ASK_MS, &is_running, &test_err) != ERR_NONE) {
  }
  server_end(&server);
}

static void only_its_owner_may_open_the_socket(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct stat found;
  char path[128];
  server_start(&server, f);
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  assert_int_equal(stat(path, &found), 0);
  assert_true(S_ISSOCK(found.st_mode));
  assert_int_equal(found.st_mode & 0777, 0600);
  server_end(&server);
  assert_int_equal(stat(path, &found), -1); /* and it is gone with the server */
}

/* Even where the file's mode has been loosened. Needs root, to become somebody else. */
static void another_user_is_hung_up_on(void **state) {
  enum { NOBODY = 65534, HUNG_UP = 7, HEARD = 8 };
  struct fixture *f = *state;
  struct server server;
  char path[128];
  if (geteuid() != 0) skip_because("only root can become somebody else");
  server_start(&server, f);
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  assert_int_equal(chmod(f->dir, 0755) | chmod(path, 0666), 0);
  for (int as_nobody = 0; as_nobody < 2; as_nobody++) {
    pid_t child = fork();
    if (child == 0) {
      char byte;
      if (as_nobody && setresuid(NOBODY, NOBODY, NOBODY) != 0) _exit(1);
      int fd = dial(&server);
      (void)!send(fd, "{\"op\":\"sync\"}\n", 14, MSG_NOSIGNAL);
      _exit(recv(fd, &byte, 1, 0) == 1 ? HEARD : HUNG_UP);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), as_nobody ? HUNG_UP : HEARD);
  }
  server_end(&server);
}

static void a_socket_left_by_a_killed_server_is_replaced(void **state) {
  struct fixture *f = *state;
  struct server server;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", f->dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  close(fd);
  bool is_running = true;
  assert_ok(coherence_ask(f->dir, ASK_MS, &is_running, &test_err));
  assert_false(is_running);
  server_start(&server, f);
  ask(&server);
  server_end(&server);
}

static void a_file_in_the_sockets_place_is_left_alone(void **state) {
  struct fixture *f = *state;
  struct server server;
  char path[128];
  (void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  server_prepare(&server, f);
  assert_int_equal(coherence_start(server.coherence, &test_err), ERR_CONFLICT);
  coherence_free(server.coherence);
  loop_release(&server.main);
  for (int i = 0; i < N_WORKERS; i++)
    loop_release(&server.workers[i]);
  assert_int_equal(access(path, F_OK), 0);
}

static void where_nobody_listens_nobody_is_asked(void **state) {
  struct fixture *f = *state;
  bool is_running = true;
  assert_ok(coherence_ask(f->dir, ASK_MS, &is_running, &test_err));
  assert_false(is_running);
  is_running = true;
  assert_ok(coherence_ask("/nonexistent/folder", ASK_MS, &is_running, &test_err));
  assert_false(is_running);
}

/* sun_path has 108 bytes. */
static void a_long_folder_name_is_no_obstacle(void **state) {
  struct fixture *f = *state;
  struct server server;
  char dir[400], was[sizeof(f->dir)];
  (void)snprintf(dir, sizeof(dir), "%s/%.*s", f->dir, 200,
                 "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-"
                 "a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name-a-very-long-name");
  assert_int_equal(mkdir(dir, 0700), 0);
  memcpy(was, f->dir, sizeof(was));
  server = (struct server){.f = f};
  pthread_mutex_init(&server.lock, NULL);
  assert_ok(loop_init(&server.main, &test_err));
  const struct coherence_options options = {.db = f->db, .vault = f->vault, .loop = &server.main, .dir = dir};
  assert_ok(coherence_new(&options, f->conn, &server.coherence, &test_err));
  assert_ok(coherence_start(server.coherence, &test_err));
  assert_int_equal(pthread_create(&server.main_thread, NULL, run_loop, &server.main), 0);
  bool is_running = false;
  log_organisation(f, f->organisation); /* a barrier of no workers at all */
  assert_ok(coherence_ask(dir, ASK_MS, &is_running, &test_err));
  assert_true(is_running);
  assert_int_equal(coherence_version(server.coherence), 1);
  on_loop(&server.main, stop_main, &server);
  pthread_join(server.main_thread, NULL);
  loop_release(&server.main);
  coherence_free(server.coherence);
  pthread_mutex_destroy(&server.lock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_client_that_leaves_does_no_harm),
      fixture_test(what_is_no_request_is_told_so),
      fixture_test(several_lines_at_once_are_answered_in_order),
      fixture_test(a_line_without_end_is_cut_off),
      fixture_test(too_many_connections_are_closed_and_places_come_free),
      fixture_test(only_its_owner_may_open_the_socket),
      fixture_test(another_user_is_hung_up_on),
      fixture_test(a_socket_left_by_a_killed_server_is_replaced),
      fixture_test(a_file_in_the_sockets_place_is_left_alone),
      fixture_test(where_nobody_listens_nobody_is_asked),
      fixture_test(a_long_folder_name_is_no_obstacle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
