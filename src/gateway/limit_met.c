/* Tells webhooks of a rate that was met, on a store thread. Must not know what a rate is. */
#include "gateway/limit_met.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "gateway/worker.h"
#include "webhook/webhook.h"

struct telling {
  struct db_job job; /* first */
  struct worker *worker;
  struct webhook_happening happening;
  char email[LIMIT_EMAIL + 1], arguments[64];
};

static enum err_code work(struct db_tx *tx, void *context, struct err *err) {
  const struct telling *telling = context;
  return webhook_tell(tx, &telling->happening, err);
}

static void on_told(struct db_job *job) {
  struct telling *telling = (struct telling *)(void *)job;
  worker_exchange_ended(telling->worker);
  free(telling);
}

void limit_met_tell(struct worker *worker, const struct principal *principal) {
  char id[UUID_TEXT_SIZE];
  if (!worker->server->db) return; /* a server without a database has no webhooks */
  struct telling *telling = calloc(1, sizeof(*telling));
  if (!telling) return;
  uuid_format(principal->token_id, id);
  (void)snprintf(telling->email, sizeof(telling->email), "%.*s", STR_ARG(principal->user->email));
  (void)snprintf(telling->arguments, sizeof(telling->arguments), "{\"token\":\"%s\"}", id);
  telling->worker = worker;
  telling->happening = (struct webhook_happening){.organisation_id = principal->snapshot->id,
                                                  .time = clock_utc_us(),
                                                  .user_id = principal->user->id,
                                                  .user_email = str_of(telling->email),
                                                  .word = STR("limit.meet"),
                                                  .arguments = str_of(telling->arguments)};
  telling->job = (struct db_job){
      .work = work, .context = telling, .is_write = true, .scope = principal->snapshot->id, .done = on_told};
  worker_exchange_begun(worker);
  if (db_submit(worker->server->db, &worker->loop, &telling->job)) return;
  worker_exchange_ended(worker);
  free(telling);
}
