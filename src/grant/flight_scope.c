/* Calls whose server wanted more than their token is good for. Must not know what is renewed. */
#include "grant/inner.h"

/* Of a token that is not the newest any more it says nothing: somebody may have granted more meanwhile. */
static bool lacks_scope(const struct flight *flight, const struct grant_request *request) {
  bool is_of_newest = request->refused_version == 0 || request->refused_version == flight->subject.grant.version;
  return request->wants_scope && is_of_newest;
}

bool scope_is_wanted(const struct flight *flight) {
  for (const struct grant_request *request = flight->requests; request; request = request->next)
    if (lacks_scope(flight, request)) return true;
  return false;
}

/* Those who want that alone; the others are looked after afterwards. */
static void fail_scope(struct flight *flight) {
  struct str reason = flight->subject.grant.last_error;
  struct grant_request *others = NULL;
  if (reason.n == 0) reason = STR("its server wants more than was granted");
  (void)err_set(&flight->why, ERR_UNAVAILABLE, "%.*s", STR_ARG(reason));
  while (flight->requests) {
    struct grant_request *request = flight->requests;
    flight->requests = request->next;
    if (lacks_scope(flight, request)) {
      flight_refuse(flight, request);
      continue;
    }
    request->next = others;
    others = request;
  }
  flight->link[0] = '\0';
  flight->requests = others;
  flight_decide(flight);
}

static void on_scope_link(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  if (job->code != ERR_NONE) flight->link[0] = '\0';
  fail_scope(flight);
}

void scope_refuse(struct flight *flight) {
  struct str scope;
  bool may_help = challenge_may_step_up(&flight->arena, &flight->subject, &scope) && flight_wants_link(flight);
  if (!may_help || !flight_submit(flight, flight_link_work, true, on_scope_link)) fail_scope(flight);
}
