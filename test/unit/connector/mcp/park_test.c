#include "fixture.h"

#define FORM "{\"mode\":\"form\",\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"

/* Asks once (or twice at once), waits for the answers, and tells what it was told. */
static bool asking_tool(struct upstream_connection *connection, const char *request, long id) {
  char out[8192], told[4096], *p = told;
  int fd = connection->fd, n = has_text(request, "\"name\":\"twice\"") ? 2 : 1;
  int before = atomic_load(&server_n_answers);
  if (has_text(request, "\"name\":\"modern\"")) {
    if (has_text(request, "\"inputResponses\""))
      text_result(out, sizeof(out), id, has_text(request, "\"requestState\":\"st\"") ? "went on" : "no state");
    else
      snprintf(
          out, sizeof(out),
          "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"who\":{"
          "\"method\":\"elicitation/create\",\"params\":" FORM "}},\"requestState\":\"st\"}}",
          id);
    reply_json(fd, "200 OK", "", out);
    return true;
  }
  sse_begin(fd);
  for (int i = 0; i < n; i++) {
    snprintf(out, sizeof(out),
             "{\"jsonrpc\":\"2.0\",\"id\":\"ask-%d\",\"method\":\"elicitation/create\",\"params\":" FORM "}", i);
    sse_event(fd, out);
  }
  bool is_patient = !has_text(request, "\"name\":\"impatient\"");
  for (int64_t us = 0; is_patient && us < PATIENCE_US && atomic_load(&server_n_answers) < before + n; us += 1000)
    usleep(1000);
  for (const char *c = server_answer; *c && p < told + sizeof(told) - 2; c++) {
    if (*c == '"') *p++ = '\\';
    *p++ = *c;
  }
  *p = '\0';
  snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"told\":\"%s\"}}", id, told);
  sse_event(fd, out);
  sse_end(fd);
  return true;
}

static struct fixture *start(enum server_kind kind, bool has_thread) {
  server_tool_more = asking_tool;
  server_answer[0] = '\0';
  return fixture_start(kind, has_thread);
}

static void call(struct fixture *f, struct trial *trial, const char *tool, const char *capabilities) {
  trial_init(f, trial, tool);
  trial->call.client.capabilities = capabilities ? trial_json(trial, capabilities) : NULL;
  trial_run(trial);
}

/* The same call again, with answers to what the last one brought. */
static void call_again(struct fixture *f, struct trial *trial, const char *tool, struct str state,
                       const char *responses) {
  trial_init(f, trial, tool);
  trial->call.client.capabilities = trial_json(trial, "{\"elicitation\":{}}");
  trial->call.request_state = arena_str(&trial->arena, state);
  trial->call.input_responses = trial_json(trial, responses);
  trial_run(trial);
}

static void a_legacy_upstreams_question_becomes_one_that_a_modern_one_would_ask(void **state) {
  for (int i = 0; i < 2; i++) {
    struct fixture *f = start(SERVER_LEGACY, i == 1);
    struct trial first, second;
    call(f, &first, "ask", "{\"elicitation\":{}}");
    assert_str(first.call.result.input_requests, "{\"q1\":{\"method\":\"elicitation/create\",\"params\":" FORM "}}");
    assert_false(first.call.result.is_error);
    call_again(f, &second, "ask", first.call.result.state,
               "{\"q1\":{\"action\":\"accept\",\"content\":{\"name\":\"Ann\"}}}");
    if (second.call.result.is_error) fail_msg("%.*s", STR_ARG(second.call.result.text));
    assert_text(second.call.result.whole, "\\\"id\\\":\\\"ask-0\\\"");
    assert_text(second.call.result.whole, "\\\"result\\\":{\\\"action\\\":\\\"accept\\\"");
    assert_int_equal(atomic_load(&server_n_calls), 1);
    trial_end(&first);
    trial_end(&second);
    fixture_stop(f);
  }
}

static void an_error_in_place_of_an_answer_is_an_error_to_the_upstream(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  struct trial first, second;
  call(f, &first, "ask", "{\"elicitation\":{\"form\":{}}}");
  call_again(f, &second, "ask", first.call.result.state, "{\"q1\":{\"error\":{\"code\":-1,\"message\":\"no\"}}}");
  assert_text(second.call.result.whole, "\\\"error\\\":{\\\"code\\\":-1");
  trial_end(&first);
  trial_end(&second);
  fixture_stop(f);
}

static void what_the_client_cannot_do_is_refused_for_it(void **state) {
  const char *capabilities[] = {NULL, "{}", "{\"sampling\":{}}", "{\"elicitation\":{\"url\":{}}}"};
  for (int i = 0; i < 4; i++) {
    struct fixture *f = start(SERVER_LEGACY, false);
    struct trial trial;
    call(f, &trial, "ask", capabilities[i]);
    assert_int_equal(trial.call.result.input_requests.n, 0);
    assert_text(trial.call.result.whole,
                i == 3 ? "the client does not do forms" : "the client does not do elicitation");
    trial_end(&trial);
    fixture_stop(f);
  }
}

static void a_state_is_good_once_and_for_its_connection(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  struct trial first, trial;
  const char *answers = "{\"q1\":{\"action\":\"decline\"}}";
  call(f, &first, "ask", "{\"elicitation\":{}}");
  call_again(f, &trial, "ask", STR("p00000000000000000000000000000000"), answers);
  assert_int_equal(trial.call.result.error, ERR_NOT_FOUND);
  trial_end(&trial);
  struct uuid id = f->target->connection_id;
  f->target->connection_id = uuid_new();
  call_again(f, &trial, "ask", first.call.result.state, answers);
  assert_int_equal(trial.call.result.error, ERR_NOT_FOUND);
  trial_end(&trial);
  f->target->connection_id = id;
  call_again(f, &trial, "ask", first.call.result.state, answers);
  assert_text(trial.call.result.whole, "decline");
  trial_end(&trial);
  call_again(f, &trial, "ask", first.call.result.state, answers);
  assert_int_equal(trial.call.result.error, ERR_NOT_FOUND);
  trial_end(&trial);
  trial_end(&first);
  fixture_stop(f);
}

static void what_was_not_answered_is_asked_again(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  struct trial first, second, third;
  call(f, &first, "twice", "{\"elicitation\":{}}");
  run_for_a_while(f);
  call_again(f, &second, "twice", first.call.result.state, "{\"q1\":{\"action\":\"cancel\"}}");
  assert_text(second.call.result.input_requests, "\"q2\":");
  /* Each answer goes over a connection of its own: the second could be read before the first. */
  run_until(f, atomic_load(&server_n_answers) == 1);
  call_again(f, &third, "twice", second.call.result.state, "{\"q2\":{\"action\":\"accept\"}}");
  assert_text(third.call.result.whole, "accept");
  trial_end(&first);
  trial_end(&second);
  trial_end(&third);
  fixture_stop(f);
}

static void an_answer_that_comes_too_late_gets_the_result_that_came_meanwhile(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  struct trial first, second;
  call(f, &first, "impatient", "{\"elicitation\":{}}");
  run_for_a_while(f);
  call_again(f, &second, "impatient", first.call.result.state, "{\"q1\":{\"action\":\"accept\"}}");
  assert_text(second.call.result.whole, "told");
  assert_int_equal(atomic_load(&server_n_answers), 0);
  trial_end(&first);
  trial_end(&second);
  fixture_stop(f);
}

static void what_nobody_answers_is_given_up(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  struct trial first, second;
  call(f, &first, "ask", "{\"elicitation\":{}}");
  loop_age(&f->loops[0], (LIMIT_MCP_PARKED_MS - 1000) * INT64_C(1000));
  run_for_a_while(f);
  assert_int_equal(atomic_load(&server_n_answers), 0);
  loop_age(&f->loops[0], 2000 * 1000);
  run_until(f, atomic_load(&server_n_answers) == 1);
  assert_text(str_of(server_answer), "nobody answered");
  call_again(f, &second, "ask", first.call.result.state, "{\"q1\":{\"action\":\"accept\"}}");
  assert_int_equal(second.call.result.error, ERR_NOT_FOUND);
  trial_end(&first);
  trial_end(&second);
  fixture_stop(f);
}

static void parked_calls_take_no_place_but_are_counted(void **state) {
  struct fixture *f = start(SERVER_LEGACY, false);
  f->target->max_concurrent = 1;
  struct trial trials[LIMIT_MCP_PARKED + 1];
  for (int i = 0; i < LIMIT_MCP_PARKED; i++) {
    call(f, &trials[i], "ask", "{\"elicitation\":{}}");
    assert_true(trials[i].call.result.input_requests.n > 0);
  }
  call(f, &trials[LIMIT_MCP_PARKED], "ask", "{\"elicitation\":{}}");
  assert_text(trials[LIMIT_MCP_PARKED].call.result.whole, "too much is asked");
  for (int i = 0; i <= LIMIT_MCP_PARKED; i++)
    trial_end(&trials[i]);
  atomic_fetch_add(&server_n_answers, 1000); /* lets the server's threads end */
  fixture_stop(f);
}

static void a_modern_upstreams_state_comes_back_to_it(void **state) {
  struct fixture *f = start(SERVER_MODERN, false);
  struct trial first, second;
  call(f, &first, "modern", "{\"elicitation\":{}}");
  assert_str(first.call.result.input_requests, "{\"who\":{\"method\":\"elicitation/create\",\"params\":" FORM "}}");
  call_again(f, &second, "modern", first.call.result.state, "{\"who\":{\"action\":\"accept\"}}");
  assert_text(second.call.result.whole, "went on");
  trial_end(&first);
  trial_end(&second);
  fixture_stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_legacy_upstreams_question_becomes_one_that_a_modern_one_would_ask),
      cmocka_unit_test(an_error_in_place_of_an_answer_is_an_error_to_the_upstream),
      cmocka_unit_test(what_the_client_cannot_do_is_refused_for_it),
      cmocka_unit_test(a_state_is_good_once_and_for_its_connection),
      cmocka_unit_test(what_was_not_answered_is_asked_again),
      cmocka_unit_test(an_answer_that_comes_too_late_gets_the_result_that_came_meanwhile),
      cmocka_unit_test(what_nobody_answers_is_given_up),
      cmocka_unit_test(parked_calls_take_no_place_but_are_counted),
      cmocka_unit_test(a_modern_upstreams_state_comes_back_to_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
