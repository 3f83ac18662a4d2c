#include "audit/fixture.h"

struct shown {
  int n, max;
  struct audit_entry entries[16];
  struct arena arena;
};

static enum err_code see(const struct audit_entry *entry, void *context, struct err *err) {
  struct shown *shown = context;
  struct audit_entry copy = *entry;
  struct str *const slices[] = {&copy.kind,     &copy.organisation, &copy.user,    &copy.token,     &copy.client,
                                &copy.roles,    &copy.tool,         &copy.does,    &copy.connector, &copy.connection,
                                &copy.decision, &copy.reason,       &copy.outcome, &copy.error,     &copy.trace_id,
                                &copy.call_id,  &copy.arguments,    &copy.writer};
  for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
    if (slices[i]->p) *slices[i] = arena_str(&shown->arena, *slices[i]);
  shown->entries[shown->n++] = copy;
  return shown->n == shown->max ? err_set(err, ERR_CANCELLED, "enough") : ERR_NONE;
}

struct list_run {
  struct audit_test *t;
  struct uuid organisation_id;
  bool with_arguments;
  struct shown *shown;
};

static enum err_code run_list(struct db_tx *tx, void *context, struct err *err) {
  struct list_run *run = context;
  return audit_list(tx, run->organisation_id, keys_of, run->t, run->with_arguments, see, run->shown, err);
}

static void list(struct audit_test *t, struct uuid organisation_id, bool with_arguments, struct shown *shown) {
  struct list_run run = {t, organisation_id, with_arguments, shown};
  assert_ok(db_read(t->db->conn, run_list, &run, &test_err));
}

static const struct uuid all;

static void a_call_is_shown_whole(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  struct audit_event event = event_of(t, &t->acme, 1763600000000000);
  char id[UUID_TEXT_SIZE];
  arena_init(&shown.arena, 0);
  event.error = STR("upstream");
  record(t, event);
  list(t, all, false, &shown);
  assert_int_equal(shown.n, 1);
  const struct audit_entry *e = &shown.entries[0];
  assert_true(e->time == 1763600000000000);
  assert_str(e->kind, "call");
  uuid_format(t->acme, id);
  assert_str(e->organisation, id);
  assert_str(e->user, "ann@acme.example");
  uuid_format(event.token_id, id);
  assert_str(e->token, id);
  assert_str(e->client, "inspector 1.0");
  assert_str(e->roles, "[\"finance\"]");
  assert_str(e->tool, "sqlite_query");
  assert_str(e->does, "read");
  assert_str(e->connector, "sqlite");
  assert_str(e->connection, "ledger");
  assert_str(e->decision, "allowed");
  assert_str(e->reason, "rule 1 of role finance");
  assert_str(e->outcome, "ok");
  assert_str(e->error, "upstream");
  assert_str(e->trace_id, "0af7651916cd43dd8448eb211c80319c");
  uuid_format(event.call_id, id);
  assert_str(e->call_id, id);
  assert_null(e->arguments.p);
  assert_int_equal(e->duration_us, 1234);
  assert_int_equal(e->policy_version, 3);
  assert_int_equal(e->connector_version, 2);
  assert_int_equal(e->seq, 1);
  assert_str(e->writer, "command");
  arena_release(&shown.arena);
}

static void arguments_are_shown_to_those_who_ask(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  record(t, event_of(t, &t->acme, 1));
  list(t, all, true, &shown);
  assert_str(shown.entries[0].arguments, "{\"sql\":\"select \\\"1\\\"\"}");
  arena_release(&shown.arena);
}

static void intent_and_outcome_are_one_line(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  struct audit_event first = event_of(t, &t->acme, 10), second = event_of(t, &t->acme, 20),
                     read = event_of(t, &t->acme, 15);
  first.kind = second.kind = AUDIT_INTENT;
  struct audit_event outcome = first;
  outcome.kind = AUDIT_OUTCOME, outcome.time = 30, outcome.outcome = AUDIT_CANCELLED, outcome.duration_us = 77;
  outcome.error = STR("cancelled");
  record(t, first);
  record(t, second);
  record(t, read);
  record(t, outcome);
  list(t, all, false, &shown);
  assert_int_equal(shown.n, 3);
  assert_int_equal(shown.entries[0].time, 10);
  assert_str(shown.entries[0].outcome, "cancelled");
  assert_str(shown.entries[0].error, "cancelled");
  assert_str(shown.entries[0].user, "ann@acme.example");
  assert_str(shown.entries[0].kind, "call");
  assert_int_equal(shown.entries[0].duration_us, 77);
  assert_int_equal(shown.entries[1].time, 15);
  assert_str(shown.entries[1].outcome, "ok");
  assert_int_equal(shown.entries[2].time, 20);
  assert_str(shown.entries[2].outcome, "unknown");
  arena_release(&shown.arena);
}

/* Ids are the organisations' own: another's outcome says nothing here. */
static void another_organisations_outcome_does_not_count(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  struct audit_event intent = event_of(t, &t->acme, 10), outcome = event_of(t, &t->globex, 20);
  intent.kind = AUDIT_INTENT, outcome.kind = AUDIT_OUTCOME, outcome.call_id = intent.call_id;
  record(t, intent);
  record(t, outcome);
  list(t, all, false, &shown);
  assert_int_equal(shown.n, 1);
  assert_str(shown.entries[0].outcome, "unknown");
  arena_release(&shown.arena);
}

/* Words in a tool's name cannot make a call disappear. */
static void a_call_cannot_pass_for_an_outcome(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  struct audit_event event = event_of(t, &t->acme, 10);
  event.tool = event.reason = STR(",\"kind\":\"outcome\",");
  record(t, event);
  list(t, all, false, &shown);
  assert_int_equal(shown.n, 1);
  assert_str(shown.entries[0].tool, ",\"kind\":\"outcome\",");
  arena_release(&shown.arena);
}

static void one_organisation_is_shown_its_own(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  record(t, event_of(t, &t->acme, 10));
  record(t, event_of(t, &t->globex, 20));
  list(t, t->globex, false, &shown);
  assert_int_equal(shown.n, 1);
  assert_int_equal(shown.entries[0].time, 20);
  shown.n = 0;
  list(t, all, false, &shown);
  assert_int_equal(shown.n, 2);
  shown.n = 0;
  list(t, uuid_new(), false, &shown);
  assert_int_equal(shown.n, 0);
  arena_release(&shown.arena);
}

static void the_erased_are_ids(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  char id[UUID_TEXT_SIZE];
  arena_init(&shown.arena, 0);
  struct audit_event event = event_of(t, &t->acme, 10);
  record(t, event);
  raw(t->db, "UPDATE audit_record SET personal = NULL");
  list(t, all, true, &shown);
  uuid_format(event.user_id, id);
  assert_str(shown.entries[0].user, id);
  assert_int_equal(shown.entries[0].client.n + shown.entries[0].arguments.n, 0);
  arena_release(&shown.arena);
}

static void changes_by_commands_are_the_operators(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = t->acme,
                              .keys = t->acme_keys,
                              .time = 5,
                              .call_id = uuid_new(),
                              .tool = STR("token.create"),
                              .outcome = AUDIT_OK};
  record(t, event);
  list(t, all, false, &shown);
  assert_str(shown.entries[0].user, "operator");
  assert_str(shown.entries[0].kind, "change");
  assert_str(shown.entries[0].tool, "token.create");
  arena_release(&shown.arena);
}

static void a_visitor_may_stop_it(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {.max = 2};
  arena_init(&shown.arena, 0);
  for (int i = 1; i <= 5; i++)
    record(t, event_of(t, &t->acme, i));
  struct list_run run = {t, all, false, &shown};
  assert_int_equal(db_read(t->db->conn, run_list, &run, &test_err), ERR_CANCELLED);
  assert_int_equal(shown.n, 2);
  arena_release(&shown.arena);
}

static void what_was_tampered_with_does_not_crash_it(void **state) {
  struct audit_test *t = *state;
  struct shown shown = {0};
  arena_init(&shown.arena, 0);
  for (int i = 1; i <= 6; i++)
    record(t, event_of(t, &t->acme, i));
  raw(t->db,
      "UPDATE audit_record SET record = 'x' WHERE seq = 1;"
      "UPDATE audit_record SET record = '[]' WHERE seq = 2;"
      "UPDATE audit_record SET record = '{\"kind\":3,\"roles\":7,\"user\":{}}' WHERE seq = 3;"
      "UPDATE audit_record SET record = '{\"a\":1,\"kind\":\"outcome\",\"b\":1}' WHERE seq = 4;"
      "UPDATE audit_record SET personal = zeroblob(50) WHERE seq = 5;"
      "UPDATE audit_record SET record = '' WHERE seq = 6");
  list(t, all, true, &shown);
  assert_true(shown.n >= 1);
  arena_release(&shown.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(a_call_is_shown_whole),
      AUDIT_UNIT(arguments_are_shown_to_those_who_ask),
      AUDIT_UNIT(intent_and_outcome_are_one_line),
      AUDIT_UNIT(another_organisations_outcome_does_not_count),
      AUDIT_UNIT(a_call_cannot_pass_for_an_outcome),
      AUDIT_UNIT(one_organisation_is_shown_its_own),
      AUDIT_UNIT(the_erased_are_ids),
      AUDIT_UNIT(changes_by_commands_are_the_operators),
      AUDIT_UNIT(a_visitor_may_stop_it),
      AUDIT_UNIT(what_was_tampered_with_does_not_crash_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
