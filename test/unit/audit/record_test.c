#include "audit/record.h"

#include "audit/fixture.h"
#include "base/limits.h"
#include "codec/json.h"

static const uint8_t zeros[AUDIT_MAC_SIZE];

static struct str written(struct audit_test *t, struct audit_draft *draft, const struct audit_event *event) {
  assert_ok(audit_draft_write(draft, event, STR("node1"), 7, zeros, &test_err));
  return audit_draft_record(draft);
}

/* What RFC 8785 makes of it is the same text. */
static yyjson_val *assert_canonical(struct audit_test *t, struct str text) {
  yyjson_doc *doc = NULL;
  struct buf canonical;
  if (json_read(&t->arena, text, &doc, &test_err) != ERR_NONE) fail_msg("%s in %.*s", test_err.text, STR_ARG(text));
  buf_init(&canonical, &t->arena, AUDIT_RECORD_MAX);
  assert_ok(json_write_canonical(&canonical, yyjson_doc_get_root(doc), &test_err));
  if (!str_eq(buf_str(&canonical), text)) fail_msg("%.*s", STR_ARG(text));
  return yyjson_doc_get_root(doc);
}

static void every_kind_is_canonical(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  audit_draft_init(&draft);
  for (int kind = AUDIT_CALL; kind <= AUDIT_CHANGE; kind++)
    for (int is_full = 0; is_full < 2; is_full++) {
      struct audit_event event = {.organisation_id = t->acme, .keys = t->acme_keys, .outcome = AUDIT_NONE};
      if (is_full) event = event_of(t, &t->acme, 1763600000000000);
      event.kind = kind;
      assert_canonical(t, written(t, &draft, &event));
      if (draft.personal.n) assert_canonical(t, buf_str(&draft.personal));
    }
  audit_draft_release(&draft);
}

static void a_call_says_everything(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_event event = event_of(t, &t->acme, 1763600000000000);
  event.error = STR("upstream"), event.outcome = AUDIT_ERROR;
  audit_draft_init(&draft);
  yyjson_val *r = assert_canonical(t, written(t, &draft, &event));
  char id[UUID_TEXT_SIZE];
  uuid_format(event.connection_id, id);
  assert_str(json_get_str(r, "connection_id"), id);
  uuid_format(event.call_id, id);
  assert_str(json_get_str(r, "call"), id);
  uuid_format(event.user_id, id);
  assert_str(json_get_str(r, "user"), id);
  uuid_format(event.token_id, id);
  assert_str(json_get_str(r, "token"), id);
  uuid_format(t->acme, id);
  assert_str(json_get_str(r, "org"), id);
  assert_str(json_get_str(r, "connection"), "ledger");
  assert_str(json_get_str(r, "connector"), "sqlite");
  assert_str(json_get_str(r, "decision"), "allowed");
  assert_str(json_get_str(r, "does"), "read");
  assert_str(json_get_str(r, "error"), "upstream");
  assert_str(json_get_str(r, "kind"), "call");
  assert_str(json_get_str(r, "outcome"), "error");
  assert_str(json_get_str(r, "reason"), "rule 1 of role finance");
  assert_str(json_get_str(r, "tool"), "sqlite_query");
  assert_str(json_get_str(r, "trace"), "0af7651916cd43dd8448eb211c80319c");
  assert_str(json_get_str(r, "writer"), "node1");
  assert_int_equal(yyjson_get_sint(json_get(r, "connector_version")), 2);
  assert_int_equal(yyjson_get_sint(json_get(r, "duration_us")), 1234);
  assert_int_equal(yyjson_get_sint(json_get(r, "policy")), 3);
  assert_int_equal(yyjson_get_sint(json_get(r, "seq")), 7);
  assert_true(yyjson_get_sint(json_get(r, "time")) == 1763600000000000);
  assert_int_equal(yyjson_arr_size(json_get(r, "roles")), 1);
  assert_int_equal(json_get_str(r, "arguments_digest").n, 64);
  assert_int_equal(json_get_str(r, "client_digest").n, 64);
  assert_int_equal(json_get_str(r, "user_digest").n, 64);
  audit_draft_release(&draft);
}

static void a_record_names_no_person(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  audit_draft_init(&draft);
  for (int kind = AUDIT_CALL; kind <= AUDIT_CHANGE; kind++) {
    struct audit_event event = event_of(t, &t->acme, 1);
    event.kind = kind;
    struct str text = written(t, &draft, &event);
    assert_null(memmem(text.p, text.n, "ann@", 4));
    assert_null(memmem(text.p, text.n, "inspector", 9));
    assert_null(memmem(text.p, text.n, "select", 6));
  }
  audit_draft_release(&draft);
}

static void digests_are_keyed_by_organisation(void **state) {
  struct audit_test *t = *state;
  char a[AUDIT_DIGEST_SIZE], b[AUDIT_DIGEST_SIZE];
  audit_digest(t->acme_keys, STR("\"ann@acme.example\""), a);
  audit_digest(t->globex_keys, STR("\"ann@acme.example\""), b);
  assert_string_not_equal(a, b);
  struct audit_draft draft;
  struct audit_event event = event_of(t, &t->acme, 1);
  audit_draft_init(&draft);
  assert_str(json_get_str(assert_canonical(t, written(t, &draft, &event)), "user_digest"), a);
  audit_draft_release(&draft);
}

static void arguments_are_kept_where_they_may_and_fit(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  char *large = arena_zalloc(&t->arena, LIMIT_AUDIT_ARGUMENTS + 1);
  memset(large, '1', LIMIT_AUDIT_ARGUMENTS + 1);
  audit_draft_init(&draft);
  struct audit_event event = event_of(t, &t->acme, 1);
  for (int i = 0; i < 4; i++) {
    bool is_kept = i == 0 || i == 2;
    event.may_keep_arguments = i != 1;
    if (i >= 2) event.arguments = str_make(large, LIMIT_AUDIT_ARGUMENTS + (i == 3));
    yyjson_val *r = assert_canonical(t, written(t, &draft, &event));
    yyjson_val *personal = assert_canonical(t, buf_str(&draft.personal));
    char digest[AUDIT_DIGEST_SIZE];
    audit_digest(t->acme_keys, event.arguments, digest);
    assert_str(json_get_str(r, "arguments_digest"), digest);
    if (is_kept)
      assert_true(str_eq(json_get_str(personal, "arguments"), event.arguments));
    else
      assert_null(json_get(personal, "arguments"));
  }
  audit_draft_release(&draft);
}

/* Whatever a client calls itself or a tool. */
static void hostile_texts_stay_texts(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  char *endless = arena_zalloc(&t->arena, 100000);
  memset(endless, 'x', 100000);
  memcpy(endless + AUDIT_TEXT_MAX - 1, "\xc3\xa4", 2);
  const struct str texts[] = {STR("\",\"seq\":9,\"x\":\""), STR("\xff\xfe\x80"), STR("line\nbreak\ttab\\"),
                              str_make(endless, 100000), STR("{{}}%s%n\x7f")};
  audit_draft_init(&draft);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct audit_event event = event_of(t, &t->acme, 1);
    event.tool = event.client = event.reason = event.error = event.does = texts[i];
    yyjson_val *r = assert_canonical(t, written(t, &draft, &event));
    assert_int_equal(yyjson_get_sint(json_get(r, "seq")), 7);
    assert_true(json_get_str(r, "tool").n <= 3 * AUDIT_TEXT_MAX);
    assert_canonical(t, buf_str(&draft.personal));
  }
  audit_draft_release(&draft);
}

static void an_outcome_holds_only_what_is_new(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_event event = event_of(t, &t->acme, 1);
  event.kind = AUDIT_OUTCOME;
  audit_draft_init(&draft);
  yyjson_val *r = assert_canonical(t, written(t, &draft, &event));
  assert_null(json_get(r, "user"));
  assert_null(json_get(r, "roles"));
  assert_non_null(json_get(r, "call"));
  assert_int_equal(draft.personal.n, 0);
  audit_draft_release(&draft);
}

static void an_intent_has_no_outcome_yet(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_event event = event_of(t, &t->acme, 1);
  event.kind = AUDIT_INTENT;
  audit_draft_init(&draft);
  yyjson_val *r = assert_canonical(t, written(t, &draft, &event));
  assert_null(json_get(r, "outcome"));
  assert_null(json_get(r, "duration_us"));
  assert_non_null(json_get(r, "arguments_digest"));
  audit_draft_release(&draft);
}

static void what_cannot_be_written_is_refused(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_event event = event_of(t, &t->acme, 1);
  char *endless = arena_zalloc(&t->arena, AUDIT_RECORD_MAX);
  memset(endless, 'x', AUDIT_RECORD_MAX);
  event.roles = str_make(endless, AUDIT_RECORD_MAX);
  audit_draft_init(&draft);
  assert_int_equal(audit_draft_write(&draft, &event, STR("node1"), 7, zeros, &test_err), ERR_NO_MEMORY);
  event = event_of(t, &t->acme, 1);
  written(t, &draft, &event); /* the next one is not harmed */
  event.keys = NULL;
  assert_int_equal(audit_draft_write(&draft, &event, STR("node1"), 7, zeros, &test_err), ERR_INTERNAL);
  audit_draft_release(&draft);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(every_kind_is_canonical),
      AUDIT_UNIT(a_call_says_everything),
      AUDIT_UNIT(a_record_names_no_person),
      AUDIT_UNIT(digests_are_keyed_by_organisation),
      AUDIT_UNIT(arguments_are_kept_where_they_may_and_fit),
      AUDIT_UNIT(hostile_texts_stay_texts),
      AUDIT_UNIT(an_outcome_holds_only_what_is_new),
      AUDIT_UNIT(an_intent_has_no_outcome_yet),
      AUDIT_UNIT(what_cannot_be_written_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
