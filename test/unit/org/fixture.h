/* A data folder of its own for each test, with a vault, a database and one organisation; rows are written through the
 * store's functions, each in a transaction. */
#ifndef CONNEK_TEST_UNIT_ORG_FIXTURE_H
#define CONNEK_TEST_UNIT_ORG_FIXTURE_H

#include <ftw.h>
#include <unistd.h>

#include "base/clock.h"
#include "database.h"
#include "identity/token.h"
#include "store/store.h"
#include "vault/vault.h"

struct fixture {
  char dir[64];
  struct vault *vault;
  struct db *db;
  struct db_conn *conn;
  struct arena arena;
  struct uuid organisation;
};

#define FIXTURE_WORK(name, call)                                                              \
  static inline enum err_code work_##name(struct db_tx *tx, void *context, struct err *err) { \
    return call;                                                                              \
  }
FIXTURE_WORK(organisation, store_organisation_insert(tx, context, err))
FIXTURE_WORK(user, store_user_insert(tx, context, err))
FIXTURE_WORK(role, store_role_insert(tx, context, err))
FIXTURE_WORK(rule, store_access_rule_insert(tx, context, err))
FIXTURE_WORK(connector, store_connector_insert(tx, context, err))
FIXTURE_WORK(connection, store_connection_insert(tx, context, err))
FIXTURE_WORK(token, store_access_token_insert(tx, context, err))
FIXTURE_WORK(limit, store_call_limit_put(tx, context, err))
FIXTURE_WORK(change, store_change_log(tx, ((struct change_record *)context)->organisation_id,
                                      ((struct change_record *)context)->kind,
                                      ((struct change_record *)context)->object_id, err))
FIXTURE_WORK(user_role, store_user_role_insert(tx, ((struct uuid *)context)[0], ((struct uuid *)context)[1],
                                               ((struct uuid *)context)[2], err))
FIXTURE_WORK(revoke, store_access_token_revoke(tx, ((struct uuid *)context)[0], ((struct uuid *)context)[1],
                                               clock_utc_us(), err))
FIXTURE_WORK(user_delete, store_user_delete(tx, ((struct uuid *)context)[0], ((struct uuid *)context)[1], err))
FIXTURE_WORK(sql, db_exec(tx, context, DB_NO_PARAMS, err))

static inline void write_row(struct fixture *f, db_work work, void *record) {
  assert_ok(db_write(f->conn, work, record, &test_err));
}

static inline struct uuid add_organisation(struct fixture *f, const char *name) {
  struct organisation_record record = {.id = uuid_new(), .name = str_of(name), .version = 1, .created_at = 1};
  assert_ok(vault_data_key_new(f->vault, &f->arena, record.id, &record.data_key, &test_err));
  write_row(f, work_organisation, &record);
  return record.id;
}

struct new_login {
  struct fixture *f;
  struct str email;
  struct uuid id;
};

static inline enum err_code work_login(struct db_tx *tx, void *context, struct err *err) {
  struct new_login *login = context;
  return store_login_ensure(tx, &login->f->arena, login->email, &login->id, err);
}

static inline struct uuid add_user_to(struct fixture *f, struct uuid organisation, const char *email,
                                      int64_t disabled_at) {
  struct new_login login = {f, str_of(email), {{0}}};
  write_row(f, work_login, &login);
  struct user_record record = {.id = uuid_new(),
                               .organisation_id = organisation,
                               .login_id = login.id,
                               .email = str_of(email),
                               .kind = STR("member"),
                               .disabled_at = disabled_at,
                               .created_at = 1};
  write_row(f, work_user, &record);
  return record.id;
}

static inline struct uuid add_user(struct fixture *f, const char *email) {
  return add_user_to(f, f->organisation, email, 0);
}

static inline struct uuid add_role(struct fixture *f, const char *name) {
  struct role_record record = {.id = uuid_new(), .organisation_id = f->organisation, .name = str_of(name)};
  write_row(f, work_role, &record);
  return record.id;
}

static inline void give_role(struct fixture *f, struct uuid user, struct uuid role) {
  struct uuid ids[3] = {f->organisation, user, role};
  write_row(f, work_user_role, ids);
}

/* `does` and `tools` may be NULL. Rules come in the order in which they are added. */
static inline struct uuid add_rule(struct fixture *f, struct uuid role, const char *effect, const char *target_kind,
                                   const char *target, const char *does, const char *tools) {
  static int64_t position;
  struct access_rule_record record = {.id = uuid_new(),
                                      .organisation_id = f->organisation,
                                      .role_id = role,
                                      .position = ++position,
                                      .effect = str_of(effect),
                                      .target_kind = str_of(target_kind),
                                      .target = str_of(target),
                                      .does = str_of(does),
                                      .tools = str_of(tools)};
  write_row(f, work_rule, &record);
  return record.id;
}

static inline void add_connector_of(struct fixture *f, struct uuid organisation, const char *id, const char *kind,
                                    const char *definition) {
  struct connector_record record = {.organisation_id = organisation,
                                    .id = str_of(id),
                                    .version = 3,
                                    .status = STR("available"),
                                    .kind = str_of(kind),
                                    .source = uuid_is_nil(organisation) ? STR("builtin") : STR("custom"),
                                    .definition = str_of(definition)};
  write_row(f, work_connector, &record);
}

/* `owner` may be nil. */
static inline struct uuid add_connection_with(struct fixture *f, const char *name, const char *connector,
                                              const char *labels, struct uuid owner, const char *settings) {
  struct connection_record record = {.id = uuid_new(),
                                     .organisation_id = f->organisation,
                                     .name = str_of(name),
                                     .connector_id = str_of(connector),
                                     .labels = str_of(labels),
                                     .owner_user_id = owner,
                                     .settings = str_of(settings),
                                     .version = 1,
                                     .created_at = 1,
                                     .updated_at = 1};
  write_row(f, work_connection, &record);
  return record.id;
}

static inline void add_limit(struct fixture *f, const char *scope, struct str key, int64_t window_us, int64_t cap) {
  struct call_limit_record record = {.id = uuid_new(),
                                     .organisation_id = f->organisation,
                                     .scope = str_of(scope),
                                     .scope_key = key,
                                     .window_us = window_us,
                                     .cap = cap};
  write_row(f, work_limit, &record);
}

/* The token's text is `text`; nothing checks its form here. */
static inline struct uuid add_token(struct fixture *f, struct uuid organisation, struct uuid user, const char *text,
                                    int64_t expires_at) {
  struct access_token_record record = {.id = uuid_new(),
                                       .organisation_id = organisation,
                                       .user_id = user,
                                       .kind = STR("url"),
                                       .name = STR("test"),
                                       .expires_at = expires_at,
                                       .created_at = 1};
  token_hash(str_of(text), record.hash);
  write_row(f, work_token, &record);
  return record.id;
}

static inline void log_organisation(struct fixture *f, struct uuid organisation) {
  struct change_record change = {
      .organisation_id = organisation, .kind = CHANGE_ORGANISATION, .object_id = organisation};
  write_row(f, work_change, &change);
}

static inline void log_token(struct fixture *f, struct uuid organisation, struct uuid token) {
  struct change_record change = {.organisation_id = organisation, .kind = CHANGE_ACCESS_TOKEN, .object_id = token};
  write_row(f, work_change, &change);
}

static inline int fixture_setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_non_null(f);
  memcpy(f->dir, "/tmp/connek-org-XXXXXX", sizeof("/tmp/connek-org-XXXXXX"));
  assert_non_null(mkdtemp(f->dir));
  arena_init(&f->arena, 0);
  assert_ok(vault_open(f->dir, true, &f->vault, &test_err));
  assert_ok(test_db_open(f->dir, true, &f->db, &test_err));
  assert_ok(db_start_threads(f->db, 2, &test_err));
  assert_ok(db_connect(f->db, &f->conn, &test_err));
  f->organisation = add_organisation(f, "acme");
  *state = f;
  return 0;
}

static inline int fixture_remove(const char *path, const struct stat *found, int kind, struct FTW *walk) {
  return remove(path);
}

static inline int fixture_teardown(void **state) {
  struct fixture *f = *state;
  db_disconnect(f->conn);
  db_close(f->db);
  vault_close(f->vault);
  arena_release(&f->arena);
  nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
  free(f);
  return 0;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
