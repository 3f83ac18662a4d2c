/* Every few minutes what signing in has left behind is taken away: sessions, links, codes, tokens that are over. On the
 * main loop; the work is a store thread's. */
#ifndef CONNEK_GATEWAY_EXPIRY_H
#define CONNEK_GATEWAY_EXPIRY_H

#include "db/db.h"

struct expiry {
  uv_timer_t timer;
  struct db_job job; /* under way between its submission and its end */
  struct db *db;
  struct loop *loop;
  bool is_started, is_running, is_stopping;
};

void expiry_start(struct expiry *expiry, struct db *db, struct loop *loop);
/* Its handle keeps the loop alive for a job that is under way. */
void expiry_stop(struct expiry *expiry);

#endif
