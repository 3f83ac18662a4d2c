/* Puts together what is known of a connection. Must not know who asks. */
#include "grant/health.h"

#include "base/clock.h"
#include "base/map.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

/* A week, or a quarter of its life. */
int64_t connection_health_ahead_us(const struct grant_record *grant) {
  int64_t life = grant->expires_at - grant->obtained_at;
  return life / 4 < 7 * day_us ? life / 4 : 7 * day_us;
}

static bool is(const struct connection_health *health, const char *status) {
  return str_eq_c(health->status, status);
}

static void fail(struct connection_health *health, int64_t at, struct str text) {
  bool is_over = is(health, "reconnect") || is(health, "disconnected");
  if (is_over && health->last_error.n > 0) return; /* which is why it fails */
  health->last_error_at = at;
  health->last_error = text;
  if (!is_over) health->status = STR("error");
}

static void take_grant(struct connection_health *health, const struct grant_record *grant, int64_t now) {
  if (!grant) return;
  health->status = grant->status;
  health->last_success_at = grant->last_success_at;
  health->last_error_at = grant->last_error_at;
  health->last_error = grant->last_error;
  health->expires_at = grant->expires_at;
  health->renews = grant->has_refresh;
  bool will_end = grant->expires_at && !grant->has_refresh && is(health, "active");
  if (will_end && now >= grant->expires_at)
    health->status = STR("reconnect");
  else if (will_end && now >= grant->expires_at - connection_health_ahead_us(grant))
    health->status = STR("expiring");
}

/* An MCP server's last answer is as good as a check. */
static void take_catalogue(struct connection_health *health, const struct catalogue_record *catalogue) {
  if (!catalogue) return;
  if (catalogue->listed_at > health->last_success_at) health->last_success_at = catalogue->listed_at;
  if (catalogue->error.n > 0)
    fail(health, health->last_error_at, catalogue->error);
  else if (health->status.n == 0)
    health->status = STR("active");
}

/* Of what it has now: a check of an access or a key that was replaced says nothing. */
static void take_check(struct connection_health *health, const struct connection_facts *facts) {
  const struct connection_check_record *check = facts->check;
  if (!check || check->checked_at < facts->connection->credential_at) return;
  if (facts->grant && check->checked_at < facts->grant->last_success_at) return;
  if (!check->is_ok) {
    fail(health, check->checked_at, check->text);
    return;
  }
  health->last_success_at = check->checked_at;
  if (health->status.n == 0 || (is(health, "error") && health->last_error_at < check->checked_at))
    health->status = STR("active");
}

static void take_key(struct arena *arena, struct connection_health *health, const struct connection_facts *facts,
                     int64_t now) {
  const struct connection_record *connection = facts->connection;
  if (connection->credential.n == 0) return;
  if (health->status.n == 0) health->status = STR("active");
  int64_t days = connection->credential_at ? (now - connection->credential_at) / day_us : 0;
  if (days < HEALTH_KEY_DAYS || !is(health, "active")) return;
  health->status = STR("expiring");
  health->advice = arena_printf(arena,
                                "its credential is %lld days old: make a new one at the service, and put it into the "
                                "configuration",
                                (long long)days);
}

static void advise(struct arena *arena, struct connection_health *health, const struct connection_facts *facts) {
  struct str name = facts->connection->name;
  char when[CLOCK_TEXT_SIZE];
  if (health->advice.n > 0) return;
  if (is(health, "expiring")) {
    clock_format(health->expires_at, when);
    health->advice = arena_printf(arena,
                                  "its access ends on %.10s, and only a person can renew it: connek connection connect "
                                  "--connection %.*s",
                                  when, STR_ARG(name));
  } else if (is(health, "reconnect")) {
    health->advice = arena_printf(
        arena, "a person has to connect it again: connek connection connect --connection %.*s", STR_ARG(name));
  }
}

void connection_health_read(struct arena *arena, const struct connection_facts *facts, int64_t now,
                            struct connection_health *ret_health) {
  *ret_health = (struct connection_health){.status = STR(""), .last_error = STR(""), .advice = STR("")};
  take_grant(ret_health, facts->grant, now);
  take_catalogue(ret_health, facts->catalogue);
  take_check(ret_health, facts);
  take_key(arena, ret_health, facts, now);
  advise(arena, ret_health, facts);
  if (!ret_health->advice.p) ret_health->advice = STR("");
}

/* ---- reading ---- */

#define TAKE(list, n, member)                                                              \
  for (size_t k = 0; k < (n); k++) {                                                       \
    struct connection_facts *found = map_get(by_id, uuid_bytes(&(list)[k].connection_id)); \
    if (found) found->member = &(list)[k];                                                 \
  }

static enum err_code take_all(struct db_tx *tx, struct arena *arena, struct uuid organisation_id, struct map *by_id,
                              struct err *err) {
  const struct grant_record *grants;
  const struct connection_check_record *checks;
  const struct catalogue_record *catalogues;
  size_t n_grants, n_checks, n_catalogues;
  enum err_code code = store_grant_list(tx, arena, organisation_id, &grants, &n_grants, err);
  if (code == ERR_NONE) code = store_connection_check_list(tx, arena, organisation_id, &checks, &n_checks, err);
  if (code == ERR_NONE) code = store_catalogue_list(tx, arena, organisation_id, &catalogues, &n_catalogues, err);
  if (code != ERR_NONE) return code;
  TAKE(grants, n_grants, grant)
  TAKE(checks, n_checks, check)
  TAKE(catalogues, n_catalogues, catalogue)
  return ERR_NONE;
}

enum err_code connection_facts_list(struct db_tx *tx, struct arena *arena, struct uuid organisation_id,
                                    struct connection_facts **ret_list, size_t *ret_n, struct err *err) {
  const struct connection_record *connections;
  size_t n;
  struct map by_id;
  enum err_code code = store_connection_list(tx, arena, organisation_id, &connections, &n, err);
  if (code != ERR_NONE) return code;
  struct connection_facts *list = arena_new_n(arena, struct connection_facts, n + 1);
  if (!list) return err_no_memory(err);
  map_init(&by_id);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    list[i].connection = &connections[i];
    if (map_put(&by_id, uuid_bytes(&connections[i].id), &list[i]) != ERR_NONE) code = err_no_memory(err);
  }
  if (code == ERR_NONE) code = take_all(tx, arena, organisation_id, &by_id, err);
  map_release(&by_id);
  if (code != ERR_NONE) return code;
  *ret_list = list;
  *ret_n = n;
  return ERR_NONE;
}
