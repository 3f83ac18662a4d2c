/* Folders of children whose connection is gone. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connector/mcp/upstream.h"

#define KEPT "01890000-0000-7000-8000-000000000001"
#define GONE "01890000-0000-7000-8000-000000000002"

static char dir[64];

static const char *at(const char *path) {
  static char whole[4][512];
  static unsigned turn;
  char *out = whole[turn++ % 4];
  snprintf(out, sizeof(whole[0]), "%s/%s", dir, path);
  return out;
}

static void folder(const char *path) {
  assert_int_equal(mkdir(at(path), 0700), 0);
}

static void file(const char *path) {
  int fd = open(at(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
}

static int setup(void **state) {
  snprintf(dir, sizeof(dir), "/tmp/connek-folders-XXXXXX");
  assert_non_null(mkdtemp(dir));
  folder("children");
  folder("children/" KEPT);
  folder("children/" GONE);
  folder("outside");
  file("outside/precious");
  return 0;
}

static int teardown(void **state) {
  unlink(at("outside/precious"));
  unlink(at("children/note"));
  rmdir(at("outside"));
  rmdir(at("children/" KEPT));
  rmdir(at("children"));
  return rmdir(dir);
}

static enum err_code is_kept(void *context, struct uuid id, bool *ret_is_kept, struct err *err) {
  char text[UUID_TEXT_SIZE];
  uuid_format(id, text);
  *ret_is_kept = strcmp(text, KEPT) == 0;
  return ERR_NONE;
}

static size_t clear(void) {
  size_t n;
  assert_ok(mcp_folders_clear(dir, is_kept, NULL, &n, &test_err));
  return n;
}

static void what_is_no_connections_any_more_goes_and_nothing_else(void **state) {
  file("children/note");
  file("children/" GONE "/file");
  folder("children/" GONE "/in");
  file("children/" GONE "/in/file");
  assert_int_equal(clear(), 1);
  assert_int_equal(access(at("children/" GONE), F_OK), -1);
  assert_int_equal(access(at("children/" KEPT), F_OK), 0);
  assert_int_equal(access(at("children/note"), F_OK), 0);
  assert_int_equal(clear(), 0);
}

static void no_link_is_followed(void **state) {
  assert_int_equal(symlink(at("outside"), at("children/" GONE "/link")), 0);
  assert_int_equal(symlink(at("outside/precious"), at("children/" GONE "/file")), 0);
  assert_int_equal(clear(), 1);
  assert_int_equal(access(at("outside/precious"), F_OK), 0);
  assert_int_equal(rmdir(at("children/" KEPT)), 0);
  assert_int_equal(symlink(at("outside"), at("children/" GONE)), 0); /* the folder itself */
  assert_int_equal(clear(), 0);
  assert_int_equal(access(at("outside/precious"), F_OK), 0);
  unlink(at("children/" GONE));
}

static void neither_depth_nor_modes_keep_it(void **state) {
  int fd = open(at("children/" GONE), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 300; i++) {
    assert_int_equal(mkdirat(fd, "d", 0700), 0);
    int next = openat(fd, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(next >= 0);
    close(fd);
    fd = next;
  }
  close(fd);
  folder("children/" GONE "/shut");
  file("children/" GONE "/shut/file");
  assert_int_equal(chmod(at("children/" GONE "/shut"), 0), 0);
  assert_int_equal(clear(), 1);
  assert_int_equal(access(at("children/" GONE), F_OK), -1);
}

static void without_children_there_is_nothing_to_do(void **state) {
  size_t n = 7;
  assert_ok(mcp_folders_clear(at("outside"), is_kept, NULL, &n, &test_err));
  assert_int_equal(n, 0);
  assert_int_equal(clear(), 1);
}

#define folder_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      folder_test(what_is_no_connections_any_more_goes_and_nothing_else),
      folder_test(no_link_is_followed),
      folder_test(neither_depth_nor_modes_keep_it),
      folder_test(without_children_there_is_nothing_to_do),
  };
  return cmocka_run_group_tests_name("connector/mcp/folder", tests, NULL, NULL);
}
