/* A timer, and two jobs one after the other. Knows not what is over. */
#include "gateway/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "connector/mcp/upstream.h"
#include "signin/signin.h"
#include "store/store.h"

/* A server that could not read the database for so long has stopped serving long ago. */
#define CHANGES_KEPT_US (INT64_C(86400) * 1000 * 1000)
enum { EVERY_MS = 5 * 60 * 1000, FIRST_MS = 2 * 1000 };

static struct expiry *ended(struct db_job *job) {
  struct expiry *expiry = (struct expiry *)((char *)job - offsetof(struct expiry, job));
  expiry->is_running = false;
  if (job->code != ERR_NONE)
    log_event(LOG_WARN, "expiry_failed", LOG_TEXT("error", job->err.text), LOG_TEXT("detail", job->err.detail));
  if (expiry->is_stopping) uv_close((uv_handle_t *)&expiry->timer, NULL);
  return expiry;
}

/* ---- folders ---- */

static enum err_code is_kept(void *tx, struct uuid connection_id, bool *ret_is_kept, struct err *err) {
  return store_connection_exists(tx, connection_id, ret_is_kept, err);
}

static enum err_code clear_folders(struct db_tx *tx, void *context, struct err *err) {
  struct expiry *expiry = context;
  return mcp_folders_clear(expiry->data_dir, is_kept, tx, &expiry->n_folders, err);
}

static void on_cleared(struct db_job *job) {
  struct expiry *expiry = ended(job);
  if (expiry->n_folders > 0)
    log_event(LOG_INFO, "child_folders_removed", LOG_INT("folders", (int64_t)expiry->n_folders));
}

/* ---- both ---- */

static void on_expired(struct db_job *job) {
  struct expiry *expiry = ended(job);
  if (expiry->is_stopping) return;
  expiry->n_folders = 0;
  expiry->job = (struct db_job){.db = expiry->db, .work = clear_folders, .context = expiry, .done = on_cleared};
  expiry->is_running = db_submit(expiry->db, expiry->loop, &expiry->job);
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
  expiry->job =
      (struct db_job){.db = expiry->db, .work = expire, .context = expiry, .is_write = true, .done = on_expired};
  expiry->is_running = db_submit(expiry->db, expiry->loop, &expiry->job);
}

void expiry_start(struct expiry *expiry, struct db *db, struct loop *loop, const struct coherence *coherence,
                  const char *data_dir) {
  expiry->coherence = coherence;
  expiry->db = db;
  expiry->loop = loop;
  expiry->data_dir = data_dir;
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
