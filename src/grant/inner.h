/* What the files of this folder share of the keeper. Nobody else includes it. */
#ifndef CONNEK_GRANT_INNER_H
#define CONNEK_GRANT_INNER_H

#include <stdatomic.h>

#include <pthread.h>

#include "base/map.h"
#include "grant/discover.h"
#include "grant/exchange.h"
#include "grant/keeper.h"
#include "net/timers.h"
#include "webhook/webhook.h"

enum {
  GRANT_EXCHANGE_MS = 45 * 1000, /* slow ones are waited for: a rotated token that nobody reads is lost */
  GRANT_LEASE_S = 90,            /* more than an exchange and its storing take */
};

struct flight;
struct consent_run;

/* refused.c: of which connections the last calls were refused. */
struct refusals {
  pthread_mutex_t lock;
  struct map by_id;
  atomic_size_t n; /* how many there are, to be looked at without the lock */
};
void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

struct grant_keeper {
  struct grant_keeper_options options;
  struct refusals refusals;
  struct uuid id; /* owner of leases: the same whenever this node is started */
  pthread_t thread;
  struct loop loop;
  struct http_client *http;
  struct timers *timers;
  struct map flights; /* connection id -> struct flight */
  size_t n_consents;
  struct timer job_timer;
  struct job_round *jobs;  /* under way */
  int64_t tend_at;         /* when the database is tended next (db_tend), on the loop's clock */
  struct courier *courier; /* NULL: this keeper does no jobs */
  bool has_begun;          /* what this node held when it ended is free again */
  bool is_stopping, is_ended;
  struct loop_task stop_task;
};

/* keeper.c: on the keeper's thread, when something has ended */
void keeper_note(const struct grant_keeper *keeper, const char *event, const struct grant_subject *subject,
                 struct str text);
void keeper_end_when_idle(struct grant_keeper *keeper);

/* flight.c */
void flight_ask(struct grant_keeper *keeper, struct grant_request *request);
/* Renews without being asked; `job` (its strings owned by the caller until then) ends with it. */
struct job_run;
void flight_for_job(struct grant_keeper *keeper, struct uuid organisation_id, struct uuid connection_id,
                    struct job_run *run, void (*ended)(struct job_run *run, bool is_done));
/* flight_store.c: work on a store thread; the context is a flight */
enum err_code flight_read_work(struct db_tx *tx, void *context, struct err *err);
enum err_code flight_take_work(struct db_tx *tx, void *context, struct err *err);
enum err_code flight_store_work(struct db_tx *tx, void *context, struct err *err);
enum err_code flight_fail_work(struct db_tx *tx, void *context, struct err *err);
enum err_code flight_link_work(struct db_tx *tx, void *context, struct err *err);

/* Owns the challenge. */
struct challenge;
void flight_challenged(struct grant_keeper *keeper, struct challenge *challenge, struct uuid organisation_id,
                       struct uuid connection_id);
/* What was read decides what those who ask are told, or what is done first. */
void flight_decide(struct flight *flight);
/* One of them is told why not (flight->why), with a link where there is one. */
void flight_refuse(const struct flight *flight, struct grant_request *request);
bool flight_wants_link(const struct flight *flight);
/* Goes on as if it had just been asked; what was read is forgotten. */
void flight_read_again(struct flight *flight);
void flight_store_failure(struct flight *flight);
/* What is there is enough to ask for a token. */
void flight_exchange(struct flight *flight);
/* flight_scope.c: does somebody want more than the newest token is good for? They are refused, with a link to grant it,
 * and the flight goes on for the others. */
bool scope_is_wanted(const struct flight *flight);
void scope_refuse(struct flight *flight);
/* flight_find.c: asks the flight's server for what `asked` says; the rest is filled in. */
enum err_code flight_discover(struct flight *flight, const struct grant_discovery *asked, struct err *err) MUST_CHECK;
/* Finds out who grants; goes on with flight_exchange, or flight_store_failure. */
void flight_find(struct flight *flight);
void flight_judge_client(struct flight *flight); /* flight->answer was read */
bool flight_submit(struct flight *flight, db_work work, bool is_write, void (*done)(struct db_job *job));

/* challenge.c */
/* The flight has read its subject, and has a challenge: deals with it, then flight_read_again. */
void challenge_decide(struct flight *flight);
void challenge_free(struct challenge *challenge); /* NULL is fine */
/* What `grant` was last asked for beyond what it has; false: more was asked for already, and refused. */
bool challenge_may_step_up(struct arena *arena, const struct grant_subject *subject, struct str *ret_scope);

/* schedule.c: when to look at a grant again without being asked; in the transaction that stored it */
enum err_code grant_schedule(struct db_tx *tx, const struct connector_oauth *oauth, const struct grant_record *grant,
                             int64_t now, struct err *err) MUST_CHECK;
/* Can it be renewed without a person? */
bool grant_renews(const struct connector_oauth *oauth, struct str refresh_token);
/* How much may be left of a token when it is renewed. */
int64_t grant_before_us(const struct connector_oauth *oauth, const struct grant_record *grant);

/* job.c */
void jobs_begin(struct grant_keeper *keeper);
void jobs_stop(struct grant_keeper *keeper);
/* It comes back then, however often it has been done: before it says that it has ended. */
void job_again_at(struct job_run *run, int64_t at);

/* retention.c */
void retention_for_job(struct grant_keeper *keeper, struct uuid organisation_id, struct job_run *run,
                       void (*ended)(struct job_run *run, bool is_done));

/* consent.c */
void consent_ask(struct grant_keeper *keeper, struct grant_consent *consent);

/* disconnect.c */
void disconnect_ask(struct grant_keeper *keeper, struct grant_disconnect *order);

/* change.c: in the transaction that changes it */
enum err_code grant_record_change(struct db_tx *tx, struct arena *arena, const struct grant_subject *subject,
                                  const char *word, const struct audit_author *author, struct err *err) MUST_CHECK;
/* A person has to connect it again: webhooks hear of it. */
enum err_code grant_tell_failed(struct db_tx *tx, struct arena *arena, const struct grant_subject *subject,
                                struct str text, struct err *err) MUST_CHECK;

/* Refresh of one connection, for whoever asks meanwhile. */
struct flight {
  struct grant_keeper *keeper;
  struct uuid organisation_id, connection_id;
  struct grant_request *requests;
  struct job_run *job;
  void (*job_ended)(struct job_run *run, bool is_done);

  struct db_job db_job;
  struct arena arena; /* holds secrets */
  struct grant_subject subject;
  bool has_subject;
  bool was_interrupted; /* an exchange before this one has left no word of its outcome */
  bool was_sent;
  struct grant_parameters sent; /* of the exchange under way */
  struct http_transfer *transfer;
  struct grant_answer answer;
  struct timer timer;
  int64_t begun_us; /* monotonic */
  unsigned n_stored, n_read;

  /* how it ended */
  struct err why;
  bool has_failed; /* although a token may have been given */
  bool is_dead;    /* a person has to connect it again */
  bool is_forced;  /* a service refused the token: renewed although it seems fresh */
  int64_t refused_version;
  struct challenge *challenge, *later; /* being dealt with; and the one that came meanwhile */
  struct grant_discovery discovery;
  char link[GRANT_TOKEN_SIZE];
};

#endif
