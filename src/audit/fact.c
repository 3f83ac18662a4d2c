/* Makes facts of records. A record that cannot be read makes none: audit_verify names it. */
#include "audit/fact.h"

#include "audit/histogram.h"
#include "codec/json.h"
#include "store/call_fact.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

struct turn {
  struct db_tx *tx;
  struct arena arena; /* of one record */
  size_t n_left;
  int64_t last_seq;
};

static struct uuid id_of(yyjson_val *record, const char *name) {
  struct uuid id = {{0}};
  (void)uuid_parse(json_get_str(record, name), &id);
  return id;
}

static void read_record(const struct audit_row *row, yyjson_val *record, struct call_fact *ret_fact) {
  *ret_fact = (struct call_fact){.organisation_id = row->organisation_id,
                                 .time = row->time,
                                 .writer = row->writer,
                                 .seq = row->seq,
                                 .call_id = id_of(record, "call"),
                                 .kind = json_get_str(record, "kind"),
                                 .user_id = id_of(record, "user"),
                                 .token_id = id_of(record, "token"),
                                 .tool = json_get_str(record, "tool"),
                                 .does = json_get_str(record, "does"),
                                 .connector = json_get_str(record, "connector"),
                                 .connection = json_get_str(record, "connection"),
                                 .decision = json_get_str(record, "decision"),
                                 .outcome = json_get_str(record, "outcome"),
                                 .error = json_get_str(record, "error"),
                                 .duration_us = yyjson_get_sint(json_get(record, "duration_us"))};
  if (!ret_fact->tool.p) ret_fact->tool = STR("");
  if (!ret_fact->decision.p) ret_fact->decision = STR("allowed");
  if (!ret_fact->outcome.p) ret_fact->outcome = STR("unknown");
}

static enum err_code count(struct turn *turn, const struct call_fact *fact, struct str reason, struct err *err) {
  struct histogram durations = {0};
  char bytes[HISTOGRAM_BYTES];
  struct usage_day key = {.organisation_id = fact->organisation_id,
                          .day = fact->time / day_us,
                          .user_id = fact->user_id,
                          .tool = fact->tool,
                          .connection = fact->connection.p ? fact->connection : STR(""),
                          .connector = fact->connector.p ? fact->connector : STR("")};
  struct usage_day row = key;
  enum err_code code = store_usage_get(turn->tx, &turn->arena, &key, &row, err);
  if (code != ERR_NONE && code != ERR_NOT_FOUND) return code;
  bool is_denied = str_eq(fact->decision, STR("denied"));
  row.denied += is_denied;
  row.limited += is_denied && str_eq(reason, STR("rate"));
  row.ok += !is_denied && str_eq(fact->outcome, STR("ok"));
  row.errors += !is_denied && !str_eq(fact->outcome, STR("ok"));
  histogram_merge(&durations, row.durations);
  if (!is_denied) histogram_add(&durations, fact->duration_us);
  row.durations.p = bytes;
  histogram_write(&durations, bytes, &row.durations.n);
  return store_usage_put(turn->tx, &row, err);
}

/* The outcome's own time does not matter: a call is of the day on which it was asked for. */
static enum err_code finish(struct turn *turn, const struct call_fact *outcome, struct err *err) {
  struct call_fact fact;
  enum err_code code = store_call_fact_finish(turn->tx, &turn->arena, outcome, &fact, err);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE) return code;
  fact.outcome = outcome->outcome;
  fact.duration_us = outcome->duration_us;
  return count(turn, &fact, STR(""), err);
}

static enum err_code take(struct turn *turn, const struct audit_row *row, yyjson_val *record, struct err *err) {
  struct call_fact fact;
  read_record(row, record, &fact);
  bool is_intent = str_eq(fact.kind, STR("intent")), is_change = str_eq(fact.kind, STR("change"));
  if (str_eq(fact.kind, STR("outcome"))) return finish(turn, &fact, err);
  if (!is_change) fact.kind = STR("call");
  enum err_code code = store_call_fact_insert(turn->tx, &fact, err);
  if (code != ERR_NONE || is_change || is_intent) return code;
  return count(turn, &fact, json_get_str(record, "reason"), err);
}

static enum err_code visit(const struct audit_row *row, void *context, struct err *err) {
  struct turn *turn = context;
  yyjson_doc *doc;
  enum err_code code = json_read(&turn->arena, row->record, &doc, NULL);
  if (code == ERR_NONE) code = take(turn, row, yyjson_doc_get_root(doc), err);
  if (code == ERR_INVALID) code = ERR_NONE;
  arena_release(&turn->arena);
  turn->last_seq = row->seq;
  turn->n_left--;
  return code;
}

static enum err_code follow(struct turn *turn, const struct call_fact_lag *lag, struct err *err) {
  turn->last_seq = lag->done;
  enum err_code code =
      store_audit_each_after(turn->tx, lag->organisation_id, lag->writer, lag->done, turn->n_left, visit, turn, err);
  return code == ERR_NONE ? store_call_fact_mark(turn->tx, lag->organisation_id, lag->writer, turn->last_seq, err)
                          : code;
}

enum err_code facts_are_behind(struct db_tx *tx, struct uuid organisation_id, bool *ret_are_behind, struct err *err) {
  const struct call_fact_lag *lags = NULL;
  struct arena arena;
  size_t n = 0;
  arena_init(&arena, 0);
  enum err_code code = store_call_fact_lag_list(tx, &arena, organisation_id, &lags, &n, err);
  *ret_are_behind = n > 0;
  arena_release(&arena);
  return code;
}

enum err_code facts_catch_up(struct db_tx *tx, struct uuid organisation_id, bool *ret_are_behind, struct err *err) {
  const struct call_fact_lag *lags = NULL;
  struct turn turn = {.tx = tx, .n_left = FACTS_A_TURN};
  struct arena arena;
  size_t n = 0;
  arena_init(&arena, 0);
  arena_init(&turn.arena, 0);
  enum err_code code = store_call_fact_lag_list(tx, &arena, organisation_id, &lags, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE && turn.n_left > 0; i++)
    code = follow(&turn, &lags[i], err);
  *ret_are_behind = turn.n_left == 0;
  arena_release(&turn.arena);
  arena_release(&arena);
  return code;
}
