/* An organisation's snapshot: loading it in order, sharing it, letting it go. Must not know who asks for one, nor when
 * it is replaced. */
#include "org/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "org/snapshot_load.h"
#include "org/toolset.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

void snapshot_load_problem(struct snapshot_load *load, const char *format, ...) {
  if (load->problem[0]) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(load->problem, sizeof(load->problem), format, args);
  va_end(args);
}

void snapshot_load_warning(struct snapshot_load *load, const char *format, ...) {
  size_t used = strlen(load->warnings);
  if (used > 0 && used + 1 < sizeof(load->warnings)) load->warnings[used++] = '\n';
  va_list args;
  va_start(args, format);
  (void)vsnprintf(load->warnings + used, sizeof(load->warnings) - used, format, args);
  va_end(args);
}

static enum err_code load_organisation(struct snapshot_load *load, const struct vault *vault, struct uuid id,
                                       struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  struct organisation_record record;
  enum err_code code = store_organisation_get(load->tx, &load->scratch, id, &record, err);
  if (code != ERR_NONE) return code;
  snapshot->id = record.id;
  snapshot->version = record.version;
  snapshot->name = arena_str(&snapshot->arena, record.name);
  if (!snapshot->name.p) return err_no_memory(err);
  return vault_keys_open(vault, id, record.data_key, &snapshot->keys, err);
}

static bool rate_is_lower(struct limit_rate a, struct limit_rate b) {
  return (__int128)a.cap * b.window_us < (__int128)b.cap * a.window_us;
}

/* Where one token has several windows, the lowest rate counts. */
static enum err_code load_token_rate(struct org_snapshot *snapshot, const struct call_limit_record *record,
                                     bool *has_default, struct err *err) {
  struct limit_rate rate = {record->cap, record->window_us};
  if (rate.window_us <= 0 || rate.cap < 0) rate = (struct limit_rate){0, MINUTE_US}; /* cannot be meant: admit none */
  if (record->scope_key.n == 0) {
    if (!*has_default || rate_is_lower(rate, snapshot->token_rate)) snapshot->token_rate = rate;
    *has_default = true;
    return ERR_NONE;
  }
  struct limit_rate *known = map_get(&snapshot->token_rates, record->scope_key);
  if (known) {
    if (rate_is_lower(rate, *known)) *known = rate;
    return ERR_NONE;
  }
  known = arena_memdup(&snapshot->arena, &rate, sizeof(rate));
  struct str key = arena_str(&snapshot->arena, record->scope_key);
  if (!known || !key.p || map_put(&snapshot->token_rates, key, known) != ERR_NONE) return err_no_memory(err);
  return ERR_NONE;
}

static enum err_code load_limits(struct snapshot_load *load, struct err *err) {
  const struct call_limit_record *list;
  size_t n;
  enum err_code code = store_call_limit_list(load->tx, &load->scratch, load->snapshot->id, &list, &n, err);
  bool has_default = false;
  load->snapshot->token_rate = (struct limit_rate){LIMIT_TOKEN_PER_MINUTE, MINUTE_US};
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    if (!str_eq_c(list[i].scope, "token")) continue; /* other scopes: not yet */
    code = load_token_rate(load->snapshot, &list[i], &has_default, err);
  }
  return code;
}

static const char *text_or_null(struct arena *arena, const char *text, bool *ret_has_failed) {
  if (!text[0]) return NULL;
  char *copy = arena_strdup(arena, text);
  if (!copy) *ret_has_failed = true;
  return copy;
}

/* Only now is it known whether the policy could be read. */
static enum err_code load_verdict(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  bool has_failed = false;
  snapshot->warnings = text_or_null(&snapshot->arena, load->warnings, &has_failed);
  snapshot->problem = text_or_null(&snapshot->arena, load->problem, &has_failed);
  if (has_failed) return err_no_memory(err);
  for (size_t i = 0; i < snapshot->n_users; i++)
    snapshot->users[i].principal.is_loaded = !snapshot->problem;
  return ERR_NONE;
}

static enum err_code load_all(struct snapshot_load *load, const struct vault *vault, struct uuid id, struct err *err) {
  enum err_code code = load_organisation(load, vault, id, err);
  if (code == ERR_NONE) code = snapshot_load_roles(load, err);
  if (code == ERR_NONE) code = snapshot_load_users(load, err);
  if (code == ERR_NONE) code = snapshot_load_connectors(load, err);
  if (code == ERR_NONE) code = snapshot_load_connections(load, err);
  if (code == ERR_NONE) code = snapshot_load_catalogues(load, err);
  if (code == ERR_NONE) code = snapshot_sort(load, err);
  if (code == ERR_NONE) code = load_limits(load, err);
  if (code == ERR_NONE) code = load_verdict(load, err);
  return code;
}

enum err_code org_snapshot_load(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                                struct org_snapshot **ret_snapshot, struct err *err) {
  struct org_snapshot *snapshot = calloc(1, sizeof(*snapshot));
  struct snapshot_load *load = calloc(1, sizeof(*load));
  enum err_code code = ERR_NONE;
  if (!snapshot || !load) {
    free(snapshot);
    free(load);
    return err_no_memory(err);
  }
  atomic_init(&snapshot->references, 1);
  arena_init(&snapshot->arena, 0);
  map_init(&snapshot->users_by_id);
  map_init(&snapshot->tools_by_name);
  map_init(&snapshot->prompts_by_name);
  map_init(&snapshot->token_rates);
  load->tx = tx;
  load->snapshot = snapshot;
  arena_init(&load->scratch, 0);
  db_scope(tx, organisation_id);
  code = load_all(load, vault, organisation_id, err);
  db_scope(tx, (struct uuid){{0}});
  arena_release(&load->scratch);
  free(load);
  if (code != ERR_NONE) {
    org_snapshot_unref(snapshot);
    return code;
  }
  *ret_snapshot = snapshot;
  return ERR_NONE;
}

struct org_snapshot *org_snapshot_ref(struct org_snapshot *snapshot) {
  atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
  return snapshot;
}

void org_snapshot_unref(struct org_snapshot *snapshot) {
  if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) return;
  for (size_t i = 0; i < snapshot->n_users; i++) {
    toolset_free(atomic_load_explicit(&snapshot->users[i].toolset, memory_order_relaxed));
  }
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    struct connector_connection *connection = &snapshot->connections[i];
    if (connection->connector->kind->close) connection->connector->kind->close(connection);
  }
  map_release(&snapshot->users_by_id);
  map_release(&snapshot->tools_by_name);
  map_release(&snapshot->prompts_by_name);
  map_release(&snapshot->token_rates);
  vault_keys_free(snapshot->keys);
  arena_release(&snapshot->arena);
  free(snapshot);
}

struct org_user *org_snapshot_user(const struct org_snapshot *snapshot, struct uuid user_id) {
  return map_get(&snapshot->users_by_id, uuid_bytes(&user_id));
}

struct org_snapshot *org_slot_take(struct org_slot *slot) {
  /* Between the load and the reference it cannot be freed: that waits for this worker's next quiet point. */
  struct org_snapshot *snapshot = atomic_load_explicit(&slot->current, memory_order_acquire);
  return snapshot ? org_snapshot_ref(snapshot) : NULL;
}
