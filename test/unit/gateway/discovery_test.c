/* Which MCP server is asked when. */
#include "gateway/discovery.h"

#include "fixture.h"
#include "org/catalogue.h"
#include "wait.h"

enum { ASKED_MAX = 64 };

static struct {
  mcp_listed done;
  void *context;
} asked[ASKED_MAX];
static size_t n_asked, n_written, n_dropped, n_changes, n_refs;
static bool is_changed;
static char written_error[ERR_TEXT_SIZE];

enum err_code __wrap_mcp_list(struct mcp_upstreams *upstreams, struct mcp_target *target,
                              const struct secret *credential, mcp_listed done, void *context, struct err *err);
enum err_code __wrap_mcp_list(struct mcp_upstreams *upstreams, struct mcp_target *target,
                              const struct secret *credential, mcp_listed done, void *context, struct err *err) {
  assert_true(n_asked < ASKED_MAX);
  asked[n_asked].done = done;
  asked[n_asked++].context = context;
  return ERR_NONE;
}
void __wrap_mcp_upstreams_drop(struct mcp_upstreams *upstreams, struct uuid connection_id);
void __wrap_mcp_upstreams_drop(struct mcp_upstreams *upstreams, struct uuid connection_id) {
  n_dropped++;
}
struct mcp_target *__wrap_mcp_target_of(const struct connector_connection *connection);
struct mcp_target *__wrap_mcp_target_of(const struct connector_connection *connection) {
  return NULL;
}
enum err_code __wrap_org_lease_credential(const struct org_snapshot *snapshot,
                                          const struct connector_connection *connection, struct secret **ret_credential,
                                          struct err *err);
enum err_code __wrap_org_lease_credential(const struct org_snapshot *snapshot,
                                          const struct connector_connection *connection, struct secret **ret_credential,
                                          struct err *err) {
  *ret_credential = NULL;
  return ERR_NONE;
}
struct org_snapshot *__wrap_org_snapshot_ref(struct org_snapshot *snapshot);
struct org_snapshot *__wrap_org_snapshot_ref(struct org_snapshot *snapshot) {
  n_refs++;
  return snapshot;
}
void __wrap_org_snapshot_unref(struct org_snapshot *snapshot);
void __wrap_org_snapshot_unref(struct org_snapshot *snapshot) {
  n_refs -= snapshot != NULL;
}
enum err_code __wrap_catalogue_reconcile(struct db_tx *tx, struct catalogue_update *update, struct err *err);
enum err_code __wrap_catalogue_reconcile(struct db_tx *tx, struct catalogue_update *update, struct err *err) {
  snprintf(written_error, sizeof(written_error), "%s", update->listing ? "" : update->error);
  update->is_changed = is_changed;
  return ERR_NONE;
}
bool __wrap_db_submit(struct db *db, struct loop *loop, struct db_job *job);
bool __wrap_db_submit(struct db *db, struct loop *loop, struct db_job *job) {
  n_written++;
  job->code = job->work(NULL, job->context, &job->err);
  job->done(job);
  return true;
}

static void on_change(void *context) {
  n_changes++;
}

static const struct connector_kind mcp = {.name = "mcp", .has_catalogue = true}, other = {.name = "http"};

enum { CONNECTIONS = LIMIT_DISCOVERIES + 2 };

struct world {
  struct connector connector, plain;
  struct connector_connection connections[CONNECTIONS];
  struct org_slot slot;
  struct discovery *discovery;
};

static struct world *current; /* of a test that did not come to its end */

static struct world *world_new(struct fixture *f, size_t n) {
  struct world *world = current = arena_new(&f->arena, struct world);
  assert_non_null(world);
  n_asked = n_written = n_dropped = n_changes = n_refs = 0;
  is_changed = false;
  world->connector = (struct connector){.kind = &mcp, .id = STR("x"), .version = 1};
  world->plain = (struct connector){.kind = &other, .id = STR("y"), .version = 1};
  for (size_t i = 0; i < CONNECTIONS; i++) {
    world->connections[i] = (struct connector_connection){.connector = &world->connector, .version = 1};
    world->connections[i].policy.id = uuid_new();
  }
  f->snapshot.connections = world->connections;
  f->snapshot.n_connections = n;
  atomic_store(&world->slot.current, &f->snapshot);
  world->discovery =
      discovery_new(&(struct discovery_options){.loop = &f->worker.loop, .on_change = on_change, .context = world});
  assert_non_null(world->discovery);
  discovery_published(world->discovery, &world->slot);
  discovery_start(world->discovery);
  return world;
}

static void run_until_asked(struct fixture *f, size_t n) {
  WAIT_UNTIL(n_asked >= n, loop_turn(&f->worker.loop));
  assert_int_equal(n_asked, n);
}

/* So long that whoever is due would have been asked. */
static void run_for_a_while(struct fixture *f) {
  for (int i = 0; i < 60; i++) {
    uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
    usleep(5000);
  }
}

static void answer(struct fixture *f, size_t i, const char *failure) {
  struct mcp_listing *listing = NULL;
  struct err err = {0};
  if (failure) {
    err_set(&err, ERR_UPSTREAM, "%s", failure);
  } else {
    listing = calloc(1, sizeof(*listing));
    assert_non_null(listing);
    arena_init(&listing->arena, 0);
  }
  asked[i].done(asked[i].context, listing, &err);
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
}

static void end_discovery(struct fixture *f) {
  if (current && current->discovery) {
    discovery_stop(current->discovery);
    uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
    discovery_free(current->discovery);
  }
  current = NULL;
}

static void world_end(struct fixture *f) {
  end_discovery(f);
  assert_int_equal(n_refs, 0);
}

static int teardown(void **state) {
  end_discovery(*state);
  return fixture_teardown(state);
}

#define discovery_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)

static void age_ms(struct fixture *f, int64_t ms) {
  loop_age(&f->worker.loop, ms * 1000);
}

static void a_server_is_asked_at_once_and_then_from_time_to_time(void **state) {
  struct fixture *f = *state;
  world_new(f, 1);
  run_until_asked(f, 1);
  is_changed = true;
  answer(f, 0, NULL);
  assert_int_equal(n_written, 1);
  assert_int_equal(n_changes, 1);
  age_ms(f, LIMIT_DISCOVERY_MS * INT64_C(8) / 10);
  run_for_a_while(f);
  assert_int_equal(n_asked, 1);
  age_ms(f, LIMIT_DISCOVERY_MS * INT64_C(4) / 10);
  run_until_asked(f, 2);
  is_changed = false;
  answer(f, 1, NULL);
  assert_int_equal(n_changes, 1);
  world_end(f);
}

static void one_that_fails_is_asked_again_later_and_later(void **state) {
  struct fixture *f = *state;
  world_new(f, 1);
  int64_t wait_ms = LIMIT_DISCOVERY_RETRY_MS;
  for (size_t i = 0; i < 4; i++) {
    run_until_asked(f, i + 1);
    answer(f, i, "it is away");
    assert_str(str_of(written_error), "it is away");
    age_ms(f, wait_ms * 8 / 10);
    run_for_a_while(f);
    assert_int_equal(n_asked, i + 1);
    age_ms(f, wait_ms * 4 / 10);
    wait_ms *= 2;
  }
  assert_int_equal(n_written, 1); /* the same failure is no news */
  run_until_asked(f, 5);
  answer(f, 4, "it is ill");
  assert_int_equal(n_written, 2);
  world_end(f);
}

static void so_many_are_asked_at_once_and_those_without_a_catalogue_never(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f, 0);
  world->connections[0].connector = &world->plain;
  f->snapshot.n_connections = CONNECTIONS;
  discovery_published(world->discovery, &world->slot);
  run_until_asked(f, LIMIT_DISCOVERIES);
  run_for_a_while(f);
  assert_int_equal(n_asked, LIMIT_DISCOVERIES);
  answer(f, 0, NULL);
  run_until_asked(f, LIMIT_DISCOVERIES + 1);
  for (size_t i = 1; i < n_asked; i++)
    answer(f, i, NULL);
  assert_int_equal(n_asked, CONNECTIONS - 1);
  world_end(f);
}

static void one_that_says_that_it_changed_is_asked_soon_but_not_twice_in_a_row(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f, 1);
  run_until_asked(f, 1);
  answer(f, 0, NULL);
  struct mcp_notice notice = {.connection_id = world->connections[0].policy.id};
  const enum mcp_notice_kind of_no_list[] = {MCP_RESOURCE_UPDATED, MCP_TASK_CHANGED, MCP_MESSAGE};
  for (size_t i = 0; i < sizeof(of_no_list) / sizeof(of_no_list[0]); i++) {
    notice.kind = of_no_list[i];
    discovery_notice(world->discovery, &notice);
  }
  age_ms(f, 2 * LIMIT_DISCOVERY_NOTICE_MS);
  run_for_a_while(f);
  assert_int_equal(n_asked, 1);
  notice.kind = MCP_TOOLS_CHANGED;
  discovery_notice(world->discovery, &notice);
  run_until_asked(f, 2);
  discovery_notice(world->discovery, &notice); /* while it is asked */
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
  answer(f, 1, NULL);
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(n_asked, 2);
  age_ms(f, LIMIT_DISCOVERY_NOTICE_MS);
  run_until_asked(f, 3);
  answer(f, 2, NULL);
  world_end(f);
}

static void an_answer_of_a_connection_as_it_was_is_not_written(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f, 1);
  run_until_asked(f, 1);
  world->connections[0].version = 2;
  discovery_published(world->discovery, &world->slot);
  assert_int_equal(n_dropped, 1);
  answer(f, 0, NULL);
  assert_int_equal(n_written, 0);
  run_until_asked(f, 2);
  answer(f, 1, NULL);
  assert_int_equal(n_written, 1);
  discovery_published(world->discovery, &world->slot); /* the same */
  run_for_a_while(f);
  assert_int_equal(n_asked, 2);
  world_end(f);
}

static void one_that_is_gone_is_forgotten_when_it_comes_back(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f, 2);
  run_until_asked(f, 2);
  f->snapshot.n_connections = 0;
  discovery_published(world->discovery, &world->slot);
  assert_int_equal(n_dropped, 2);
  answer(f, 0, NULL);
  answer(f, 1, "too late");
  assert_int_equal(n_written, 0);
  age_ms(f, 2 * LIMIT_DISCOVERY_MS);
  run_for_a_while(f);
  assert_int_equal(n_asked, 2);
  world_end(f);
}

static void what_comes_after_the_end_is_let_go_of(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f, 1);
  run_until_asked(f, 1);
  discovery_stop(world->discovery);
  answer(f, 0, NULL);
  assert_int_equal(n_written, 0);
  world_end(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      discovery_test(a_server_is_asked_at_once_and_then_from_time_to_time),
      discovery_test(one_that_fails_is_asked_again_later_and_later),
      discovery_test(so_many_are_asked_at_once_and_those_without_a_catalogue_never),
      discovery_test(one_that_says_that_it_changed_is_asked_soon_but_not_twice_in_a_row),
      discovery_test(an_answer_of_a_connection_as_it_was_is_not_written),
      discovery_test(one_that_is_gone_is_forgotten_when_it_comes_back),
      discovery_test(what_comes_after_the_end_is_let_go_of),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
