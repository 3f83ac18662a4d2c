/* What of the audit trail is looked for and counted: a row a call or change (call_fact), and counts a day (usage_day).
 * Made from audit_record by src/audit/fact.c. The same rules as store.h. */
#ifndef CONNEK_STORE_CALL_FACT_H
#define CONNEK_STORE_CALL_FACT_H

#include "store/store.h"

struct call_fact {
  struct uuid organisation_id;
  int64_t time;
  struct str writer;
  int64_t seq;
  struct uuid call_id;
  struct str kind; /* call change */
  struct uuid user_id, token_id;
  struct str tool, does, connector, connection; /* connection: its name; or STR_NONE */
  struct str decision, outcome, error;
  int64_t duration_us;
};

/* Chains that have records without facts: how far each has come, and where it ends. */
struct call_fact_lag {
  struct uuid organisation_id;
  struct str writer;
  int64_t done, head;
};
enum err_code store_call_fact_lag_list(STORE_TX, struct uuid organisation_id /* nil: of all */,
                                       STORE_LIST(call_fact_lag)) MUST_CHECK;
enum err_code store_call_fact_mark(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t seq,
                                   struct err *err) MUST_CHECK;
enum err_code store_call_fact_insert(struct db_tx *tx, const struct call_fact *fact, struct err *err) MUST_CHECK;
/* How the intent of that call ended. ERR_NOT_FOUND: there is no such intent. *ret_fact: what it was. */
enum err_code store_call_fact_finish(STORE_TX, const struct call_fact *outcome, struct call_fact *ret_fact,
                                     struct err *err) MUST_CHECK;

/* Newest first. What is nil, empty or 0 is not looked at. */
struct call_fact_filter {
  struct uuid organisation_id, user_id, token_id, call_id;
  struct str tool, connection, connector, decision, outcome, kind;
  int64_t from, to;    /* from <= time < to */
  int64_t before_time; /* behind this place of the list; 0: from its start */
  struct str before_writer;
  int64_t before_seq;
};
enum err_code store_call_fact_page(STORE_TX, const struct call_fact_filter *filter, size_t max,
                                   STORE_LIST(call_fact)) MUST_CHECK;
enum err_code store_call_fact_first(struct db_tx *tx, struct uuid organisation_id, int64_t *ret_time,
                                    struct err *err) MUST_CHECK; /* of a call; 0: none */
/* Calls of one user since then, by tool, connection and decision: how many, and the last. */
struct call_fact_group {
  struct str tool, connection, decision;
  int64_t n, last_at;
};
enum err_code store_call_fact_group(STORE_TX, struct uuid organisation_id, struct uuid user_id, int64_t from,
                                    STORE_LIST(call_fact_group)) MUST_CHECK;

/* ---- counts ---- */

struct usage_day {
  struct uuid organisation_id;
  int64_t day; /* since 1970, UTC */
  struct uuid user_id;
  struct str tool, connection, connector;
  int64_t ok, errors, denied, limited;
  struct str durations; /* a histogram, as text */
};
/* ERR_NOT_FOUND: nothing has been counted there. */
enum err_code store_usage_get(STORE_TX, const struct usage_day *key, struct usage_day *ret_row,
                              struct err *err) MUST_CHECK;
enum err_code store_usage_put(struct db_tx *tx, const struct usage_day *row, struct err *err) MUST_CHECK;
struct usage_filter {
  struct uuid organisation_id, user_id; /* user nil: all */
  struct str tool, connection;          /* empty: all */
  int64_t from_day, to_day;             /* both are in */
};
enum err_code store_usage_list(STORE_TX, const struct usage_filter *filter, STORE_LIST(usage_day)) MUST_CHECK;

struct connection_use {
  struct str connection;
  int64_t n_calls, last_at;
};
enum err_code store_connection_use_list(STORE_TX, struct uuid organisation_id, int64_t from_day,
                                        STORE_LIST(connection_use)) MUST_CHECK;
struct tool_use {
  struct str tool; /* as clients name it */
  int64_t n_calls, n_errors;
};
enum err_code store_tool_use_list(STORE_TX, struct uuid organisation_id, struct str connection, int64_t from_day,
                                  STORE_LIST(tool_use)) MUST_CHECK;
/* Of an organisation (nil: of all): calls, and users with one. */
enum err_code store_usage_total(struct db_tx *tx, struct uuid organisation_id, int64_t from_day, int64_t *ret_calls,
                                int64_t *ret_users, struct err *err) MUST_CHECK;

#endif
