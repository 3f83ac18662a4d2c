/* One connection's credential, for all who ask for it at the same time: read it, and where its token is about to end
 * renew it, once.
 *
 *   reading -> answered                              fresh, static, or dead already
 *           -> taking the lease -> exchanging -> storing -> answered
 *                    |                  |           '-- stored by somebody else meanwhile: reading again
 *                    |                  '-- failing -> (a link is made) -> answered
 *                    '-- somebody else has it -> waiting -> reading again
 *
 * Invariants:
 *  1. An access token is given to nobody before it, and the refresh token that came with it, are committed.
 *  2. A marker is committed before each exchange, and taken away with its outcome: one that is found tells that an
 *     exchange was cut off.
 *  3. Only a verdict GRANT_DEAD on the very tokens that are still stored makes a grant `reconnect`. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "grant/inner.h"

enum { WAIT_US = 250 * 1000, WAIT_MAX_US = 55 * 1000 * 1000, STORES_MAX = 120, READS_MAX = 400 };

/* ---- the end ---- */

static void answer(struct flight *flight, struct grant_request *request, struct str credential, int64_t valid_us) {
  request->grant_version = flight->has_subject && flight->subject.has_grant ? flight->subject.grant.version : 0;
  request->valid_us = valid_us;
  if (credential.n > 0 && !(request->credential = secret_new(credential.p, credential.n)))
    request->code = err_no_memory(&request->err);
  request->task.run = NULL;
}

static void on_answered(struct loop_task *task) {
  struct grant_request *request = (struct grant_request *)(void *)((char *)task - offsetof(struct grant_request, task));
  request->done(request);
}

static void send_home(struct grant_request *request) {
  request->task.run = on_answered;
  loop_post(request->loop, &request->task);
}

static void flight_end(struct flight *flight, bool is_done) {
  struct grant_keeper *keeper = flight->keeper;
  (void)map_remove(&keeper->flights, uuid_bytes(&flight->connection_id));
  if (flight->has_subject) grant_subject_release(&flight->subject);
  arena_wipe(&flight->arena);
  challenge_free(flight->challenge);
  struct challenge *later = flight->later;
  struct uuid organisation_id = flight->organisation_id, connection_id = flight->connection_id;
  struct job_run *job = flight->job;
  void (*job_ended)(struct job_run *, bool) = flight->job_ended;
  free(flight);
  if (job) job_ended(job, is_done);
  if (later) flight_challenged(keeper, later, organisation_id, connection_id);
  keeper_end_when_idle(keeper);
}

/* `credential`: a JSON object in the arena, or empty. */
static void succeed(struct flight *flight, struct str credential, int64_t valid_us) {
  struct grant_keeper *keeper = flight->keeper;
  struct grant_request *again = NULL;
  while (flight->requests) {
    struct grant_request *request = flight->requests;
    flight->requests = request->next;
    answer(flight, request, credential, valid_us);
    /* Who came while it seemed fresh, and knows better. */
    if (request->refused_version && request->refused_version == request->grant_version && !flight->is_forced) {
      secret_free(request->credential);
      request->next = again;
      again = request;
      continue;
    }
    send_home(request);
  }
  flight_end(flight, !flight->has_failed);
  while (again) {
    struct grant_request *request = again;
    again = request->next;
    grant_lease(keeper, request);
  }
}

void flight_refuse(const struct flight *flight, struct grant_request *request) {
  request->code = flight->why.code;
  request->err = flight->why;
  if (request->wants_link && flight->link[0])
    (void)snprintf(request->link, sizeof(request->link), "%.*s/connect/%s", STR_ARG(flight->keeper->options.public_url),
                   flight->link);
  send_home(request);
}

static void fail_all(struct flight *flight) {
  while (flight->requests) {
    struct grant_request *request = flight->requests;
    flight->requests = request->next;
    flight_refuse(flight, request);
  }
  flight_end(flight, flight->is_dead);
}

static void on_link(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  if (job->code != ERR_NONE) flight->link[0] = '\0';
  fail_all(flight);
}

bool flight_submit(struct flight *flight, db_work work, bool is_write, void (*done)(struct db_job *job)) {
  flight->db_job = (struct db_job){
      .work = work, .context = flight, .is_write = is_write, .scope = flight->organisation_id, .done = done};
  return db_submit(flight->keeper->options.db, &flight->keeper->loop, &flight->db_job);
}

bool flight_wants_link(const struct flight *flight) {
  for (const struct grant_request *request = flight->requests; request; request = request->next)
    if (request->wants_link) return true;
  return false;
}

/* flight->why is filled. */
static void fail(struct flight *flight) {
  bool has_consent = flight->has_subject && connector_oauth_has_consent(flight->subject.oauth);
  if (flight->is_dead && has_consent && flight_wants_link(flight) &&
      flight_submit(flight, flight_link_work, true, on_link))
    return;
  fail_all(flight);
}

static void fail_with(struct flight *flight, enum err_code code, bool is_dead, const char *format, ...)
    PRINTF_LIKE(4, 5);

static void fail_with(struct flight *flight, enum err_code code, bool is_dead, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  (void)err_set(&flight->why, code, "%s", text);
  flight->is_dead = is_dead;
  fail(flight);
}

/* ---- what there is ---- */

static struct str access_token(const struct flight *flight) {
  return json_get_str(flight->subject.tokens, "access_token");
}

/* Its key or client is another one now: what the one before got, or did not get, says nothing. */
static bool has_new_credential(const struct flight *flight, int64_t since) {
  const struct grant_subject *subject = &flight->subject;
  return subject->oauth && !connector_oauth_has_consent(subject->oauth) && subject->record.credential_at > since;
}

static bool is_usable(const struct flight *flight, int64_t now) {
  const struct grant_record *grant = &flight->subject.grant;
  if (flight->is_forced || access_token(flight).n == 0 || has_new_credential(flight, grant->obtained_at)) return false;
  return grant->expires_at == 0 || now < grant->expires_at;
}

static bool is_fresh(const struct flight *flight, int64_t now) {
  const struct grant_record *grant = &flight->subject.grant;
  if (!is_usable(flight, now)) return false;
  return grant->expires_at == 0 || now < grant->expires_at - grant_before_us(flight->subject.oauth, grant);
}

static bool may_renew(const struct flight *flight) {
  const struct connector_oauth *oauth = flight->subject.oauth;
  if (!oauth) return false; /* its connector has no such way any more */
  if (!connector_oauth_has_consent(oauth)) return true;
  return oauth->may_refresh && json_get_str(flight->subject.tokens, "refresh_token").n > 0;
}

static void write_bearer(const struct flight *flight, struct str token, const struct grant_record *grant,
                         struct buf *out) {
  buf_append_c(out, "{\"access_token\":");
  json_write_str(out, token);
  if (flight->subject.fixed->is_discovered) /* who is refused with it can say with which */
    buf_printf(out, ",\"grant_version\":%lld", (long long)grant->version);
  buf_append_byte(out, '}');
}

/* The access token alone: nothing else of a grant is anybody's but the keeper's. */
static void give_token(struct flight *flight, struct str token, const struct grant_record *grant, int64_t now) {
  struct buf out;
  int64_t valid_us = LIMIT_CREDENTIAL_KEPT_MS * INT64_C(1000); /* who keeps it has a shorter time of its own */
  buf_init(&out, &flight->arena, 64 * KIB);
  if (flight->subject.oauth->grant == CONNECTOR_GRANT_OAUTH1)
    grant_oauth1_write_credential(&out, &flight->subject);
  else
    write_bearer(flight, token, grant, &out);
  if (grant->expires_at) {
    int64_t left = grant->expires_at - grant_before_us(flight->subject.oauth, grant) - now;
    if (left < valid_us) valid_us = left > 0 ? left : 0;
  }
  if (buf_failed(&out)) {
    fail_with(flight, ERR_NO_MEMORY, false, "Out of memory");
    return;
  }
  succeed(flight, buf_str(&out), valid_us);
}

static void give_static(struct flight *flight) {
  struct buf out;
  buf_init(&out, &flight->arena, 512 * KIB);
  if (flight->subject.credential) json_write_value(&out, flight->subject.credential);
  if (buf_failed(&out)) {
    fail_with(flight, ERR_NO_MEMORY, false, "Out of memory");
    return;
  }
  succeed(flight, out.n > 0 ? buf_str(&out) : STR_NONE, LIMIT_CREDENTIAL_KEPT_MS * INT64_C(1000));
}

/* ---- storing ---- */

static void on_stored(struct db_job *job);

static void store(struct flight *flight) {
  if (!flight_submit(flight, flight_store_work, true, on_stored)) {
    flight->db_job.code = err_set(&flight->db_job.err, ERR_UNAVAILABLE, "the database has too much to do");
    on_stored(&flight->db_job);
  }
}

static void on_time_to_store(struct timer *timer) {
  store((struct flight *)(void *)((char *)timer - offsetof(struct flight, timer)));
}

static void on_stored(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  struct grant_keeper *keeper = flight->keeper;
  if (job->code == ERR_NONE) {
    keeper_note(keeper, "grant_refreshed", &flight->subject, STR_NONE);
    give_token(flight, flight->answer.access_token, &flight->subject.grant, clock_utc_us());
    return;
  }
  if (job->code == ERR_CONFLICT) { /* a person has connected it again, or it was disconnected */
    flight_read_again(flight);
    return;
  }
  /* The service has given its token and may have ended the old one: that must not be lost for a full disk. */
  if (flight->n_stored++ < STORES_MAX && !keeper->is_ended) {
    flight->timer.run = on_time_to_store;
    timers_set(keeper->timers, &flight->timer, loop_now_us(&keeper->loop) + 500 * 1000);
    return;
  }
  keeper_note(keeper, "grant_failed", &flight->subject, str_of(job->err.text));
  fail_with(flight, ERR_UNAVAILABLE, false, "%.*s: its renewed access could not be stored",
            STR_ARG(flight->subject.record.name));
}

/* ---- failing ---- */

static void on_failure_stored(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  struct str name = flight->subject.record.name, text = flight->answer.text;
  int64_t now = clock_utc_us();
  if (job->code == ERR_CONFLICT) {
    flight_read_again(flight);
    return;
  }
  flight->has_failed = true;
  keeper_note(flight->keeper, flight->answer.verdict == GRANT_DEAD ? "grant_dead" : "grant_failed", &flight->subject,
              text);
  if (flight->answer.verdict != GRANT_DEAD && is_usable(flight, now)) {
    give_token(flight, access_token(flight), &flight->subject.grant, now); /* it is good a while yet */
  } else if (flight->answer.verdict == GRANT_DEAD) {
    fail_with(flight, ERR_UNAVAILABLE, true, "%.*s has to be connected again: %.*s", STR_ARG(name), STR_ARG(text));
  } else {
    fail_with(flight, ERR_UNAVAILABLE, false, "%.*s: its access could not be renewed: %.*s", STR_ARG(name),
              STR_ARG(text));
  }
}

void flight_store_failure(struct flight *flight) {
  if (flight_submit(flight, flight_fail_work, true, on_failure_stored)) return;
  fail_with(flight, ERR_UNAVAILABLE, false, "%.*s: its access could not be renewed: %.*s",
            STR_ARG(flight->subject.record.name), STR_ARG(flight->answer.text));
}

/* ---- exchanging ---- */

static void on_exchanged(void *context, const struct http_client_response *response, const struct err *err) {
  struct flight *flight = context;
  flight->transfer = NULL;
  grant_read_answer(&flight->arena, &flight->subject, &flight->sent, response, err, flight->was_sent, &flight->answer);
  flight_judge_client(flight);
  if (flight->answer.verdict == GRANT_RENEWED)
    store(flight);
  else
    flight_store_failure(flight);
}

static enum err_code add_jwt(struct flight *flight, struct err *err) {
  const struct connector_oauth *oauth = flight->subject.oauth;
  struct str jwt;
  enum err_code code = grant_assertion(&flight->arena, &flight->subject, clock_utc_us(), &jwt, err);
  if (code != ERR_NONE) return code;
  if (oauth->token.n == 0) { /* it is the token */
    flight->answer = (struct grant_answer){.verdict = GRANT_RENEWED,
                                           .access_token = jwt,
                                           .expires_in_us = oauth->jwt_lifetime_us - GRANT_JWT_EARLY_S * 1000000};
    return ERR_NONE;
  }
  grant_add(&flight->sent, "grant_type",
            oauth->grant_type.n ? oauth->grant_type : STR("urn:ietf:params:oauth:grant-type:jwt-bearer"));
  grant_add(&flight->sent, "assertion", jwt);
  return ERR_NONE;
}

static enum err_code begin_exchange(struct flight *flight, struct err *err) {
  const struct grant_subject *subject = &flight->subject;
  const struct connector_oauth *oauth = subject->oauth;
  struct http_client_request request;
  enum err_code code = ERR_NONE;
  flight->was_sent = false;
  flight->sent.n = 0;
  flight->answer = (struct grant_answer){0};
  if (oauth->grant == CONNECTOR_GRANT_JWT) {
    code = add_jwt(flight, err);
    if (code != ERR_NONE || flight->answer.access_token.n > 0) return code;
  } else if (subject->client_id.n == 0) {
    *err = subject->client_problem;
    return ERR_UNAVAILABLE;
  } else if (oauth->grant == CONNECTOR_GRANT_CLIENT) {
    grant_add(&flight->sent, "grant_type", STR("client_credentials"));
    grant_add(&flight->sent, "scope", oauth->scopes);
    grant_add(&flight->sent, "resource", oauth->resource);
  } else {
    grant_add(&flight->sent, "grant_type", STR("refresh_token"));
    grant_add(&flight->sent, "resource", oauth->resource);
    grant_add(&flight->sent, "refresh_token", json_get_str(subject->tokens, "refresh_token"));
  }
  code = grant_request(&flight->arena, subject, &flight->sent, &request, err);
  if (code != ERR_NONE) return code;
  request.timeout_ms = GRANT_EXCHANGE_MS;
  request.ret_was_sent = &flight->was_sent;
  return http_client_send(flight->keeper->http, &flight->arena, &request, on_exchanged, flight, &flight->transfer, err);
}

void flight_exchange(struct flight *flight) {
  struct err err = {0};
  enum err_code code = begin_exchange(flight, &err);
  if (code == ERR_NONE && flight->answer.access_token.n == 0) return; /* on_exchanged */
  if (code == ERR_NONE) {
    store(flight);
    return;
  }
  struct str text = arena_str(&flight->arena, str_of(err.text));
  flight->answer = (struct grant_answer){.verdict = GRANT_WRONG, .is_known = true, .text = text};
  flight_store_failure(flight);
}

/* ---- the lease ---- */

static void on_waited(struct timer *timer) {
  flight_read_again((struct flight *)(void *)((char *)timer - offsetof(struct flight, timer)));
}

static void wait_for_other(struct flight *flight) {
  struct grant_keeper *keeper = flight->keeper;
  int64_t now = loop_now_us(&keeper->loop);
  if (now - flight->begun_us > WAIT_MAX_US || keeper->is_stopping) {
    fail_with(flight, ERR_UNAVAILABLE, false, "%.*s: its access is being renewed elsewhere, and that takes too long",
              STR_ARG(flight->subject.record.name));
    return;
  }
  flight->timer.run = on_waited;
  timers_set(keeper->timers, &flight->timer, now + WAIT_US);
}

static void on_taken(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  int64_t now = clock_utc_us();
  const struct connector_oauth *oauth = flight->subject.fixed;
  if (job->code == ERR_NONE && oauth->is_discovered && oauth->grant == CONNECTOR_GRANT_CLIENT) {
    flight_find(flight);
  } else if (job->code == ERR_NONE) {
    flight_exchange(flight);
  } else if (job->code != ERR_CONFLICT) {
    flight->why = job->err;
    fail(flight);
  } else if (is_usable(flight, now)) {
    give_token(flight, access_token(flight), &flight->subject.grant, now);
  } else {
    wait_for_other(flight);
  }
}

/* ---- reading ---- */

static void renew(struct flight *flight) {
  if (flight_submit(flight, flight_take_work, true, on_taken)) return;
  fail_with(flight, ERR_UNAVAILABLE, false, "the database has too much to do");
}

static void refuse_dead(struct flight *flight) {
  const struct grant_record *grant = &flight->subject.grant;
  struct str name = flight->subject.record.name, text = grant->last_error;
  if (flight->subject.has_moved) {
    fail_with(flight, ERR_UNAVAILABLE, true, "%.*s has to be connected again: its connector names another server now",
              STR_ARG(name));
  } else if (!flight->subject.has_grant) {
    fail_with(flight, ERR_UNAVAILABLE, true, "%.*s is not connected yet", STR_ARG(name));
  } else if (str_eq(grant->status, STR("disconnected"))) {
    fail_with(flight, ERR_UNAVAILABLE, true, "%.*s was disconnected", STR_ARG(name));
  } else {
    fail_with(flight, ERR_UNAVAILABLE, true, "%.*s has to be connected again%s%.*s", STR_ARG(name),
              text.n > 0 ? ": " : "", STR_ARG(text));
  }
}

static void end_grant(struct flight *flight, struct str text) {
  flight->answer = (struct grant_answer){.verdict = GRANT_DEAD, .is_known = true, .text = text};
  flight_store_failure(flight);
}

static void refuse_early(struct flight *flight, int64_t now) {
  const struct grant_record *grant = &flight->subject.grant;
  int64_t wait_s = (grant->retry_at - now) / 1000000 + 1;
  fail_with(flight, ERR_UNAVAILABLE, false, "%.*s: its access could not be renewed: %.*s. It is tried again in %lld s",
            STR_ARG(flight->subject.record.name), STR_ARG(grant->last_error), (long long)wait_s);
}

void flight_decide(struct flight *flight) {
  const struct grant_subject *subject = &flight->subject;
  const struct grant_record *grant = &subject->grant;
  int64_t now = clock_utc_us();
  bool has_consent = connector_oauth_has_consent(subject->oauth);
  bool is_over = str_eq(grant->status, STR("reconnect")) || str_eq(grant->status, STR("disconnected"));
  bool is_live = subject->has_grant && subject->tokens && !is_over;
  flight->is_forced = false;
  for (const struct grant_request *request = flight->requests; request; request = request->next)
    flight->is_forced |= subject->has_grant && request->refused_version == grant->version;
  flight->is_forced |= subject->has_grant && flight->refused_version == grant->version;
  bool is_due = flight->job && is_live && may_renew(flight); /* an idle one, to keep it alive */
  bool must_wait = subject->has_grant && grant->retry_at > now && !has_new_credential(flight, grant->last_error_at);
  if (grant_is_static(subject)) {
    give_static(flight);
  } else if (has_consent && subject->is_damaged && !is_over) {
    end_grant(flight, STR("what its service granted does not open here: it was damaged, or moved, in the database"));
  } else if ((has_consent && !is_live) || (subject->has_grant && str_eq(grant->status, STR("disconnected")))) {
    refuse_dead(flight);
  } else if (is_fresh(flight, now) && !is_due) { /* NOLINT(bugprone-branch-clone): what is between comes first */
    give_token(flight, access_token(flight), grant, now);
  } else if (must_wait && is_usable(flight, now)) {
    flight->has_failed = true;
    give_token(flight, access_token(flight), grant, now);
  } else if (must_wait) {
    refuse_early(flight, now);
  } else if (may_renew(flight)) {
    renew(flight);
  } else if (is_usable(flight, now)) {
    give_token(flight, access_token(flight), grant, now);
  } else if (flight->is_forced && (grant->expires_at == 0 || now < grant->expires_at)) {
    fail_with(flight, ERR_DENIED, false, "%.*s: there is no other token", STR_ARG(subject->record.name));
  } else {
    end_grant(flight, STR("its access has ended, and the service gave no way to renew it"));
  }
}

static void on_read(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  if (job->code != ERR_NONE) {
    flight->why = job->err;
    fail(flight);
    return;
  }
  flight->has_subject = true;
  if (flight->challenge)
    challenge_decide(flight);
  else if (scope_is_wanted(flight))
    scope_refuse(flight);
  else
    flight_decide(flight);
}

static void read_now(struct flight *flight) {
  if (flight_submit(flight, flight_read_work, false, on_read)) return;
  fail_with(flight, ERR_UNAVAILABLE, false, "the database has too much to do");
}

void flight_read_again(struct flight *flight) {
  if (flight->has_subject) grant_subject_release(&flight->subject);
  flight->has_subject = false;
  arena_wipe(&flight->arena);
  arena_init(&flight->arena, 0);
  if (++flight->n_read > READS_MAX) {
    fail_with(flight, ERR_UNAVAILABLE, false, "the connection is being changed too often to be used");
    return;
  }
  read_now(flight);
}

/* ---- asked ---- */

static struct flight *flight_new(struct grant_keeper *keeper, struct uuid organisation_id, struct uuid connection_id) {
  struct flight *flight = calloc(1, sizeof(*flight));
  if (!flight) return NULL;
  flight->keeper = keeper;
  flight->organisation_id = organisation_id;
  flight->connection_id = connection_id;
  flight->begun_us = loop_now_us(&keeper->loop);
  arena_init(&flight->arena, 0);
  if (map_put(&keeper->flights, uuid_bytes(&flight->connection_id), flight) == ERR_NONE) return flight;
  free(flight);
  return NULL;
}

void flight_ask(struct grant_keeper *keeper, struct grant_request *request) {
  struct flight *flight = map_get(&keeper->flights, uuid_bytes(&request->connection_id));
  bool is_new = !flight;
  if (is_new && !keeper->is_stopping) flight = flight_new(keeper, request->organisation_id, request->connection_id);
  if (!flight || !uuid_eq(flight->organisation_id, request->organisation_id)) {
    request->code = err_set(&request->err, ERR_UNAVAILABLE,
                            keeper->is_stopping ? "the server is stopping" : "the credential cannot be looked at now");
    send_home(request);
    return;
  }
  request->next = flight->requests;
  flight->requests = request;
  if (is_new) read_now(flight);
}

void flight_for_job(struct grant_keeper *keeper, struct uuid organisation_id, struct uuid connection_id,
                    struct job_run *run, void (*ended)(struct job_run *run, bool is_done)) {
  struct flight *flight = map_get(&keeper->flights, uuid_bytes(&connection_id));
  if (flight) { /* it is looked at already */
    ended(run, true);
    return;
  }
  flight = flight_new(keeper, organisation_id, connection_id);
  if (!flight) {
    ended(run, false);
    return;
  }
  flight->job = run;
  flight->job_ended = ended;
  read_now(flight);
}

void flight_challenged(struct grant_keeper *keeper, struct challenge *challenge, struct uuid organisation_id,
                       struct uuid connection_id) {
  struct flight *flight = map_get(&keeper->flights, uuid_bytes(&connection_id));
  if (flight) { /* looked at when that has ended; of several the first */
    if (flight->later || keeper->is_stopping)
      challenge_free(challenge);
    else
      flight->later = challenge;
    return;
  }
  flight = keeper->is_stopping ? NULL : flight_new(keeper, organisation_id, connection_id);
  if (!flight) {
    challenge_free(challenge);
    return;
  }
  flight->challenge = challenge;
  read_now(flight);
}
