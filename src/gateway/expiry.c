/* A timer and a job. Knows not what is over. */
#include "gateway/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "signin/signin.h"
#include "store/store.h"

/* A server that could not read the database for so long has stopped serving long ago. */
#define CHANGES_KEPT_US (INT64_C(86400) * 1000 * 1000)
enum { EVERY_MS = 5 * 60 * 1000, FIRST_MS = 10 * 1000 };

static void on_done(struct db_job *job) {
  struct expiry *expiry = (struct expiry *)((char *)job - offsetof(struct expiry, job));
  expiry->is_running = false;
  if (job->code != ERR_NONE)
    log_event(LOG_WARN, "expiry_failed", LOG_TEXT("error", job->err.text), LOG_TEXT("detail", job->err.detail));
  if (expiry->is_stopping) uv_close((uv_handle_t *)&expiry->timer, NULL);
}

static enum err_code expire(struct db_tx *tx, void *context, struct err *err) {
  const struct expiry *expiry = context;
  enum err_code code = signin_expire(tx, NULL, err);
  return code == ERR_NONE ? store_change_prune(tx, expiry->passed, clock_utc_us() - CHANGES_KEPT_US, err) : code;
}

static void on_time(uv_timer_t *timer) {
  struct expiry *expiry = timer->data;
  if (expiry->is_running) return;
  expiry->passed = coherence_version(expiry->coherence);
  expiry->job = (struct db_job){.db = expiry->db, .work = expire, .context = expiry, .is_write = true, .done = on_done};
  expiry->is_running = db_submit(expiry->db, expiry->loop, &expiry->job);
}

void expiry_start(struct expiry *expiry, struct db *db, struct loop *loop, const struct coherence *coherence) {
  expiry->coherence = coherence;
  expiry->db = db;
  expiry->loop = loop;
  (void)uv_timer_init(&loop->uv, &expiry->timer);
  expiry->timer.data = expiry;
  expiry->is_started = true;
  (void)uv_timer_start(&expiry->timer, on_time, FIRST_MS, EVERY_MS);
}

void expiry_stop(struct expiry *expiry) {
  if (!expiry->is_started || expiry->is_stopping) return;
  expiry->is_stopping = true;
  (void)uv_timer_stop(&expiry->timer);
  if (!expiry->is_running) uv_close((uv_handle_t *)&expiry->timer, NULL);
}
