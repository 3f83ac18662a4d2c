#include "fixture.h"

/* Each tool is a fault. */
static bool faulty_tool(struct upstream_connection *connection, const char *request, long id) {
  static char large[256 * 1024];
  char out[8192];
  int fd = connection->fd;
  if (id < 0) { /* a GET that goes on */
    text_result(out, sizeof(out), 0, "");
    sse_begin(fd);
    snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[],\"went\":\"on\"}}",
             atomic_load(&server_n_answers));
    sse_event(fd, out);
    sse_end(fd);
    return true;
  }
  if (has_text(request, "\"name\":\"wrong-id\"")) {
    text_result(out, sizeof(out), id + 1, "not yours");
    reply_json(fd, "200 OK", "", out);
  } else if (has_text(request, "\"name\":\"wrong-id-stream\"")) {
    sse_begin(fd);
    text_result(out, sizeof(out), id - 1, "not yours");
    sse_event(fd, out);
  } else if (has_text(request, "\"name\":\"no-json\"")) {
    reply_json(fd, "200 OK", "", "{\"jsonrpc\":\"2.0\",");
  } else if (has_text(request, "\"name\":\"twice-a-key\"")) {
    snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"a\":1,\"a\":2}}", id);
    reply_json(fd, "200 OK", "", out);
  } else if (has_text(request, "\"name\":\"no-object\"")) {
    snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":[]}", id);
    reply_json(fd, "200 OK", "", out);
  } else if (has_text(request, "\"name\":\"nothing\"")) {
    reply_json(fd, "202 Accepted", "", "");
  } else if (has_text(request, "\"name\":\"ends-early\"")) {
    sse_begin(fd);
    sse_end(fd);
  } else if (has_text(request, "\"name\":\"redirect\"")) {
    reply_json(fd, "302 Found", "Location: http://169.254.169.254/latest/\r\n", "");
  } else if (has_text(request, "\"name\":\"forbidden\"")) {
    reply_json(fd, "403 Forbidden", "", "{\"secret\":\"of theirs\"}");
  } else if (has_text(request, "\"name\":\"broken\"")) {
    reply_json(fd, "500 Internal Server Error", "", "<html>");
  } else if (has_text(request, "\"name\":\"large\"")) {
    memset(large, ' ', sizeof(large));
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 40 * 1024; i++) /* 10 GiB */
      if (send(fd, large, sizeof(large), MSG_NOSIGNAL) <= 0) return false;
  } else if (has_text(request, "\"name\":\"large-event\"")) {
    memset(large, 'x', sizeof(large));
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: ");
    for (int i = 0; i < 40 * 1024; i++)
      if (send(fd, large, sizeof(large), MSG_NOSIGNAL) <= 0) return false;
  } else if (has_text(request, "\"name\":\"endless\"")) {
    upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    size_t n = 0;
    for (const char *ping = "event: ping\ndata: {}\n\n: c\n\n"; n + strlen(ping) <= sizeof(out); n += strlen(ping))
      memcpy(out + n, ping, strlen(ping));
    for (;;)
      if (send(fd, out, n, MSG_NOSIGNAL) <= 0) return false;
  } else if (has_text(request, "\"name\":\"storm\"")) {
    sse_begin(fd);
    snprintf(
        out, sizeof(out),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%ld,\"progress\":1}}",
        id);
    for (;;) {
      char piece[1024];
      int n = snprintf(piece, sizeof(piece), "%zx\r\ndata: %s\n\n\r\n", strlen(out) + 8, out);
      if (send(fd, piece, (size_t)n, MSG_NOSIGNAL) <= 0) return false;
    }
  } else if (has_text(request, "\"name\":\"progress\"")) {
    sse_begin(fd);
    for (int i = 0; i < 3; i++) {
      snprintf(out, sizeof(out),
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
               "progress\",\"params\":{\"progressToken\":%ld,\"progress\":%d}}",
               i == 1 ? id + 7 : id, i);
      sse_event(fd, out);
    }
    sse_event(
        fd, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1.0}}");
    text_result(out, sizeof(out), id, "done");
    sse_event(fd, out);
    sse_event(fd, out);
    sse_end(fd);
  } else if (has_text(request, "\"name\":\"slow\"")) {
    sse_begin(fd);
    snprintf(
        out, sizeof(out),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%ld,\"progress\":1}}",
        id);
    sse_event(fd, out);
  } else if (has_text(request, "\"name\":\"resumed\"")) {
    atomic_store(&server_n_answers, (int)id);
    sse_begin(fd);
    upstream_chunk(fd, "id: e1\nretry: 10\ndata:\n\n");
    sse_end(fd);
  } else {
    return false;
  }
  return true;
}

static struct fixture *start(enum server_kind kind) {
  server_tool_more = faulty_tool;
  return fixture_start(kind, false);
}

static void run(struct fixture *f, struct trial *trial, const char *tool) {
  trial_init(f, trial, tool);
  trial_run(trial);
}

static void each_fault_is_an_error_with_a_name(void **state) {
  const struct {
    const char *tool, *text;
    enum err_code code;
  } faults[] = {
      {"wrong-id", "everything answered what was not asked", ERR_UPSTREAM},
      {"wrong-id-stream", "everything answered what was not asked", ERR_UPSTREAM},
      {"no-json", "everything sent what is no JSON", ERR_UPSTREAM},
      {"twice-a-key", "duplicate key", ERR_UPSTREAM},
      {"no-object", "a result that is no object", ERR_UPSTREAM},
      {"nothing", "everything ended its answer (HTTP 202) without answering", ERR_UPSTREAM},
      {"ends-early", "everything ended its answer (HTTP 200) without answering", ERR_UPSTREAM},
      {"redirect", "everything sends to another address (HTTP 302), which is not followed", ERR_UPSTREAM},
      {"forbidden", "everything does not accept the connection's credential (HTTP 403)", ERR_UNAVAILABLE},
      {"broken", "everything failed (HTTP 500)", ERR_UPSTREAM},
      {"large", "answered more than 4194304 bytes", ERR_TOO_LARGE},
      {"large-event", "an event of the stream is too large", ERR_TOO_LARGE},
      {"endless", "everything: the answer of 127.0.0.1 is larger than allowed", ERR_TOO_LARGE},
      {"storm", "everything sends notifications without end", ERR_TOO_LARGE},
      {"reset", "everything: 127.0.0.1", ERR_UPSTREAM},
  };
  const enum server_kind kinds[] = {SERVER_MODERN, SERVER_LEGACY};
  for (size_t i = 0; i < 2 * sizeof(faults) / sizeof(faults[0]); i++) {
    struct fixture *f = start(kinds[i % 2]);
    struct trial trial;
    run(f, &trial, faults[i / 2].tool);
    assert_text(trial.call.result.text, faults[i / 2].text);
    assert_int_equal(trial.call.result.error, faults[i / 2].code);
    trial_end(&trial);
    run(f, &trial, "plain"); /* and the upstream is there still */
    assert_false(trial.call.result.is_error);
    trial_end(&trial);
    fixture_stop(f);
  }
}

static void notifications_of_a_call_come_before_its_answer_which_counts_once(void **state) {
  struct fixture *f = start(SERVER_MODERN);
  struct trial trial;
  run(f, &trial, "progress");
  assert_int_equal(trial.n_notes, 3); /* that of another token is left out */
  assert_text(str_of(trial.notes), "\"progress\":2};notifications/message {\"level\":\"info\",\"data\":1.0};");
  trial_end(&trial);
  fixture_stop(f);
}

static void progress_prolongs_a_call(void **state) {
  struct fixture *f = start(SERVER_LEGACY);
  struct trial trial;
  trial_init(f, &trial, "slow");
  trial_begin(&trial);
  run_until(f, trial.n_notes == 1);
  loop_age(&f->loops[0], 19 * 1000 * 1000);
  run_for_a_while(f);
  assert_int_equal(trial.n_done, 0);
  loop_age(&f->loops[0], 2 * 1000 * 1000);
  trial_wait(&trial);
  assert_int_equal(trial.call.result.error, ERR_TIMEOUT);
  trial_end(&trial);
  fixture_stop(f);
}

static void a_stream_that_breaks_off_is_gone_on_with(void **state) {
  struct fixture *f = start(SERVER_LEGACY);
  struct trial trial;
  run(f, &trial, "resumed");
  if (trial.call.result.is_error) fail_msg("%.*s", STR_ARG(trial.call.result.text));
  assert_text(trial.call.result.whole, "\"went\":\"on\"");
  assert_int_equal(atomic_load(&server_n_calls), 1);
  trial_end(&trial);
  fixture_stop(f);
}

static void calls_that_fail_together_count_as_one_failure_more(void **state) {
  struct fixture *f = start(SERVER_MODERN);
  struct trial trials[30], trial;
  run(f, &trial, "plain");
  trial_end(&trial);
  for (int i = 0; i < 30; i++) {
    trial_init(f, &trials[i], "broken");
    trial_begin(&trials[i]);
  }
  for (int i = 0; i < 30; i++) {
    trial_wait(&trials[i]);
    trial_end(&trials[i]);
  }
  run(f, &trial, "plain");
  assert_text(trial.call.result.text, "left alone for now; it is tried again in 2 seconds (everything ");
  trial_end(&trial);
  fixture_stop(f);
}

static void one_that_keeps_failing_is_left_alone_and_tried_again(void **state) {
  struct fixture *f = start(SERVER_MODERN);
  struct trial trial;
  for (int i = 0; i < 5; i++) {
    run(f, &trial, "broken");
    trial_end(&trial);
  }
  assert_int_equal(atomic_load(&server_n_calls), 5);
  run(f, &trial, "plain");
  assert_int_equal(trial.call.result.error, ERR_UNAVAILABLE);
  assert_text(trial.call.result.text, "everything has failed several times and is left alone for now");
  assert_int_equal(atomic_load(&server_n_calls), 5);
  trial_end(&trial);
  loop_age(&f->loops[0], 3 * 1000 * 1000);
  struct trial probe, other;
  trial_init(f, &probe, "hang");
  trial_begin(&probe); /* one is let through */
  run(f, &other, "plain");
  assert_int_equal(other.call.result.error, ERR_UNAVAILABLE);
  mcp_cancel(&probe.call);
  trial_wait(&probe);
  run(f, &trial, "plain"); /* it told nothing: the next one is let through */
  assert_false(trial.call.result.is_error);
  trial_end(&trial);
  run(f, &trial, "plain");
  assert_false(trial.call.result.is_error);
  trial_end(&trial);
  trial_end(&probe);
  trial_end(&other);
  fixture_stop(f);
}

static void more_than_may_run_wait_and_more_than_may_wait_are_refused(void **state) {
  struct fixture *f = start(SERVER_LEGACY);
  static struct trial trials[2 + LIMIT_MCP_QUEUE + 1];
  enum { N = 2 + LIMIT_MCP_QUEUE + 1 };
  f->target->max_concurrent = 2;
  struct trial first;
  run(f, &first, "plain");
  trial_end(&first);
  for (int i = 0; i < N; i++) {
    trial_init(f, &trials[i], i < 2 ? "hang" : "plain");
    trial_begin(&trials[i]);
  }
  assert_int_equal(trials[N - 1].n_done, 1);
  assert_int_equal(trials[N - 1].call.result.error, ERR_LIMITED);
  run_until(f, atomic_load(&server_n_calls) == 3);
  run_for_a_while(f);
  assert_int_equal(atomic_load(&server_n_calls), 3);
  mcp_cancel(&trials[0].call);
  mcp_cancel(&trials[N - 2].call); /* one that waits */
  for (int i = 2; i < N - 1; i++)
    trial_wait(&trials[i]);
  assert_int_equal(trials[N - 2].call.result.error, ERR_CANCELLED);
  assert_false(trials[N - 2].call.result.is_unknown);
  mcp_cancel(&trials[1].call);
  trial_wait(&trials[1]);
  for (int i = 0; i < N; i++)
    trial_end(&trials[i]);
  fixture_stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_fault_is_an_error_with_a_name),
      cmocka_unit_test(notifications_of_a_call_come_before_its_answer_which_counts_once),
      cmocka_unit_test(progress_prolongs_a_call),
      cmocka_unit_test(a_stream_that_breaks_off_is_gone_on_with),
      cmocka_unit_test(calls_that_fail_together_count_as_one_failure_more),
      cmocka_unit_test(one_that_keeps_failing_is_left_alone_and_tried_again),
      cmocka_unit_test(more_than_may_run_wait_and_more_than_may_wait_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
