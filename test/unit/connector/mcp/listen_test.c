#include "fixture.h"

/* Streams of what is said unasked, as the test wants them: the fixture answers a GET (or subscriptions/listen) with an
 * open stream; this tool writes to the last one. */
static atomic_int stream_fd = -1;
static char listen_request[4096]; /* the last one, written before its stream begins */

static bool telling_tool(struct upstream_connection *connection, const char *request, long id) {
  char out[4096];
  text_result(out, sizeof(out), id, "told");
  reply_json(connection->fd, "200 OK", "", out);
  return true;
}

static bool listening(struct upstream_connection *connection, const char *request, size_t n) {
  bool is_listening = strncmp(request, "GET", 3) == 0 || has_text(request, "\"subscriptions/listen\"");
  if (is_listening) {
    stream_fd = connection->fd;
    snprintf(listen_request, sizeof(listen_request), "%s", request);
  }
  return serve(connection, request, n);
}

static struct fixture *start(enum server_kind kind) {
  server_tool_more = telling_tool;
  stream_fd = -1;
  struct fixture *f = fixture_start(kind, false);
  f->server->answer = listening;
  struct trial trial;
  trial_init(f, &trial, "plain");
  trial_run(&trial);
  assert_false(trial.call.result.is_error);
  trial_end(&trial);
  run_until(f, atomic_load(&server_n_listens) == 1);
  return f;
}

static const enum server_kind kinds[] = {SERVER_MODERN, SERVER_LEGACY};

static void what_is_said_unasked_is_passed_on(void **state) {
  for (int i = 0; i < 2; i++) {
    struct fixture *f = start(kinds[i]);
    if (i == 0) assert_true(has_text(listen_request, "\"notifications\":{\"toolsListChanged\":true,"));
    sse_event(stream_fd, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    run_until(f, atomic_load(&f->n_notices) == 1);
    assert_int_equal(f->notice, MCP_TOOLS_CHANGED);
    sse_event(stream_fd,
              "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"a:b\"}}");
    run_until(f, atomic_load(&f->n_notices) == 2);
    assert_int_equal(f->notice, MCP_RESOURCE_UPDATED);
    fixture_stop(f);
  }
}

static void a_stream_that_ends_is_begun_again(void **state) {
  for (int i = 0; i < 2; i++) {
    struct fixture *f = start(kinds[i]);
    upstream_chunk(stream_fd, "id: 7\ndata:\n\n");
    sse_end(stream_fd);
    run_for_a_while(f);
    loop_age(&f->loops[0], 3 * 1000 * 1000);
    run_until(
        f, atomic_load(&server_n_listens) == 2 || (i == 1 && upstream_has_seen(f->server, "\r\nLast-Event-ID: 7\r\n")));
    fixture_stop(f);
  }
}

static void a_storm_is_bounded_and_the_calls_go_on(void **state) {
  for (int i = 0; i < 2; i++) {
    struct fixture *f = start(kinds[i]);
    for (int n = 0; n < 3000; n++)
      sse_event(stream_fd, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    run_until(f, atomic_load(&f->n_lines) == 2);
    run_for_a_while(f);
    assert_true(atomic_load(&f->n_notices) <= 60);
    struct trial trial;
    trial_init(f, &trial, "plain");
    trial_run(&trial);
    assert_false(trial.call.result.is_error);
    trial_end(&trial);
    fixture_stop(f);
  }
}

static void subscriptions_are_told_to_the_upstream_and_counted(void **state) {
  struct fixture *f = start(SERVER_LEGACY);
  for (int i = 0; i < 2; i++)
    assert_ok(mcp_subscribe(f->upstreams, f->target, f->credential, MCP_SUBJECT_RESOURCE, STR("test://x"), &test_err));
  run_until(f, upstream_has_seen(f->server, "\"resources/subscribe\",\"params\":{\"uri\":\"test://x\"}"));
  mcp_unsubscribe(f->upstreams, f->target, MCP_SUBJECT_RESOURCE, STR("test://x"));
  run_for_a_while(f);
  assert_false(upstream_has_seen(f->server, "unsubscribe"));
  mcp_unsubscribe(f->upstreams, f->target, MCP_SUBJECT_RESOURCE, STR("test://x"));
  run_until(f, upstream_has_seen(f->server, "\"resources/unsubscribe\",\"params\":{\"uri\":\"test://x\"}"));
  mcp_unsubscribe(f->upstreams, f->target, MCP_SUBJECT_RESOURCE, STR("test://x")); /* once too often */
  fixture_stop(f);
  f = start(SERVER_MODERN);
  assert_ok(mcp_subscribe(f->upstreams, f->target, f->credential, MCP_SUBJECT_RESOURCE, STR("test://x"), &test_err));
  run_until(f, upstream_has_seen(f->server, "\"resourceSubscriptions\":[\"test://x\"]"));
  fixture_stop(f);
}

static void tasks_are_listened_to_where_the_era_has_them(void **state) {
  struct fixture *f = start(SERVER_MODERN);
  assert_ok(mcp_subscribe(f->upstreams, f->target, f->credential, MCP_SUBJECT_TASK, STR("task-1"), &test_err));
  run_until(f, upstream_has_seen(f->server, "\"resourceSubscriptions\":[],\"taskIds\":[\"task-1\"]"));
  assert_true(upstream_has_seen(f->server, "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"));
  run_until(f, atomic_load(&server_n_listens) == 2);
  sse_event(stream_fd, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{\"taskId\":\"task-1\"}}");
  run_until(f, atomic_load(&f->n_notices) == 1);
  assert_int_equal(f->notice, MCP_TASK_CHANGED);
  fixture_stop(f);
  f = start(SERVER_LEGACY);
  assert_ok(mcp_subscribe(f->upstreams, f->target, f->credential, MCP_SUBJECT_TASK, STR("task-1"), &test_err));
  run_for_a_while(f);
  assert_false(upstream_has_seen(f->server, "task-1"));
  fixture_stop(f);
}

static void a_subscription_alone_connects(void **state) {
  server_tool_more = telling_tool;
  struct fixture *f = fixture_start(SERVER_LEGACY, false);
  assert_ok(mcp_subscribe(f->upstreams, f->target, f->credential, MCP_SUBJECT_RESOURCE, STR("test://x"), &test_err));
  run_until(f, atomic_load(&server_n_initialized) == 1);
  run_for_a_while(f);
  fixture_stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_said_unasked_is_passed_on),
      cmocka_unit_test(a_stream_that_ends_is_begun_again),
      cmocka_unit_test(a_storm_is_bounded_and_the_calls_go_on),
      cmocka_unit_test(subscriptions_are_told_to_the_upstream_and_counted),
      cmocka_unit_test(tasks_are_listened_to_where_the_era_has_them),
      cmocka_unit_test(a_subscription_alone_connects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
