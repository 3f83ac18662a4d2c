/* Keeps snapshots and the token index equal to the database while the server runs. One change log drives it: a command
 * commits its change and its log row in one transaction, then asks over DIR/control.sock for a sync; the answer comes
 * when every worker has passed a quiet point since. A poll every two seconds is the net beneath.
 *
 * Who calls whom: the server's main loop owns it. sync reads the log on a store thread, publishes on the main loop,
 * then posts a task to every worker (the barrier) and, when all have run it, frees what was replaced and answers. */
#ifndef CONNEK_ORG_COHERENCE_H
#define CONNEK_ORG_COHERENCE_H

#include "identity/token_index.h"
#include "org/snapshot.h"

struct coherence;

struct coherence_options {
  struct db *db;
  const struct vault *vault;
  struct loop *loop;           /* the main loop */
  struct loop *const *workers; /* every loop that reads snapshots or tokens */
  size_t n_workers;
  const char *dir;                                          /* DIR/control.sock is made here (0600) */
  void (*on_problem)(void *context, const struct err *err); /* something could not be loaded: for the log */
  /* An organisation is another one now, or gone (the slot is empty); NULL: nobody wants to know. */
  void (*on_published)(void *context, struct org_slot *slot);
  /* Is a token for this audience one for us? For those that have one. Called on the thread that publishes. */
  bool (*is_own_audience)(void *audience_context, struct str audience);
  void *audience_context;
  void *context;
  /* On each worker's loop, once it sees what was changed; the number is its place in `workers`. NULL: nobody looks. */
  void (*on_change)(void *context, size_t worker);
  void *change_context;
  /* Where other servers share the database (NULL: none do). On the main loop: all workers have taken `version`. */
  void (*on_applied)(void *peers_context, int64_t version);
  /* Asks what the others have taken; coherence_confirmed comes, for this ticket or a later one. */
  uint64_t (*ask_peers)(void *peers_context);
  void *peers_context;
};

/* Loads everything (on this thread, through `conn`), before the workers run. An organisation whose own rows are broken
 * (ERR_INVALID) does not stop the others: nobody may use it, on_problem is told, and each poll tries again. */
enum err_code coherence_new(const struct coherence_options *options, struct db_conn *conn,
                            struct coherence **ret_coherence, struct err *err) MUST_CHECK;
/* Listens on control.sock, takes in what was committed since coherence_new (a command that found no server to tell has
 * nothing to wait for), and begins to poll. On the main loop's thread; workers may take requests only after it. */
enum err_code coherence_start(struct coherence *coherence, struct err *err) MUST_CHECK;
/* Reads the log soon: this process has written to it. On the main loop. */
void coherence_sync(struct coherence *coherence);
/* On the main loop: since `ticket` was given, all other servers were seen to have taken `applied`; -1: that cannot be
 * found out now, and whoever waits for it is told so. */
void coherence_confirmed(struct coherence *coherence, uint64_t ticket, int64_t applied);
/* Closes control.sock and its handles; requests that wait are told so. Only once the workers take no more requests:
 * from then on commands believe that nobody runs. */
void coherence_stop(struct coherence *coherence);
/* After the workers have ended and the main loop's loop_run has returned. */
void coherence_free(struct coherence *coherence);
struct token_index *coherence_tokens(struct coherence *coherence);
/* Where an organisation's snapshot is found; NULL: none of that id was ever published. From any thread. */
struct org_slot *coherence_find(const struct coherence *coherence, struct uuid organisation_id);
/* False while the last attempt to read the change log failed, or an organisation is broken: /readyz says so. Calls are
 * still served by what was read last: whoever changes something where this server cannot read it is told so. */
bool coherence_is_current(const struct coherence *coherence);
int64_t coherence_version(const struct coherence *coherence); /* the last change applied */

/* The same as a command's request, from within: `done` runs on `loop` when every worker has taken what was committed
 * before the call (ERR_NONE), or when that failed. From any thread while the main loop runs. */
struct coherence_wait {
  struct loop *loop;
  void (*done)(struct coherence_wait *wait);
  enum err_code code;
  /* coherence's */
  struct loop_task task;
  struct coherence *coherence;
  struct coherence_wait *next;
};
void coherence_await(struct coherence *coherence, struct coherence_wait *wait);

/* For commands: asks the server of DIR to sync. ERR_NONE also where none runs (*ret_is_running tells). ERR_TIMEOUT: one
 * runs but did not confirm within `timeout_ms`. */
enum err_code coherence_ask(const char *dir, int timeout_ms, bool *ret_is_running, struct err *err) MUST_CHECK;

#endif
