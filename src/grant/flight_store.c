/* What a flight asks of the database, each in one transaction on a store thread. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "codec/json.h"
#include "grant/inner.h"
#include "vault/places.h"

static const int64_t second_us = 1000000;

enum err_code flight_read_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  return grant_subject_load(tx, &flight->arena, flight->keeper->options.vault, flight->organisation_id,
                            flight->connection_id, &flight->subject, err);
}

/* A grant that needs no person begins with its first exchange. */
static enum err_code ensure_row(struct db_tx *tx, struct flight *flight, struct err *err) {
  struct grant_subject *subject = &flight->subject;
  if (subject->has_grant) return ERR_NONE;
  const struct grant_record record = {.connection_id = flight->connection_id,
                                      .organisation_id = flight->organisation_id,
                                      .status = STR("error"),
                                      .last_error = STR("it was never used yet")};
  enum err_code code = store_grant_put(tx, &record, err);
  if (code == ERR_NONE)
    code = store_grant_get(tx, &flight->arena, flight->organisation_id, flight->connection_id, &subject->grant, err);
  if (code == ERR_NONE) subject->has_grant = true;
  return code;
}

enum err_code flight_take_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  struct grant_record now_stored;
  int64_t now = clock_utc_us();
  enum err_code code = ensure_row(tx, flight, err);
  if (code == ERR_NONE)
    code = store_grant_get(tx, &flight->arena, flight->organisation_id, flight->connection_id, &now_stored, err);
  if (code != ERR_NONE) return code;
  /* Renewed since it was read: not ours to renew. It is read again. */
  if (now_stored.version != flight->subject.grant.version)
    return err_set(err, ERR_CONFLICT, "the connection was renewed by somebody else meanwhile");
  flight->was_interrupted = now_stored.exchange_at != 0;
  return store_grant_take(tx, flight->connection_id, flight->keeper->id, now, now + GRANT_LEASE_S * second_us, err);
}

static enum err_code add_event(struct db_tx *tx, const struct flight *flight, const char *what, struct str text,
                               struct err *err) {
  return store_grant_event_insert(
      tx, &(struct grant_event_record){flight->connection_id, clock_utc_us(), str_of(what), text}, err);
}

static enum err_code seal_tokens(struct db_tx *tx, struct flight *flight, struct str *ret_sealed, struct err *err) {
  struct vault_keys *keys = NULL;
  struct str json, authorization = STR_NONE;
  const struct grant_answer *answer = &flight->answer;
  struct str refresh = answer->refresh_token;
  if (refresh.n == 0)
    refresh = json_get_str(flight->subject.tokens, "refresh_token"); /* RFC 6749, 6: the old one stays */
  enum err_code code = ERR_NONE;
  if (flight->subject.has_authorization)
    code = grant_authorization_write(&flight->arena, &flight->subject.authorization, &authorization, err);
  if (code == ERR_NONE)
    code = grant_tokens_write(&flight->arena, answer->access_token, refresh, authorization, &json, err);
  flight->subject.grant.has_refresh = grant_renews(flight->subject.oauth, refresh);
  /* The keys of now: they may have changed during the exchange. */
  if (code == ERR_NONE)
    code = grant_keys(tx, &flight->arena, flight->keeper->options.vault, flight->organisation_id, &keys, err);
  if (code == ERR_NONE)
    code = vault_seal(keys, &flight->arena, vault_place_grant(&flight->connection_id), json, ret_sealed, err);
  vault_keys_free(keys);
  return code;
}

/* What snapshots hold of a grant: the settings that came with it. */
static enum err_code store_captured(struct db_tx *tx, const struct flight *flight, struct str before, int64_t now,
                                    struct err *err) {
  if (str_eq(before, flight->subject.grant.captured)) return ERR_NONE;
  enum err_code code = store_connection_touch(tx, flight->organisation_id, flight->connection_id, now, err);
  if (code != ERR_NONE) return code;
  return store_change_log(tx, flight->organisation_id, CHANGE_ORGANISATION, flight->connection_id, err);
}

enum err_code flight_store_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  struct grant_subject *subject = &flight->subject;
  struct grant_record record = subject->grant;
  const struct grant_answer *answer = &flight->answer;
  yyjson_doc *known = NULL;
  int64_t now = clock_utc_us();
  enum err_code code = seal_tokens(tx, flight, &record.secret, err);
  record.has_refresh = subject->grant.has_refresh;
  record.obtained_at = now;
  int64_t lifetime = answer->expires_in_us ? answer->expires_in_us : subject->oauth->lifetime_us;
  record.expires_at = lifetime ? now + lifetime : 0;
  if (answer->scopes.n > 0) record.scopes = answer->scopes;
  if (code == ERR_NONE) code = json_read(&flight->arena, record.captured, &known, err);
  if (code == ERR_NONE)
    code =
        grant_capture(&flight->arena, subject->oauth, yyjson_doc_get_root(known), NULL, answer, &record.captured, err);
  if (code == ERR_NONE) code = store_grant_refreshed(tx, &record, err);
  if (code != ERR_NONE) return code;
  struct str before = subject->grant.captured;
  subject->grant = record;
  code = store_captured(tx, flight, before, now, err);
  if (code == ERR_NONE) code = add_event(tx, flight, "refreshed", STR_NONE, err);
  if (code == ERR_NONE) code = grant_schedule(tx, subject->oauth, &record, now, err);
  if (code == ERR_NONE) subject->grant.version = record.version + 1;
  if (code != ERR_NONE) subject->grant.captured = before; /* it is tried again */
  return code;
}

/* Doubled each time, with jitter: many connections of a service that was away must not come back as one. */
static int64_t backoff_us(int64_t failures) {
  uint32_t random;
  int64_t wait = 2 * second_us << (failures < 8 ? failures : 8);
  random_bytes(&random, sizeof(random));
  return wait / 2 + (int64_t)(random % (uint32_t)(wait / 1000000 + 1)) * second_us / 2;
}

enum err_code flight_fail_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  struct grant_record record = flight->subject.grant;
  struct grant_answer *answer = &flight->answer;
  int64_t now = clock_utc_us();
  bool is_dead = answer->verdict == GRANT_DEAD;
  enum err_code code = ensure_row(tx, flight, err);
  if (code != ERR_NONE) return code;
  if (record.version == 0) record = flight->subject.grant;
  if (is_dead && flight->was_interrupted) {
    struct str text =
        arena_printf(&flight->arena, "%.*s. Connek was cut off while it renewed the access before, which may be why",
                     STR_ARG(answer->text));
    if (text.p) answer->text = text;
  }
  bool has_ended = record.secret.n == 0 || (record.expires_at && now >= record.expires_at);
  record.status = is_dead ? STR("reconnect") : has_ended ? STR("error") : STR("active");
  record.last_error = answer->text;
  record.last_error_at = now;
  int64_t wait = backoff_us(record.failures);
  record.failures++;
  record.retry_at = is_dead ? 0 : now + (answer->after_us > wait ? answer->after_us : wait);
  code = store_grant_failed(tx, &record, answer->is_known, err);
  if (code == ERR_NONE) code = add_event(tx, flight, is_dead ? "reconnect" : "failed", answer->text, err);
  if (code == ERR_NONE && is_dead) code = grant_tell_failed(tx, &flight->arena, &flight->subject, answer->text, err);
  if (code == ERR_NONE) flight->subject.grant = record;
  return code;
}

enum err_code flight_link_work(struct db_tx *tx, void *context, struct err *err) {
  struct flight *flight = context;
  return grant_link_new(tx, flight->organisation_id, flight->connection_id, STR_NONE,
                        clock_utc_us() + GRANT_LINK_S * second_us, flight->link, err);
}
