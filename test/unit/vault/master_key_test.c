#include "vault/master_key.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

struct fixture {
  char dir[64], path[128];
  struct secret *key;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  snprintf(f->dir, sizeof f->dir, "/tmp/connek-key-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->path, sizeof f->path, "%s/master.key", f->dir);
  *state = f;
  return 0;
}

static void remove_all(const char *dir) {
  DIR *entries = opendir(dir);
  for (struct dirent *entry; (entry = readdir(entries));)
    if (unlinkat(dirfd(entries), entry->d_name, 0) != 0) unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
  closedir(entries);
  rmdir(dir);
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  secret_free(f->key);
  remove_all(f->dir);
  free(f);
  return 0;
}

static void put_file(struct fixture *f, const char *name, const char *text, mode_t mode) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", f->dir, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
}

static const char digits[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/* As vault_open does it. */
static enum err_code load_from(const char *dir, bool may_create, struct secret **ret_key) {
  enum err_code code = master_key_read(dir, MASTER_KEY_FILE, ret_key, &test_err);
  if (code != ERR_NOT_FOUND) return code;
  code = master_key_make(dir, may_create, &test_err);
  return code ? code : master_key_read(dir, MASTER_KEY_FILE, ret_key, &test_err);
}

static enum err_code load(struct fixture *f, bool may_create) {
  return load_from(f->dir, may_create, &f->key);
}

static void assert_refused(struct fixture *f, const char *part) {
  assert_int_equal(load(f, true), ERR_UNAVAILABLE);
  if (!strstr(test_err.text, part)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, part);
  assert_null(f->key);
}

static void an_empty_folder_gets_a_key_of_its_own(void **state) {
  struct fixture *f = *state;
  assert_ok(load(f, true));
  struct stat st;
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0400);
  assert_int_equal(st.st_size, 65);
  struct secret *again = NULL;
  assert_ok(load_from(f->dir, false, &again));
  assert_true(str_eq(secret_open(again), secret_open(f->key)));
  secret_free(again);
  DIR *entries = opendir(f->dir);
  int n = 0;
  while (readdir(entries))
    n++;
  closedir(entries);
  assert_int_equal(n, 3); /* ".", ".." and the key: nothing else is left */
}

static void a_key_is_read_as_its_digits_say(void **state) {
  struct fixture *f = *state;
  char text[80];
  snprintf(text, sizeof text, "%s\n", digits);
  put_file(f, "master.key", text, 0600);
  assert_ok(load(f, false));
  for (int i = 0; i < MASTER_KEY_SIZE; i++)
    assert_int_equal(secret_open(f->key).p[i], i);
}

static void an_empty_folder_stays_empty_for_readers(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load(f, false), ERR_NOT_FOUND);
  assert_int_not_equal(access(f->path, F_OK), 0);
}

static void a_missing_folder_is_named(void **state) {
  struct fixture *f = *state;
  assert_int_equal(load_from("/tmp/connek-no-such-folder", true, &f->key), ERR_NOT_FOUND);
  assert_non_null(strstr(test_err.text, "/tmp/connek-no-such-folder"));
}

static void data_without_its_key_is_never_given_a_new_one(void **state) {
  struct fixture *f = *state;
  put_file(f, "connek.db", "SQLite format 3", 0600);
  assert_refused(f, "has data but no master.key");
  assert_int_not_equal(access(f->path, F_OK), 0);
}

static void any_strange_file_counts_as_data(void **state) {
  struct fixture *f = *state;
  put_file(f, "backup.tar", "", 0600);
  assert_refused(f, "has data but no master.key");
}

static void what_holds_no_data_does_not_hinder(void **state) {
  struct fixture *f = *state;
  char path[160];
  snprintf(path, sizeof path, "%s/lost+found", f->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  put_file(f, "lock", "", 0600);
  put_file(f, "master.key.0a0b0c0d.new", "0001", 0400); /* of a crash half-way */
  assert_ok(load(f, true));
}

static void a_key_that_others_may_read_is_refused(void **state) {
  struct fixture *f = *state;
  const mode_t modes[] = {0440, 0404, 0640, 0644, 0700, 0666};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    put_file(f, "master.key", digits, modes[i]);
    assert_refused(f, "make it 0400");
    unlink(f->path);
  }
}

static void somebody_elses_key_is_refused(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0) skip_because("only root can become somebody else");
  put_file(f, "master.key", digits, 0400);
  assert_int_equal(chown(f->path, 65534, 65534), 0);
  assert_refused(f, "belongs to user 65534");
}

static void what_is_no_regular_file_is_refused(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir(f->path, 0700), 0);
  assert_refused(f, "not a regular file");
  assert_int_equal(rmdir(f->path), 0);
  assert_int_equal(mkfifo(f->path, 0600), 0);
  assert_refused(f, "not a regular file");
  unlink(f->path);
  put_file(f, "real", digits, 0400);
  assert_int_equal(symlink("real", f->path), 0);
  assert_refused(f, "symbolic link");
}

static void anything_but_64_digits_is_refused(void **state) {
  struct fixture *f = *state;
  char text[200];
  const char *const formats[] = {"",      "\n",       "%.63s",    "%.63s\n", "%s\n\n", "%s0",
                                 "%s0\n", "%.63sg\n", " %.63s\n", "%s\r\n",  "%s "};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    snprintf(text, sizeof text, formats[i], digits);
#pragma GCC diagnostic pop
    put_file(f, "master.key", text, 0400);
    assert_refused(f, "is not a master key");
    assert_null(strstr(test_err.text, "00010203")); /* whatever it is, it may be nearly the key */
    unlink(f->path);
  }
}

static void a_credential_of_systemd_is_read_by_its_own_rules(void **state) {
  struct fixture *f = *state;
  assert_int_equal(master_key_read(f->dir, MASTER_KEY_CREDENTIAL, &f->key, &test_err), ERR_NOT_FOUND);
  assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->dir, 1), 0);
  assert_int_equal(master_key_read(f->dir, MASTER_KEY_CREDENTIAL, &f->key, &test_err), ERR_NOT_FOUND);
  const mode_t refused[] = {0444, 0460, 0441, 0644};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    put_file(f, "connek.master-key", digits, refused[i]);
    assert_int_equal(master_key_read(f->dir, MASTER_KEY_CREDENTIAL, &f->key, &test_err), ERR_UNAVAILABLE);
    assert_non_null(strstr(test_err.text, "others may read it"));
  }
  put_file(f, "connek.master-key", digits, 0440); /* the mask of an access list looks like a group's right */
  assert_ok(master_key_read(f->dir, MASTER_KEY_CREDENTIAL, &f->key, &test_err));
  assert_int_equal(secret_open(f->key).p[31], 31);
  assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void a_variable_is_wiped_where_it_stood(void **state) {
  struct fixture *f = *state;
  assert_int_equal(master_key_read(f->dir, MASTER_KEY_VARIABLE, &f->key, &test_err), ERR_NOT_FOUND);
  char space[96] = "CONNEK_MASTER_KEY=";
  memcpy(space + strlen(space), digits, sizeof digits);
  assert_int_equal(putenv(space), 0);
  assert_ok(master_key_read(f->dir, MASTER_KEY_VARIABLE, &f->key, &test_err));
  assert_int_equal(secret_open(f->key).p[31], 31);
  assert_null(getenv("CONNEK_MASTER_KEY"));
  for (size_t i = strlen("CONNEK_MASTER_KEY="); i < sizeof space; i++)
    assert_int_equal(space[i], 0);
  struct secret *none = NULL;
  char bad[] = "CONNEK_MASTER_KEY=0001";
  assert_int_equal(putenv(bad), 0);
  assert_int_equal(master_key_read(f->dir, MASTER_KEY_VARIABLE, &none, &test_err), ERR_UNAVAILABLE);
  assert_non_null(strstr(test_err.text, "64 hex digits"));
  assert_null(getenv("CONNEK_MASTER_KEY"));
}

static void the_next_key_lies_beside_until_it_is_taken(void **state) {
  struct fixture *f = *state;
  struct secret *next = NULL, *again = NULL, *now = NULL;
  assert_ok(load(f, true));
  assert_int_equal(master_key_read_next(f->dir, &next, &test_err), ERR_NOT_FOUND);
  assert_ok(master_key_make_next(f->dir, &test_err));
  assert_ok(master_key_read_next(f->dir, &next, &test_err));
  assert_false(str_eq(secret_open(next), secret_open(f->key)));
  assert_ok(master_key_make_next(f->dir, &test_err)); /* as after a kill: the same one */
  assert_ok(master_key_read_next(f->dir, &again, &test_err));
  assert_true(str_eq(secret_open(next), secret_open(again)));
  assert_ok(master_key_take_next(f->dir, &test_err));
  assert_ok(load_from(f->dir, false, &now));
  assert_true(str_eq(secret_open(next), secret_open(now)));
  secret_free(next), secret_free(again), secret_free(now);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_empty_folder_gets_a_key_of_its_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_key_is_read_as_its_digits_say, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_empty_folder_stays_empty_for_readers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_missing_folder_is_named, set_up, tear_down),
      cmocka_unit_test_setup_teardown(data_without_its_key_is_never_given_a_new_one, set_up, tear_down),
      cmocka_unit_test_setup_teardown(any_strange_file_counts_as_data, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_holds_no_data_does_not_hinder, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(somebody_elses_key_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(anything_but_64_digits_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_credential_of_systemd_is_read_by_its_own_rules, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_variable_is_wiped_where_it_stood, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_next_key_lies_beside_until_it_is_taken, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
