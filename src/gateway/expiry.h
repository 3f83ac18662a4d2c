/* Every few minutes what is over is taken away: what signing in has left behind (sessions, links, codes, tokens),
 * changes that this server has taken, and the folders of processes whose connection is gone. On the main loop; the work
 * is a store thread's. */
#ifndef CONNEK_GATEWAY_EXPIRY_H
#define CONNEK_GATEWAY_EXPIRY_H

#include "db/db.h"
#include "org/coherence.h"

struct expiry {
  uv_timer_t timer;
  struct db_job job; /* under way between its submission and its end */
  struct db *db;
  struct loop *loop;
  const struct coherence *coherence;
  const char *data_dir;
  int64_t passed;   /* changes up to there were taken */
  size_t n_folders; /* removed by the job */
  bool is_started, is_running, is_stopping;
};

/* `data_dir` is borrowed. */
void expiry_start(struct expiry *expiry, struct db *db, struct loop *loop, const struct coherence *coherence,
                  const char *data_dir);
/* Its handle keeps the loop alive for a job that is under way. */
void expiry_stop(struct expiry *expiry);

#endif
