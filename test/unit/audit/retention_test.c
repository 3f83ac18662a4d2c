#include "audit/retention.h"
#include "audit/chain.h"
#include "audit/fixture.h"
#include "base/clock.h"
#include "store/call_fact.h"
#include "store/retention.h"

static const int64_t day = INT64_C(86400) * 1000000;
static const int64_t today = INT64_C(20778) * 86400 * 1000000 + 12345; /* 2026-11-21, a moment after midnight */

enum { DAYS = 90 };

static enum err_code insert_organisations(struct db_tx *tx, void *context, struct err *err) {
  struct audit_test *t = context;
  const struct organisation_record list[] = {{t->acme, STR("acme"), STR("sealed"), 1, 5},
                                             {t->globex, STR("globex"), STR("sealed"), 1, 5}};
  enum err_code code = store_organisation_insert(tx, &list[0], err);
  return code == ERR_NONE ? store_organisation_insert(tx, &list[1], err) : code;
}

static int prepare(void **state) {
  audit_set_up(state);
  struct audit_test *t = *state;
  assert_ok(db_write(t->db->conn, insert_organisations, t, &test_err));
  return 0;
}
#define RETENTION_UNIT(name) cmocka_unit_test_setup_teardown(name, prepare, audit_tear_down)

struct setting {
  struct audit_test *t;
  int64_t days;
};

static enum err_code set_in(struct db_tx *tx, void *context, struct err *err) {
  struct setting *setting = context;
  return retention_set(tx, setting->t->acme_keys, setting->t->acme, setting->days, today, err);
}

static enum err_code get_in(struct db_tx *tx, void *context, struct err *err) {
  struct setting *setting = context;
  return retention_get(tx, setting->t->acme_keys, setting->t->acme, &setting->days, err);
}

static void keep(struct audit_test *t, int64_t days) {
  assert_ok(db_write(t->db->conn, set_in, &(struct setting){t, days}, &test_err));
}

struct stepping {
  struct audit_test *t;
  int64_t now;
  struct retention_step step;
};

static enum err_code step_in(struct db_tx *tx, void *context, struct err *err) {
  struct stepping *stepping = context;
  stepping->step = (struct retention_step){0};
  return retention_step(tx, stepping->t->acme_keys, stepping->t->acme, stepping->now, &stepping->step, err);
}

/* Until nothing more is done; how many were removed. */
static int64_t removed_at(struct audit_test *t, int64_t now) {
  struct stepping stepping = {.t = t, .now = now};
  int64_t n = 0;
  do {
    assert_ok(db_write(t->db->conn, step_in, &stepping, &test_err));
    n += stepping.step.n_removed;
  } while (stepping.step.has_more);
  return n;
}

static void assert_nothing_goes(struct audit_test *t, const char *why) {
  struct stepping stepping = {.t = t, .now = today};
  enum err_code code = ERR_NONE;
  int64_t n = 0;
  do {
    code = db_write(t->db->conn, step_in, &stepping, &test_err);
    n += stepping.step.n_removed;
  } while (code == ERR_NONE && stepping.step.has_more);
  assert_int_equal(n, 0);
  assert_int_equal(code, ERR_CONFLICT);
  if (!strstr(test_err.text, why)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, why);
}

struct put {
  struct audit_test *t;
  struct str writer;
  int64_t n, time, step;
  enum audit_kind kind;
};

/* Records of acme in a chain of that name. */
static enum err_code put_in(struct db_tx *tx, void *context, struct err *err) {
  struct put *put = context;
  struct audit_chain chain;
  struct audit_draft draft;
  struct arena arena;
  arena_init(&arena, 0);
  audit_draft_init(&draft);
  enum err_code code = audit_chain_load(tx, put->t->acme_keys, put->t->acme, put->writer, &chain, err);
  for (int64_t i = 0; i < put->n && code == ERR_NONE; i++) {
    struct audit_row row;
    struct audit_event event = event_of(put->t, &put->t->acme, put->time + i * put->step);
    event.kind = put->kind;
    if (put->kind == AUDIT_INTENT) event.does = STR("write");
    code = audit_chain_row(&chain, &event, &draft, &arena, &row, err);
    if (code == ERR_NONE) code = store_audit_insert(tx, &row, err);
    if (code == ERR_NONE) audit_chain_advance(&chain, &row);
  }
  if (code == ERR_NONE) code = audit_chain_put_head(tx, put->t->acme_keys, &chain, err);
  audit_draft_release(&draft);
  arena_release(&arena);
  return code;
}

static void put(struct audit_test *t, const char *writer, int64_t n, int64_t time) {
  struct put what = {t, str_of(writer), n, time, 1, AUDIT_CALL};
  assert_ok(db_write(t->db->conn, put_in, &what, &test_err));
}

static const int64_t old = today - 200 * day, young = today - 10 * day;

/* Ten that are too old and three that are not, of node1. */
static void fill(struct audit_test *t) {
  put(t, "node1", 10, old);
  put(t, "node1", 3, young);
  keep(t, DAYS);
}

static struct audit_finding finding_of(struct audit_test *t, struct str since) {
  struct audit_finding finding = verify_since(t, since);
  if (!finding.holds) fail_msg("%s", finding.text);
  return finding;
}

/* ---- the setting ---- */

static void without_a_setting_everything_is_kept_for_ever(void **state) {
  struct audit_test *t = *state;
  struct setting setting = {t, -1};
  put(t, "node1", 5, old);
  assert_ok(db_read(t->db->conn, get_in, &setting, &test_err));
  assert_int_equal(setting.days, 0);
  assert_int_equal(removed_at(t, today + 1000 * day), 0);
  assert_int_equal(finding_of(t, STR_NONE).records, 5);
}

static void a_setting_is_from_30_to_36500_days_or_none(void **state) {
  struct audit_test *t = *state;
  static const int64_t refused[] = {-1, 1, 29, 36501, INT64_MAX};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    assert_int_equal(db_write(t->db->conn, set_in, &(struct setting){t, refused[i]}, &test_err), ERR_INVALID);
  static const int64_t taken[] = {30, 36500, 0};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
    struct setting setting = {t, -1};
    keep(t, taken[i]);
    assert_ok(db_read(t->db->conn, get_in, &setting, &test_err));
    assert_int_equal(setting.days, taken[i]);
    assert_int_equal(sql(t, "SELECT count(*) FROM job WHERE kind = 'retention'"), taken[i] != 0);
  }
}

static void the_job_waits_an_hour_in_which_the_setting_can_be_taken_back(void **state) {
  struct audit_test *t = *state;
  keep(t, DAYS);
  assert_int_equal(sql(t, "SELECT due_at FROM job WHERE kind = 'retention'"), today + INT64_C(3600) * 1000000);
}

static void a_setting_that_was_changed_in_the_database_removes_nothing(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_retention SET days = 5");
  assert_nothing_goes(t, "was changed in the database");
  keep(t, 365);
  sql(t, "UPDATE audit_retention SET days = 90");
  assert_nothing_goes(t, "was changed in the database");
  keep(t, DAYS); /* the negative control */
  assert_int_equal(removed_at(t, today), 10);
}

/* ---- removal ---- */

static void what_is_older_goes_and_the_rest_holds(void **state) {
  struct audit_test *t = *state;
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  struct audit_finding finding = finding_of(t, STR_NONE);
  assert_int_equal(finding.records, 3 + 1); /* and the one that says so */
  assert_int_equal(finding.chains, 2);
  assert_int_equal(finding.removed, 10);
  assert_int_equal(sql(t, "SELECT min(seq) FROM audit_record WHERE writer = 'node1'"), 11);
  assert_int_equal(sql(t, "SELECT min(time) FROM call_fact"), young);
  assert_int_equal(removed_at(t, today), 0);
  assert_int_equal(finding_of(t, STR_NONE).records, 4);
}

static void what_was_counted_stays_counted(void **state) {
  struct audit_test *t = *state;
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  assert_int_equal(sql(t, "SELECT sum(ok) FROM usage_day WHERE day = %lld", (long long)(old / day)), 10);
}

static void whole_days_go(void **state) {
  struct audit_test *t = *state;
  int64_t end = retention_end(today, DAYS);
  put(t, "node1", 1, end - 1);
  put(t, "node1", 1, end);
  keep(t, DAYS);
  assert_int_equal(end % day, 0);
  assert_int_equal(removed_at(t, today), 1);
  assert_int_equal(removed_at(t, today + day / 2), 0);
  assert_int_equal(removed_at(t, today + day), 1);
}

static void a_beginning_goes_never_a_piece_from_the_middle(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 2, old);
  put(t, "node1", 1, young); /* a clock that was set back meanwhile */
  put(t, "node1", 5, old);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 2);
  assert_int_equal(finding_of(t, STR_NONE).records, 6 + 1);
}

static void a_chain_whose_records_are_all_gone_goes_on(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 10, old);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 10);
  struct audit_finding finding = finding_of(t, STR_NONE);
  assert_int_equal(finding.removed, 10);
  assert_int_equal(finding.chains, 2);
  put(t, "node1", 2, young);
  finding = finding_of(t, STR_NONE);
  assert_int_equal(finding.records, 2 + 1);
  assert_int_equal(sql(t, "SELECT max(seq) FROM audit_record WHERE writer = 'node1'"), 12);
}

static void the_records_of_removals_go_in_their_turn(void **state) {
  struct audit_test *t = *state;
  fill(t);
  for (int64_t now = today; now < today + 400 * day; now += 100 * day)
    (void)removed_at(t, now);
  struct audit_finding finding = finding_of(t, STR_NONE);
  assert_true(finding.records <= 2);
  assert_int_equal(sql(t, "SELECT count(*) FROM audit_tombstone"), 2);
}

static void more_than_a_batch_goes_in_several_transactions(void **state) {
  struct audit_test *t = *state;
  struct stepping stepping = {.t = t, .now = today};
  put(t, "node1", RETENTION_BATCH + 100, old);
  keep(t, DAYS);
  int64_t n = 0;
  do {
    assert_ok(db_write(t->db->conn, step_in, &stepping, &test_err));
    assert_true(stepping.step.n_removed <= RETENTION_BATCH);
    n += stepping.step.n_removed;
    finding_of(t, STR_NONE); /* between any two the trail holds */
  } while (stepping.step.has_more);
  assert_int_equal(n, RETENTION_BATCH + 100);
}

static void another_organisation_keeps_its_own(void **state) {
  struct audit_test *t = *state;
  record(t, event_of(t, &t->globex, old));
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  assert_int_equal(finding_of(t, STR_NONE).records, 1 + 3 + 1);
}

struct said {
  struct arena *arena;
  struct str arguments;
  int64_t n;
};

static enum err_code hear(const struct audit_entry *entry, void *context, struct err *err) {
  struct said *said = context;
  (void)err;
  if (!str_eq_c(entry->tool, "audit.remove")) return ERR_NONE;
  said->arguments = arena_str(said->arena, entry->arguments);
  said->n++;
  return ERR_NONE;
}

struct hearing {
  struct audit_test *t;
  struct said said;
};

static enum err_code hear_in(struct db_tx *tx, void *context, struct err *err) {
  struct hearing *hearing = context;
  return audit_records(tx, hearing->t->acme, keys_of, hearing->t, true, hear, &hearing->said, err);
}

static void a_removal_is_on_record_with_its_figures_and_writes_whose_end_nobody_knows(void **state) {
  struct audit_test *t = *state;
  struct put intents = {t, STR("node1"), 2, old, 1, AUDIT_INTENT};
  struct hearing hearing = {.t = t, .said = {.arena = &t->arena}};
  put(t, "node1", 8, old);
  assert_ok(db_write(t->db->conn, put_in, &intents, &test_err));
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 10);
  assert_ok(db_read(t->db->conn, hear_in, &hearing, &test_err));
  assert_int_equal(hearing.said.n, 1);
  assert_str(hearing.said.arguments,
             "{\"first_time\":\"2026-05-05T00:00:00.012345Z\",\"from\":1,\"last_time\":\"2026-05-05T00:00:00.012352Z\","
             "\"records\":10,\"retention_days\":90,\"to\":10,\"unknown\":2,\"writer\":\"node1\"}");
}

/* ---- what does not hold stays ---- */

static void a_record_that_was_changed_is_not_removed(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_record SET record = replace(record, 'ledger', 'lodger') WHERE seq = 4");
  assert_nothing_goes(t, "record 4 does not hold");
  assert_broken(t, "record 4, ");
  sql(t, "UPDATE audit_record SET record = replace(record, 'lodger', 'ledger') WHERE seq = 4");
  sql(t, "DELETE FROM audit_record WHERE seq = 2");
  assert_nothing_goes(t, "record 3 does not hold");
}

static void a_record_made_older_by_its_column_stays(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "UPDATE audit_record SET time = %lld WHERE seq = 11", (long long)old);
  assert_nothing_goes(t, "record 11 does not hold");
}

static void a_chain_that_does_not_hold_keeps_nobody_from_the_others(void **state) {
  struct audit_test *t = *state;
  struct stepping stepping = {.t = t, .now = today};
  put(t, "node1", 4, old);
  put(t, "node2", 6, old);
  keep(t, DAYS);
  sql(t, "UPDATE audit_record SET mac = x'00' WHERE writer = 'node1' AND seq = 1");
  int64_t n = 0;
  while (db_write(t->db->conn, step_in, &stepping, &test_err) == ERR_NONE)
    n += stepping.step.n_removed;
  assert_int_equal(n, 6);
  assert_int_equal(sql(t, "SELECT count(*) FROM audit_record WHERE writer = 'node1'"), 4);
}

/* ---- tombstones against somebody with the database in their hands ---- */

static void a_tombstone_that_is_gone_or_was_changed_is_told(void **state) {
  struct audit_test *t = *state;
  static const struct {
    const char *edit, *part;
  } edits[] = {
      {"DELETE FROM audit_tombstone", "record 1: it is missing: the next one is 11"},
      {"UPDATE audit_tombstone SET seq = seq + 1", "the tombstone of what was removed is forged or was changed"},
      {"UPDATE audit_tombstone SET seq = seq - 1", "the tombstone of what was removed is forged or was changed"},
      {"UPDATE audit_tombstone SET mac = x'00'", "the tombstone of what was removed is forged or was changed"},
      {"UPDATE audit_tombstone SET first_time = first_time + 1", "is forged or was changed"},
      {"UPDATE audit_tombstone SET last_time = last_time + 1", "is forged or was changed"},
      {"UPDATE audit_tombstone SET days = 365", "is forged or was changed"},
      {"UPDATE audit_tombstone SET removed_at = removed_at + 1", "is forged or was changed"},
      {"UPDATE audit_tombstone SET writer = 'node9'", "is forged or was changed"},
  };
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  sql(t, "CREATE TABLE saved AS SELECT * FROM audit_tombstone");
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
    sql(t, "%s", edits[i].edit);
    if (strstr(edits[i].edit, "node9"))
      assert_broken(t, "record 1: it is missing");
    else
      assert_broken(t, edits[i].part);
    sql(t, "DELETE FROM audit_tombstone; INSERT INTO audit_tombstone SELECT * FROM saved");
    finding_of(t, STR_NONE);
  }
}

static void another_chains_tombstone_is_none(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 10, old);
  put(t, "node1", 1, young);
  put(t, "node2", 10, old);
  put(t, "node2", 1, young);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 20);
  sql(t,
      "UPDATE audit_tombstone SET mac = (SELECT mac FROM audit_tombstone WHERE writer = 'node2'), tombstone_mac = "
      "(SELECT tombstone_mac FROM audit_tombstone WHERE writer = 'node2') WHERE writer = 'node1'");
  assert_broken(t, "is forged or was changed");
}

static void a_tombstone_set_back_leaves_a_hole_that_is_told(void **state) {
  struct audit_test *t = *state;
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  sql(t, "CREATE TABLE saved AS SELECT * FROM audit_tombstone WHERE writer = 'node1'");
  put(t, "node1", 1, today + 60 * day);
  assert_int_equal(removed_at(t, today + 95 * day), 3 + 1); /* and what said so of the ten */
  sql(t, "DELETE FROM audit_tombstone WHERE writer = 'node1'; INSERT INTO audit_tombstone SELECT * FROM saved");
  assert_broken(t, "record 11: it is missing, and no tombstone covers it: the next one is 14");
}

static void a_record_behind_a_tombstone_cannot_be_taken_away(void **state) {
  struct audit_test *t = *state;
  fill(t);
  assert_int_equal(removed_at(t, today), 10);
  sql(t, "DELETE FROM audit_record WHERE writer = 'node1' AND seq = 11");
  assert_broken(t, "record 11: it is missing, and no tombstone covers it: the next one is 12");
  sql(t, "DELETE FROM audit_record WHERE writer = 'node1'");
  assert_broken(t, "record 11: it is missing: the head says that the last is 13");
}

static void a_record_that_a_tombstone_covers_cannot_come_back(void **state) {
  struct audit_test *t = *state;
  fill(t);
  sql(t, "CREATE TABLE saved AS SELECT * FROM audit_record WHERE seq = 10");
  assert_int_equal(removed_at(t, today), 10);
  sql(t, "INSERT INTO audit_record SELECT * FROM saved");
  assert_broken(t, "the tombstone says that all up to 10 are removed, but it is there");
}

static void nothing_is_written_after_a_forged_tombstone(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 10, old);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 10);
  sql(t, "UPDATE audit_tombstone SET removed_at = removed_at + 1");
  struct put more = {t, STR("node1"), 1, young, 1, AUDIT_CALL};
  assert_int_equal(db_write(t->db->conn, put_in, &more, &test_err), ERR_CONFLICT);
  sql(t, "DELETE FROM audit_tombstone");
  assert_int_equal(db_write(t->db->conn, put_in, &more, &test_err), ERR_CONFLICT);
}

/* ---- checkpoints ---- */

struct pointing {
  struct audit_test *t;
  struct str text;
};

static enum err_code point_in(struct db_tx *tx, void *context, struct err *err) {
  struct pointing *pointing = context;
  struct buf out;
  buf_init(&out, &pointing->t->arena, 64 * 1024);
  enum err_code code = audit_checkpoint(tx, keys_of, pointing->t, &out, err);
  pointing->text = buf_str(&out);
  return code;
}

static struct str checkpoint(struct audit_test *t) {
  struct pointing pointing = {.t = t};
  assert_ok(db_read(t->db->conn, point_in, &pointing, &test_err));
  return pointing.text;
}

static void a_checkpoint_of_what_was_removed_since_says_so_and_holds(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 4, old);
  struct str before = checkpoint(t);
  put(t, "node1", 6, old);
  put(t, "node1", 3, young);
  struct str later = checkpoint(t);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 10);
  assert_int_equal(finding_of(t, before).points_removed, 1);
  assert_int_equal(finding_of(t, later).points_removed, 0);
  struct str now = checkpoint(t);
  finding_of(t, now);
  sql(t, "DELETE FROM audit_record WHERE writer = 'node1'; DELETE FROM audit_head WHERE writer = 'node1'");
  assert_broken_since(t, now, "it is missing: the checkpoint has 13, the tail was cut off");
}

static void a_checkpoint_taken_where_all_is_removed_is_held_against_the_tombstone(void **state) {
  struct audit_test *t = *state;
  put(t, "node1", 10, old);
  struct str before = checkpoint(t);
  keep(t, DAYS);
  assert_int_equal(removed_at(t, today), 10);
  assert_int_equal(finding_of(t, before).points_removed, 1);
  assert_int_equal(finding_of(t, checkpoint(t)).points_removed, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      RETENTION_UNIT(without_a_setting_everything_is_kept_for_ever),
      RETENTION_UNIT(a_setting_is_from_30_to_36500_days_or_none),
      RETENTION_UNIT(the_job_waits_an_hour_in_which_the_setting_can_be_taken_back),
      RETENTION_UNIT(a_setting_that_was_changed_in_the_database_removes_nothing),
      RETENTION_UNIT(what_is_older_goes_and_the_rest_holds),
      RETENTION_UNIT(what_was_counted_stays_counted),
      RETENTION_UNIT(whole_days_go),
      RETENTION_UNIT(a_beginning_goes_never_a_piece_from_the_middle),
      RETENTION_UNIT(a_chain_whose_records_are_all_gone_goes_on),
      RETENTION_UNIT(the_records_of_removals_go_in_their_turn),
      RETENTION_UNIT(more_than_a_batch_goes_in_several_transactions),
      RETENTION_UNIT(another_organisation_keeps_its_own),
      RETENTION_UNIT(a_removal_is_on_record_with_its_figures_and_writes_whose_end_nobody_knows),
      RETENTION_UNIT(a_record_that_was_changed_is_not_removed),
      RETENTION_UNIT(a_record_made_older_by_its_column_stays),
      RETENTION_UNIT(a_chain_that_does_not_hold_keeps_nobody_from_the_others),
      RETENTION_UNIT(a_tombstone_that_is_gone_or_was_changed_is_told),
      RETENTION_UNIT(another_chains_tombstone_is_none),
      RETENTION_UNIT(a_tombstone_set_back_leaves_a_hole_that_is_told),
      RETENTION_UNIT(a_record_behind_a_tombstone_cannot_be_taken_away),
      RETENTION_UNIT(a_record_that_a_tombstone_covers_cannot_come_back),
      RETENTION_UNIT(nothing_is_written_after_a_forged_tombstone),
      RETENTION_UNIT(a_checkpoint_of_what_was_removed_since_says_so_and_holds),
      RETENTION_UNIT(a_checkpoint_taken_where_all_is_removed_is_held_against_the_tombstone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
