/* Two organisations with one of each, for the tests of this folder. What a test does runs in one transaction. */
#ifndef CONNEK_TEST_STORE_FIXTURE_H
#define CONNEK_TEST_STORE_FIXTURE_H

#include "db/driver.h"
#include "db/fixture.h"
#include "store/store.h"

struct org {
  struct uuid id, login, user, role, connection, token;
};

struct store_test {
  struct fixture *db;
  struct arena arena;
  struct org acme, globex;
};

typedef void (*test_body)(struct db_tx *tx, struct store_test *t);

static inline struct access_token_record token_of(const struct org *org, uint8_t hash) {
  struct access_token_record token = {.id = uuid_new(),
                                      .organisation_id = org->id,
                                      .user_id = org->user,
                                      .kind = STR("url"),
                                      .name = STR("laptop"),
                                      .created_at = 5};
  memset(token.hash, hash, sizeof token.hash);
  return token;
}

static inline struct connection_record connection_of(const struct org *org, struct str name) {
  return (struct connection_record){.id = uuid_new(),
                                    .organisation_id = org->id,
                                    .name = name,
                                    .connector_id = STR("sqlite"),
                                    .version = 1,
                                    .created_at = 5,
                                    .updated_at = 5};
}

static inline void make_org(struct db_tx *tx, struct store_test *t, struct org *org, struct str name, uint8_t hash) {
  org->id = uuid_new(), org->user = uuid_new(), org->role = uuid_new();
  struct organisation_record organisation = {org->id, name, STR("sealed"), 1, 5};
  assert_ok(store_organisation_insert(tx, &organisation, &test_err));
  assert_ok(store_login_ensure(tx, &t->arena, STR("ann@both.example"), &org->login, &test_err));
  struct user_record user = {org->user, org->id, org->login, STR("ann@both.example"), STR("member"), 0, 5};
  assert_ok(store_user_insert(tx, &user, &test_err));
  struct role_record role = {org->role, org->id, STR("finance")};
  assert_ok(store_role_insert(tx, &role, &test_err));
  struct connection_record connection = connection_of(org, STR("ledger"));
  org->connection = connection.id;
  assert_ok(store_connection_insert(tx, &connection, &test_err));
  struct access_token_record token = token_of(org, hash);
  org->token = token.id;
  assert_ok(store_access_token_insert(tx, &token, &test_err));
}

static inline enum err_code make_orgs(struct db_tx *tx, void *context, struct err *err) {
  struct store_test *t = context;
  make_org(tx, t, &t->acme, STR("acme"), 1);
  make_org(tx, t, &t->globex, STR("globex"), 2);
  return ERR_NONE;
}

static inline int store_set_up(void **state) {
  struct store_test *t = calloc(1, sizeof *t);
  void *db = NULL;
  set_up(&db);
  t->db = db;
  arena_init(&t->arena, 0);
  assert_ok(db_write(t->db->conn, make_orgs, t, &test_err));
  *state = t;
  return 0;
}

static inline int store_tear_down(void **state) {
  struct store_test *t = *state;
  void *db = t->db;
  tear_down(&db);
  arena_release(&t->arena);
  free(t);
  return 0;
}

struct store_run {
  test_body body;
  struct store_test *t;
};

static inline enum err_code store_run_body(struct db_tx *tx, void *context, struct err *err) {
  struct store_run *run = context;
  run->body(tx, run->t);
  return ERR_NONE;
}

static inline void store_run(void **state, test_body body) {
  struct store_test *t = *state;
  struct store_run run = {body, t};
  assert_ok(db_write(t->db->conn, store_run_body, &run, &test_err));
}

/* STORE_TEST(name) { ... tx, t ... } */
#define STORE_TEST(name)                                           \
  static void name##_body(struct db_tx *tx, struct store_test *t); \
  static void name(void **state) {                                 \
    store_run(state, name##_body);                                 \
  }                                                                \
  static void name##_body(struct db_tx *tx, struct store_test *t)
#define STORE_UNIT(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
#define ARENA tx, &t->arena

/* A statement that breaks a rule of the database ends its transaction; here the test goes on behind it. */
#define assert_breaks(expression, code)                                                                  \
  do {                                                                                                   \
    assert_ok(db_exec(tx, "SAVEPOINT before", DB_NO_PARAMS, &test_err));                                 \
    assert_int_equal(expression, code);                                                                  \
    struct err rest_;                                                                                    \
    tx->is_failed = false;                                                                               \
    if (db_exec(tx, "ROLLBACK TO before", DB_NO_PARAMS, &rest_) != ERR_NONE) fail_msg("%s", rest_.text); \
  } while (0)

static inline void assert_says(const char *part) {
  if (!strstr(test_err.text, part)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, part);
}

#endif
