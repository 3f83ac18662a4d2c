#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "backup/backup.h"
#include "db/fixture.h"

enum { SEAL_AND_END = 48, TRAILER = 32 + SEAL_AND_END };

static const struct backup_owner owner = {{1, 2, 3}, {4, 5, 6}};

/* Two places, one of them empty, and a file. */
struct places {
  struct fixture from, to;
  struct arena arena;
  int fd;
  struct backup_totals written, read;
};

static int make(void **state) {
  struct places *p = calloc(1, sizeof *p);
  struct fixture *all[] = {&p->from, &p->to};
  for (size_t i = 0; i < 2; i++) {
    struct fixture *f = all[i];
    void *made = NULL;
    set_up_dir(&made);
    *f = *(struct fixture *)made;
    free(made);
    char url[512];
    if (test_server()) {
      char words[128];
      snprintf(words, sizeof words, "CREATE SCHEMA \"%s\"", f->dir + strlen("/tmp/"));
      test_raw_server(f->dir, words);
      test_schema(f->dir, url);
    }
    assert_ok(db_open_empty(f->dir, test_server() ? url : NULL, &f->db, &test_err));
    assert_ok(db_connect(f->db, &f->conn, &test_err));
  }
  arena_init(&p->arena, 0);
  p->fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  assert_true(p->fd >= 0);
  *state = p;
  return 0;
}

static int drop(void **state) {
  struct places *p = *state;
  struct fixture *all[] = {&p->from, &p->to};
  for (size_t i = 0; i < 2; i++) {
    struct fixture *copy = malloc(sizeof *copy);
    void *one = copy;
    *copy = *all[i];
    tear_down(&one);
  }
  arena_release(&p->arena);
  close(p->fd);
  free(p);
  return 0;
}

static enum err_code make_tables(struct db_tx *tx, void *context, struct err *err) {
  return db_schema_make(tx, *(const int64_t *)context, err);
}

static void fill_from(struct places *p, int64_t version) {
  assert_ok(db_fill(p->from.conn, make_tables, &version, &test_err));
  raw(&p->from,
      "INSERT INTO organisation (id, name, data_key, version, created_at) VALUES (x'0102', 'acme', x'', 7, -5);"
      "INSERT INTO login (id, email, created_at) VALUES (x'00ff', 'zo\xc3\xab@b.example', 9223372036854775807),"
      " (x'01', 'A@b.example', 0);"
      "INSERT INTO org_user (id, organisation_id, login_id, created_at) VALUES (x'05', x'0102', x'01', 1);"
      "INSERT INTO audit_record (organisation_id, writer, seq, time, record, mac) VALUES (x'0102', 'w', 1, 2, '{}', "
      "x'00')");
}

static enum err_code write_work(struct db_tx *tx, void *context, struct err *err) {
  struct places *p = context;
  return backup_write(tx, &p->arena, p->fd, &owner, NULL, NULL, &p->written, err);
}

static enum err_code load_work(struct db_tx *tx, void *context, struct err *err) {
  struct places *p = context;
  struct backup_label label = {0};
  off_t size = lseek(p->fd, 0, SEEK_END);
  assert_int_equal(pread(p->fd, label.digest, sizeof label.digest, size - TRAILER), (int)sizeof label.digest);
  return backup_load(tx, &p->arena, p->fd, &label, NULL, NULL, &p->read, err);
}

static void what_an_older_connek_saved_is_brought_to_the_newest_version(void **state) {
  struct places *p = *state;
  struct backup_label label;
  fill_from(p, 1);
  assert_ok(db_read(p->from.conn, write_work, p, &test_err));
  assert_ok(backup_check(p->fd, &label, &test_err));
  assert_int_equal(label.migration, 1);
  assert_memory_equal(label.master, owner.fingerprint, sizeof owner.fingerprint);
  assert_ok(backup_check_seal(&label, &owner, &test_err));
  assert_ok(db_fill(p->to.conn, load_work, p, &test_err));
  assert_int_equal(p->read.rows, 5);
  assert_int_equal(raw(&p->to, "SELECT count(*) FROM schema_migration"), db_schema_newest());
  assert_int_equal(raw(&p->to, "SELECT count(*) FROM connection_grant"), 0);
  assert_int_equal(raw(&p->to, "SELECT created_at FROM login WHERE email = 'zo\xc3\xab@b.example'"), INT64_MAX);
  assert_int_equal(raw(&p->to, "SELECT version FROM organisation"), 7);
  assert_int_equal(raw(&p->to, "SELECT count(*) FROM org_user WHERE disabled_at IS NULL AND id = x'05'"), 1);
}

static void a_place_that_is_not_empty_is_left_as_it_is(void **state) {
  struct places *p = *state;
  int64_t newest = db_schema_newest();
  fill_from(p, newest);
  assert_ok(db_read(p->from.conn, write_work, p, &test_err));
  assert_ok(db_fill(p->to.conn, make_tables, &newest, &test_err));
  assert_int_equal(db_fill(p->to.conn, load_work, p, &test_err), ERR_CONFLICT);
  assert_int_equal(raw(&p->to, "SELECT count(*) FROM login"), 0);
}

/* `n` bytes at the front of what was written, under a digest of their own. */
static void put(struct places *p, const char *bytes, size_t n, const char *trailer) {
  uint8_t digest[32];
  assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, bytes, n, digest, NULL), 1);
  assert_int_equal(ftruncate(p->fd, 0), 0);
  assert_int_equal(pwrite(p->fd, bytes, n, 0), (ssize_t)n);
  assert_int_equal(pwrite(p->fd, digest, 32, (off_t)n), 32);
  assert_int_equal(pwrite(p->fd, trailer + 32, SEAL_AND_END, (off_t)n + 32), SEAL_AND_END);
}

/* Whoever can make digests can make such files. */
static void no_cut_and_no_changed_byte_is_taken_for_a_backup(void **state) {
  ONLY_SQLITE;
  struct places *p = *state;
  fill_from(p, db_schema_newest());
  assert_ok(db_read(p->from.conn, write_work, p, &test_err));
  size_t size = (size_t)lseek(p->fd, 0, SEEK_END), n_loaded = 0;
  char *whole = malloc(size), *changed = malloc(size);
  assert_int_equal(pread(p->fd, whole, size, 0), (ssize_t)size);
  for (size_t at = 1; at < size - TRAILER; at += 149) {
    put(p, whole, at, whole + size - TRAILER);
    assert_int_equal(db_fill(p->to.conn, load_work, p, &test_err), ERR_INVALID);
    memcpy(changed, whole, size);
    changed[at] ^= (char)(1 << at % 8);
    put(p, changed, size - TRAILER, whole + size - TRAILER);
    if (db_fill(p->to.conn, load_work, p, &test_err) == ERR_NONE) n_loaded++;
  }
  assert_int_equal(n_loaded, 0);
  put(p, whole, size - TRAILER, whole + size - TRAILER); /* the control */
  assert_ok(db_fill(p->to.conn, load_work, p, &test_err));
  free(whole);
  free(changed);
}

static void a_seal_is_made_by_one_key_over_one_content(void **state) {
  struct places *p = *state;
  struct backup_label label;
  struct backup_owner other = owner;
  fill_from(p, db_schema_newest());
  assert_ok(db_read(p->from.conn, write_work, p, &test_err));
  assert_ok(backup_check(p->fd, &label, &test_err));
  assert_ok(backup_check_seal(&label, &owner, &test_err));
  other.key[31] ^= 1;
  assert_int_equal(backup_check_seal(&label, &other, &test_err), ERR_CONFLICT);
  label.digest[0] ^= 1;
  assert_int_equal(backup_check_seal(&label, &owner, &test_err), ERR_CONFLICT);
}

static void who_serves_at_that_moment_is_not_in_a_backup(void **state) {
  struct places *p = *state;
  fill_from(p, db_schema_newest());
  raw(&p->from, "INSERT INTO node VALUES ('a', x'00000000000000000000000000000001', '', 7, 0, 0)");
  assert_ok(db_read(p->from.conn, write_work, p, &test_err));
  assert_ok(db_fill(p->to.conn, load_work, p, &test_err));
  assert_int_equal(p->read.rows, p->written.rows);
  assert_int_equal(raw(&p->from, "SELECT count(*) FROM node"), 1);
  assert_int_equal(raw(&p->to, "SELECT count(*) FROM node"), 0);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, make, drop)
int main(void) {
  const struct CMUnitTest tests[] = {
      UNIT(what_an_older_connek_saved_is_brought_to_the_newest_version),
      UNIT(a_place_that_is_not_empty_is_left_as_it_is),
      UNIT(a_seal_is_made_by_one_key_over_one_content),
      UNIT(who_serves_at_that_moment_is_not_in_a_backup),
      UNIT(no_cut_and_no_changed_byte_is_taken_for_a_backup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
