#include "fixture.h"

struct way {
  enum server_kind kind;
  bool has_thread;
};
static const struct way ways[] = {{SERVER_MODERN, false},
                                  {SERVER_MODERN, true},
                                  {SERVER_LEGACY, false},
                                  {SERVER_LEGACY, true},
                                  {SERVER_STATELESS, false}};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void a_tool_is_called_in_either_era_and_its_result_is_verbatim(void **state) {
  for (int w = 0; w < WAYS; w++) {
    struct fixture *f = fixture_start(ways[w].kind, ways[w].has_thread);
    const char *tools[] = {"plain", "stream"};
    for (int i = 0; i < 2; i++) {
      struct trial trial;
      trial_init(f, &trial, tools[i]);
      trial_run(&trial);
      assert_false(trial.call.result.is_error);
      assert_text(trial.call.result.whole, "\"content\":[{\"type\":\"text\",\"text\":\"hello\"}],\"n\":1.50}");
      trial_end(&trial);
    }
    fixture_stop(f);
  }
}

/* A call that succeeds. */
static void call_plain(struct fixture *f) {
  struct trial trial;
  trial_init(f, &trial, "plain");
  trial_run(&trial);
  if (trial.call.result.is_error) fail_msg("%.*s", STR_ARG(trial.call.result.text));
  trial_end(&trial);
}

/* One that the server has, and does not answer. */
static void begin_hanging(struct fixture *f, struct trial *trial) {
  trial_init(f, trial, "hang");
  trial_begin(trial);
  run_until(f, atomic_load(&server_n_calls));
}

static void over_each_way(void (*check)(struct fixture *f, enum server_kind kind)) {
  for (int w = 0; w < WAYS; w++) {
    struct fixture *f = fixture_start(ways[w].kind, ways[w].has_thread);
    check(f, ways[w].kind);
    fixture_stop(f);
  }
}

static void a_modern_request_carries_its_fields_and_meta(void **state) {
  struct fixture *f = fixture_start(SERVER_MODERN, false);
  struct trial trial;
  trial_init(f, &trial, "plain");
  trial.tool.input_schema =
      trial_json(&trial,
                 "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"},"
                 "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"B\"},\"c\":{\"type\":\"object\",\"properties\":{"
                 "\"d\":{\"type\":\"boolean\",\"x-mcp-header\":\"D\"}}},\"e\":{\"x-mcp-header\":\"E\"}}}");
  trial.call.arguments = trial_json(&trial, "{\"a\":-7,\"b\":\"Stra\u00dfe\",\"c\":{\"d\":true}}");
  trial.call.client = (struct connector_client){.capabilities = trial_json(&trial, "{\"elicitation\":{}}"),
                                                .name = STR("tester"),
                                                .version = STR("3"),
                                                .log_level = STR("info"),
                                                .wants_progress = true};
  trial_run(&trial);
  const char *seen = server_call;
  assert_true(has_field(seen, "\r\nMCP-Protocol-Version: 2026-07-28\r\n"));
  assert_true(has_field(seen, "\r\nMcp-Method: tools/call\r\n"));
  assert_true(has_field(seen, "\r\nMcp-Name: plain\r\n"));
  assert_true(has_field(seen, "\r\nMcp-Param-A: -7\r\n"));
  assert_true(has_field(seen, "\r\nMcp-Param-B: =?base64?U3RyYcOfZQ==?=\r\n"));
  assert_true(has_field(seen, "\r\nMcp-Param-D: true\r\n"));
  assert_false(has_field(seen, "Mcp-Param-E"));
  assert_true(has_field(seen, "\r\nAuthorization: Bearer k3y\r\n"));
  assert_true(has_field(seen, "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  assert_true(has_text(seen, "\"params\":{\"name\":\"plain\",\"arguments\":{\"a\":-7"));
  assert_true(has_text(seen, "\"_meta\":{\"mine\":7,\"traceparent\":\"00-0af"));
  assert_true(has_text(seen, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
  assert_true(has_text(seen, "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"tester\",\"version\":\"3\"}"));
  assert_true(has_text(seen, "\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{}}"));
  assert_true(has_text(seen, "\"io.modelcontextprotocol/logLevel\":\"info\""));
  assert_false(has_text(seen, "\"t\""));
  trial_end(&trial);
  fixture_stop(f);
}

static void a_legacy_session_is_begun_once_and_ended(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  for (int i = 0; i < 3; i++) {
    call_plain(f);
    assert_true(has_field(server_call, "\r\nMcp-Session-Id: s1\r\n"));
    assert_true(has_field(server_call, "\r\nMCP-Protocol-Version: 2025-06-18\r\n"));
    assert_false(has_text(server_call, "io.modelcontextprotocol/"));
  }
  assert_int_equal(atomic_load(&server_n_initialized), 1);
  fixture_stop(f);
  assert_int_equal(atomic_load(&server_n_deleted), 1);
}

static void a_session_that_nobody_uses_is_ended_and_another_begun(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  struct trial hanging;
  f->target->idle_ms = 100 * 1000;
  for (int i = 0; i < 3; i++) {
    call_plain(f);
    assert_int_equal(atomic_load(&server_n_initialized), i + 1);
    loop_age(&f->loops[0], 95 * INT64_C(1000000)); /* not yet */
    call_plain(f);
    loop_age(&f->loops[0], 95 * INT64_C(1000000));
    run_for_a_while(f);
    assert_int_equal(atomic_load(&server_n_deleted), i);
    loop_age(&f->loops[0], 10 * INT64_C(1000000));
    run_until(f, atomic_load(&server_n_deleted) == i + 1);
  }
  call_plain(f);
  f->target->idle_ms = 1000; /* a call under way holds it */
  begin_hanging(f, &hanging);
  loop_age(&f->loops[0], 5 * INT64_C(1000000));
  run_for_a_while(f);
  assert_int_equal(atomic_load(&server_n_deleted), 3);
  mcp_cancel(&hanging.call);
  trial_wait(&hanging);
  trial_end(&hanging);
  fixture_stop(f);
}

static void a_lost_session_is_begun_anew_and_the_call_repeated(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  for (int i = 1; i <= 3; i++) {
    atomic_store(&server_session, i);
    call_plain(f);
    assert_int_equal(atomic_load(&server_n_initialized), i);
    assert_int_equal(atomic_load(&server_n_calls), i);
  }
  fixture_stop(f);
}

static void many_calls_that_lose_their_session_share_the_new_one(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  struct trial trials[20];
  for (int round = 1; round <= 3; round++) {
    atomic_store(&server_session, round);
    for (int i = 0; i < 20; i++) {
      trial_init(f, &trials[i], "plain");
      trial_begin(&trials[i]);
    }
    for (int i = 0; i < 20; i++) {
      trial_wait(&trials[i]);
      if (trials[i].call.result.is_error || trials[i].call.result.rpc_code)
        fail_msg("%.*s%.*s", STR_ARG(trials[i].call.result.text), STR_ARG(trials[i].call.result.rpc_text));
      trial_end(&trials[i]);
    }
    assert_int_equal(atomic_load(&server_n_initialized), round);
  }
  assert_int_equal(atomic_load(&server_n_calls), 60);
  fixture_stop(f);
}

static void an_upstream_that_changes_its_era_is_followed(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  const enum server_kind kinds[] = {SERVER_LEGACY, SERVER_MODERN, SERVER_LEGACY, SERVER_MODERN, SERVER_STATELESS};
  for (int i = 0; i < 4; i++) {
    atomic_store(&server_kind, kinds[i]);
    call_plain(f);
  }
  fixture_stop(f);
}

static void error_passes(struct fixture *f, enum server_kind kind) {
  struct trial trial;
  trial_init(f, &trial, "error");
  trial_run(&trial);
  assert_int_equal(trial.call.result.rpc_code, -32602);
  assert_str(trial.call.result.rpc_text, "no such thing");
  assert_str(trial.call.result.rpc_data, "{\"x\":1.0}");
  trial_end(&trial);
}

static void an_error_of_the_upstream_passes_whole(void **state) {
  over_each_way(error_passes);
}

static void cancelled_ends(struct fixture *f, enum server_kind kind) {
  struct trial trial;
  begin_hanging(f, &trial);
  mcp_cancel(&trial.call);
  assert_int_equal(trial.n_done, 0);
  mcp_cancel(&trial.call);
  trial_wait(&trial);
  assert_int_equal(trial.call.result.error, ERR_CANCELLED);
  assert_true(trial.call.result.is_unknown);
  if (kind != SERVER_MODERN) run_until(f, atomic_load(&server_n_cancelled));
  trial_end(&trial);
}

static void a_call_that_is_cancelled_ends_as_such(void **state) {
  over_each_way(cancelled_ends);
}

static void cancelled_ends_once(struct fixture *f, enum server_kind kind) {
  for (int i = 0; i < 20; i++) {
    struct trial trial;
    trial_init(f, &trial, "plain");
    trial_begin(&trial);
    for (int j = 0; j < i; j++)
      uv_run(&f->loops[0].uv, UV_RUN_NOWAIT);
    if (trial.n_done == 0) mcp_cancel(&trial.call);
    trial_wait(&trial);
    run_for_a_while(f);
    assert_int_equal(trial.n_done, 1);
    trial_end(&trial);
  }
}

static void a_call_that_ends_while_it_is_cancelled_ends_once(void **state) {
  over_each_way(cancelled_ends_once);
}

static void silence_ends_in_time(void **state) {
  struct fixture *f = fixture_start(SERVER_MODERN, false);
  struct trial trial;
  begin_hanging(f, &trial);
  loop_age(&f->loops[0], 21 * 1000 * 1000);
  trial_wait(&trial);
  assert_int_equal(trial.call.result.error, ERR_TIMEOUT);
  assert_text(trial.call.result.text, "everything did not answer within");
  assert_true(trial.call.result.is_unknown);
  trial_end(&trial);
  fixture_stop(f);
}

static void dropped_waits_for_its_call(struct fixture *f, enum server_kind kind) {
  struct trial trial;
  begin_hanging(f, &trial);
  mcp_upstreams_drop(f->upstreams, f->connection.policy.id); /* its call still runs */
  run_for_a_while(f);
  if (trial.n_done) fail_msg("%.*s", STR_ARG(trial.call.result.text));
  mcp_cancel(&trial.call);
  trial_wait(&trial);
  trial_end(&trial);
}

static void what_is_under_way_when_all_ends_is_cancelled(void **state) {
  over_each_way(dropped_waits_for_its_call);
}

static void a_new_version_of_a_connection_is_another_upstream(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  struct trial trial;
  call_plain(f);
  struct mcp_target *old = f->target;
  f->target = target_new(f, 2);
  f->connection.state = f->target;
  call_plain(f);
  assert_int_equal(atomic_load(&server_n_initialized), 2);
  run_until(f, atomic_load(&server_n_deleted) == 1);
  f->connection.state = old;
  trial_init(f, &trial, "plain");
  trial_run(&trial);
  assert_int_equal(trial.call.result.error, ERR_CONFLICT);
  trial_end(&trial);
  mcp_target_unref(old);
  fixture_stop(f);
}

static atomic_int n_levels;
static bool level_seen(struct upstream_connection *connection, const char *request, size_t n) {
  if (has_text(request, "\"logging/setLevel\",\"params\":{\"level\":")) atomic_fetch_add(&n_levels, 1);
  return serve(connection, request, n);
}

static void a_legacy_session_is_asked_for_the_most_talkative_level_that_anybody_wants(void **state) {
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  const char *levels[] = {"warning", "error", "debug", "info", "nonsense"};
  const int asked[] = {1, 1, 2, 2, 2};
  f->server->answer = level_seen;
  for (int i = 0; i < 5; i++) {
    struct trial trial;
    trial_init(f, &trial, "plain");
    trial.call.client.log_level = str_of(levels[i]);
    trial_run(&trial);
    trial_end(&trial);
    run_for_a_while(f);
    assert_int_equal(atomic_load(&n_levels), asked[i]);
  }
  fixture_stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tool_is_called_in_either_era_and_its_result_is_verbatim),
      cmocka_unit_test(a_modern_request_carries_its_fields_and_meta),
      cmocka_unit_test(a_legacy_session_is_begun_once_and_ended),
      cmocka_unit_test(a_session_that_nobody_uses_is_ended_and_another_begun),
      cmocka_unit_test(a_lost_session_is_begun_anew_and_the_call_repeated),
      cmocka_unit_test(many_calls_that_lose_their_session_share_the_new_one),
      cmocka_unit_test(an_upstream_that_changes_its_era_is_followed),
      cmocka_unit_test(an_error_of_the_upstream_passes_whole),
      cmocka_unit_test(a_call_that_is_cancelled_ends_as_such),
      cmocka_unit_test(a_call_that_ends_while_it_is_cancelled_ends_once),
      cmocka_unit_test(silence_ends_in_time),
      cmocka_unit_test(what_is_under_way_when_all_ends_is_cancelled),
      cmocka_unit_test(a_legacy_session_is_asked_for_the_most_talkative_level_that_anybody_wants),
      cmocka_unit_test(a_new_version_of_a_connection_is_another_upstream),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
