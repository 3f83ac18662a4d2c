/* What a connector's tests stand on: a loop with what calls share, a compiled definition, a connection, and calls that
 * are waited for. */
#ifndef CONNEK_TEST_CONNECTOR_FIXTURE_H
#define CONNEK_TEST_CONNECTOR_FIXTURE_H

#include "connector/connector.h"

#include "unit.h"

#include "base/clock.h"
#include "codec/json.h"

struct fixture {
  struct loop loop;
  struct connector_host host;
  struct address_exception exception;
  struct address_guard guard;
  struct arena arena; /* of definitions and connections */
  struct connector connector;
  struct connector_connection connection;
  void *more; /* the test's own */
};

/* One call and its own arena. */
struct trial {
  struct connector_call call;
  struct arena arena;
  int n_done;
};

static inline yyjson_val *fixture_json(struct fixture *f, const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&f->arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static inline void fixture_start(struct fixture *f) {
  assert_ok(loop_init(&f->loop, &test_err));
  f->exception = (struct address_exception){STR("127.0.0.1"), 0};
  f->guard = (struct address_guard){&f->exception, 1};
  const struct http_client_options options = {.guard = &f->guard};
  f->host.loop = &f->loop;
  assert_ok(http_client_new(&f->loop, &options, &f->host.http, &test_err));
  assert_non_null(f->host.timers = timers_new(&f->loop));
  assert_non_null(f->host.rates = http_rates_new());
  assert_ok(executor_start("test-sql", 2, &f->host.sql, &test_err));
  arena_init(&f->arena, 0);
}

static inline void fixture_stop(struct fixture *f) {
  executor_stop(f->host.sql);
  http_client_free(f->host.http);
  timers_free(f->host.timers);
  f->host.http = NULL; /* as a worker does */
  f->host.timers = NULL;
  loop_stop(&f->loop);
  loop_run(&f->loop);
  loop_release(&f->loop);
  http_rates_free(f->host.rates);
  arena_release(&f->arena);
}

static inline void fixture_connect(struct fixture *f, const char *definition, const char *settings) {
  assert_ok(connector_compile(&f->arena, fixture_json(f, definition), &f->connector, &test_err));
  f->connection =
      (struct connector_connection){.policy = {.id = uuid_new(), .name = STR("ledger"), .connector = f->connector.id},
                                    .connector = &f->connector,
                                    .settings = fixture_json(f, settings),
                                    .version = 1};
  assert_ok(
      f->connector.kind->connect(&f->arena, &f->connector, f->connection.settings, &f->connection.state, &test_err));
}

static inline const struct connector_tool *fixture_tool(struct fixture *f, const char *name) {
  for (size_t i = 0; i < f->connector.n_tools; i++)
    if (str_eq_c(f->connector.tools[i].name, name)) return &f->connector.tools[i];
  fail_msg("no tool %s", name);
  return NULL;
}

static void trial_done(struct connector_call *call) {
  struct trial *trial = (struct trial *)(void *)((char *)call - offsetof(struct trial, call));
  trial->n_done++;
}

/* A cursor that anyone can read: sealing is the gateway's. */
static inline struct str trial_seal(struct connector_call *call, struct str state) {
  return arena_str(call->arena, state);
}

static inline struct trial *trial_start(struct fixture *f, const char *tool, const char *arguments) {
  struct trial *trial = calloc(1, sizeof(*trial));
  arena_init(&trial->arena, 0);
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&trial->arena, str_of(arguments), &doc, &test_err));
  trial->call = (struct connector_call){.host = &f->host,
                                        .connection = f->connection.connector ? &f->connection : NULL,
                                        .tool = fixture_tool(f, tool),
                                        .arguments = yyjson_doc_get_root(doc),
                                        .arena = &trial->arena,
                                        .deadline_us = clock_monotonic_us() + 60 * 1000 * 1000LL,
                                        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                        .seal_page = trial_seal,
                                        .done = trial_done};
  return trial;
}

static inline void trial_invoke(struct trial *trial) {
  const struct connector_tool *tool = trial->call.tool;
  assert_ok(schema_check(tool->schema, trial->call.arguments, &test_err));
  trial->call.connection->connector->kind->invoke(&trial->call);
}

static inline void trial_wait(struct trial *trial) {
  while (trial->n_done == 0)
    uv_run(&trial->call.host->loop->uv, UV_RUN_ONCE);
  assert_int_equal(trial->n_done, 1);
}

/* The same with a clock that runs far ahead of the real one. */
static inline void trial_wait_aging(struct trial *trial) {
  while (trial->n_done == 0) {
    uv_run(&trial->call.host->loop->uv, UV_RUN_ONCE);
    loop_age(trial->call.host->loop, 100 * 1000);
  }
  assert_int_equal(trial->n_done, 1);
}

static inline struct trial *trial_run(struct fixture *f, const char *tool, const char *arguments) {
  struct trial *trial = trial_start(f, tool, arguments);
  trial_invoke(trial);
  trial_wait(trial);
  return trial;
}

static inline void trial_free(struct trial *trial) {
  arena_release(&trial->arena);
  free(trial);
}

/* The whole of a successful result's text. */
static inline void assert_result(struct fixture *f, const char *tool, const char *arguments, const char *expected) {
  struct trial *trial = trial_run(f, tool, arguments);
  if (trial->call.result.is_error || !str_eq_c(trial->call.result.text, expected))
    fail_msg("%s %s: %.*s\n   not: %s", tool, arguments, STR_ARG(trial->call.result.text), expected);
  trial_free(trial);
}

/* An error whose text has `part`. */
static inline void assert_error(struct fixture *f, const char *tool, const char *arguments, enum err_code code,
                                const char *part) {
  struct trial *trial = trial_run(f, tool, arguments);
  const struct connector_result *result = &trial->call.result;
  char text[2048];
  snprintf(text, sizeof(text), "%.*s", STR_ARG(result->text));
  if (!result->is_error || result->error != code || !strstr(text, part))
    fail_msg("%s %s: %s: %s\n   not %s: %s", tool, arguments, err_code_name(result->error), text, err_code_name(code),
             part);
  trial_free(trial);
}

#endif
