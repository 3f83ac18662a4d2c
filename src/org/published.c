/* Publishes what was read: swaps snapshots in their slots, changes the token index. Must not touch the database. */
#include "org/published.h"

#include <stdlib.h>

enum err_code published_init(struct published *published, struct err *err) {
  *published = (struct published){0};
  map_init(&published->slots);
  return token_index_new(&published->tokens, err);
}

void published_release(struct published *published) {
  for (struct published_slot *slot = published->first, *next; slot; slot = next) {
    next = slot->next;
    org_snapshot_unref(atomic_load_explicit(&slot->slot.current, memory_order_relaxed));
    free(slot);
  }
  map_release(&published->slots);
  token_index_free(published->tokens);
  *published = (struct published){0};
}

static struct published_slot *slot_find(const struct published *published, struct uuid id) {
  return map_get(&published->slots, uuid_bytes(&id));
}

struct org_slot *published_find(const struct published *published, struct uuid id) {
  struct published_slot *slot = slot_find(published, id);
  return slot ? &slot->slot : NULL;
}

struct org_slot *published_look(const struct published *published, struct uuid id) {
  struct published_slot *slot = atomic_load_explicit(&published->first, memory_order_acquire);
  while (slot && !uuid_eq(slot->slot.id, id))
    slot = slot->next;
  return slot ? &slot->slot : NULL;
}

/* Slots are never taken back: token entries point to them. */
static enum err_code slot_get(struct published *published, struct uuid id, struct published_slot **ret_slot,
                              struct err *err) {
  struct published_slot *slot = slot_find(published, id);
  if (!slot) {
    slot = calloc(1, sizeof(*slot));
    if (!slot) return err_no_memory(err);
    slot->slot.id = id;
    if (map_put(&published->slots, uuid_bytes(&slot->slot.id), slot) != ERR_NONE) {
      free(slot);
      return err_no_memory(err);
    }
    slot->next = atomic_load_explicit(&published->first, memory_order_relaxed);
    atomic_store_explicit(&published->first, slot, memory_order_release);
  }
  *ret_slot = slot;
  return ERR_NONE;
}

typedef void (*published_problem)(void *context, const struct err *err);

static void tell_of_snapshot(const struct org_snapshot *snapshot, published_problem on_problem, void *context) {
  struct err err;
  if (snapshot->problem) {
    err_set(&err, ERR_INVALID, "organisation %.*s: its policy cannot be read, everything is denied: %s",
            STR_ARG(snapshot->name), snapshot->problem);
    on_problem(context, &err);
  }
  if (snapshot->warnings) {
    err_set(&err, ERR_INVALID, "organisation %.*s: %s", STR_ARG(snapshot->name), snapshot->warnings);
    on_problem(context, &err);
  }
}

static void tell_of_broken(const struct changed_organisation *changed, published_problem on_problem, void *context) {
  struct err err = changed->err;
  char id[UUID_TEXT_SIZE];
  uuid_format(changed->id, id);
  err_prefix(&err, "organisation %s cannot be loaded, everything is denied", id);
  on_problem(context, &err);
}

static enum err_code apply_organisation(struct published *published, struct changed_organisation *changed,
                                        published_problem on_problem, void *context, struct err *err) {
  struct published_slot *slot;
  enum err_code code = slot_get(published, changed->id, &slot, err);
  if (code != ERR_NONE) return code;
  bool was_broken = slot->is_broken;
  slot->is_broken = changed->state == CHANGED_BROKEN;
  published->n_broken += (size_t)slot->is_broken - (size_t)was_broken;
  if (on_problem && changed->snapshot) tell_of_snapshot(changed->snapshot, on_problem, context);
  if (on_problem && slot->is_broken && !was_broken) tell_of_broken(changed, on_problem, context);
  changed->replaced = atomic_exchange_explicit(&slot->slot.current, changed->snapshot, memory_order_acq_rel);
  changed->snapshot = NULL;
  return ERR_NONE;
}

/* RFC 8707, 2; MCP, authorization, "Token Audience Binding": what was given for another resource is nobody's token. */
static bool is_for_us(const struct published *published, const struct access_token_record *record) {
  return !record->audience.p || !published->is_own_audience ||
         published->is_own_audience(published->audience_context, record->audience);
}

static enum err_code put_token(struct published *published, const struct access_token_record *record,
                               struct published_slot *slot, struct err *err) {
  struct token_entry entry = {.id = record->id,
                              .organisation_id = record->organisation_id,
                              .user_id = record->user_id,
                              .expires_at = record->expires_at,
                              .scopes = record->scopes ? (uint32_t)record->scopes : DOES_ANY,
                              .organisation = &slot->slot};
  memcpy(entry.hash, record->hash, sizeof(entry.hash));
  return token_index_put(published->tokens, &entry, err);
}

enum err_code published_add_token(struct published *published, const struct access_token_record *record,
                                  struct err *err) {
  struct published_slot *slot = slot_find(published, record->organisation_id);
  return slot && is_for_us(published, record) ? put_token(published, record, slot, err) : ERR_NONE;
}

static enum err_code apply_token(struct published *published, const struct changed_token *changed, int64_t now_utc_us,
                                 struct err *err) {
  const struct access_token_record *record = &changed->record;
  if (changed->state == CHANGED_GONE) return ERR_NONE;
  bool is_expired = record->expires_at != 0 && record->expires_at <= now_utc_us;
  if (record->revoked_at != 0 || is_expired || !is_for_us(published, record))
    return token_index_remove(published->tokens, record->hash, err);
  struct published_slot *slot;
  enum err_code code = slot_get(published, record->organisation_id, &slot, err);
  return code == ERR_NONE ? put_token(published, record, slot, err) : code;
}

static bool is_gone(const struct token_entry *entry, void *gone) {
  return map_get(gone, uuid_bytes(&entry->id)) != NULL;
}

/* A row that is gone (deleted with its user) has left no hash to be found by: one pass over the index for all of them.
 */
static enum err_code remove_gone_tokens(struct published *published, const struct change_batch *batch,
                                        struct err *err) {
  struct map gone;
  enum err_code code = ERR_NONE;
  map_init(&gone);
  for (size_t i = 0; i < batch->n_tokens && code == ERR_NONE; i++) {
    struct changed_token *changed = &batch->tokens[i];
    if (changed->state != CHANGED_GONE) continue;
    if (map_put(&gone, uuid_bytes(&changed->id), changed) != ERR_NONE) code = err_no_memory(err);
  }
  if (code == ERR_NONE && gone.count > 0) (void)token_index_remove_where(published->tokens, is_gone, &gone);
  map_release(&gone);
  return code;
}

enum err_code published_apply(struct published *published, struct change_batch *batch, int64_t now_utc_us,
                              published_problem on_problem, void *context, struct err *err) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < batch->n_organisations && code == ERR_NONE; i++) {
    code = apply_organisation(published, &batch->organisations[i], on_problem, context, err);
  }
  for (size_t i = 0; i < batch->n_tokens && code == ERR_NONE; i++) {
    code = apply_token(published, &batch->tokens[i], now_utc_us, err);
  }
  return code == ERR_NONE ? remove_gone_tokens(published, batch, err) : code;
}

enum err_code published_ask_for_broken(const struct published *published, struct change_batch *batch, struct err *err) {
  if (published->n_broken == 0) return ERR_NONE;
  batch->reload = calloc(published->n_broken, sizeof(*batch->reload));
  if (!batch->reload) return err_no_memory(err);
  for (const struct published_slot *slot = published->first; slot; slot = slot->next) {
    if (slot->is_broken && batch->n_reload < published->n_broken) batch->reload[batch->n_reload++] = slot->slot.id;
  }
  return ERR_NONE;
}
