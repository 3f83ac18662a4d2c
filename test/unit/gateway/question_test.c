/* What is asked of a legacy client while its call runs. */
#include "gateway/question.h"

#include "fixture.h"
#include "gateway/action.h"
#include "gateway/exchange_stream.h"

enum { SENT_MAX = 64 };

static struct str sent[SENT_MAX];
static size_t n_sent, n_runs;
static bool takes_stream;
static struct arena *sent_arena;

bool __wrap_exchange_send(struct exchange *exchange, struct str message, bool may_drop);
bool __wrap_exchange_send(struct exchange *exchange, struct str message, bool may_drop) {
  assert_false(may_drop);
  if (!takes_stream) return false;
  assert_true(n_sent < SENT_MAX);
  sent[n_sent++] = arena_str(sent_arena, message);
  return true;
}

void __wrap_call_run(struct call *call);
void __wrap_call_run(struct call *call) {
  n_runs++;
}

void __wrap_action_passing(struct call *call, struct mcp_passing *ret_passing);
void __wrap_action_passing(struct call *call, struct mcp_passing *ret_passing) {
  *ret_passing = (struct mcp_passing){.arena = call->exchange->arena, .era = MCP_LEGACY};
}

static int setup(void **state) {
  if (fixture_setup(state) != 0) return -1;
  struct fixture *f = *state;
  map_init(&f->worker.questions);
  assert_non_null(f->worker.timers = timers_new(&f->worker.loop));
  sent_arena = &f->arena;
  n_sent = n_runs = 0;
  takes_stream = true;
  f->exchange.session = STR("session");
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  assert_int_equal(f->worker.questions.count, 0);
  timers_free(f->worker.timers);
  map_release(&f->worker.questions);
  return fixture_teardown(state);
}

static yyjson_val *json(struct fixture *f, struct str text) {
  yyjson_doc *doc;
  assert_ok(json_read(&f->arena, text, &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct call *begin(struct fixture *f, const char *capabilities) {
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
  call->envelope.revision = mcp_revision_find(STR("2025-11-25"));
  call->invocation.client.capabilities = json(f, str_of(capabilities));
  return call;
}

#define FORM \
  "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"?\",\"requestedSchema\":{\"type\":\"object\"}}}"

/* An answer as a POST brings it, to this worker's mailbox. */
static void answer(struct fixture *f, struct exchange *from, struct str id, const char *members) {
  struct jsonrpc_message message;
  struct buf text;
  buf_init(&text, &f->arena, 4096);
  buf_append_c(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
  json_write_str(&text, id);
  buf_printf(&text, ",%s}", members);
  assert_ok(jsonrpc_classify(json(f, buf_str(&text)), &message, &test_err));
  question_take_answer(from, &message);
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
}

static struct str id_of(struct fixture *f, size_t i) {
  return json_get_str(json(f, sent[i]), "id");
}

static void the_call_goes_on_when_the_last_answer_is_there(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"elicitation\":{},\"roots\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM ",\"b\":{\"method\":\"roots/list\"}}")), STAGE_WAIT);
  assert_int_equal(n_sent, 2);
  assert_true(question_is_open(call));
  assert_false(str_eq(id_of(f, 0), id_of(f, 1)));
  answer(f, &f->exchange, id_of(f, 1), "\"result\":{\"roots\":[]}");
  assert_int_equal(n_runs, 0);
  answer(f, &f->exchange, id_of(f, 0), "\"error\":{\"code\":-1,\"message\":\"no\"}");
  assert_int_equal(n_runs, 1);
  assert_false(question_is_open(call));
  yyjson_val *answers = question_answers(call);
  assert_true(yyjson_is_arr(json_get(json_get(answers, "b"), "roots")));
  assert_str(json_get_str(json_get(json_get(answers, "a"), "error"), "message"), "no");
}

static void what_a_client_cannot_be_asked_is_answered_for_it(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"roots\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM "}")), STAGE_NEXT);
  assert_int_equal(n_sent, 0);
  assert_true(yyjson_is_obj(json_get(json_get(question_answers(call), "a"), "error")));
  takes_stream = false;
  call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM "}")), STAGE_NEXT);
  assert_true(yyjson_is_obj(json_get(json_get(question_answers(call), "a"), "error")));
}

static void nobody_else_answers(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM "}")), STAGE_WAIT);
  struct exchange other = f->exchange;
  other.principal.user = &f->other_user;
  answer(f, &other, id_of(f, 0), "\"result\":{}");
  other = f->exchange;
  other.session = STR("another");
  answer(f, &other, id_of(f, 0), "\"result\":{}");
  other = f->exchange;
  f->other_snapshot.id = uuid_new();
  other.principal.snapshot = &f->other_snapshot;
  answer(f, &other, id_of(f, 0), "\"result\":{}");
  assert_int_equal(n_runs, 0);
  assert_true(question_is_open(call));
  answer(f, &f->exchange, id_of(f, 0), "\"result\":{}");
  assert_int_equal(n_runs, 1);
}

static void an_answer_to_nothing_or_of_no_form_is_passed_over(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM "}")), STAGE_WAIT);
  struct str id = id_of(f, 0);
  static const char *const ids[] = {"", "x", "connek-", "connek-0", "connek-0-", "connek-99999-00", "connek--1-"};
  for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
    answer(f, &f->exchange, str_of(ids[i]), "\"result\":{}");
  struct str other = arena_str(&f->arena, id);
  ((char *)other.p)[other.n - 1] = id.p[id.n - 1] == '0' ? '1' : '0';
  answer(f, &f->exchange, other, "\"result\":{}");
  answer(f, &f->exchange, arena_printf(&f->arena, "connek-1%.*s", (int)(id.n - 8), id.p + 8), "\"result\":{}");
  answer(f, &f->exchange, id, "\"result\":7");
  assert_int_equal(n_runs, 0);
  answer(f, &f->exchange, id, "\"result\":{}");
  answer(f, &f->exchange, id, "\"result\":{}"); /* twice */
  assert_int_equal(n_runs, 1);
}

static void what_is_nothing_that_can_be_asked_fails(void **state) {
  struct fixture *f = *state;
  struct buf many;
  struct call *call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("[1]")), STAGE_FAIL);
  assert_int_equal(question_ask(call, STR("{")), STAGE_FAIL);
  buf_init(&many, &f->arena, 64 * KIB);
  for (int i = 0; i <= LIMIT_INPUT_REQUESTS; i++)
    buf_printf(&many, "%c\"q%d\":" FORM, i ? ',' : '{', i);
  buf_append_byte(&many, '}');
  assert_int_equal(question_ask(call, buf_str(&many)), STAGE_FAIL);
  assert_int_equal(n_sent, 0);
}

static void patience_ends(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM ",\"b\":" FORM "}")), STAGE_WAIT);
  answer(f, &f->exchange, id_of(f, 0), "\"result\":{\"action\":\"accept\"}");
  loop_age(&f->worker.loop, (LIMIT_INPUT_MS + 1000) * INT64_C(1000));
  for (int i = 0; i < 200 && n_runs == 0; i++) {
    uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
    usleep(5000);
  }
  assert_int_equal(n_runs, 1);
  yyjson_val *answers = question_answers(call);
  assert_str(json_get_str(json_get(answers, "a"), "action"), "accept");
  assert_true(yyjson_is_obj(json_get(json_get(answers, "b"), "error")));
}

static void a_call_that_ends_forgets_what_it_asked(void **state) {
  struct fixture *f = *state;
  struct call *call = begin(f, "{\"elicitation\":{}}");
  assert_int_equal(question_ask(call, STR("{\"a\":" FORM "}")), STAGE_WAIT);
  question_forget(call);
  answer(f, &f->exchange, id_of(f, 0), "\"result\":{}");
  assert_int_equal(n_runs, 0);
}

#define question_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      question_test(the_call_goes_on_when_the_last_answer_is_there),
      question_test(what_a_client_cannot_be_asked_is_answered_for_it),
      question_test(nobody_else_answers),
      question_test(an_answer_to_nothing_or_of_no_form_is_passed_over),
      question_test(what_is_nothing_that_can_be_asked_fails),
      question_test(patience_ends),
      question_test(a_call_that_ends_forgets_what_it_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
