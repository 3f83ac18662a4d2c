/* A database, a vault, keys of two organisations, and events, for the tests of this folder. */
#ifndef CONNEK_TEST_AUDIT_FIXTURE_H
#define CONNEK_TEST_AUDIT_FIXTURE_H

#include "audit/audit.h"
#include "db/fixture.h"
#include "vault/vault.h"

struct audit_test {
  struct fixture *db;
  struct arena arena;
  struct vault *vault;
  struct uuid acme, globex;
  struct vault_keys *acme_keys, *globex_keys;
  struct loop loop;
  int n_waiting;
};

static inline struct vault_keys *new_keys(struct audit_test *t, struct uuid organisation_id) {
  struct str sealed;
  struct vault_keys *keys = NULL;
  assert_ok(vault_data_key_new(t->vault, &t->arena, organisation_id, &sealed, &test_err));
  assert_ok(vault_keys_open(t->vault, organisation_id, sealed, &keys, &test_err));
  return keys;
}

static inline int audit_set_up(void **state) {
  struct audit_test *t = calloc(1, sizeof *t);
  void *db = NULL;
  set_up_dir(&db);
  t->db = db;
  arena_init(&t->arena, 0);
  assert_ok(vault_open(t->db->dir, true, &t->vault, &test_err));
  assert_ok(test_db_open(t->db->dir, true, &t->db->db, &test_err));
  assert_ok(db_connect(t->db->db, &t->db->conn, &test_err));
  t->acme = uuid_new(), t->globex = uuid_new();
  t->acme_keys = new_keys(t, t->acme), t->globex_keys = new_keys(t, t->globex);
  *state = t;
  return 0;
}

static inline int audit_tear_down(void **state) {
  struct audit_test *t = *state;
  void *db = t->db;
  vault_keys_free(t->acme_keys);
  vault_keys_free(t->globex_keys);
  vault_close(t->vault);
  arena_release(&t->arena);
  tear_down(&db);
  free(t);
  return 0;
}

static inline const struct vault_keys *keys_of(struct uuid organisation_id, void *context) {
  struct audit_test *t = context;
  return uuid_eq(organisation_id, t->acme) ? t->acme_keys : uuid_eq(organisation_id, t->globex) ? t->globex_keys : NULL;
}

/* Behind Connek's back. */
static inline int64_t sql(struct audit_test *t, const char *format, ...) PRINTF_LIKE(2, 3);
static inline int64_t sql(struct audit_test *t, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return raw(t->db, text);
}

/* A denied or done call with everything filled in. */
static inline struct audit_event event_of(struct audit_test *t, const struct uuid *organisation_id, int64_t time) {
  struct audit_event event = {.kind = AUDIT_CALL,
                              .organisation_id = *organisation_id,
                              .keys = keys_of(*organisation_id, t),
                              .time = time,
                              .call_id = uuid_new(),
                              .user_id = uuid_new(),
                              .token_id = uuid_new(),
                              .user_email = STR("ann@acme.example"),
                              .client = STR("inspector 1.0"),
                              .roles = STR("[\"finance\"]"),
                              .policy_version = 3,
                              .connector = STR("sqlite"),
                              .connector_version = 2,
                              .connection_id = uuid_new(),
                              .connection = STR("ledger"),
                              .tool = STR("sqlite_query"),
                              .does = STR("read"),
                              .arguments = STR("{\"sql\":\"select \\\"1\\\"\"}"),
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .reason = STR("rule 1 of role finance"),
                              .outcome = AUDIT_OK,
                              .duration_us = 1234,
                              .trace_id = "0af7651916cd43dd8448eb211c80319c"};
  return event;
}

static inline enum err_code record_event(struct db_tx *tx, void *context, struct err *err) {
  return audit_record_in(tx, context, err);
}

/* In a command's chain. */
static inline void record(struct audit_test *t, struct audit_event event) {
  assert_ok(db_write(t->db->conn, record_event, &event, &test_err));
}

struct verify_run {
  struct audit_test *t;
  struct str since;
  struct audit_finding finding;
};

static inline enum err_code run_verify(struct db_tx *tx, void *context, struct err *err) {
  struct verify_run *run = context;
  return audit_verify(tx, keys_of, run->t, run->since, &run->finding, err);
}

static inline struct audit_finding verify_since(struct audit_test *t, struct str since) {
  struct verify_run run = {t, since, {0}};
  assert_ok(db_read(t->db->conn, run_verify, &run, &test_err));
  return run.finding;
}

static inline void assert_holds(struct audit_test *t, int64_t records, int64_t chains) {
  struct audit_finding finding = verify_since(t, STR_NONE);
  if (!finding.holds) fail_msg("%s", finding.text);
  assert_int_equal(finding.records, records);
  assert_int_equal(finding.chains, chains);
}

static inline void assert_broken_since(struct audit_test *t, struct str since, const char *part) {
  struct audit_finding finding = verify_since(t, since);
  if (finding.holds) fail_msg("it holds, instead of: %s", part);
  if (!strstr(finding.text, part)) fail_msg("\"%s\" does not say \"%s\"", finding.text, part);
}

static inline void assert_broken(struct audit_test *t, const char *part) {
  assert_broken_since(t, STR_NONE, part);
}

#define AUDIT_UNIT(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

#endif
