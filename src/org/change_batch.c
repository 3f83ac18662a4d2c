/* Reads the change log and what it names. Runs on a store thread, so it must not touch what workers see. */
#include "org/change_batch.h"

#include <stdlib.h>

enum { CHANGES_A_BATCH = 4096 };

struct change_batch *change_batch_new(const struct vault *vault, int64_t after_seq) {
  struct change_batch *batch = calloc(1, sizeof(*batch));
  if (!batch) return NULL;
  batch->vault = vault;
  batch->after_seq = after_seq;
  arena_init(&batch->arena, 0);
  return batch;
}

static void let_go(struct change_batch *batch) {
  for (size_t i = 0; i < batch->n_organisations; i++) {
    org_snapshot_unref(batch->organisations[i].snapshot);
    org_snapshot_unref(batch->organisations[i].replaced);
  }
  batch->n_organisations = 0;
  batch->n_tokens = 0;
  arena_release(&batch->arena);
}

void change_batch_free(struct change_batch *batch) {
  if (!batch) return;
  let_go(batch);
  free(batch->reload);
  free(batch);
}

/* Ids already in the batch: each is loaded once, however often it changed. */
struct seen {
  struct map organisations, tokens;
};

/* What is wrong with the row itself breaks this organisation alone; anything else is the database's or ours, and
 * another try may succeed. */
static enum err_code load_organisation(struct change_batch *batch, struct db_tx *tx,
                                       struct changed_organisation *changed, struct err *err) {
  enum err_code code = org_snapshot_load(tx, batch->vault, changed->id, &changed->snapshot, &changed->err);
  switch (code) {
    case ERR_NONE:
      changed->state = CHANGED_LOADED;
      return ERR_NONE;
    case ERR_NOT_FOUND:
      changed->state = CHANGED_GONE;
      return ERR_NONE;
    case ERR_INVALID:
      changed->state = CHANGED_BROKEN;
      return ERR_NONE;
    default:
      if (err) *err = changed->err;
      return code;
  }
}

static enum err_code load_token(struct change_batch *batch, struct db_tx *tx, struct changed_token *changed,
                                struct err *err) {
  enum err_code code = store_access_token_get(tx, &batch->arena, changed->id, &changed->record, err);
  changed->state = code == ERR_NONE ? CHANGED_LOADED : CHANGED_GONE;
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static enum err_code add_organisation(struct change_batch *batch, struct db_tx *tx, struct seen *seen, struct uuid id,
                                      struct err *err) {
  if (map_get(&seen->organisations, uuid_bytes(&id))) return ERR_NONE;
  struct changed_organisation *changed = &batch->organisations[batch->n_organisations];
  changed->id = id;
  if (map_put(&seen->organisations, uuid_bytes(&changed->id), changed) != ERR_NONE) return err_no_memory(err);
  batch->n_organisations++;
  return load_organisation(batch, tx, changed, err);
}

static enum err_code add_token(struct change_batch *batch, struct db_tx *tx, struct seen *seen, struct uuid id,
                               struct err *err) {
  if (map_get(&seen->tokens, uuid_bytes(&id))) return ERR_NONE;
  struct changed_token *changed = &batch->tokens[batch->n_tokens];
  changed->id = id;
  if (map_put(&seen->tokens, uuid_bytes(&changed->id), changed) != ERR_NONE) return err_no_memory(err);
  batch->n_tokens++;
  return load_token(batch, tx, changed, err);
}

static enum err_code read_changes(struct change_batch *batch, struct db_tx *tx, struct seen *seen, struct err *err) {
  const struct change_record *list = NULL;
  size_t n = 0;
  enum err_code code = store_change_list(tx, &batch->arena, batch->after_seq, CHANGES_A_BATCH, &list, &n, err);
  if (code != ERR_NONE || n + batch->n_reload == 0) return code;
  batch->organisations = arena_new_n(&batch->arena, struct changed_organisation, n + batch->n_reload);
  batch->tokens = arena_new_n(&batch->arena, struct changed_token, n + 1);
  if (!batch->organisations || !batch->tokens) return err_no_memory(err);
  for (size_t i = 0; i < batch->n_reload && code == ERR_NONE; i++) {
    code = add_organisation(batch, tx, seen, batch->reload[i], err);
  }
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    code = list[i].kind == CHANGE_ACCESS_TOKEN ? add_token(batch, tx, seen, list[i].object_id, err)
                                               : add_organisation(batch, tx, seen, list[i].organisation_id, err);
    batch->last_seq = list[i].seq;
  }
  batch->has_more = n == CHANGES_A_BATCH;
  return code;
}

enum err_code change_batch_read(struct db_tx *tx, void *context, struct err *err) {
  struct change_batch *batch = context;
  struct seen seen;
  let_go(batch);
  batch->last_seq = batch->after_seq;
  batch->has_more = false;
  map_init(&seen.organisations);
  map_init(&seen.tokens);
  enum err_code code = read_changes(batch, tx, &seen, err);
  map_release(&seen.organisations);
  map_release(&seen.tokens);
  return code;
}

enum err_code change_batch_read_all(struct db_tx *tx, struct change_batch *batch, struct err *err) {
  const struct organisation_record *list = NULL;
  size_t n = 0;
  enum err_code code = store_change_last(tx, &batch->last_seq, err);
  if (code == ERR_NONE) code = store_organisation_list(tx, &batch->arena, &list, &n, err);
  if (code != ERR_NONE || n == 0) return code;
  batch->organisations = arena_new_n(&batch->arena, struct changed_organisation, n);
  if (!batch->organisations) return err_no_memory(err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    batch->organisations[i].id = list[i].id;
    batch->n_organisations++;
    code = load_organisation(batch, tx, &batch->organisations[i], err);
  }
  return code;
}
