/* The two places where a call meets its record: before it is made, and on its way out. The audit writer, the pipeline
 * and the exchange are the test's own here (--wrap in meson.build). */
#include "fixture.h"

static const struct connector_kind ruled = {.name = "http", .needs_rule = true};
static const struct connector_kind about_the_caller = {.name = "self"};

/* What audit_submit does, and what was seen. */
static struct {
  enum { WRITER_WAITS, WRITER_IS_DONE_AT_ONCE, WRITER_IS_FULL } writer;
  struct audit_event *event;
  enum audit_kind kind;
  int n_submitted, n_run, n_finished;
} seen;

bool __wrap_audit_submit(struct audit_writer *writer, struct audit_event *event);
bool __wrap_audit_submit(struct audit_writer *writer, struct audit_event *event) {
  if (seen.writer == WRITER_IS_FULL) return false;
  seen.n_submitted++;
  seen.event = event;
  seen.kind = event->kind;
  event->code = ERR_NONE;
  if (seen.writer == WRITER_IS_DONE_AT_ONCE) event->done(event);
  return true;
}

void __wrap_call_run(struct call *call);
void __wrap_call_run(struct call *call) {
  seen.n_run++;
}

void __wrap_exchange_call_finished(struct call *call);
void __wrap_exchange_call_finished(struct call *call) {
  seen.n_finished++;
}

static void writer_ends(enum err_code code) {
  seen.event->code = code;
  seen.event->done(seen.event);
}

struct story {
  struct connector connector;
  struct connector_tool definition;
  struct toolset_tool tool;
  struct call *call;
};

static struct story begin(struct fixture *f, enum policy_does does) {
  seen = (typeof(seen)){0};
  struct story story = {.connector = {.kind = &ruled, .id = STR("books")}};
  story.call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
  story.call->method = method_find(STR("tools/call"), JSONRPC_REQUEST, MCP_LEGACY);
  story.call->envelope.revision = mcp_revision_unnamed();
  story.call->does = does;
  story.call->is_allowed = true;
  f->worker.calls = story.call;
  f->worker.n_calls = 1;
  return story;
}

static void with_tool(struct story *story) {
  story->tool = (struct toolset_tool){.tool = &story->definition, .connector = &story->connector};
  story->call->tool = &story->tool;
  story->call->connector = &story->connector;
}

static void a_read_is_not_recorded_before_it_is_made(void **state) {
  struct story story = begin(*state, DOES_READ);
  with_tool(&story);
  assert_int_equal(stage_record_intent(story.call), STAGE_NEXT);
  story.call->does = DOES_DESTROY;
  story.connector.kind = &about_the_caller;
  assert_int_equal(stage_record_intent(story.call), STAGE_NEXT);
  assert_int_equal(seen.n_submitted, 0);
}

static void a_write_waits_until_its_intent_is_durable(void **state) {
  struct story story = begin(*state, DOES_WRITE);
  with_tool(&story);
  assert_int_equal(stage_record_intent(story.call), STAGE_WAIT);
  assert_int_equal(seen.kind, AUDIT_INTENT);
  assert_int_equal(seen.event->outcome, AUDIT_UNKNOWN);
  assert_int_equal(seen.n_run, 0);
  writer_ends(ERR_NONE);
  assert_int_equal(seen.n_run, 1);
  assert_int_equal(stage_record_intent(story.call), STAGE_NEXT);
  assert_int_equal(seen.n_submitted, 1);
}

static void where_the_writer_does_not_let_it_wait_it_goes_on_at_once(void **state) {
  struct story story = begin(*state, DOES_DESTROY);
  with_tool(&story);
  seen.writer = WRITER_IS_DONE_AT_ONCE;
  assert_int_equal(stage_record_intent(story.call), STAGE_NEXT);
  assert_int_equal(seen.n_run, 0); /* it is not called from within itself */
}

static void what_cannot_be_recorded_is_not_made(void **state) {
  struct story story = begin(*state, DOES_WRITE);
  with_tool(&story);
  seen.writer = WRITER_IS_FULL;
  assert_int_equal(stage_record_intent(story.call), STAGE_FAIL);
  assert_int_equal(story.call->failure.http_status, 503);
  assert_int_equal(story.call->outcome, AUDIT_NONE);
  story = begin(*state, DOES_WRITE);
  with_tool(&story);
  assert_int_equal(stage_record_intent(story.call), STAGE_WAIT);
  writer_ends(ERR_UNAVAILABLE);
  assert_int_equal(seen.n_run, 1);
  assert_int_equal(stage_record_intent(story.call), STAGE_FAIL);
  assert_int_equal(story.call->failure.http_status, 503);
}

static void who_leaves_while_the_intent_is_recorded_has_nothing_made(void **state) {
  struct story story = begin(*state, DOES_WRITE);
  with_tool(&story);
  assert_int_equal(stage_record_intent(story.call), STAGE_WAIT);
  call_cancel(story.call);
  writer_ends(ERR_NONE);
  assert_int_equal(stage_record_intent(story.call), STAGE_FAIL);
  assert_int_equal(story.call->outcome, AUDIT_CANCELLED);
  call_dispose(story.call);
  assert_int_equal(seen.kind, AUDIT_OUTCOME);
}

static void answer(struct call *call, const char *text) {
  buf_clear(&call->reply);
  buf_append_c(&call->reply, text);
}

static void a_call_leaves_when_its_record_is_durable(void **state) {
  struct fixture *f = *state;
  struct story story = begin(f, DOES_READ);
  with_tool(&story);
  story.call->outcome = AUDIT_OK;
  answer(story.call, "{\"secret\":1}");
  call_dispose(story.call);
  assert_int_equal(seen.kind, AUDIT_CALL);
  assert_int_equal(seen.event->outcome, AUDIT_OK);
  assert_str(seen.event->tool, "t");
  assert_int_equal(f->worker.n_calls, 0);
  assert_null(f->worker.calls);
  assert_int_equal(seen.n_finished, 0);
  writer_ends(ERR_NONE);
  assert_int_equal(seen.n_finished, 1);
  assert_str(buf_str(&story.call->reply), "{\"secret\":1}");
  call_dispose(story.call);
  assert_int_equal(seen.n_submitted, 1); /* once */
}

static void what_is_not_on_record_does_not_leave(void **state) {
  for (int is_full = 0; is_full < 2; is_full++) {
    struct story story = begin(*state, DOES_READ);
    with_tool(&story);
    if (is_full) seen.writer = WRITER_IS_FULL;
    answer(story.call, "{\"secret\":1}");
    call_dispose(story.call);
    if (!is_full) writer_ends(ERR_UNAVAILABLE);
    assert_int_equal(seen.n_finished, 1);
    assert_int_equal(story.call->failure.http_status, 503);
    assert_null(strstr(arena_str(story.call->exchange->arena, buf_str(&story.call->reply)).p, "secret"));
    assert_non_null(strstr(arena_str(story.call->exchange->arena, buf_str(&story.call->reply)).p, "\"id\":7"));
  }
}

static void every_outcome_is_counted_once(void **state) {
  struct fixture *f = *state;
  struct story story = begin(f, DOES_READ);
  story.call->is_allowed = false;
  story.call->outcome = AUDIT_NONE;
  call_dispose(story.call);
  assert_int_equal(atomic_load(&f->worker.metrics.calls[AUDIT_DENIED][AUDIT_NONE]), 1);
  assert_false(uuid_is_nil(seen.event->call_id)); /* also where it never came to the guard */
}

static void what_calls_no_tool_leaves_at_once(void **state) {
  struct story story = begin(*state, DOES_READ);
  story.call->method = method_find(STR("ping"), JSONRPC_REQUEST, MCP_LEGACY);
  call_dispose(story.call);
  assert_int_equal(seen.n_submitted, 0);
  assert_int_equal(seen.n_finished, 1);
  story = begin(*state, DOES_READ);
  story.call->method = NULL;
  call_dispose(story.call);
  assert_int_equal(seen.n_finished, 1);
}

static void a_record_names_the_client_in_valid_characters_of_a_bounded_number(void **state) {
  struct fixture *f = *state;
  struct story story = begin(f, DOES_READ);
  char name[1001];
  memset(name, 'n', 1000);
  name[1000] = '\0';
  story.call->envelope.client_name = str_of(name);
  story.call->envelope.client_version = STR("9");
  call_fill_event(story.call, AUDIT_CALL);
  assert_int_equal(story.call->event.client.n, 128);
  story.call->envelope.client_name = STR("probe");
  call_fill_event(story.call, AUDIT_CALL);
  assert_str(story.call->event.client, "probe 9");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_read_is_not_recorded_before_it_is_made),
      fixture_test(a_write_waits_until_its_intent_is_durable),
      fixture_test(where_the_writer_does_not_let_it_wait_it_goes_on_at_once),
      fixture_test(what_cannot_be_recorded_is_not_made),
      fixture_test(who_leaves_while_the_intent_is_recorded_has_nothing_made),
      fixture_test(a_call_leaves_when_its_record_is_durable),
      fixture_test(what_is_not_on_record_does_not_leave),
      fixture_test(every_outcome_is_counted_once),
      fixture_test(what_calls_no_tool_leaves_at_once),
      fixture_test(a_record_names_the_client_in_valid_characters_of_a_bounded_number),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
