/* Carries news between the membership's thread, the main loop and the workers. Must not know what a lease is. */
#include "gateway/nodes.h"

#include "base/limits.h"
#include "base/log.h"

/* ---- on the main loop ---- */

static void on_change_posted(struct loop_task *task) {
  struct nodes *nodes = (struct nodes *)((char *)task - offsetof(struct nodes, change_task));
  atomic_store(&nodes->is_change_posted, false);
  if (*nodes->coherence) coherence_sync(*nodes->coherence);
}

static void on_looked_posted(struct loop_task *task) {
  struct nodes *nodes = (struct nodes *)((char *)task - offsetof(struct nodes, looked_task));
  atomic_store(&nodes->is_looked_posted, false);
  pthread_mutex_lock(&nodes->lock);
  uint64_t ticket = nodes->ticket;
  int64_t applied = nodes->applied;
  pthread_mutex_unlock(&nodes->lock);
  if (*nodes->coherence) coherence_confirmed(*nodes->coherence, ticket, applied);
}

/* ---- on the membership's thread ---- */

static void on_change(void *context) {
  struct nodes *nodes = context;
  if (atomic_exchange(&nodes->is_change_posted, true)) return;
  loop_post(nodes->main_loop, &nodes->change_task);
}

static void on_looked(void *context, uint64_t ticket, int64_t applied) {
  struct nodes *nodes = context;
  pthread_mutex_lock(&nodes->lock);
  nodes->ticket = ticket;
  nodes->applied = applied;
  pthread_mutex_unlock(&nodes->lock);
  if (ticket == 0 || atomic_exchange(&nodes->is_looked_posted, true)) return;
  loop_post(nodes->main_loop, &nodes->looked_task);
}

static void on_lease(void *context, const char *why) {
  if (why)
    log_event(LOG_ERROR, "lease_lost", LOG_TEXT("reason", why));
  else
    log_event(LOG_INFO, "lease_held");
}

/* ---- beginning and end ---- */

enum err_code nodes_start(struct nodes *nodes, struct db *db, const char *name, struct str address,
                          struct loop *main_loop, struct coherence **coherence, struct err *err) {
  if (!db_is_shared(db)) return ERR_NONE;
  nodes->main_loop = main_loop;
  nodes->coherence = coherence;
  nodes->change_task.run = on_change_posted;
  nodes->looked_task.run = on_looked_posted;
  pthread_mutex_init(&nodes->lock, NULL);
  const struct membership_options options = {.db = db,
                                             .node = str_of(name),
                                             .address = address,
                                             .on_change = on_change,
                                             .on_looked = on_looked,
                                             .on_lease = on_lease,
                                             .context = nodes};
  return membership_start(&options, &nodes->membership, err);
}

static void on_applied(void *context, int64_t version) {
  struct nodes *nodes = context;
  if (nodes->membership) membership_applied(nodes->membership, version);
}

static uint64_t ask_peers(void *context) {
  struct nodes *nodes = context;
  return nodes->membership ? membership_ask(nodes->membership) : 0;
}

void nodes_fill(struct nodes *nodes, struct coherence_options *options) {
  if (!nodes->membership) return;
  options->on_applied = on_applied;
  options->ask_peers = ask_peers;
  options->peers_context = nodes;
}

/* Who then still has none answers 503 until it has. */
void nodes_ready(struct nodes *nodes, int64_t version) {
  if (!nodes->membership) return;
  membership_applied(nodes->membership, version);
  if (!membership_await(nodes->membership, LIMIT_NODE_LEASE_MS)) log_event(LOG_WARN, "lease_awaited");
}

void nodes_stop(struct nodes *nodes) {
  membership_stop(nodes->membership);
  nodes->membership = NULL;
}

bool nodes_hold(const struct nodes *nodes) {
  return !nodes->membership || membership_holds(nodes->membership);
}

bool nodes_are_several(const struct nodes *nodes) {
  return nodes->membership != NULL;
}

bool nodes_find(struct nodes *nodes, uint32_t id, char ret_address[LIMIT_NODE_ADDRESS + 1]) {
  return membership_find(nodes->membership, id, ret_address);
}

void nodes_peers(struct nodes *nodes, struct peers *ret_peers) {
  ret_peers->n = 0;
  if (nodes->membership) membership_peers(nodes->membership, ret_peers);
}

void nodes_problem(struct nodes *nodes, char ret_text[ERR_TEXT_SIZE]) {
  ret_text[0] = '\0';
  if (nodes->membership) membership_problem(nodes->membership, ret_text);
}
