/* Tokens and keys that their services no longer take, though nothing says when they end. One 401 says little: services
 * answer so to a call that this account may not make, or by mistake. Three in a row do, of more than one tool; or ten
 * of the same. "In a row": the service has taken none in between. Then the connection says so: `reconnect` where a
 * person has to connect it again, else `error`, until a call goes well or its key is another one.
 *
 * Counted beside the calls, under a lock that nobody takes while all is well. Must not know what a call is. */
#include <stdlib.h>

#include "base/clock.h"
#include "codec/json.h"
#include "grant/inner.h"
#include "store/api.h"

enum { IN_A_ROW = 3, OF_ONE_TOOL = 10, ENTRIES_MAX = 10000 };

struct refusal {
  struct uuid connection_id; /* the key */
  int64_t version, grant_version;
  uint64_t tool; /* the first one's, as a hash */
  unsigned n;
  bool has_others, is_told;
};

struct verdict {
  struct db_job db_job; /* first */
  struct loop_task task;
  struct grant_keeper *keeper;
  struct grant_use use;
  bool is_accepted;
  struct arena arena; /* holds secrets */
  struct grant_subject subject;
  bool has_subject;
  struct str text; /* what was stored; empty: nothing */
};

/* ---- what is stored ---- */

static enum err_code put_check(struct db_tx *tx, struct verdict *verdict, const char *text, struct err *err) {
  const struct connection_check_record check = {.connection_id = verdict->use.connection_id,
                                                .organisation_id = verdict->use.organisation_id,
                                                .checked_at = clock_utc_us(),
                                                .is_ok = verdict->is_accepted,
                                                .text = str_of(text)};
  verdict->text = check.text;
  return store_connection_check_put(tx, &check, err);
}

static enum err_code end_grant(struct db_tx *tx, struct verdict *verdict, struct err *err) {
  struct grant_record grant = verdict->subject.grant;
  const struct grant_use *use = &verdict->use;
  int64_t now = clock_utc_us();
  verdict->text = STR("its service no longer accepts the access that it gave (401), and gave no way to renew it");
  grant.status = STR("reconnect");
  grant.last_error = verdict->text;
  grant.last_error_at = now;
  enum err_code code = store_grant_challenged(tx, &grant, err);
  if (code == ERR_NONE)
    code = store_grant_event_insert(
        tx, &(struct grant_event_record){use->connection_id, now, grant.status, verdict->text}, err);
  /* What workers keep opened is dropped with that. */
  if (code == ERR_NONE) code = store_connection_touch(tx, use->organisation_id, use->connection_id, now, err);
  if (code == ERR_NONE) code = store_change_log(tx, use->organisation_id, CHANGE_ORGANISATION, use->connection_id, err);
  return code;
}

static bool is_outdated(const struct verdict *verdict) {
  const struct grant_subject *subject = &verdict->subject;
  if (subject->record.version != verdict->use.version) return true;
  return subject->has_grant && !grant_is_static(subject) && subject->grant.version != verdict->use.grant_version;
}

static enum err_code refuse(struct db_tx *tx, struct verdict *verdict, struct err *err) {
  const struct grant_subject *subject = &verdict->subject;
  bool has_consent = connector_oauth_has_consent(subject->oauth) && !grant_is_static(subject);
  bool is_over = subject->has_grant && (str_eq(subject->grant.status, STR("reconnect")) ||
                                        str_eq(subject->grant.status, STR("disconnected")));
  bool renews = has_consent && subject->oauth->may_refresh && json_get_str(subject->tokens, "refresh_token").n > 0;
  if (has_consent && (is_over || !subject->tokens)) return ERR_NONE;
  if (has_consent && !renews) return end_grant(tx, verdict, err);
  if (!has_consent && subject->record.credential.n == 0)
    return put_check(tx, verdict, "its service wants a key (401), and it has none: give it one", err);
  return put_check(tx, verdict,
                   renews ? "its service accepts no access that it gives (401): see there what this account may do"
                          : "its service no longer accepts its key (401): give it another one",
                   err);
}

static enum err_code store_work(struct db_tx *tx, void *context, struct err *err) {
  struct verdict *verdict = context;
  const struct grant_use *use = &verdict->use;
  enum err_code code = grant_subject_load(tx, &verdict->arena, verdict->keeper->options.vault, use->organisation_id,
                                          use->connection_id, &verdict->subject, err);
  if (code != ERR_NONE) return code;
  verdict->has_subject = true;
  if (is_outdated(verdict)) return ERR_NONE;
  if (verdict->is_accepted) return put_check(tx, verdict, "its service accepts it again", err);
  code = refuse(tx, verdict, err);
  return code == ERR_NONE && verdict->text.n > 0
             ? grant_tell_failed(tx, &verdict->arena, &verdict->subject, verdict->text, err)
             : code;
}

static void end(struct verdict *verdict) {
  struct grant_keeper *keeper = verdict->keeper;
  if (verdict->has_subject) grant_subject_release(&verdict->subject);
  arena_wipe(&verdict->arena);
  free(verdict);
  keeper->n_consents--;
  keeper_end_when_idle(keeper);
}

static void on_stored(struct db_job *job) {
  struct verdict *verdict = (struct verdict *)(void *)job;
  struct grant_keeper *keeper = verdict->keeper;
  if (job->code == ERR_NONE && verdict->text.n > 0 && !verdict->is_accepted) {
    keeper_note(keeper, "grant_failed", &verdict->subject, verdict->text);
    if (keeper->options.changed) keeper->options.changed(keeper->options.context);
  }
  end(verdict);
}

static void on_verdict(struct loop_task *task) {
  struct verdict *verdict = (struct verdict *)(void *)((char *)task - offsetof(struct verdict, task));
  struct grant_keeper *keeper = verdict->keeper;
  keeper->n_consents++;
  verdict->db_job = (struct db_job){.work = store_work,
                                    .context = verdict,
                                    .is_write = true,
                                    .scope = verdict->use.organisation_id,
                                    .done = on_stored};
  if (keeper->is_stopping || !db_submit(keeper->options.db, &keeper->loop, &verdict->db_job)) end(verdict);
}

static void tell(struct grant_keeper *keeper, const struct grant_use *use, bool is_accepted) {
  struct verdict *verdict = calloc(1, sizeof(*verdict));
  if (!verdict) return;
  verdict->keeper = keeper;
  verdict->use = *use;
  verdict->use.tool = STR_NONE; /* it is the call's */
  verdict->is_accepted = is_accepted;
  arena_init(&verdict->arena, 0);
  verdict->task.run = on_verdict;
  loop_post(&keeper->loop, &verdict->task);
}

/* ---- counting ---- */

static struct refusal *entry_of(struct refusals *refusals, const struct grant_use *use) {
  struct refusal *entry = map_get(&refusals->by_id, uuid_bytes(&use->connection_id));
  if (entry || refusals->by_id.count >= ENTRIES_MAX) return entry;
  entry = calloc(1, sizeof(*entry));
  if (!entry) return NULL;
  entry->connection_id = use->connection_id;
  if (map_put(&refusals->by_id, uuid_bytes(&entry->connection_id), entry) == ERR_NONE) return entry;
  free(entry);
  return NULL;
}

/* Is it to be told now? */
static bool count(struct refusal *entry, const struct grant_use *use) {
  bool is_other = entry->version != use->version || entry->grant_version != use->grant_version;
  if (entry->n == 0 || is_other) {
    entry->version = use->version;
    entry->grant_version = use->grant_version;
    entry->tool = str_hash(use->tool);
    entry->n = 0;
    entry->has_others = entry->is_told = false;
  }
  entry->n++;
  entry->has_others = entry->has_others || entry->tool != str_hash(use->tool);
  if (entry->is_told || entry->n < (entry->has_others ? IN_A_ROW : OF_ONE_TOOL)) return false;
  entry->is_told = true;
  return true;
}

void grant_was_refused(struct grant_keeper *keeper, const struct grant_use *use) {
  struct refusals *refusals = &keeper->refusals;
  pthread_mutex_lock(&refusals->lock);
  struct refusal *entry = entry_of(refusals, use);
  bool is_verdict = entry && count(entry, use);
  atomic_store_explicit(&refusals->n, refusals->by_id.count, memory_order_relaxed);
  pthread_mutex_unlock(&refusals->lock);
  if (is_verdict) tell(keeper, use, false);
}

void grant_was_accepted(struct grant_keeper *keeper, const struct grant_use *use) {
  struct refusals *refusals = &keeper->refusals;
  if (atomic_load_explicit(&refusals->n, memory_order_relaxed) == 0) return;
  pthread_mutex_lock(&refusals->lock);
  struct refusal *entry = map_remove(&refusals->by_id, uuid_bytes(&use->connection_id));
  atomic_store_explicit(&refusals->n, refusals->by_id.count, memory_order_relaxed);
  pthread_mutex_unlock(&refusals->lock);
  bool was_told = entry && entry->is_told && entry->version == use->version;
  free(entry);
  if (was_told) tell(keeper, use, true);
}

void refusals_init(struct refusals *refusals) {
  pthread_mutex_init(&refusals->lock, NULL);
  map_init(&refusals->by_id);
}

void refusals_release(struct refusals *refusals) {
  struct str key;
  void *entry;
  for (size_t i = 0; map_next(&refusals->by_id, &i, &key, &entry);)
    free(entry);
  map_release(&refusals->by_id);
  pthread_mutex_destroy(&refusals->lock);
}
