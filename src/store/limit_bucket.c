/* Rates that several servers share: GCRA (limit/limit.c has it in memory), one row a bucket, one statement a step. By
 * the database's clock, read before a row's lock is waited for: it may be a little older than what the row was last
 * granted at. So full_at never goes back, but where no ask of this rate could have put it.
 *
 * For grants g1..gn, in the order in which they were committed, of one rate: each leaves full_at at least at what it
 * was, or its own time, plus what it granted, and at most at its own time plus a full bucket. What they granted
 * together therefore costs no more than a full bucket and the time from the first to the last. */
#include "store/limit_bucket.h"

#include "store/rows.h"

enum { TOGETHER = 4, SWEPT = 256, COLUMNS = 7 };

#define FULL "excluded.cost * excluded.cap"
#define OWED "(limit_bucket.full_at - excluded.asked_at)"
#define ROOM                                                                                           \
  "(CASE WHEN " OWED " <= 0 THEN excluded.cap WHEN " OWED " >= " FULL " THEN 0 ELSE (" FULL " - " OWED \
  ") / "                                                                                               \
  "excluded.cost END)"
#define GRANTED "(CASE WHEN excluded.wanted < " ROOM " THEN excluded.wanted ELSE " ROOM " END)"
/* More than a full bucket and five seconds is owed only where the rate was another one, or the clock has been set back:
 * that is forgiven. Less than that may be a clock that was read before somebody else's. */
#define FULL_AT                                                                                     \
  "CASE WHEN " OWED " > " FULL " + 5000000 THEN excluded.asked_at + " FULL " WHEN " OWED            \
  " <= 0 THEN excluded.asked_at + " GRANTED " * excluded.cost ELSE limit_bucket.full_at + " GRANTED \
  " * excluded.cost "                                                                               \
  "END"
#define INSERT \
  "INSERT INTO limit_bucket (token_id, organisation_id, cap, cost, wanted, granted, full_at, asked_at) VALUES "
#define UPDATE                                                                                          \
  " ON CONFLICT (token_id) DO UPDATE SET full_at = " FULL_AT ", granted = " GRANTED                     \
  ", asked_at = excluded.asked_at, cap = excluded.cap, cost = excluded.cost, wanted = excluded.wanted " \
  "RETURNING token_id, granted, full_at"

static const char take_one[] = INSERT "($2, $3, $4, $5, $6, $7, $8, $1)" UPDATE;
static const char take_many[] = INSERT
    "($2, $3, $4, $5, $6, $7, $8, $1), ($9, $10, $11, $12, $13, $14, $15, $1), "
    "($16, $17, $18, $19, $20, $21, $22, $1), ($23, $24, $25, $26, $27, $28, $29, $1)" UPDATE;

/* As where there is no row yet: the bucket is full. */
static void fill(struct db_value *params, const struct bucket_ask *ask, int64_t now_us) {
  int64_t granted = ask->wanted < ask->cap ? ask->wanted : ask->cap;
  params[0] = DB_V_UUID(ask->token_id);
  params[1] = DB_V_UUID(ask->organisation_id);
  params[2] = DB_V_INT(ask->cap);
  params[3] = DB_V_INT(ask->cost_us);
  params[4] = DB_V_INT(ask->wanted);
  params[5] = DB_V_INT(granted);
  params[6] = DB_V_INT(now_us + granted * ask->cost_us);
}

static void answer(struct bucket_ask *ask, int64_t granted, int64_t full_at, int64_t now_us) {
  int64_t wait = full_at - now_us + ask->cost_us - ask->cost_us * ask->cap;
  ask->granted = granted;
  ask->retry_us = wait > 0 ? wait : 0;
}

static enum err_code read_answers(struct db_rows *rows, struct bucket_ask *const *asks, size_t n, int64_t now_us,
                                  struct err *err) {
  int got;
  size_t n_answered = 0;
  while ((got = db_next(rows, err)) == 1) {
    struct uuid token_id = db_uuid(rows, 0);
    for (size_t i = 0; i < n; i++) {
      if (!uuid_eq(asks[i]->token_id, token_id)) continue;
      answer(asks[i], db_int(rows, 1), db_int(rows, 2), now_us);
      n_answered++;
    }
  }
  enum err_code code = store_rows_end(got, err);
  if (code == ERR_NONE && n_answered != n) code = err_set(err, ERR_INTERNAL, "a bucket was asked and did not answer");
  return code;
}

static enum err_code take(struct db_tx *tx, struct bucket_ask *const *asks, size_t n, int64_t now_us, struct err *err) {
  struct db_value params[1 + TOGETHER * COLUMNS];
  struct db_rows *rows = NULL;
  params[0] = DB_V_INT(now_us);
  for (size_t i = 0; i < n; i++)
    fill(&params[1 + i * COLUMNS], asks[i], now_us);
  enum err_code code = db_query(tx, n == TOGETHER ? take_many : take_one, params, 1 + n * COLUMNS, &rows, err);
  if (code != ERR_NONE) return code;
  code = read_answers(rows, asks, n, now_us, err);
  db_rows_close(rows);
  return code;
}

enum err_code store_limit_bucket_take(struct db_tx *tx, struct bucket_ask *const *asks, size_t n, struct err *err) {
  int64_t now_us = 0;
  enum err_code code = db_clock(tx, &now_us, err);
  for (size_t i = 0, step; code == ERR_NONE && i < n; i += step) {
    step = n - i >= TOGETHER ? TOGETHER : 1;
    code = take(tx, &asks[i], step, now_us, err);
  }
  return code;
}

static bool read_id(struct db_rows *rows, struct arena *arena, void *ret_record) {
  (void)arena;
  *(struct uuid *)ret_record = db_uuid(rows, 0);
  return true;
}

/* One after the other, in the order of asks. */
enum err_code store_limit_bucket_sweep(struct db_tx *tx, struct arena *arena, int64_t idle_us, struct err *err) {
  const struct uuid *list = NULL;
  size_t n = 0;
  int64_t now_us = 0;
  enum err_code code = db_clock(tx, &now_us, err);
  const struct db_value params[] = {DB_V_INT(now_us - idle_us), DB_V_INT(SWEPT)};
  const struct store_select select = {"SELECT token_id FROM limit_bucket WHERE full_at < $1 ORDER BY token_id LIMIT $2",
                                      params, 2, read_id, sizeof(struct uuid)};
  if (code == ERR_NONE) code = store_select_list(tx, arena, &select, (const void **)&list, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    code = db_exec(tx, "DELETE FROM limit_bucket WHERE token_id = $1 AND full_at < $2",
                   DB_PARAMS(DB_V_UUID(list[i]), params[0]), err);
  return code;
}
