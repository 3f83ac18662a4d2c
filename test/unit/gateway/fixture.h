/* One request to the MCP endpoint without a socket: a worker, a principal with real keys, a token, and a body that
 * becomes calls. */
#ifndef CONNEK_TEST_GATEWAY_FIXTURE_H
#define CONNEK_TEST_GATEWAY_FIXTURE_H

#include <unistd.h>

#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"
#include "unit.h"
#include "vault/vault.h"

enum { FIXTURE_FIELDS = 8, FIXTURE_MINUTE_US = 60 * 1000 * 1000 };

struct fixture {
  char dir[64];
  struct arena arena; /* the test's */
  struct vault *vault;
  struct server server;
  struct worker worker;
  struct org_snapshot snapshot, other_snapshot; /* two organisations */
  struct org_user user, other_user;
  struct token_entry token;
  struct http_field fields[FIXTURE_FIELDS];
  struct http_exchange http;
  struct exchange exchange;
};

static inline struct vault_keys *fixture_keys(struct fixture *f) {
  struct str sealed;
  struct vault_keys *keys = NULL;
  struct uuid id = uuid_new();
  assert_ok(vault_data_key_new(f->vault, &f->arena, id, &sealed, &test_err));
  assert_ok(vault_keys_open(f->vault, id, sealed, &keys, &test_err));
  return keys;
}

static inline int fixture_setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_non_null(f);
  arena_init(&f->arena, 0);
  snprintf(f->dir, sizeof(f->dir), "/tmp/connek-gateway-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  assert_ok(vault_open(f->dir, true, &f->vault, &test_err));
  f->snapshot.keys = fixture_keys(f);
  f->snapshot.token_rate = (struct limit_rate){60, FIXTURE_MINUTE_US};
  map_init(&f->snapshot.token_rates);
  f->other_snapshot.keys = fixture_keys(f);
  f->user.id = uuid_new();
  f->user.email = STR("ann@acme.example");
  f->user.roles_json = STR("[]");
  f->other_user.id = uuid_new();
  f->token.id = uuid_new();
  assert_ok(loop_init(&f->worker.loop, &test_err));
  f->worker.server = &f->server;
  f->server.workers = &f->worker;
  f->server.n_workers = 1;
  trace_source_init(&f->worker.traces);
  arena_init(&f->http.arena, LIMIT_HTTP_REQUEST_ARENA);
  f->http.method = STR("POST");
  f->http.fields = f->fields;
  f->exchange = (struct exchange){.http = &f->http, .worker = &f->worker, .arena = &f->http.arena};
  f->exchange.principal =
      (struct principal){.snapshot = &f->snapshot, .user = &f->user, .token_id = f->token.id, .token = &f->token};
  *state = f;
  return 0;
}

static inline int fixture_teardown(void **state) {
  struct fixture *f = *state;
  char path[96];
  arena_release(&f->http.arena);
  arena_release(&f->arena);
  map_release(&f->snapshot.token_rates);
  loop_stop(&f->worker.loop);
  loop_run(&f->worker.loop);
  loop_release(&f->worker.loop);
  vault_keys_free(f->snapshot.keys);
  vault_keys_free(f->other_snapshot.keys);
  vault_close(f->vault);
  snprintf(path, sizeof(path), "%s/master.key", f->dir);
  unlink(path);
  rmdir(f->dir);
  free(f);
  return 0;
}

static inline void fixture_field(struct fixture *f, const char *name, const char *value) {
  assert_true(f->http.n_fields < FIXTURE_FIELDS);
  f->fields[f->http.n_fields++] = (struct http_field){str_of(name), str_of(value)};
}

/* The body as messages: STAGE_NEXT, or why it was refused. */
static inline enum stage_verdict fixture_read(struct fixture *f, struct str body) {
  f->http.body = body;
  f->exchange.calls = NULL;
  f->exchange.n_calls = 0;
  f->exchange.is_batch = false;
  f->exchange.refusal = (struct failure){0};
  return stage_read_messages(&f->exchange);
}

/* The one call of a body that is taken. */
static inline struct call *fixture_call(struct fixture *f, const char *body) {
  if (f->http.n_fields == 0) fixture_field(f, "Content-Type", "application/json");
  assert_int_equal(fixture_read(f, str_of(body)), STAGE_NEXT);
  assert_int_equal(f->exchange.n_calls, 1);
  return f->exchange.calls;
}

/* As the pipeline has them. */
static inline size_t fixture_stage(const char *name) {
  size_t n;
  const struct call_stage *stages = call_stages(&n);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(stages[i].name, name) == 0) return i;
  }
  fail_msg("no stage %s", name);
  return n;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
