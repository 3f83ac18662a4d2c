/* What workers see: a slot for each organisation, and the token index. One thread writes it. For src/org alone. */
#ifndef CONNEK_ORG_PUBLISHED_H
#define CONNEK_ORG_PUBLISHED_H

#include "identity/token_index.h"
#include "org/change_batch.h"

struct published_slot {
  struct org_slot slot;
  bool is_broken; /* its last load failed: to be tried again */
  struct published_slot *next;
};

struct published {
  struct token_index *tokens;
  struct map slots;                       /* organisation's id -> struct published_slot */
  _Atomic(struct published_slot *) first; /* a list that only grows: any thread may walk it */
  size_t n_broken;
  bool (*is_own_audience)(void *context, struct str audience); /* NULL: every one is */
  void *audience_context;
};

enum err_code published_init(struct published *published, struct err *err) MUST_CHECK;
/* When no reader is left. */
void published_release(struct published *published);
/* Publishes a batch; what it replaces waits in the batch and in the index for the barrier. No memory: some of it may be
 * published, and the same batch read again will do. `on_problem` is told what is broken, once. */
enum err_code published_apply(struct published *published, struct change_batch *batch, int64_t now_utc_us,
                              void (*on_problem)(void *context, const struct err *err), void *context,
                              struct err *err) MUST_CHECK;
/* One live token, at start. Those of an organisation that is not there are left out. */
enum err_code published_add_token(struct published *published, const struct access_token_record *record,
                                  struct err *err) MUST_CHECK;
/* NULL: it was never published. */
struct org_slot *published_find(const struct published *published, struct uuid id);
/* The same from any thread: walks the list. */
struct org_slot *published_look(const struct published *published, struct uuid id);
/* The organisations to be tried again, for a new batch. */
enum err_code published_ask_for_broken(const struct published *published, struct change_batch *batch,
                                       struct err *err) MUST_CHECK;

#endif
