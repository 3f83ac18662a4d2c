#include "net/line_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wait.h"

enum { LINES_MAX = 16, LINE_MAX_BYTES = 100 };

struct heard {
  struct line_reader *reader;
  char lines[LINES_MAX][LINE_MAX_BYTES + 1];
  bool are_cut[LINES_MAX];
  int n_lines, n_ends;
  bool frees_at_first;
};

static struct loop loop;

static void on_line(void *context, struct str line, bool is_cut) {
  struct heard *heard = context;
  assert_true(heard->n_lines < LINES_MAX && line.n <= LINE_MAX_BYTES);
  memcpy(heard->lines[heard->n_lines], line.p ? line.p : "", line.n);
  heard->are_cut[heard->n_lines++] = is_cut;
  if (heard->frees_at_first) {
    line_reader_free(heard->reader);
    heard->reader = NULL;
  }
}

static void on_end(void *context) {
  ((struct heard *)context)->n_ends++;
}

static const struct line_reader_events events = {on_line, on_end};

static int set_up(void **state) {
  assert_ok(loop_init(&loop, &test_err));
  return 0;
}

static int tear_down(void **state) {
  loop_stop(&loop);
  loop_run(&loop);
  loop_release(&loop);
  return 0;
}

static void begin(struct heard *heard, int fd) {
  assert_ok(line_reader_new(&loop, fd, LINE_MAX_BYTES, &events, heard, &heard->reader, &test_err));
}

static void write_text(int fd, const char *text) {
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void run_until_lines(const struct heard *heard, int n) {
  WAIT_UNTIL(heard->n_lines >= n, loop_turn(&loop));
}

static void run_until_end(struct heard *heard) {
  while (heard->n_ends == 0)
    uv_run(&loop.uv, UV_RUN_ONCE);
  line_reader_free(heard->reader);
}

static void lines_come_whole_however_they_were_written(void **state) {
  int fds[2];
  struct heard heard = {0};
  assert_int_equal(pipe(fds), 0);
  begin(&heard, fds[0]);
  write_text(fds[1], "one\ntw");
  run_until_lines(&heard, 1);
  assert_string_equal(heard.lines[0], "one");
  write_text(fds[1], "o\r\n\nlast without an end");
  close(fds[1]);
  run_until_end(&heard);
  assert_int_equal(heard.n_lines, 4);
  assert_string_equal(heard.lines[1], "two");
  assert_string_equal(heard.lines[2], "");
  assert_string_equal(heard.lines[3], "last without an end");
  assert_int_equal(heard.n_ends, 1);
}

static void a_file_is_read_to_its_end(void **state) {
  char path[] = "/tmp/connek-lines-XXXXXX";
  struct heard heard = {0};
  int fd = mkstemp(path);
  write_text(fd, "first\nsecond\n");
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  begin(&heard, fd);
  run_until_end(&heard);
  close(fd);
  unlink(path);
  assert_int_equal(heard.n_lines, 2);
  assert_string_equal(heard.lines[1], "second");
}

static void a_line_over_the_cap_is_cut_and_the_next_one_is_not(void **state) {
  int fds[2];
  struct heard heard = {0};
  char text[300];
  memset(text, 'x', sizeof(text));
  memcpy(text + 200, "\nok\n", 5);
  assert_int_equal(pipe(fds), 0);
  begin(&heard, fds[0]);
  write_text(fds[1], text);
  run_until_lines(&heard, 2);
  memset(text, 'y', 150);
  text[150] = '\0';
  write_text(fds[1], text);
  uv_run(&loop.uv, UV_RUN_ONCE);
  write_text(fds[1], "y\nlast\n");
  close(fds[1]);
  run_until_end(&heard);
  assert_int_equal(heard.n_lines, 4);
  assert_true(heard.are_cut[0]);
  assert_int_equal(strlen(heard.lines[0]), LINE_MAX_BYTES);
  assert_false(heard.are_cut[1]);
  assert_string_equal(heard.lines[1], "ok");
  assert_true(heard.are_cut[2]);
  assert_false(heard.are_cut[3]);
  assert_string_equal(heard.lines[3], "last");
}

static void a_reader_may_be_freed_within_its_own_event(void **state) {
  for (int is_file = 0; is_file < 2; is_file++) {
    int fds[2] = {-1, -1};
    char path[] = "/tmp/connek-lines-XXXXXX";
    struct heard heard = {.frees_at_first = true};
    if (is_file) {
      fds[0] = mkstemp(path);
      write_text(fds[0], "one\ntwo\n");
      assert_int_equal(lseek(fds[0], 0, SEEK_SET), 0);
    } else {
      assert_int_equal(pipe(fds), 0);
      write_text(fds[1], "one\ntwo\n");
    }
    begin(&heard, fds[0]);
    run_until_lines(&heard, 1);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(heard.n_lines, 1);
    assert_int_equal(heard.n_ends, 0);
    if (is_file) {
      close(fds[0]);
      unlink(path);
    } else {
      close(fds[1]);
    }
  }
}

static void what_is_no_descriptor_is_refused(void **state) {
  struct line_reader *reader;
  assert_int_equal(line_reader_new(&loop, 9999, LINE_MAX_BYTES, &events, NULL, &reader, &test_err), ERR_UNAVAILABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(lines_come_whole_however_they_were_written, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_is_read_to_its_end, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_line_over_the_cap_is_cut_and_the_next_one_is_not, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_reader_may_be_freed_within_its_own_event, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_no_descriptor_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
