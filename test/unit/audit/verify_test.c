#include "audit/fixture.h"
#include "base/clock.h"
#include "store/store.h"

enum { N = 6 };

/* N records of each organisation, in the commands' chain. */
static void fill(struct audit_test *t) {
  for (int i = 1; i <= N; i++) {
    record(t, event_of(t, &t->acme, 1763600000000000 + i));
    record(t, event_of(t, &t->globex, 1763600000000000 + i));
  }
}

/* WHERE clause of an organisation's record. */
static const char *of(struct uuid organisation_id, int seq) {
  static char text[128];
  char hex[33];
  for (int i = 0; i < 16; i++)
    snprintf(hex + 2 * i, 3, "%02x", organisation_id.b[i]);
  snprintf(text, sizeof text, "organisation_id = x'%s' AND seq = %d", hex, seq);
  return text;
}

static void save(struct audit_test *t) {
  sql(t,
      "DROP TABLE IF EXISTS saved_record; CREATE TABLE saved_record AS SELECT * FROM audit_record;"
      "DROP TABLE IF EXISTS saved_head; CREATE TABLE saved_head AS SELECT * FROM audit_head");
}

static void restore(struct audit_test *t) {
  sql(t,
      "DELETE FROM audit_record; INSERT INTO audit_record SELECT * FROM saved_record;"
      "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM saved_head");
  assert_holds(t, 2 * N, 2);
}

static void an_empty_trail_holds(void **state) {
  assert_holds(*state, 0, 0);
}

static void an_untouched_trail_holds(void **state) {
  struct audit_test *t = *state;
  fill(t);
  assert_holds(t, 2 * N, 2);
}

static void every_edit_of_every_column_is_found(void **state) {
  struct audit_test *t = *state;
  static const char *const edits[] = {
      "time = time + 1",
      "time = -time",
      "seq = seq + 100",
      "seq = -seq",
      "writer = 'other'",
      "writer = ''",
      "organisation_id = x'00000000000000000000000000000000'",
      "organisation_id = x'01'",
      "record = replace(record, 'allowed', 'denied')",
      "record = replace(record, '\"ok\"', '\"error\"')",
      "record = record || ' '",
      "record = ''",
      "record = '{}'",
      "record = substr(record, 1, length(record) - 1)",
      "record = replace(record, 'sqlite_query', 'sqlite_querz')",
      "mac = zeroblob(32)",
      "mac = x''",
      "mac = substr(mac, 1, 31)",
      "personal = x''",
      "personal = zeroblob(60)",
      "personal = substr(personal, 1, length(personal) - 1)",
      "personal = personal || x'00'",
  };
  fill(t);
  save(t);
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
    for (int seq = 1; seq <= N; seq += seq == 1 ? N / 2 : N - 1 - N / 2) {
      sql(t, "UPDATE audit_record SET %s WHERE %s", edits[i], of(t->acme, seq));
      struct audit_finding finding = verify_since(t, STR_NONE);
      if (finding.holds) fail_msg("unnoticed: %s of %d", edits[i], seq);
      restore(t);
    }
}

/* Each byte of a record and each of its mac. */
static void every_changed_byte_is_found(void **state) {
  if (test_server()) skip_because("PostgreSQL takes no broken UTF-8 as text");
  struct audit_test *t = *state;
  fill(t);
  save(t);
  int64_t n = sql(t, "SELECT length(record) FROM audit_record WHERE %s", of(t->acme, 2));
  for (int64_t i = 1; i <= n; i += 7) {
    sql(t,
        "UPDATE audit_record SET record = substr(record, 1, %d) || char(unicode(substr(record, %d, 1)) + 1) || "
        "substr(record, %d) WHERE %s",
        (int)i - 1, (int)i, (int)i + 1, of(t->acme, 2));
    assert_broken(t, "record 2, 2025-11-20T00:53:20.000002Z: it was changed");
    sql(t,
        "UPDATE audit_record SET record = (SELECT record FROM saved_record s WHERE s.organisation_id = "
        "audit_record.organisation_id AND s.seq = audit_record.seq)");
  }
}

static void every_deletion_is_found(void **state) {
  struct audit_test *t = *state;
  fill(t);
  save(t);
  for (int seq = 1; seq <= N; seq++) {
    char part[64];
    snprintf(part, sizeof part, "record %d: it is missing", seq);
    sql(t, "DELETE FROM audit_record WHERE %s", of(t->acme, seq));
    assert_broken(t, part);
    restore(t);
  }
}

static void renumbering_does_not_hide_a_deletion(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "DELETE FROM audit_record WHERE %s", of(t->acme, 3));
  for (int seq = 4; seq <= N; seq++)
    sql(t, "UPDATE audit_record SET seq = seq - 1 WHERE %s", of(t->acme, seq));
  assert_broken(t, "record 3, ");
}

static void every_swap_is_found(void **state) {
  struct audit_test *t = *state;
  fill(t);
  save(t);
  for (int a = 1; a <= N; a++)
    for (int b = a + 1; b <= N; b++) {
      sql(t, "UPDATE audit_record SET seq = -1 WHERE %s", of(t->acme, a));
      sql(t, "UPDATE audit_record SET seq = %d WHERE %s", a, of(t->acme, b));
      sql(t, "UPDATE audit_record SET seq = %d WHERE %s", b, of(t->acme, -1));
      char part[64];
      snprintf(part, sizeof part, "record %d, ", a);
      assert_broken(t, part);
      restore(t);
    }
}

static void swapped_personal_contents_are_found(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_record SET personal = (SELECT personal FROM audit_record WHERE %s)", of(t->acme, 2));
  assert_broken(t, "record 1, 2025-11-20T00:53:20.000001Z: its personal content was changed or is another record's");
}

/* By somebody who has the key: only the digests tell. */
static void a_content_that_does_not_fit_its_digests_is_found(void **state) {
  struct audit_test *t = *state;
  char place[128], id[UUID_TEXT_SIZE], hex[1024];
  struct str sealed;
  fill(t);
  save(t);
  const char *const contents[] = {"{\"user\":\"eve@acme.example\"}", "{\"client\":\"other\"}", "{\"arguments\":\"{}\"}",
                                  "nonsense"};
  uuid_format(t->acme, id);
  snprintf(place, sizeof place, "%s/command/2", id);
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    assert_ok(vault_seal(t->acme_keys, &t->arena, (struct vault_place){"audit_record", "personal", str_of(place)},
                         str_of(contents[i]), &sealed, &test_err));
    for (size_t j = 0; j < sealed.n; j++)
      snprintf(hex + 2 * j, 3, "%02x", (unsigned char)sealed.p[j]);
    sql(t, "UPDATE audit_record SET personal = x'%s' WHERE %s", hex, of(t->acme, 2));
    assert_broken(t, "its personal content does not fit its digests");
    restore(t);
  }
}

static void erasure_breaks_nothing(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_record SET personal = NULL WHERE %s", of(t->acme, 2));
  assert_holds(t, 2 * N, 2);
  sql(t, "UPDATE audit_record SET personal = NULL");
  assert_holds(t, 2 * N, 2);
}

static void every_edit_of_a_head_is_found(void **state) {
  struct audit_test *t = *state;
  static const struct {
    const char *edit, *part;
  } edits[] = {{"seq = seq - 1", "head was changed"},      {"seq = seq + 1", "head was changed"},
               {"mac = zeroblob(32)", "head was changed"}, {"head_mac = zeroblob(32)", "head was changed"},
               {"mac = x''", "head was changed"},          {"writer = 'another'", "no records"},
               {"writer = 'zzz'", "head is missing"}};
  fill(t);
  save(t);
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
    sql(t, "UPDATE audit_head SET %s WHERE %s", edits[i].edit, of(t->acme, N));
    assert_broken(t, edits[i].part);
    restore(t);
  }
  sql(t, "DELETE FROM audit_head WHERE %s", of(t->globex, N));
  assert_broken(t, "head is missing");
  restore(t);
  sql(t, "DELETE FROM audit_record WHERE writer = 'command'");
  assert_broken(t, "there are no records");
}

/* Records put after the head by somebody who cannot make a head. */
static void records_after_the_head_are_found(void **state) {
  struct audit_test *t = *state;
  for (int i = 1; i < N; i++)
    record(t, event_of(t, &t->acme, i));
  sql(t, "CREATE TABLE old AS SELECT * FROM audit_head");
  record(t, event_of(t, &t->acme, N));
  sql(t, "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM old");
  assert_broken(t, "record 6: it stands after the head, which says that the last is 5");
}

/* Two records were number 6 in turn, both with a good mac: the head names one of them. */
static void a_record_of_a_former_trail_is_found(void **state) {
  struct audit_test *t = *state;
  for (int i = 1; i < N; i++)
    record(t, event_of(t, &t->acme, i));
  sql(t, "CREATE TABLE old_head AS SELECT * FROM audit_head");
  record(t, event_of(t, &t->acme, N));
  sql(t,
      "CREATE TABLE old AS SELECT * FROM audit_record WHERE seq = 6; DELETE FROM audit_record WHERE seq = 6;"
      "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM old_head");
  record(t, event_of(t, &t->acme, 100));
  assert_holds(t, N, 1);
  sql(t, "DELETE FROM audit_record WHERE seq = 6; INSERT INTO audit_record SELECT * FROM old");
  assert_broken(t, "it is not the one that the chain's head names");
}

static void records_of_nobody_are_found(void **state) {
  struct audit_test *t = *state;
  fill(t);
  struct uuid initech = uuid_new();
  struct audit_event event = event_of(t, &t->acme, 1);
  event.organisation_id = initech;
  record(t, event);
  assert_broken(t, "its organisation is unknown");
}

static void another_organisations_chain_does_not_verify(void **state) {
  struct audit_test *t = *state;
  for (int i = 1; i <= N; i++)
    record(t, event_of(t, &t->acme, i));
  char hex[33];
  for (int i = 0; i < 16; i++)
    snprintf(hex + 2 * i, 3, "%02x", t->globex.b[i]);
  sql(t, "UPDATE audit_record SET organisation_id = x'%s'; UPDATE audit_head SET organisation_id = x'%s'", hex, hex);
  assert_broken(t, "record 1, 1970-01-01T00:00:00.000001Z: it was changed, moved or put in");
}

/* The first that does not hold is named, in the order of chains. */
static void the_first_break_is_named(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_record SET time = 5 WHERE seq IN (3, 5)");
  struct audit_finding finding = verify_since(t, STR_NONE);
  assert_false(finding.holds);
  assert_non_null(strstr(finding.text, "record 3"));
  assert_non_null(strstr(finding.text, "column time"));
  assert_int_equal(finding.records, 2);
}

/* Checkpoints */

struct checkpoint_run {
  struct audit_test *t;
  struct buf out;
};

static enum err_code run_checkpoint(struct db_tx *tx, void *context, struct err *err) {
  struct checkpoint_run *run = context;
  return audit_checkpoint(tx, keys_of, run->t, &run->out, err);
}

static enum err_code try_checkpoint(struct audit_test *t, struct str *ret_text) {
  struct checkpoint_run run = {.t = t};
  buf_init(&run.out, &t->arena, 100000);
  enum err_code code = db_read(t->db->conn, run_checkpoint, &run, &test_err);
  *ret_text = buf_str(&run.out);
  return code;
}

static struct str checkpoint(struct audit_test *t) {
  struct str text;
  assert_ok(try_checkpoint(t, &text));
  return text;
}

static void assert_holds_since(struct audit_test *t, struct str since) {
  struct audit_finding finding = verify_since(t, since);
  if (!finding.holds) fail_msg("%s", finding.text);
}

static void a_trail_that_only_grew_holds_since(void **state) {
  struct audit_test *t = *state;
  assert_holds_since(t, checkpoint(t)); /* of nothing */
  fill(t);
  struct str before = checkpoint(t);
  assert_non_null(strstr(before.p, "\"connek_checkpoint\":1"));
  assert_holds_since(t, before);
  fill(t);
  assert_holds_since(t, before);
  /* Several, one a line. */
  struct buf both;
  buf_init(&both, &t->arena, 100000);
  buf_append_str(&both, checkpoint(t));
  buf_append_str(&both, before);
  assert_holds_since(t, buf_str(&both));
}

/* The head is set back as well, to one that was true once. */
static void a_cut_tail_is_found_by_a_checkpoint_alone(void **state) {
  struct audit_test *t = *state;
  for (int i = 1; i < N; i++)
    record(t, event_of(t, &t->acme, i));
  sql(t, "CREATE TABLE old AS SELECT * FROM audit_head");
  struct str early = checkpoint(t);
  record(t, event_of(t, &t->acme, N));
  struct str late = checkpoint(t);
  sql(t, "DELETE FROM audit_record WHERE seq = 6; DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM old");
  assert_holds(t, N - 1, 1);
  assert_holds_since(t, early);
  assert_broken_since(t, late, "record 6: it is missing: the checkpoint has 6, the tail was cut off");
  record(t, event_of(t, &t->acme, 100)); /* and it goes on as if nothing had been */
  assert_holds(t, N, 1);
  assert_broken_since(t, late, "record 6, 1970-01-01T00:00:00.000100Z: it is not the one of the checkpoint");
}

static void a_chain_that_is_gone_is_found_by_a_checkpoint(void **state) {
  struct audit_test *t = *state;
  fill(t);
  struct str since = checkpoint(t);
  char hex[33];
  const struct uuid both[] = {t->acme, t->globex};
  save(t);
  for (int o = 0; o < 2; o++) {
    for (int i = 0; i < 16; i++)
      snprintf(hex + 2 * i, 3, "%02x", both[o].b[i]);
    sql(t,
        "DELETE FROM audit_record WHERE organisation_id = x'%s'; DELETE FROM audit_head WHERE organisation_id = x'%s'",
        hex, hex);
    assert_holds(t, N, 1);
    assert_broken_since(t, since, "the whole chain is gone");
    restore(t);
  }
}

static void a_forged_checkpoint_is_found(void **state) {
  struct audit_test *t = *state;
  fill(t);
  struct str since = checkpoint(t);
  static const char *const members[] = {"\"seq\":", "\"mac\":\"", "\"check\":\"", "\"writer\":\"",
                                        "\"organisation\":\""};
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    char *text = arena_memdup(&t->arena, since.p, since.n);
    char *at = memmem(text, since.n, members[i], strlen(members[i]));
    at += strlen(members[i]);
    *at = *at == 'a' ? 'b' : *at == '5' ? '4' : *at >= '0' && *at <= '9' ? '5' : 'a';
    struct audit_finding finding = verify_since(t, str_make(text, since.n));
    assert_false(finding.holds);
    if (!strstr(finding.text, "forged") && !strstr(finding.text, "unknown")) fail_msg("%s", finding.text);
  }
  char *text = arena_memdup(&t->arena, since.p, since.n);
  char *at = memmem(text, since.n, "\"time\":\"", 8);
  at[9 + 2] = at[9 + 2] == '1' ? '2' : '1';
  assert_broken_since(t, str_make(text, since.n), "forged");
}

static void what_is_no_checkpoint_is_refused(void **state) {
  struct audit_test *t = *state;
  static const char *const texts[] = {"nonsense",
                                      "{}",
                                      "[]",
                                      "{\"connek_checkpoint\":2,\"time\":\"2026-01-01T00:00:00Z\",\"chains\":[]}",
                                      "{\"connek_checkpoint\":1,\"chains\":[]}",
                                      " \n ",
                                      "{\"connek_checkpoint\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chains\":[{}]}",
                                      "{\"connek_checkpoint\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chains\":[1]}",
                                      "{\"connek_checkpoint\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chains\":{}}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct verify_run run = {t, str_of(texts[i]), {0}};
    assert_int_equal(db_read(t->db->conn, run_verify, &run, &test_err), ERR_INVALID);
    assert_non_null(strstr(test_err.text, "checkpoint"));
  }
}

static void no_checkpoint_vouches_for_a_broken_trail(void **state) {
  struct audit_test *t = *state;
  struct str text;
  fill(t);
  save(t);
  sql(t, "DELETE FROM audit_record WHERE %s", of(t->acme, N));
  assert_int_equal(try_checkpoint(t, &text), ERR_CONFLICT);
  restore(t);
  sql(t, "UPDATE audit_head SET seq = 99 WHERE %s", of(t->acme, N));
  assert_int_equal(try_checkpoint(t, &text), ERR_CONFLICT);
  restore(t);
  t->acme = uuid_new(); /* whose keys nobody has any more */
  assert_int_equal(try_checkpoint(t, &text), ERR_CONFLICT);
  assert_non_null(strstr(test_err.text, "keys cannot be opened"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(an_empty_trail_holds),
      AUDIT_UNIT(an_untouched_trail_holds),
      AUDIT_UNIT(every_edit_of_every_column_is_found),
      AUDIT_UNIT(every_changed_byte_is_found),
      AUDIT_UNIT(every_deletion_is_found),
      AUDIT_UNIT(renumbering_does_not_hide_a_deletion),
      AUDIT_UNIT(every_swap_is_found),
      AUDIT_UNIT(swapped_personal_contents_are_found),
      AUDIT_UNIT(a_content_that_does_not_fit_its_digests_is_found),
      AUDIT_UNIT(erasure_breaks_nothing),
      AUDIT_UNIT(every_edit_of_a_head_is_found),
      AUDIT_UNIT(records_after_the_head_are_found),
      AUDIT_UNIT(a_record_of_a_former_trail_is_found),
      AUDIT_UNIT(records_of_nobody_are_found),
      AUDIT_UNIT(another_organisations_chain_does_not_verify),
      AUDIT_UNIT(the_first_break_is_named),
      AUDIT_UNIT(a_trail_that_only_grew_holds_since),
      AUDIT_UNIT(a_cut_tail_is_found_by_a_checkpoint_alone),
      AUDIT_UNIT(a_chain_that_is_gone_is_found_by_a_checkpoint),
      AUDIT_UNIT(a_forged_checkpoint_is_found),
      AUDIT_UNIT(what_is_no_checkpoint_is_refused),
      AUDIT_UNIT(no_checkpoint_vouches_for_a_broken_trail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
