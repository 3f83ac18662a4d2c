/* A server that says itself who grants access to it has refused what it was sent. What that means for the connection:
 *
 *   nothing was granted yet, or no more     `reconnect`, and why
 *   it names another authorization server   `reconnect`: what the one before gave is sent nowhere any more
 *   the token is good, but not for this     noted: the next consent asks for more as well
 *   the token can be renewed                it is
 *   it cannot                               `reconnect`
 *
 * A challenge of a token that is not the newest any more says nothing. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "grant/inner.h"

enum { PART_MAX = 2 * KIB, AGAIN_US = 5 * 1000 * 1000 };

struct challenge {
  struct loop_task task;
  struct grant_keeper *keeper;
  struct grant_challenge said; /* its texts point behind this */
  /* how the grant is then */
  struct str status, text, json;
  bool is_new_row;
};

void challenge_free(struct challenge *challenge) {
  free(challenge);
}

/* ---- coming in ---- */

static void on_challenge(struct loop_task *task) {
  struct challenge *challenge = (struct challenge *)(void *)task;
  flight_challenged(challenge->keeper, challenge, challenge->said.organisation_id, challenge->said.connection_id);
}

void grant_challenged(struct grant_keeper *keeper, const struct grant_challenge *challenge) {
  struct str metadata = challenge->resource_metadata, scope = challenge->scope;
  if (metadata.n > PART_MAX || scope.n > PART_MAX) return;
  struct challenge *copy = calloc(1, sizeof(*copy) + metadata.n + scope.n + 1);
  if (!copy) return; /* it is refused again soon */
  char *text = (char *)(copy + 1);
  if (metadata.n > 0) memcpy(text, metadata.p, metadata.n);
  if (scope.n > 0) memcpy(text + metadata.n, scope.p, scope.n);
  copy->keeper = keeper;
  copy->said = *challenge;
  copy->said.resource_metadata = str_make(text, metadata.n);
  copy->said.scope = str_make(text + metadata.n, scope.n);
  copy->task.run = on_challenge;
  loop_post(&keeper->loop, &copy->task);
}

/* ---- what is stored ---- */

static bool fill_json(struct flight *flight) {
  struct challenge *challenge = flight->challenge;
  struct buf json;
  buf_init(&json, &flight->arena, 8 * PART_MAX);
  buf_append_c(&json, "{\"resource_metadata\":");
  json_write_str(&json, challenge->said.resource_metadata);
  buf_append_c(&json, ",\"scope\":");
  json_write_str(&json, challenge->said.scope);
  buf_append_byte(&json, '}');
  challenge->json = buf_str(&json);
  return !buf_failed(&json);
}

/* What it lists has changed with that, and snapshots know that there is a grant. */
static enum err_code tell_snapshots(struct db_tx *tx, const struct flight *flight, int64_t now, struct err *err) {
  enum err_code code = store_connection_touch(tx, flight->organisation_id, flight->connection_id, now, err);
  if (code != ERR_NONE) return code;
  return store_change_log(tx, flight->organisation_id, CHANGE_ORGANISATION, flight->connection_id, err);
}

static enum err_code store_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  const struct challenge *challenge = flight->challenge;
  struct grant_record record = flight->subject.grant;
  int64_t now = clock_utc_us();
  bool was_live = flight->subject.has_grant && !str_eq(record.status, STR("reconnect"));
  record.connection_id = flight->connection_id;
  record.organisation_id = flight->organisation_id;
  record.status = challenge->status;
  record.last_error = challenge->text;
  record.last_error_at = now;
  record.challenge = challenge->json;
  enum err_code code =
      challenge->is_new_row ? store_grant_put(tx, &record, err) : store_grant_challenged(tx, &record, err);
  bool is_end = str_eq(challenge->status, STR("reconnect")) && (was_live || challenge->is_new_row);
  if (code == ERR_NONE && is_end)
    code = store_grant_event_insert(
        tx, &(struct grant_event_record){flight->connection_id, now, STR("reconnect"), challenge->text}, err);
  if (code == ERR_NONE && is_end) code = grant_tell_failed(tx, &flight->arena, &flight->subject, challenge->text, err);
  if (code == ERR_NONE && challenge->is_new_row) code = tell_snapshots(tx, flight, now, err);
  return code;
}

static void go_on(struct flight *flight) {
  challenge_free(flight->challenge);
  flight->challenge = NULL;
  flight_read_again(flight);
}

static void on_stored(struct db_job *job) {
  struct flight *flight = (struct flight *)(void *)((char *)job - offsetof(struct flight, db_job));
  struct grant_keeper *keeper = flight->keeper;
  const struct challenge *challenge = flight->challenge;
  if (job->code == ERR_NONE) {
    bool is_end = str_eq(challenge->status, STR("reconnect"));
    keeper_note(keeper, is_end ? "grant_dead" : "grant_failed", &flight->subject, challenge->text);
    if (challenge->is_new_row && keeper->options.changed) keeper->options.changed(keeper->options.context);
  }
  go_on(flight);
}

static void store(struct flight *flight, const char *status, struct str text) {
  struct challenge *challenge = flight->challenge;
  const struct grant_record *grant = &flight->subject.grant;
  challenge->status = str_of(status);
  challenge->text = text;
  challenge->is_new_row = !flight->subject.has_grant;
  bool is_known = text.p && fill_json(flight) && !challenge->is_new_row && str_eq(grant->status, challenge->status) &&
                  str_eq(grant->last_error, text) && str_eq(grant->challenge, challenge->json);
  if (is_known || !text.p || !challenge->json.p || !flight_submit(flight, store_work, true, on_stored)) go_on(flight);
}

/* ---- who is named now? ---- */

static void judge_refusal(struct flight *flight) {
  const struct grant_subject *subject = &flight->subject;
  struct str name = subject->record.name, host = grant_host(subject->oauth->issuer);
  if (!subject->grant.has_refresh) {
    store(flight, "reconnect",
          arena_printf(&flight->arena, "%.*s no longer accepts its token, and %.*s gave no way to renew it",
                       STR_ARG(name), STR_ARG(host)));
    return;
  }
  flight->refused_version = flight->challenge->said.grant_version;
  go_on(flight);
}

static void on_named(struct grant_discovery *discovery, const struct err *failure) {
  struct flight *flight = discovery->context;
  const struct grant_subject *subject = &flight->subject;
  struct str known = subject->authorization.issuer;
  if (failure) { /* nothing is known of a change */
    judge_refusal(flight);
    return;
  }
  for (size_t i = 0; i < discovery->resource.n_issuers; i++) {
    if (!str_eq(discovery->resource.issuers[i], known)) continue;
    judge_refusal(flight);
    return;
  }
  struct str now = grant_clean(&flight->arena, discovery->resource.issuers[0], 160);
  store(flight, "reconnect",
        arena_printf(&flight->arena,
                     "%.*s now names another authorization server, %.*s in place of %.*s: what was granted there is "
                     "withheld. Connect it again only if that change is meant",
                     STR_ARG(subject->record.name), STR_ARG(now), STR_ARG(known)));
}

static void ask_who(struct flight *flight) {
  const struct grant_discovery asked = {.metadata_url = flight->challenge->said.resource_metadata,
                                        .issuer = flight->subject.authorization.issuer,
                                        .is_resource_alone = true,
                                        .done = on_named};
  struct err err = {0};
  if (flight_discover(flight, &asked, &err) != ERR_NONE) judge_refusal(flight);
}

/* ---- deciding ---- */

bool challenge_may_step_up(struct arena *arena, const struct grant_subject *subject, struct str *ret_scope) {
  yyjson_doc *doc;
  struct str json = subject->grant.challenge;
  if (json.n == 0 || json_read(arena, json, &doc, NULL) != ERR_NONE) return false;
  *ret_scope = json_get_str(yyjson_doc_get_root(doc), "scope");
  /* What was asked for before and refused all the same would be so again: no person is sent around in circles. */
  return ret_scope->n > 0 && !grant_scopes_within(*ret_scope, subject->authorization.scopes);
}

static void note_scope(struct flight *flight) {
  const struct grant_subject *subject = &flight->subject;
  struct str name = subject->record.name, scope = grant_clean(&flight->arena, flight->challenge->said.scope, 160);
  bool was_asked = grant_scopes_within(flight->challenge->said.scope, subject->authorization.scopes);
  store(flight, "active",
        was_asked ? arena_printf(&flight->arena, "%.*s refuses although it was asked for all that it wants (%.*s)",
                                 STR_ARG(name), STR_ARG(scope))
                  : arena_printf(&flight->arena,
                                 "%.*s wants more than was granted (%.*s): connect it again to grant that as well",
                                 STR_ARG(name), STR_ARG(scope)));
}

void challenge_decide(struct flight *flight) {
  const struct grant_subject *subject = &flight->subject;
  const struct grant_challenge *said = &flight->challenge->said;
  const struct grant_record *grant = &subject->grant;
  bool is_ours = subject->fixed && subject->fixed->is_discovered && subject->fixed->grant == CONNECTOR_GRANT_CODE &&
                 !grant_is_static(subject);
  bool is_live = subject->has_grant && subject->tokens && !str_eq(grant->status, STR("reconnect")) &&
                 !str_eq(grant->status, STR("disconnected"));
  int64_t age_us = clock_utc_us() - grant->last_error_at;
  bool was_ended = subject->has_grant && str_eq(grant->status, STR("disconnected"));
  bool is_outdated = is_live && said->grant_version != grant->version;
  bool was_just_seen = is_live && !said->wants_scope && grant->last_error_at && age_us >= 0 && age_us < AGAIN_US;
  if (!is_ours || was_ended || is_outdated || was_just_seen) {
    go_on(flight);
  } else if (!is_live) {
    struct str reason = subject->has_grant && grant->last_error.n > 0
                            ? grant->last_error
                            : arena_printf(&flight->arena, "%.*s wants a person's consent before it lets anybody in",
                                           STR_ARG(subject->record.name));
    store(flight, "reconnect", reason);
  } else if (said->wants_scope) {
    note_scope(flight);
  } else {
    ask_who(flight);
  }
}
