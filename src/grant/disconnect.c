/* Ends a grant: at the service, where it takes that (RFC 7009), and here in any case. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "grant/inner.h"

enum { REVOKE_MS = 15 * 1000 };

struct ending {
  struct db_job db_job; /* first */
  struct grant_keeper *keeper;
  struct grant_disconnect *order;
  struct arena arena; /* holds secrets */
  struct grant_subject subject;
  bool has_subject;
  struct http_transfer *transfer;
};

static void on_home(struct loop_task *task) {
  struct grant_disconnect *order =
      (struct grant_disconnect *)(void *)((char *)task - offsetof(struct grant_disconnect, task));
  order->done(order);
}

static void end(struct ending *ending, enum err_code code, const struct err *err) {
  struct grant_keeper *keeper = ending->keeper;
  struct grant_disconnect *order = ending->order;
  order->code = code;
  if (code != ERR_NONE) order->err = *err;
  if (ending->has_subject) grant_subject_release(&ending->subject);
  arena_wipe(&ending->arena);
  free(ending);
  keeper->n_consents--;
  order->task.run = on_home;
  loop_post(order->loop, &order->task);
  keeper_end_when_idle(keeper);
}

static enum err_code store_work(struct db_tx *tx, void *context, struct err *err) {
  struct ending *ending = context;
  const struct grant_disconnect *order = ending->order;
  int64_t now = clock_utc_us();
  enum err_code code = store_grant_disconnect(tx, order->organisation_id, order->connection_id, now, err);
  if (code == ERR_NONE)
    code = store_grant_event_insert(
        tx, &(struct grant_event_record){order->connection_id, now, STR("disconnected"), STR_NONE}, err);
  if (code == ERR_NONE) code = store_job_delete(tx, STR("refresh"), uuid_bytes(&order->connection_id), err);
  if (code == ERR_NONE) code = store_job_delete(tx, STR("expiring"), uuid_bytes(&order->connection_id), err);
  if (code == ERR_NONE)
    code = grant_record_change(tx, &ending->arena, &ending->subject, "connection.disconnect", order->author, err);
  if (code == ERR_NONE)
    code = store_change_log(tx, order->organisation_id, CHANGE_ORGANISATION, order->connection_id, err);
  return code;
}

static void on_stored(struct db_job *job) {
  struct ending *ending = (struct ending *)(void *)job;
  struct grant_keeper *keeper = ending->keeper;
  if (job->code == ERR_NONE && keeper->options.changed) keeper->options.changed(keeper->options.context);
  end(ending, job->code, &job->err);
}

static void submit(struct ending *ending, db_work work, bool is_write, void (*done)(struct db_job *job)) {
  struct err err;
  struct grant_keeper *keeper = ending->keeper;
  ending->db_job = (struct db_job){
      .work = work, .context = ending, .is_write = is_write, .scope = ending->order->organisation_id, .done = done};
  if (!db_submit(keeper->options.db, &keeper->loop, &ending->db_job))
    end(ending, err_set(&err, ERR_UNAVAILABLE, "the database has too much to do"), &err);
}

static void on_revoked(void *context, const struct http_client_response *response, const struct err *err) {
  struct ending *ending = context;
  struct grant_disconnect *order = ending->order;
  struct str host = grant_host(ending->subject.oauth->revoke);
  ending->transfer = NULL;
  order->is_revoked = response && response->status >= 200 && response->status < 300;
  if (!order->is_revoked && response)
    (void)err_set(&order->remark, ERR_UPSTREAM, "%.*s answered %d to the revocation", STR_ARG(host), response->status);
  else if (!order->is_revoked)
    order->remark = *err;
  submit(ending, store_work, true, on_stored);
}

/* The refresh token where there is one: most services end what came of it as well. */
static bool revoke_there(struct ending *ending) {
  const struct grant_subject *subject = &ending->subject;
  struct grant_parameters parameters = {.n = 0};
  struct http_client_request request;
  struct str token = json_get_str(subject->tokens, "refresh_token");
  bool is_refresh = token.n > 0;
  if (!is_refresh) token = json_get_str(subject->tokens, "access_token");
  if (!subject->oauth || subject->oauth->revoke.n == 0 || token.n == 0) return false;
  grant_add(&parameters, "token", token);
  grant_add(&parameters, "token_type_hint", is_refresh ? STR("refresh_token") : STR("access_token"));
  if (grant_request(&ending->arena, subject, &parameters, &request, &ending->order->remark) != ERR_NONE) return false;
  request.url = subject->oauth->revoke;
  request.timeout_ms = REVOKE_MS;
  return http_client_send(ending->keeper->http, &ending->arena, &request, on_revoked, ending, &ending->transfer,
                          &ending->order->remark) == ERR_NONE;
}

static enum err_code read_work(struct db_tx *tx, void *context, struct err *err) {
  struct ending *ending = context;
  return grant_subject_load(tx, &ending->arena, ending->keeper->options.vault, ending->order->organisation_id,
                            ending->order->connection_id, &ending->subject, err);
}

static void on_read(struct db_job *job) {
  struct ending *ending = (struct ending *)(void *)job;
  if (job->code != ERR_NONE) {
    end(ending, job->code, &job->err);
    return;
  }
  ending->has_subject = true;
  if (!revoke_there(ending)) submit(ending, store_work, true, on_stored);
}

void disconnect_ask(struct grant_keeper *keeper, struct grant_disconnect *order) {
  struct ending *ending = keeper->is_stopping ? NULL : calloc(1, sizeof(*ending));
  if (!ending) {
    order->code = err_set(&order->err, ERR_UNAVAILABLE, "this cannot be done now");
    order->task.run = on_home;
    loop_post(order->loop, &order->task);
    return;
  }
  ending->keeper = keeper;
  ending->order = order;
  arena_init(&ending->arena, 0);
  keeper->n_consents++;
  submit(ending, read_work, false, on_read);
}
