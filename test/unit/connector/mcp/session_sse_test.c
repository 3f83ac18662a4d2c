#include "fixture.h"

/* A server of 2024-11-05: POST to its address is unknown, GET opens a stream that names where to send. */
static atomic_int stream_fd, n_posted, n_streams;
static const char *endpoint = "/messages?s=1";

static bool serve_old(struct upstream_connection *connection, const char *request, size_t n) {
  char out[8192];
  long id = id_of(request);
  int fd = connection->fd, stream = atomic_load(&stream_fd);
  if (strncmp(request, "GET /mcp", 8) == 0) {
    atomic_store(&stream_fd, fd);
    atomic_fetch_add(&n_streams, 1);
    sse_begin(fd);
    snprintf(out, sizeof(out), "event: endpoint\ndata: %s\n\n", endpoint);
    upstream_chunk(fd, out);
    return true;
  }
  if (strncmp(request, "POST /messages?s=1 ", 19) != 0) {
    reply_json(fd, "405 Method Not Allowed", "", "");
    return true;
  }
  atomic_fetch_add(&n_posted, 1);
  if (has_text(request, "\"tools/call\"")) {
    snprintf(server_call, sizeof(server_call), "%s", request);
    atomic_fetch_add(&server_n_calls, 1);
  }
  if (has_text(request, "\"name\":\"refused\"")) {
    reply_json(fd, "500 Internal Server Error", "", "");
    return true;
  }
  upstream_reply(fd, "202 Accepted", "text/plain", "Accepted");
  if (has_text(request, "\"initialize\"")) {
    result(out, sizeof(out), id, "\"protocolVersion\":\"2024-11-05\"," SERVER_CAPABILITIES);
    sse_event(stream, out);
  } else if (has_text(request, "\"name\":\"plain\"")) {
    text_result(out, sizeof(out), id, "hello");
    sse_event(stream, out);
  } else if (has_text(request, "\"name\":\"breaks\"")) {
    shutdown(stream, SHUT_RDWR);
  } else if (has_text(request, "\"name\":\"other\"")) {
    text_result(out, sizeof(out), id + 1000, "not asked");
    sse_event(stream, out);
    text_result(out, sizeof(out), id, "asked");
    sse_event(stream, out);
  }
  return true;
}

static struct fixture *start(const char *where) {
  struct fixture *f = fixture_start(SERVER_OLD, false);
  endpoint = where;
  atomic_store(&n_posted, 0);
  atomic_store(&n_streams, 0);
  f->server->answer = serve_old;
  return f;
}

static void run(struct fixture *f, struct trial *trial, const char *tool) {
  trial_init(f, trial, tool);
  trial_run(trial);
}

static void the_transport_of_2024_is_found_and_spoken(void **state) {
  struct fixture *f = start("/messages?s=1");
  for (int i = 0; i < 3; i++) {
    struct trial trial;
    run(f, &trial, i == 2 ? "other" : "plain");
    if (trial.call.result.is_error) fail_msg("%.*s", STR_ARG(trial.call.result.text));
    assert_text(trial.call.result.whole, i == 2 ? "\"asked\"" : "hello");
    assert_true(has_field(server_call, "\r\nAuthorization: Bearer k3y\r\n"));
    assert_false(has_field(server_call, "\r\nMCP-Protocol-Version:"));
    trial_end(&trial);
  }
  assert_int_equal(atomic_load(&n_streams), 1);
  fixture_stop(f);
}

static void a_stream_that_breaks_fails_its_calls_and_is_opened_again(void **state) {
  struct fixture *f = start("/messages?s=1");
  struct trial trial;
  run(f, &trial, "breaks");
  assert_int_equal(trial.call.result.error, ERR_UPSTREAM);
  assert_true(trial.call.result.is_unknown);
  trial_end(&trial);
  run(f, &trial, "plain");
  if (trial.call.result.is_error) fail_msg("%.*s", STR_ARG(trial.call.result.text));
  trial_end(&trial);
  assert_int_equal(atomic_load(&n_streams), 2);
  fixture_stop(f);
}

static void a_message_that_is_not_taken_fails_its_call(void **state) {
  struct fixture *f = start("/messages?s=1");
  struct trial trial;
  run(f, &trial, "refused");
  assert_text(trial.call.result.text, "everything failed (HTTP 500)");
  trial_end(&trial);
  fixture_stop(f);
}

static void messages_are_sent_to_no_other_server(void **state) {
  const char *others[] = {"http://127.0.0.1:1/messages",    "//127.0.0.1:1/messages", "https://127.0.0.1/messages?s=1",
                          "http://127.0.0.1@evil.example/", "file:///etc/passwd",     ""};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    struct fixture *f = start(others[i]);
    struct trial trial;
    trial_init(f, &trial, "plain");
    trial_begin(&trial);
    run_for_a_while(f);
    if (trial.n_done == 0) loop_age(&f->loops[0], (LIMIT_MCP_HANDSHAKE_MS + 1000) * INT64_C(1000));
    trial_wait(&trial);
    assert_true(trial.call.result.is_error);
    assert_int_equal(atomic_load(&n_posted), 0);
    trial_end(&trial);
    fixture_stop(f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_transport_of_2024_is_found_and_spoken),
      cmocka_unit_test(a_stream_that_breaks_fails_its_calls_and_is_opened_again),
      cmocka_unit_test(a_message_that_is_not_taken_fails_its_call),
      cmocka_unit_test(messages_are_sent_to_no_other_server),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
