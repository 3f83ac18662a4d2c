/* Watches of a worker, in a list: they are looked at together when something changes, which is seldom. */
#include "gateway/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "gateway/worker.h"
#include "mcp/log_level.h"
#include "vault/places.h"

void watcher_of(const struct exchange *exchange, struct watcher *ret_watcher) {
  const struct principal *principal = &exchange->principal;
  struct watcher watcher = {.slot = principal->token->organisation,
                            .organisation_id = principal->snapshot->id,
                            .user_id = principal->user->id,
                            .expires_at = principal->token->expires_at};
  memcpy(watcher.token_hash, principal->token->hash, sizeof(watcher.token_hash));
  size_t n = exchange->path_connector.n;
  bool is_known = n < sizeof(watcher.connector); /* none has a longer id: nothing is seen of it */
  if (n > 0) memcpy(watcher.connector, is_known ? exchange->path_connector.p : "?", is_known ? n : 1);
  *ret_watcher = watcher;
}

/* What the watch's user may have now. One made for this look alone is in `ret_own`. */
struct sight {
  struct org_snapshot *snapshot;
  const struct toolset *toolset;
  struct toolset *own;
};

static bool look(const struct watch *watch, struct sight *ret_sight) {
  const struct watcher *watcher = &watch->watcher;
  struct sight sight = {.snapshot = org_slot_take(watcher->slot)};
  struct org_user *user = sight.snapshot ? org_snapshot_user(sight.snapshot, watcher->user_id) : NULL;
  bool may_listen = user && !user->is_disabled && token_index_find(watch->worker->server->tokens, watcher->token_hash);
  if (may_listen && watcher->connector[0])
    sight.toolset = sight.own = toolset_make(sight.snapshot, user, str_of(watcher->connector));
  else if (may_listen)
    sight.toolset = toolset_of(sight.snapshot, user);
  if (!sight.toolset) {
    org_snapshot_unref(sight.snapshot);
    return false;
  }
  *ret_sight = sight;
  return true;
}

static void look_away(struct sight *sight) {
  toolset_free(sight->own);
  org_snapshot_unref(sight->snapshot);
}

static void set_marks(struct watch *watch, const struct toolset *set) {
  watch->tools_mark = set->tools_mark;
  watch->prompts_mark = set->prompts_mark;
  watch->resources_mark = set->resources_mark;
}

bool watch_begin(struct watch *watch, struct worker *worker, const struct watcher *watcher) {
  struct watches *watches = &worker->watches;
  struct sight sight;
  watch->worker = worker;
  watch->watcher = *watcher;
  if (watches->n >= LIMIT_WATCHES || !look(watch, &sight)) return false;
  set_marks(watch, sight.toolset);
  look_away(&sight);
  watch->previous = NULL;
  watch->next = watches->first;
  if (watch->next) watch->next->previous = watch;
  watches->first = watch;
  watches->n++;
  return true;
}

void watch_end(struct watch *watch) {
  struct watches *watches = &watch->worker->watches;
  while (watch->uris) {
    struct watched_uri *uri = watch->uris;
    watch->uris = uri->next;
    watched_uri_free(watch->worker, uri);
  }
  watch->n_uris = 0;
  *(watch->previous ? &watch->previous->next : &watches->first) = watch->next;
  if (watch->next) watch->next->previous = watch->previous;
  watches->n--;
}

/* ---- resources ---- */

static bool may_read(const struct exchange *exchange, const struct connector_connection *connection, struct str uri) {
  const struct policy_action action = {
      .kind = POLICY_RESOURCE, .connection = &connection->policy, .name = uri, .does = DOES_READ};
  struct policy_decision decision;
  policy_decide(&exchange->principal.user->principal, &action, &decision);
  return decision.effect == POLICY_ALLOW;
}

/* Best effort: a server that tells nothing has nothing to tell. */
static void subscribe(const struct exchange *exchange, const struct connector_connection *connection,
                      struct watched_uri *uri) {
  struct mcp_upstreams *upstreams = exchange->worker->host.upstreams;
  struct mcp_target *target = upstreams ? mcp_target_of(connection) : NULL;
  struct secret *credential = NULL;
  struct err err;
  if (!target || !connection->catalogue || !connection->catalogue->has_subscriptions) return;
  if (connection->sealed_credential.n &&
      vault_unseal(exchange->principal.snapshot->keys, vault_place_credential(&connection->policy.id),
                   connection->sealed_credential, &credential, &err) != ERR_NONE)
    return;
  if (mcp_subscribe(upstreams, target, credential, uri->uri, &err) == ERR_NONE) uri->target = mcp_target_ref(target);
  secret_free(credential);
}

struct watched_uri *watched_uri_new(struct exchange *exchange, struct str public_uri) {
  const struct toolset *set = exchange_toolset(exchange);
  const struct connector_connection *connection;
  struct str uri;
  if (!set || public_uri.n > LIMIT_WATCHED_URI ||
      !toolset_find_resource(set, exchange->arena, public_uri, &connection, &uri) ||
      !may_read(exchange, connection, uri))
    return NULL;
  struct watched_uri *watched = malloc(sizeof(*watched) + uri.n + public_uri.n);
  if (!watched) return NULL;
  char *text = (char *)(watched + 1);
  if (uri.n) memcpy(text, uri.p, uri.n);
  if (public_uri.n) memcpy(text + uri.n, public_uri.p, public_uri.n);
  *watched = (struct watched_uri){.connection_id = connection->policy.id,
                                  .uri = str_make(text, uri.n),
                                  .public_uri = str_make(text + uri.n, public_uri.n)};
  subscribe(exchange, connection, watched);
  return watched;
}

void watched_uri_free(struct worker *worker, struct watched_uri *uri) {
  if (uri->target && worker->host.upstreams) mcp_unsubscribe(worker->host.upstreams, uri->target, uri->uri);
  mcp_target_unref(uri->target);
  free(uri);
}

bool watch_add_uri(struct watch *watch, struct watched_uri *uri) {
  bool has_it = watch->n_uris >= LIMIT_WATCHED_URIS;
  for (const struct watched_uri *other = watch->uris; other; other = other->next)
    has_it = has_it || str_eq(other->public_uri, uri->public_uri);
  if (has_it) {
    watched_uri_free(watch->worker, uri);
    return false;
  }
  uri->next = watch->uris;
  watch->uris = uri;
  watch->n_uris++;
  return true;
}

void watch_drop_uri(struct watch *watch, struct str public_uri) {
  for (struct watched_uri **at = &watch->uris; *at; at = &(*at)->next) {
    struct watched_uri *uri = *at;
    if (!str_eq(uri->public_uri, public_uri)) continue;
    *at = uri->next;
    watch->n_uris--;
    watched_uri_free(watch->worker, uri);
    return;
  }
}

/* Those that the user may no longer read are dropped without a word: they are as if they were not there. */
static void keep_readable(struct watch *watch, const struct toolset *set) {
  struct arena scratch;
  arena_init(&scratch, 0);
  for (struct watched_uri **at = &watch->uris; *at;) {
    struct watched_uri *watched = *at;
    const struct connector_connection *connection;
    struct str uri;
    bool is_readable = toolset_find_resource(set, &scratch, watched->public_uri, &connection, &uri) &&
                       uuid_eq(connection->policy.id, watched->connection_id) && str_eq(uri, watched->uri);
    if (is_readable) {
      at = &watched->next;
      continue;
    }
    *at = watched->next;
    watch->n_uris--;
    watched_uri_free(watch->worker, watched);
  }
  arena_release(&scratch);
}

/* ---- telling ---- */

static void tell_owed(struct watch *watch) {
  if (watch->owes_tools) watch->owes_tools = !watch->tell(watch, STR("notifications/tools/list_changed"), STR_NONE);
  if (watch->owes_prompts)
    watch->owes_prompts = !watch->tell(watch, STR("notifications/prompts/list_changed"), STR_NONE);
  if (watch->owes_resources)
    watch->owes_resources = !watch->tell(watch, STR("notifications/resources/list_changed"), STR_NONE);
}

void watches_look(struct worker *worker) {
  struct watch *next;
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    struct sight sight;
    next = watch->next;
    if (!look(watch, &sight)) {
      watch->end(watch);
      continue;
    }
    const struct toolset *set = sight.toolset;
    watch->owes_tools |= watch->wants_tools && set->tools_mark != watch->tools_mark;
    watch->owes_prompts |= watch->wants_prompts && set->prompts_mark != watch->prompts_mark;
    watch->owes_resources |= watch->wants_resources && set->resources_mark != watch->resources_mark;
    set_marks(watch, set);
    if (watch->uris) keep_readable(watch, set);
    look_away(&sight);
    tell_owed(watch);
  }
}

void watches_beat(struct worker *worker) {
  int64_t now_us = clock_utc_us();
  struct watch *next;
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    next = watch->next;
    if (watch->watcher.expires_at && watch->watcher.expires_at <= now_us)
      watch->end(watch);
    else
      tell_owed(watch);
  }
}

static void tell_updated(struct watch *watch, const struct mcp_notice *notice) {
  struct buf params;
  for (const struct watched_uri *uri = watch->uris; uri; uri = uri->next) {
    if (!uuid_eq(uri->connection_id, notice->connection_id) || !str_eq(uri->uri, notice->text)) continue;
    buf_init(&params, NULL, 8 * LIMIT_WATCHED_URI);
    buf_append_c(&params, "{\"uri\":");
    json_write_str(&params, uri->public_uri);
    buf_append_byte(&params, '}');
    if (!buf_failed(&params)) watch->tell(watch, STR("notifications/resources/updated"), buf_str(&params));
    buf_release(&params);
  }
}

static bool has_connection(const struct toolset *set, struct uuid id) {
  for (size_t i = 0; i < set->n_tools; i++) {
    for (size_t j = 0; j < set->tools[i].n_connections; j++) {
      if (uuid_eq(set->tools[i].connections[j]->policy.id, id)) return true;
    }
  }
  for (size_t i = 0; i < set->n_resources; i++) {
    if (uuid_eq(set->resources[i].connection->policy.id, id)) return true;
  }
  for (size_t i = 0; i < set->n_prompts; i++) {
    for (size_t j = 0; j < set->prompts[i].n_connections; j++) {
      if (uuid_eq(set->prompts[i].connections[j]->policy.id, id)) return true;
    }
  }
  return false;
}

static void tell_message(struct watch *watch, const struct mcp_notice *notice, int level) {
  struct sight sight;
  if (!watch->wants_messages || level < watch->log_level(watch) || !look(watch, &sight)) return;
  if (has_connection(sight.toolset, notice->connection_id))
    watch->tell(watch, STR("notifications/message"), notice->text);
  look_away(&sight);
}

static int level_of(struct str params) {
  struct arena scratch;
  yyjson_doc *doc;
  arena_init(&scratch, 0);
  int level = json_read_verbatim(&scratch, params, &doc, NULL) == ERR_NONE
                  ? mcp_log_level(json_get_str(yyjson_doc_get_root(doc), "level"))
                  : -1;
  arena_release(&scratch);
  return level;
}

void watches_notice(struct worker *worker, const struct mcp_notice *notice) {
  int level = notice->kind == MCP_MESSAGE && worker->watches.n ? level_of(notice->text) : 0;
  for (struct watch *watch = worker->watches.first; watch; watch = watch->next) {
    if (!uuid_eq(watch->watcher.organisation_id, notice->organisation_id)) continue;
    if (notice->kind == MCP_RESOURCE_UPDATED) tell_updated(watch, notice);
    if (notice->kind == MCP_MESSAGE) tell_message(watch, notice, level);
  }
}

void watches_end(struct worker *worker) {
  struct watch *next;
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    next = watch->next;
    watch->end(watch);
  }
}
