/* A folder with configuration files and a data folder beside them, for the tests of this folder. */
#ifndef CONNEK_TEST_CONFIG_FIXTURE_H
#define CONNEK_TEST_CONFIG_FIXTURE_H

#include <ftw.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "config/config.h"
#include "config/model.h"
#include "database.h"
#include "store/store.h"
#include "vault/places.h"

struct fixture {
  char dir[64], data[80], path[256]; /* path: of the file last written */
  struct arena arena;
  struct vault *vault;
  struct db *db;
  struct db_conn *conn;
};

/* A file in the folder; its path is left in t->path. */
static inline const char *put(struct fixture *t, const char *name, const char *text) {
  (void)snprintf(t->path, sizeof(t->path), "%s/%s", t->dir, name);
  FILE *file = fopen(t->path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
  return t->path;
}

static inline void put_database(struct fixture *t, const char *name) {
  (void)snprintf(t->path, sizeof(t->path), "%s/%s", t->dir, name);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "CREATE TABLE invoice (id INTEGER)", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline enum err_code install(struct db_tx *tx, void *context, struct err *err) {
  return config_install_builtins(tx, err);
}

static inline int set_up(void **state) {
  struct fixture *t = calloc(1, sizeof(*t));
  arena_init(&t->arena, 0);
  (void)snprintf(t->dir, sizeof(t->dir), "/tmp/connek-config-XXXXXX");
  assert_non_null(mkdtemp(t->dir));
  (void)snprintf(t->data, sizeof(t->data), "%s/var", t->dir);
  assert_int_equal(mkdir(t->data, 0700), 0);
  assert_ok(vault_open(t->data, true, &t->vault, &test_err));
  assert_ok(test_db_open(t->data, true, &t->db, &test_err));
  assert_ok(db_connect(t->db, &t->conn, &test_err));
  assert_ok(db_write(t->conn, install, NULL, &test_err));
  put_database(t, "ledger.db");
  *state = t;
  return 0;
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  return remove(path);
}

static inline int tear_down(void **state) {
  struct fixture *t = *state;
  db_disconnect(t->conn);
  db_close(t->db);
  vault_close(t->vault);
  arena_release(&t->arena);
  (void)nftw(t->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  free(t);
  return 0;
}

#define CONFIG_UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The text as acme.json, read. */
static inline struct config *read_config(struct fixture *t, const char *text) {
  struct config *config = NULL;
  assert_ok(config_read(&t->arena, put(t, "acme.json", text), t->data, &config, &test_err));
  return config;
}

static inline enum err_code refuse(struct fixture *t, const char *text) {
  struct config *config = NULL;
  memset(&test_err, 0, sizeof(test_err));
  enum err_code code = config_read(&t->arena, put(t, "acme.json", text), t->data, &config, &test_err);
  config_release(config);
  return code;
}

struct apply_run {
  struct fixture *t;
  const struct config *config;
  bool may_prune;
  size_t n_changes;
  struct buf out;
};

static inline enum err_code apply_in(struct db_tx *tx, void *context, struct err *err) {
  struct apply_run *run = context;
  return config_apply(tx, run->t->vault, run->config, run->may_prune, NULL, &run->out, &run->n_changes, err);
}

/* What apply printed; NULL where it failed. */
static inline const char *apply_text(struct fixture *t, const char *text, bool may_prune, size_t *ret_n_changes) {
  struct config *config = read_config(t, text);
  struct apply_run run = {.t = t, .config = config, .may_prune = may_prune};
  buf_init(&run.out, &t->arena, 1 << 20);
  memset(&test_err, 0, sizeof(test_err));
  enum err_code code = db_write(t->conn, apply_in, &run, &test_err);
  config_release(config);
  if (ret_n_changes) *ret_n_changes = code ? 0 : run.n_changes;
  if (code) return NULL;
  buf_append_byte(&run.out, '\0');
  return run.out.p;
}

static inline void assert_applies(struct fixture *t, const char *text, const char *expected) {
  const char *out = apply_text(t, text, false, NULL);
  if (!out) fail_msg("refused: %s [%s] (%s)", test_err.text, test_err.place, test_err.detail);
  assert_string_equal(out, expected);
}

static inline void assert_nothing_to_change(struct fixture *t, const char *text) {
  size_t n = 7;
  const char *out = apply_text(t, text, false, &n);
  if (!out) fail_msg("refused: %s [%s] (%s)", test_err.text, test_err.place, test_err.detail);
  assert_string_equal(out, "");
  assert_int_equal(n, 0);
}

#endif
