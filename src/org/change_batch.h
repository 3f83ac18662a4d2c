/* What the change log says has changed, read on a store thread: whole snapshots and token rows, ready to be published.
 * For src/org alone. */
#ifndef CONNEK_ORG_CHANGE_BATCH_H
#define CONNEK_ORG_CHANGE_BATCH_H

#include "org/snapshot.h"

enum changed_state {
  CHANGED_LOADED,
  CHANGED_GONE,   /* there is no such row any more */
  CHANGED_BROKEN, /* it cannot be loaded as it is: nobody may use it until it can */
};

struct changed_organisation {
  struct uuid id;
  enum changed_state state;
  struct org_snapshot *snapshot; /* what is published is taken out */
  struct org_snapshot *replaced; /* what was published before: let go of after the barrier */
  struct err err;                /* of a broken one */
};

struct changed_token {
  struct uuid id;
  enum changed_state state; /* loaded or gone */
  struct access_token_record record;
};

/* A caller fills the first part, change_batch_read the second. */
struct change_batch {
  const struct vault *vault;
  int64_t after_seq;
  struct uuid *reload; /* organisations to load whatever the log says; owned */
  size_t n_reload;

  struct arena arena;
  struct changed_organisation *organisations;
  size_t n_organisations;
  struct changed_token *tokens;
  size_t n_tokens;
  int64_t last_seq; /* the last change that is in it */
  bool has_more;    /* the log goes on */
  struct change_batch *next;
};

struct change_batch *change_batch_new(const struct vault *vault, int64_t after_seq); /* NULL: no memory */
/* With what it still holds. NULL is fine. */
void change_batch_free(struct change_batch *batch);
/* A db_work whose context is the batch. Fails as a whole where the database does. */
enum err_code change_batch_read(struct db_tx *tx, void *batch, struct err *err) MUST_CHECK;
/* The same for every organisation there is, whatever the log says. */
enum err_code change_batch_read_all(struct db_tx *tx, struct change_batch *batch, struct err *err) MUST_CHECK;

#endif
