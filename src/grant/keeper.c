/* The keeper's thread: its loop, what it waits for, and its end. Must not know OAuth. */
#include "grant/inner.h"

#include <stdlib.h>
#include <string.h>

static void *run(void *argument) {
  struct grant_keeper *keeper = argument;
  (void)pthread_setname_np(pthread_self(), "grants");
  loop_run(&keeper->loop);
  return NULL;
}

/* A server that is started anew has to know which leases were its own: others of the same database keep theirs. */
static struct uuid lease_owner(struct str node) {
  struct uuid id;
  uint8_t digest[32];
  if (node.n == 0) return uuid_new();
  vault_sha256(node, digest);
  memcpy(id.b, digest, sizeof(id.b));
  return id;
}

static void keeper_free(struct grant_keeper *keeper) {
  courier_free(keeper->courier);
  map_release(&keeper->flights);
  refusals_release(&keeper->refusals);
  free(keeper);
}

static void on_courier_idle(void *context) {
  keeper_end_when_idle(context);
}

static enum err_code begin_courier(struct grant_keeper *keeper, struct err *err) {
  const struct courier_options options = {.db = keeper->options.db,
                                          .vault = keeper->options.vault,
                                          .loop = &keeper->loop,
                                          .timers = keeper->timers,
                                          .http = keeper->http,
                                          .owner = keeper->id,
                                          .is_idle = on_courier_idle,
                                          .context = keeper};
  keeper->courier = courier_start(&options);
  return keeper->courier ? ERR_NONE : err_no_memory(err);
}

enum err_code grant_keeper_start(const struct grant_keeper_options *options, struct grant_keeper **ret_keeper,
                                 struct err *err) {
  struct grant_keeper *keeper = calloc(1, sizeof(*keeper));
  if (!keeper) return err_no_memory(err);
  keeper->options = *options;
  keeper->id = lease_owner(options->node);
  map_init(&keeper->flights);
  refusals_init(&keeper->refusals);
  enum err_code code = loop_init(&keeper->loop, err);
  if (code != ERR_NONE) {
    keeper_free(keeper);
    return code;
  }
  code = http_client_new(&keeper->loop, options->client, &keeper->http, err);
  if (code == ERR_NONE && !(keeper->timers = timers_new(&keeper->loop))) code = err_no_memory(err);
  if (code == ERR_NONE && options->does_jobs) jobs_begin(keeper);
  if (code == ERR_NONE && options->does_jobs) code = begin_courier(keeper, err);
  if (code == ERR_NONE && pthread_create(&keeper->thread, NULL, run, keeper) != 0)
    code = err_set(err, ERR_UNAVAILABLE, "no thread can be started for grants");
  if (code == ERR_NONE) {
    *ret_keeper = keeper;
    return ERR_NONE;
  }
  timers_free(keeper->timers);
  if (keeper->http) http_client_free(keeper->http);
  loop_stop(&keeper->loop);
  loop_run(&keeper->loop);
  loop_release(&keeper->loop);
  keeper_free(keeper);
  return code;
}

static void end(struct loop_task *task) {
  struct grant_keeper *keeper =
      (struct grant_keeper *)(void *)((char *)task - offsetof(struct grant_keeper, stop_task));
  http_client_free(keeper->http);
  timers_free(keeper->timers);
  loop_stop(&keeper->loop);
}

void keeper_end_when_idle(struct grant_keeper *keeper) {
  if (!keeper->is_stopping || keeper->is_ended || keeper->flights.count > 0 || keeper->n_consents > 0 || keeper->jobs ||
      !courier_is_idle(keeper->courier))
    return;
  keeper->is_ended = true;
  keeper->stop_task.run = end; /* in a turn of its own: this may be a callback of the HTTP client's */
  loop_post(&keeper->loop, &keeper->stop_task);
}

static void stop(struct loop_task *task) {
  struct grant_keeper *keeper =
      (struct grant_keeper *)(void *)((char *)task - offsetof(struct grant_keeper, stop_task));
  keeper->is_stopping = true;
  jobs_stop(keeper);
  if (keeper->courier) courier_stop(keeper->courier);
  keeper_end_when_idle(keeper);
}

void grant_keeper_stop(struct grant_keeper *keeper) {
  if (!keeper) return;
  keeper->stop_task.run = stop;
  loop_post(&keeper->loop, &keeper->stop_task);
  pthread_join(keeper->thread, NULL);
  loop_release(&keeper->loop);
  keeper_free(keeper);
}

void keeper_note(const struct grant_keeper *keeper, const char *event, const struct grant_subject *subject,
                 struct str text) {
  const struct grant_note note = {event, subject->record.name, subject->record.organisation_id, text};
  if (keeper->options.note) keeper->options.note(keeper->options.context, &note);
}

/* ---- the ways in ---- */

static void on_asked(struct loop_task *task) {
  struct grant_request *request = (struct grant_request *)(void *)((char *)task - offsetof(struct grant_request, task));
  flight_ask(request->keeper, request);
}

void grant_lease(struct grant_keeper *keeper, struct grant_request *request) {
  request->code = ERR_NONE;
  request->err = (struct err){0};
  request->credential = NULL;
  request->valid_us = request->grant_version = 0;
  request->link[0] = '\0';
  request->keeper = keeper;
  request->next = NULL;
  request->task.run = on_asked;
  loop_post(&keeper->loop, &request->task);
}

static void on_consent(struct loop_task *task) {
  struct grant_consent *consent = (struct grant_consent *)(void *)((char *)task - offsetof(struct grant_consent, task));
  consent_ask(consent->state, consent);
}

void grant_consent_run(struct grant_keeper *keeper, struct grant_consent *consent) {
  consent->state = keeper;
  consent->task.run = on_consent;
  loop_post(&keeper->loop, &consent->task);
}

static void on_disconnect(struct loop_task *task) {
  struct grant_disconnect *order =
      (struct grant_disconnect *)(void *)((char *)task - offsetof(struct grant_disconnect, task));
  disconnect_ask(order->state, order);
}

void grant_disconnect_run(struct grant_keeper *keeper, struct grant_disconnect *order) {
  order->state = keeper;
  order->task.run = on_disconnect;
  loop_post(&keeper->loop, &order->task);
}
