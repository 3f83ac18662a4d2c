/* requestState: good for one user, one request, one connection, a while. */
#include "gateway/request_state.h"

#include "base/clock.h"
#include "fixture.h"

static int64_t later_us;

int64_t __real_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void) {
  return __real_clock_utc_us() + later_us;
}

struct world {
  struct connector_connection east, west;
};

static struct world *world_new(struct fixture *f) {
  struct world *world = arena_new(&f->arena, struct world);
  world->east.policy = (struct policy_connection){.id = uuid_new(), .name = STR("east")};
  world->west.policy = (struct policy_connection){.id = uuid_new(), .name = STR("west")};
  later_us = 0;
  return world;
}

/* A call as the guard leaves it: its arguments in canonical form. */
static struct call *request(struct fixture *f, const struct connector_connection *connection, const char *method,
                            const char *named, const char *arguments, struct str state) {
  const char *member = strcmp(method, "resources/read") == 0 ? "uri" : "name";
  struct buf body;
  buf_init(&body, &f->arena, 4 * 1024 * KIB);
  buf_printf(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"%s\":\"%s\"", method, member, named);
  if (state.p) {
    buf_append_c(&body, ",\"requestState\":");
    json_write_str(&body, state);
  }
  buf_append_c(&body, "}}");
  arena_release(&f->http.arena);
  arena_init(&f->http.arena, 64 * 1024 * KIB);
  buf_append_byte(&body, '\0');
  struct call *call = fixture_call(f, body.p);
  call->envelope.revision = mcp_revision_find(STR("2026-07-28"));
  call->method = method_find(str_of(method), JSONRPC_REQUEST, MCP_MODERN);
  call->connection = connection;
  call->arguments_canonical = str_of(arguments);
  return call;
}

static struct str sealed(struct fixture *f, const struct world *world, struct str state) {
  struct call *call = request(f, &world->east, "tools/call", "run", "{\"a\":1}", STR_NONE);
  struct str text = request_state_seal(call, state);
  assert_non_null(text.p);
  return arena_str(&f->arena, text);
}

static bool opens(struct fixture *f, const struct world *world, struct str state) {
  return request_state_open(request(f, &world->east, "tools/call", "run", "{\"a\":1}", state));
}

static void what_the_server_wanted_kept_comes_back_as_it_was(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  static const char *const texts[] = {"", "x", "{\"a\":\"\\u0000\"}", "\xE2\x82\xAC \"\\"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct str kept = sealed(f, world, str_of(texts[i]));
    struct call *call = request(f, &world->east, "tools/call", "run", "{\"a\":1}", kept);
    assert_true(request_state_open(call));
    assert_str(call->state, texts[i]);
  }
}

static void it_is_good_for_its_own_request_alone(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str kept = sealed(f, world, STR("s"));
  assert_true(opens(f, world, kept));
  assert_false(request_state_open(request(f, &world->east, "tools/call", "run", "{\"a\":2}", kept)));
  assert_false(request_state_open(request(f, &world->east, "tools/call", "run", "{}", kept)));
  assert_false(request_state_open(request(f, &world->east, "tools/call", "walk", "{\"a\":1}", kept)));
  assert_false(request_state_open(request(f, &world->east, "prompts/get", "run", "{\"a\":1}", kept)));
  assert_false(request_state_open(request(f, &world->east, "resources/read", "run", "{\"a\":1}", kept)));
}

static void it_is_good_on_its_own_connection_alone(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str kept = sealed(f, world, STR("s"));
  assert_false(request_state_open(request(f, &world->west, "tools/call", "run", "{\"a\":1}", kept)));
  assert_false(request_state_open(request(f, NULL, "tools/call", "run", "{\"a\":1}", kept)));
}

static void it_is_good_for_its_own_user_and_organisation_alone(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str kept = sealed(f, world, STR("s"));
  f->exchange.principal.user = &f->other_user;
  assert_false(opens(f, world, kept));
  f->exchange.principal.user = &f->user;
  f->exchange.principal.snapshot = &f->other_snapshot;
  assert_false(opens(f, world, kept));
  f->exchange.principal.snapshot = &f->snapshot;
  assert_true(opens(f, world, kept));
}

static void it_expires(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str kept = sealed(f, world, STR("s"));
  later_us = (LIMIT_INPUT_MS - 5000) * INT64_C(1000);
  assert_true(opens(f, world, kept));
  later_us = LIMIT_INPUT_MS * INT64_C(1000) + 1;
  assert_false(opens(f, world, kept));
}

static void cut_short_or_changed_in_a_bit_it_is_none(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str kept = sealed(f, world, STR("state of a server"));
  for (size_t n = 0; n < kept.n; n++)
    assert_false(opens(f, world, str_make(kept.p, n)));
  assert_false(opens(f, world, arena_printf(&f->arena, "%.*sA", STR_ARG(kept))));
  for (size_t i = 0; i < kept.n; i++) {
    for (int bit = 0; bit < 7; bit++) {
      struct str changed = arena_str(&f->arena, kept);
      ((char *)changed.p)[i] = (char)(kept.p[i] ^ 1 << bit);
      /* Of the last character not every bit is of the text. */
      if (i + 1 < kept.n && (unsigned char)changed.p[i] >= ' ') assert_false(opens(f, world, changed));
    }
  }
}

static void what_is_no_text_is_none_and_a_legacy_client_has_none(void **state) {
  struct fixture *f = *state;
  world_new(f);
  static const char *const bodies[] = {"7", "null", "{}", "[\"x\"]", "true"};
  for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
    struct str body = arena_printf(
        &f->arena,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"requestState\":%s}}",
        bodies[i]);
    struct call *call = fixture_call(f, body.p);
    call->envelope.revision = mcp_revision_find(STR("2026-07-28"));
    assert_false(request_state_open(call));
    call->envelope.revision = mcp_revision_find(STR("2025-11-25"));
    assert_true(request_state_open(call));
    assert_int_equal(call->state.n, 0);
  }
}

static void a_state_that_is_too_long_is_not_sealed(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum { N = 300 * KIB };
  char *text = arena_alloc(&f->arena, N);
  memset(text, 'x', N);
  struct call *call = request(f, &world->east, "tools/call", "run", "{}", STR_NONE);
  assert_null(request_state_seal(call, str_make(text, N)).p);
  assert_non_null(request_state_seal(call, str_make(text, 100 * KIB)).p);
}

static void answers_are_an_object_of_objects(void **state) {
  struct fixture *f = *state;
  world_new(f);
  static const struct {
    const char *answers;
    bool is_fine;
  } cases[] = {{"{}", true},         {"{\"a\":{\"action\":\"accept\"}}", true}, {"null", false}, {"[]", false},
               {"{\"a\":1}", false}, {"{\"a\":{},\"b\":\"c\"}", false},         {"\"\"", false}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct str body = arena_printf(
        &f->arena,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"inputResponses\":%s}}",
        cases[i].answers);
    struct call *call = fixture_call(f, body.p);
    call->envelope.revision = mcp_revision_find(STR("2026-07-28"));
    assert_int_equal(request_state_responses(call), cases[i].is_fine);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(what_the_server_wanted_kept_comes_back_as_it_was),
      fixture_test(it_is_good_for_its_own_request_alone),
      fixture_test(it_is_good_on_its_own_connection_alone),
      fixture_test(it_is_good_for_its_own_user_and_organisation_alone),
      fixture_test(it_expires),
      fixture_test(cut_short_or_changed_in_a_bit_it_is_none),
      fixture_test(what_is_no_text_is_none_and_a_legacy_client_has_none),
      fixture_test(a_state_that_is_too_long_is_not_sealed),
      fixture_test(answers_are_an_object_of_objects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
