/* When a grant is looked at without anybody asking. Pure but for the row it writes. */
#include "base/random.h"
#include "grant/health.h"
#include "grant/inner.h"

static const int64_t second_us = 1000000, day_us = INT64_C(86400) * 1000000;

/* Five minutes, unless the manifest says otherwise; never more than half of the token's life: one that lives five
 * minutes would else be renewed with every call. */
int64_t grant_before_us(const struct connector_oauth *oauth, const struct grant_record *grant) {
  int64_t before = oauth->before_us > 0 ? oauth->before_us : 5 * 60 * second_us;
  int64_t life = grant->expires_at - grant->obtained_at;
  return before < life / 2 ? before : life / 2;
}

static int64_t jitter(int64_t span_us) {
  uint64_t random;
  random_bytes(&random, sizeof(random));
  return span_us > 0 ? (int64_t)(random % (uint64_t)span_us) : 0;
}

bool grant_renews(const struct connector_oauth *oauth, struct str refresh_token) {
  return !connector_oauth_has_consent(oauth) || (oauth->may_refresh && refresh_token.n > 0);
}

enum err_code grant_schedule(struct db_tx *tx, const struct connector_oauth *oauth, const struct grant_record *grant,
                             int64_t now, struct err *err) {
  struct job_record job = {.subject = uuid_bytes(&grant->connection_id), .organisation_id = grant->organisation_id};
  if (!connector_oauth_has_consent(oauth)) return ERR_NONE; /* got anew when it is wanted: nothing is lost by waiting */
  if (grant->has_refresh) {
    /* Between a quarter and half of how long the service lets it lie idle; a fortnight where that is not known. */
    int64_t idle = oauth->idle_us > 0 ? oauth->idle_us : 14 * day_us;
    job.kind = STR("refresh");
    job.due_at = now + idle / 4 + jitter(idle / 4);
    enum err_code put = store_job_put(tx, &job, err);
    return put == ERR_NONE ? store_job_delete(tx, STR("expiring"), job.subject, err) : put;
  }
  enum err_code code = store_job_delete(tx, STR("refresh"), job.subject, err);
  if (code != ERR_NONE || !grant->expires_at) return code;
  /* It will end, and only a person can renew it. */
  job.kind = STR("expiring");
  job.due_at = grant->expires_at - connection_health_ahead_us(grant);
  return store_job_put(tx, &job, err);
}
