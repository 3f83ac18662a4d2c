/* Who is asked when. An entry a connection:
 *
 *      waiting --due--> (leasing: the keeper of grants) --> listing (its home worker) --> writing (a store thread)
 *         ^------------------------------------------------------------------------------------------'
 *
 * Must not know what a catalogue accepts, nor how a server is spoken to.
 *
 * Invariants:
 *  1. At most LIMIT_DISCOVERIES entries are listing or writing; of those that failed the last time, half as many, so
 * that servers that take their time to fail keep none waiting that may not. Who has waited longest is next.
 *  2. An entry that is under way is not freed: where its connection is gone, it is when it comes back.
 *  3. A server that fails is asked after LIMIT_DISCOVERY_RETRY_MS, then twice that, up to LIMIT_DISCOVERY_MS; one that
 *     says that it changed is asked at once, but not twice within LIMIT_DISCOVERY_NOTICE_MS. */
#include "gateway/discovery.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "connector/oauth.h"
#include "org/catalogue.h"

static void on_tick(uv_timer_t *timer);

enum { TICK_MS = 200, NOTICES_MAX = 1024 };

enum entry_state { WAITING, LISTING, WRITING };

struct entry {
  struct uuid id; /* of the connection */
  struct org_slot *slot;
  int64_t version, connector_version, asked_version, asked_connector_version;
  bool is_child;
  enum entry_state state;
  int64_t due_us, asked_us; /* of the loop's clock */
  unsigned n_failures;
  bool is_doubtful;         /* under way, and failed the last time */
  bool is_gone;             /* to be freed when it comes back */
  bool is_wanted_again;     /* something changed while it was under way */
  char told[ERR_TEXT_SIZE]; /* the failure that the catalogue knows of; "": none */
  struct entry *next;
  struct discovery *discovery;

  /* while it is under way */
  struct org_snapshot *snapshot;
  struct mcp_listing *listing;
  struct err err;
  enum err_code code;
  struct loop_task task;
  struct grant_request lease;
  struct db_job job;
  struct catalogue_update update;
};

struct discovery {
  struct discovery_options options;
  struct map by_id;
  struct entry *first;
  unsigned n_busy, n_doubtful;
  size_t n_writing;
  atomic_uint n_notices;
  atomic_bool has_missed; /* more notices than could be told apart: all are asked */
  uv_timer_t tick;
  bool is_started, is_stopping, is_closed;
};

struct discovery *discovery_new(const struct discovery_options *options) {
  struct discovery *discovery = calloc(1, sizeof(*discovery));
  if (!discovery) return NULL;
  discovery->options = *options;
  map_init(&discovery->by_id);
  return discovery;
}

static int64_t now_us(struct discovery *discovery) {
  return loop_now_us(discovery->options.loop);
}

/* Not all at the same time: within a fifth of it. */
static int64_t with_jitter(int64_t us) {
  uint32_t draw;
  random_bytes(&draw, sizeof(draw));
  return us - us / 10 + (int64_t)(draw % 1024) * (us / 5) / 1024;
}

static int64_t period_us(const struct entry *entry) {
  int64_t ms = entry->is_child ? LIMIT_DISCOVERY_CHILD_MS : LIMIT_DISCOVERY_MS;
  if (entry->n_failures > 0) {
    ms = LIMIT_DISCOVERY_RETRY_MS;
    for (unsigned i = 1; i < entry->n_failures && ms < LIMIT_DISCOVERY_MS; i++)
      ms *= 2;
    if (ms > LIMIT_DISCOVERY_MS) ms = LIMIT_DISCOVERY_MS;
  }
  return with_jitter(ms * 1000);
}

/* ---- entries ---- */

static void entry_free(struct entry *entry) {
  org_snapshot_unref(entry->snapshot);
  mcp_listing_free(entry->listing);
  free(entry);
}

static void entry_unlink(struct discovery *discovery, struct entry *entry) {
  for (struct entry **at = &discovery->first; *at; at = &(*at)->next) {
    if (*at != entry) continue;
    *at = entry->next;
    return;
  }
}

static void ask_soon(struct discovery *discovery, struct entry *entry) {
  int64_t earliest = entry->asked_us + LIMIT_DISCOVERY_NOTICE_MS * INT64_C(1000), now = now_us(discovery);
  if (entry->asked_us == 0 || earliest < now) earliest = now;
  if (entry->state != WAITING) {
    entry->is_wanted_again = true;
  } else if (entry->due_us > earliest) {
    entry->due_us = earliest;
  }
}

static struct entry *entry_new(struct discovery *discovery, struct uuid id, struct org_slot *slot) {
  struct entry *entry = calloc(1, sizeof(*entry));
  if (!entry) return NULL;
  entry->id = id;
  entry->slot = slot;
  entry->discovery = discovery;
  if (map_put(&discovery->by_id, uuid_bytes(&entry->id), entry) != ERR_NONE) {
    free(entry);
    return NULL;
  }
  entry->next = discovery->first;
  discovery->first = entry;
  return entry;
}

static void entry_remove(struct discovery *discovery, struct entry *entry) {
  map_remove(&discovery->by_id, uuid_bytes(&entry->id));
  mcp_upstreams_drop(discovery->options.upstreams, entry->id);
  entry->is_gone = true;
  if (entry->state != WAITING) return;
  entry_unlink(discovery, entry);
  entry_free(entry);
}

static const struct connector_connection *find_connection(const struct org_snapshot *snapshot, struct uuid id) {
  for (size_t i = 0; snapshot && i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    if (connection->connector->kind->has_catalogue && uuid_eq(connection->policy.id, id)) return connection;
  }
  return NULL;
}

static void take_connection(struct discovery *discovery, struct org_slot *slot,
                            const struct connector_connection *connection) {
  struct entry *entry = map_get(&discovery->by_id, uuid_bytes(&connection->policy.id));
  bool is_new = !entry;
  if (is_new) entry = entry_new(discovery, connection->policy.id, slot);
  if (!entry) return; /* no memory: the next change of the organisation tries again */
  bool is_same = entry->version == connection->version && entry->connector_version == connection->connector->version;
  if (is_same && !is_new) return;
  if (!is_new) mcp_upstreams_drop(discovery->options.upstreams, entry->id);
  entry->version = connection->version;
  entry->connector_version = connection->connector->version;
  entry->is_child = connection->connector->has_environment;
  entry->n_failures = 0;
  entry->asked_us = 0;
  ask_soon(discovery, entry);
}

void discovery_published(struct discovery *discovery, struct org_slot *slot) {
  if (discovery->is_stopping) return;
  bool was_empty = !discovery->first;
  /* This is the thread that replaces snapshots: it need not take a reference to look at the current one. */
  const struct org_snapshot *snapshot = atomic_load_explicit(&slot->current, memory_order_acquire);
  for (size_t i = 0; snapshot && i < snapshot->n_connections; i++) {
    if (snapshot->connections[i].connector->kind->has_catalogue)
      take_connection(discovery, slot, &snapshot->connections[i]);
  }
  for (struct entry *entry = discovery->first, *next; entry; entry = next) {
    next = entry->next;
    if (entry->slot == slot && !entry->is_gone && !find_connection(snapshot, entry->id)) entry_remove(discovery, entry);
  }
  if (was_empty && discovery->first && discovery->is_started)
    (void)uv_timer_start(&discovery->tick, on_tick, 0, TICK_MS);
}

/* ---- one round of an entry ---- */

static void log_failure(const struct entry *entry) {
  char id[UUID_TEXT_SIZE];
  uuid_format(entry->id, id);
  log_event(LOG_WARN, "discovery_failed", LOG_TEXT("connection", id), LOG_TEXT("error", entry->err.text),
            LOG_INT("failures", entry->n_failures));
}

static void close_if_idle(struct discovery *discovery) {
  if (!discovery->is_stopping || discovery->n_writing > 0 || discovery->is_closed || !discovery->is_started) return;
  discovery->is_closed = true;
  uv_close((uv_handle_t *)&discovery->tick, NULL);
}

static void entry_end(struct entry *entry) {
  struct discovery *discovery = entry->discovery;
  org_snapshot_unref(entry->snapshot);
  mcp_listing_free(entry->listing);
  entry->snapshot = NULL;
  entry->listing = NULL;
  entry->state = WAITING;
  discovery->n_busy--;
  discovery->n_doubtful -= entry->is_doubtful;
  if (entry->is_gone) {
    entry_unlink(discovery, entry);
    entry_free(entry);
    return;
  }
  entry->n_failures = entry->code == ERR_NONE ? 0 : entry->n_failures + 1;
  if (entry->n_failures == 1 && !discovery->is_stopping) log_failure(entry);
  entry->due_us = now_us(discovery) + period_us(entry);
  if (entry->is_wanted_again) ask_soon(discovery, entry);
  entry->is_wanted_again = false;
}

static void on_written(struct db_job *job) {
  struct entry *entry = (struct entry *)((char *)job - offsetof(struct entry, job));
  struct discovery *discovery = entry->discovery;
  discovery->n_writing--;
  if (job->code != ERR_NONE) {
    entry->code = job->code;
    entry->err = job->err;
  } else if (entry->update.is_refused) {
    entry->code = err_set(&entry->err, ERR_INVALID, "%s", entry->update.refusal);
  }
  bool is_changed = job->code == ERR_NONE && entry->update.is_changed;
  if (job->code == ERR_NONE)
    snprintf(entry->told, sizeof(entry->told), "%s", entry->code == ERR_NONE ? "" : entry->err.text);
  entry_end(entry);
  if (is_changed && !discovery->is_stopping) discovery->options.on_change(discovery->options.context);
  close_if_idle(discovery);
}

/* Names of tools of others in the organisation, which a definition should not speak of. Kept until the job is done. */
static enum err_code work(struct db_tx *tx, void *context, struct err *err) {
  struct entry *entry = context;
  const struct connector_connection *own = find_connection(entry->snapshot, entry->id);
  struct map others;
  map_init(&others);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < entry->snapshot->n_tools && code == ERR_NONE; i++) {
    const struct org_tool *tool = entry->snapshot->tools[i];
    if (own && tool->connector == own->connector) continue;
    code = map_put(&others, tool->tool->public_name, entry);
    if (code == ERR_NONE) code = map_put(&others, tool->tool->name, entry);
  }
  entry->update.others = &others;
  code = code == ERR_NONE ? catalogue_reconcile(tx, &entry->update, err) : err_no_memory(err);
  map_release(&others);
  return code;
}

static void write_rows(struct entry *entry) {
  struct discovery *discovery = entry->discovery;
  entry->state = WRITING;
  entry->update = (struct catalogue_update){.organisation_id = entry->snapshot->id,
                                            .connection_id = entry->id,
                                            .connection_version = entry->version,
                                            .keys = entry->snapshot->keys,
                                            .listing = entry->listing,
                                            .error = entry->err.text};
  entry->job = (struct db_job){
      .work = work, .context = entry, .is_write = true, .scope = entry->snapshot->id, .done = on_written};
  /* The same failure again is not written again. */
  bool is_news = entry->listing || strcmp(entry->told, entry->err.text) != 0;
  if (is_news && db_submit(discovery->options.db, discovery->options.loop, &entry->job)) {
    discovery->n_writing++;
    return;
  }
  if (is_news) entry->code = err_set(&entry->err, ERR_UNAVAILABLE, "the database has too much to do");
  entry_end(entry);
}

/* Back on the main loop. */
static void on_listed_here(struct loop_task *task) {
  struct entry *entry = (struct entry *)((char *)task - offsetof(struct entry, task));
  bool is_old = entry->asked_version != entry->version || entry->asked_connector_version != entry->connector_version;
  if (entry->discovery->is_stopping || entry->is_gone || is_old) { /* of another one than there is now: asked anew */
    entry_end(entry);
  } else {
    write_rows(entry);
  }
}

/* On the home's loop: everything of the entry is handed over with the task. */
static void on_listed(void *context, struct mcp_listing *listing, const struct err *err) {
  struct entry *entry = context;
  entry->listing = listing;
  entry->code = ERR_NONE;
  if (!listing) {
    entry->err = *err;
    entry->code = err->code ? err->code : ERR_UNAVAILABLE;
  }
  loop_post(entry->discovery->options.loop, &entry->task);
}

static enum err_code list(struct entry *entry, const struct connector_connection *connection,
                          const struct secret *credential, struct err *err) {
  return mcp_list(entry->discovery->options.upstreams, mcp_target_of(connection), credential, on_listed, entry, err);
}

static void on_leased(struct grant_request *request) {
  struct entry *entry = (struct entry *)((char *)request - offsetof(struct entry, lease));
  const struct connector_connection *connection = find_connection(entry->snapshot, entry->id);
  bool is_over = entry->discovery->is_stopping || entry->is_gone || !connection;
  struct secret *credential = request->credential;
  struct err err = request->err;
  enum err_code code = request->code;
  /* Once it is asked, the entry is not touched any more: as in entry_begin. */
  if (!is_over && code == ERR_NONE) code = list(entry, connection, credential, &err);
  secret_free(credential);
  if (!is_over && code == ERR_NONE) return;
  entry->code = code;
  entry->err = err;
  if (is_over)
    entry_end(entry);
  else
    write_rows(entry);
}

static enum err_code ask(struct entry *entry, const struct connector_connection *connection, struct err *err) {
  struct secret *credential = NULL;
  if (connector_is_granted(connection)) {
    entry->lease = (struct grant_request){.organisation_id = entry->snapshot->id,
                                          .connection_id = entry->id,
                                          .loop = entry->discovery->options.loop,
                                          .done = on_leased};
    grant_lease(*entry->discovery->options.keeper, &entry->lease);
    return ERR_NONE;
  }
  enum err_code code = org_lease_credential(entry->snapshot, connection, &credential, err);
  if (code == ERR_NONE) code = list(entry, connection, credential, err);
  secret_free(credential);
  return code;
}

static void entry_begin(struct entry *entry) {
  struct discovery *discovery = entry->discovery;
  struct org_snapshot *snapshot = atomic_load_explicit(&entry->slot->current, memory_order_acquire);
  const struct connector_connection *connection = find_connection(snapshot, entry->id);
  if (!connection) { /* about to be told of */
    entry->due_us = now_us(discovery) + TICK_MS * INT64_C(1000);
    return;
  }
  entry->snapshot = org_snapshot_ref(snapshot);
  entry->state = LISTING;
  entry->err.text[0] = '\0';
  entry->asked_us = now_us(discovery);
  entry->task.run = on_listed_here;
  entry->asked_version = entry->version;
  entry->asked_connector_version = entry->connector_version;
  discovery->n_busy++;
  entry->is_doubtful = entry->n_failures > 0;
  discovery->n_doubtful += entry->is_doubtful;
  /* Once it is asked, the answer may come at any time, on another thread: the entry is not touched any more. */
  struct err err = {0};
  if (ask(entry, connection, &err) != ERR_NONE) on_listed(entry, NULL, &err);
}

/* ---- time ---- */

static void ask_all(struct discovery *discovery) {
  for (struct entry *entry = discovery->first; entry; entry = entry->next)
    ask_soon(discovery, entry);
}

static struct entry *longest_due(const struct discovery *discovery, int64_t now) {
  bool is_full = discovery->n_doubtful >= LIMIT_DISCOVERIES / 2;
  struct entry *found = NULL;
  for (struct entry *entry = discovery->first; entry; entry = entry->next) {
    if (entry->state != WAITING || entry->due_us > now || (is_full && entry->n_failures > 0)) continue;
    if (!found || entry->due_us < found->due_us) found = entry;
  }
  return found;
}

static void on_tick(uv_timer_t *timer) {
  struct discovery *discovery = timer->data;
  int64_t now = now_us(discovery);
  if (discovery->is_stopping) return;
  if (atomic_exchange(&discovery->has_missed, false)) ask_all(discovery);
  if (!discovery->first) (void)uv_timer_stop(timer); /* nobody to ask: the loop may sleep */
  struct entry *entry;
  while (discovery->n_busy < LIMIT_DISCOVERIES && (entry = longest_due(discovery, now)))
    entry_begin(entry);
}

void discovery_start(struct discovery *discovery) {
  (void)uv_timer_init(&discovery->options.loop->uv, &discovery->tick);
  discovery->tick.data = discovery;
  discovery->is_started = true;
  (void)uv_timer_start(&discovery->tick, on_tick, 0, TICK_MS);
}

struct notice {
  struct loop_task task;
  struct discovery *discovery;
  struct uuid connection_id;
};

static void on_notice(struct loop_task *task) {
  struct notice *notice = (struct notice *)task;
  struct discovery *discovery = notice->discovery;
  struct entry *entry = map_get(&discovery->by_id, uuid_bytes(&notice->connection_id));
  atomic_fetch_sub(&discovery->n_notices, 1);
  if (entry && !discovery->is_stopping) ask_soon(discovery, entry);
  free(notice);
}

/* Would a list be another one now, or what is said of the server? */
static bool is_of_catalogue(enum mcp_notice_kind kind) {
  switch (kind) {
    case MCP_TOOLS_CHANGED:
    case MCP_PROMPTS_CHANGED:
    case MCP_RESOURCES_CHANGED:
    case MCP_HEALTH_CHANGED:
      return true;
    case MCP_RESOURCE_UPDATED:
    case MCP_TASK_CHANGED:
    case MCP_MESSAGE:
      return false;
  }
  return false;
}

void discovery_notice(struct discovery *discovery, const struct mcp_notice *notice) {
  if (!is_of_catalogue(notice->kind)) return;
  struct notice *copy = NULL;
  if (atomic_fetch_add(&discovery->n_notices, 1) < NOTICES_MAX) copy = malloc(sizeof(*copy));
  if (!copy) {
    atomic_fetch_sub(&discovery->n_notices, 1);
    atomic_store(&discovery->has_missed, true);
    return;
  }
  *copy = (struct notice){{.run = on_notice}, discovery, notice->connection_id};
  loop_post(discovery->options.loop, &copy->task);
}

void discovery_stop(struct discovery *discovery) {
  if (!discovery || discovery->is_stopping) return;
  discovery->is_stopping = true;
  /* What is being written has to be waited for, and a timer that runs is what keeps the loop there meanwhile. */
  if (discovery->is_started && discovery->n_writing > 0)
    (void)uv_timer_start(&discovery->tick, on_tick, TICK_MS, TICK_MS);
  close_if_idle(discovery);
}

void discovery_free(struct discovery *discovery) {
  if (!discovery) return;
  for (struct entry *entry = discovery->first, *next; entry; entry = next) {
    next = entry->next;
    entry_free(entry);
  }
  map_release(&discovery->by_id);
  free(discovery);
}
