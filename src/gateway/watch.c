/* Watches of a worker, in a list: they are looked at together when something changes, which is seldom. */
#include "gateway/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "gateway/task_id.h"
#include "gateway/worker.h"
#include "mcp/log_level.h"
#include "mcp/passed.h"

void watcher_of(const struct exchange *exchange, struct watcher *ret_watcher) {
  const struct principal *principal = &exchange->principal;
  struct watcher watcher = {.slot = principal->organisation,
                            .organisation_id = principal->snapshot->id,
                            .user_id = principal->user->id,
                            .expires_at = principal->expires_at};
  memcpy(watcher.token_hash, principal->token_hash, sizeof(watcher.token_hash));
  size_t n = exchange->path_connector.n;
  bool is_known = n < sizeof(watcher.connector); /* none has a longer id: nothing is seen of it */
  if (n > 0) memcpy(watcher.connector, is_known ? exchange->path_connector.p : "?", is_known ? n : 1);
  *ret_watcher = watcher;
}

static bool look(const struct watch *watch, struct watcher_sight *ret_sight) {
  const struct watcher *watcher = &watch->watcher;
  struct watcher_sight sight = {.snapshot = org_slot_take(watcher->slot), .connector = str_of(watcher->connector)};
  struct org_user *user = sight.snapshot ? org_snapshot_user(sight.snapshot, watcher->user_id) : NULL;
  sight.user = user;
  bool may_listen = user && !user->is_disabled && token_index_find(watch->worker->server->tokens, watcher->token_hash);
  if (may_listen && sight.connector.n)
    sight.toolset = sight.own = toolset_make(sight.snapshot, user, sight.connector);
  else if (may_listen)
    sight.toolset = toolset_of(sight.snapshot, user);
  if (!sight.toolset) {
    org_snapshot_unref(sight.snapshot);
    return false;
  }
  *ret_sight = sight;
  return true;
}

static void look_away(struct watcher_sight *sight) {
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
  struct watcher_sight sight;
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
  while (watch->watched) {
    struct watched *watched = watch->watched;
    watch->watched = watched->next;
    watched_free(watch->worker, watched);
  }
  watch->n_watched = 0;
  *(watch->previous ? &watch->previous->next : &watches->first) = watch->next;
  if (watch->next) watch->next->previous = watch->previous;
  watches->n--;
}

/* ---- what is watched ---- */

bool watch_add(struct watch *watch, struct watched *watched) {
  bool has_it = watch->n_watched >= LIMIT_WATCHED;
  for (const struct watched *other = watch->watched; other; other = other->next)
    has_it = has_it || (other->subject == watched->subject && str_eq(other->public_name, watched->public_name));
  if (has_it) {
    watched_free(watch->worker, watched);
    return false;
  }
  watched->next = watch->watched;
  watch->watched = watched;
  watch->n_watched++;
  return true;
}

/* `at`: what points to it. */
static void drop(struct watch *watch, struct watched **at) {
  struct watched *watched = *at;
  *at = watched->next;
  watch->n_watched--;
  watched_free(watch->worker, watched);
}

void watch_drop_resource(struct watch *watch, struct str public_uri) {
  struct watched **at = &watch->watched;
  while (*at && !((*at)->subject == MCP_SUBJECT_RESOURCE && str_eq((*at)->public_name, public_uri)))
    at = &(*at)->next;
  if (*at) drop(watch, at);
}

/* What the user may no longer have is dropped without a word: it is as if it were not there. */
static void keep_allowed(struct watch *watch, const struct watcher_sight *sight) {
  for (struct watched **at = &watch->watched; *at;) {
    if (watched_is_allowed(*at, sight))
      at = &(*at)->next;
    else
      drop(watch, at);
  }
}

/* ---- telling ---- */

static void tell_owed(struct watch *watch) {
  if (watch->owes_tools)
    watch->owes_tools = !watch->tell(watch, STR("notifications/tools/list_changed"), STR_NONE, NULL);
  if (watch->owes_prompts)
    watch->owes_prompts = !watch->tell(watch, STR("notifications/prompts/list_changed"), STR_NONE, NULL);
  if (watch->owes_resources)
    watch->owes_resources = !watch->tell(watch, STR("notifications/resources/list_changed"), STR_NONE, NULL);
}

void watches_look(struct worker *worker) {
  struct watch *next;
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    struct watcher_sight sight;
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
    if (watch->watched) keep_allowed(watch, &sight);
    look_away(&sight);
    tell_owed(watch);
  }
}

static void tell_updated(struct watch *watch, const struct mcp_notice *notice) {
  struct buf params;
  for (const struct watched *watched = watch->watched; watched; watched = watched->next) {
    if (watched->subject != MCP_SUBJECT_RESOURCE || !uuid_eq(watched->connection_id, notice->connection_id) ||
        !str_eq(watched->name, notice->text))
      continue;
    buf_init(&params, NULL, 8 * LIMIT_WATCHED_NAME);
    buf_append_c(&params, "{\"uri\":");
    json_write_str(&params, watched->public_name);
    buf_append_byte(&params, '}');
    if (!buf_failed(&params)) watch->tell(watch, STR("notifications/resources/updated"), buf_str(&params), NULL);
    buf_release(&params);
  }
}

/* ---- tasks ---- */

/* A task's state, as one watcher is to read it. */
struct task_telling {
  struct arena *arena;
  const struct watcher_sight *sight;
  const struct watched *watched;
  struct task task;
};

static struct str public_uri(void *context, struct str uri) {
  const struct task_telling *telling = context;
  return toolset_public_uri(telling->sight->toolset, telling->arena, telling->task.connection, uri);
}

static struct str public_task(void *context, struct str id) {
  const struct task_telling *telling = context;
  return telling->watched->public_name;
}

/* It holds what tasks/get would have answered (the Tasks extension, Task Status Notifications), so no more than a role
 * lets that have. */
static bool may_tell_task(const struct task_telling *telling, size_t size) {
  struct policy_decision decision;
  policy_decide(&telling->sight->user->principal,
                &(struct policy_action){.kind = POLICY_TASK,
                                        .connection = &telling->task.connection->policy,
                                        .name = telling->task.tool->name,
                                        .does = telling->task.tool->does},
                &decision);
  size_t cap = decision.obligations.max_result;
  return decision.effect == POLICY_ALLOW && (cap == 0 || size <= cap);
}

static bool is_over(struct str status) {
  return str_eq(status, STR("completed")) || str_eq(status, STR("failed")) || str_eq(status, STR("cancelled"));
}

static void tell_task(struct watch *watch, struct watched **at, const struct mcp_notice *notice, struct str status) {
  struct watcher_sight sight;
  struct arena scratch;
  const struct watched *watched = *at;
  if (!look(watch, &sight)) return;
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  struct task_telling telling = {.arena = &scratch, .sight = &sight, .watched = watched};
  const struct mcp_passing names = {.public_uri = public_uri, .public_task = public_task, .context = &telling};
  if (task_find(sight.snapshot, sight.connector, watched->connection_id, watched->tool, &telling.task) &&
      may_tell_task(&telling, notice->text.n))
    watch->tell(watch, STR("notifications/tasks"), notice->text, &names);
  arena_release(&scratch);
  look_away(&sight);
  if (is_over(status)) drop(watch, at); /* nothing more comes of it */
}

static void tell_tasks(struct watch *watch, const struct mcp_notice *notice, yyjson_val *params) {
  struct str id = json_get_str(params, "taskId");
  for (struct watched **at = &watch->watched; *at; at = &(*at)->next) {
    const struct watched *watched = *at;
    if (watched->subject != MCP_SUBJECT_TASK || !uuid_eq(watched->connection_id, notice->connection_id) ||
        !str_eq(watched->name, id))
      continue;
    tell_task(watch, at, notice, json_get_str(params, "status"));
    return; /* it is watched once, and the list may have changed */
  }
}

/* ---- what servers say ---- */

static void tell_message(struct watch *watch, const struct mcp_notice *notice, int level) {
  struct watcher_sight sight;
  if (!watch->wants_messages || level < watch->log_level(watch) || !look(watch, &sight)) return;
  if (toolset_has_connection(sight.toolset, notice->connection_id))
    watch->tell(watch, STR("notifications/message"), notice->text, NULL);
  look_away(&sight);
}

/* Who may still hear what, is not known without: whoever listens is to ask again. */
static bool has_lost_lease(const struct worker *worker) {
  return worker->server->nodes && !nodes_hold(worker->server->nodes);
}

void watches_beat(struct worker *worker) {
  int64_t now_us = clock_utc_us();
  struct watch *next;
  if (has_lost_lease(worker)) watches_end(worker);
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    next = watch->next;
    if (watch->watcher.expires_at && watch->watcher.expires_at <= now_us)
      watch->end(watch);
    else
      tell_owed(watch);
  }
}

void watches_notice(struct worker *worker, const struct mcp_notice *notice) {
  struct arena scratch;
  yyjson_doc *doc = NULL;
  if (!worker->watches.n) return;
  if (has_lost_lease(worker)) {
    watches_end(worker);
    return;
  }
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  bool is_json = notice->kind == MCP_MESSAGE || notice->kind == MCP_TASK_CHANGED;
  if (is_json && json_read_verbatim(&scratch, notice->text, &doc, NULL) != ERR_NONE) doc = NULL;
  yyjson_val *params = doc ? yyjson_doc_get_root(doc) : NULL;
  int level = notice->kind == MCP_MESSAGE ? mcp_log_level(json_get_str(params, "level")) : 0;
  for (struct watch *watch = worker->watches.first; watch; watch = watch->next) {
    if (!uuid_eq(watch->watcher.organisation_id, notice->organisation_id)) continue;
    if (notice->kind == MCP_RESOURCE_UPDATED) tell_updated(watch, notice);
    if (notice->kind == MCP_TASK_CHANGED) tell_tasks(watch, notice, params);
    if (notice->kind == MCP_MESSAGE) tell_message(watch, notice, level);
  }
  arena_release(&scratch);
}

void watches_end(struct worker *worker) {
  struct watch *next;
  for (struct watch *watch = worker->watches.first; watch; watch = next) {
    next = watch->next;
    watch->end(watch);
  }
}
