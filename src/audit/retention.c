/* Retention: the setting, and one step of removal. Must not know whose turn it is: the keeper's jobs (src/grant). */
#include "audit/retention.h"

#include <inttypes.h>

#include "audit/entry.h"
#include "audit/fact.h"
#include "audit/tombstone.h"
#include "base/limits.h"
#include "store/grant.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

/* ---- the setting ---- */

static void setting_mac(const struct vault_keys *keys, const struct audit_retention_record *record,
                        uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  uint8_t bytes[1 + 16 + 8 + 8], *at = bytes;
  *at++ = 'r'; /* chain.c and tombstone.c have the others */
  memcpy(at, record->organisation_id.b, 16);
  at = audit_mac_number(at + 16, record->days);
  at = audit_mac_number(at, record->set_at);
  vault_mac(keys, "audit-head", str_make((char *)bytes, (size_t)(at - bytes)), ret_mac);
}

static enum err_code find_setting(struct db_tx *tx, struct uuid organisation_id,
                                  struct audit_retention_record *ret_record, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  *ret_record = (struct audit_retention_record){.organisation_id = organisation_id};
  enum err_code code = store_audit_retention_get(tx, &arena, organisation_id, ret_record, err);
  arena_release(&arena);
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

enum err_code retention_get(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                            int64_t *ret_days, struct err *err) {
  struct audit_retention_record record;
  uint8_t mac[AUDIT_MAC_SIZE];
  enum err_code code = find_setting(tx, organisation_id, &record, err);
  if (code != ERR_NONE) return code;
  if (record.days) {
    setting_mac(keys, &record, mac);
    if (memcmp(mac, record.mac, AUDIT_MAC_SIZE) != 0)
      return err_set(err, ERR_CONFLICT,
                     "how long records are kept was changed in the database itself: nothing is removed until an owner "
                     "sets it again");
  }
  *ret_days = record.days;
  return ERR_NONE;
}

enum err_code retention_set(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id, int64_t days,
                            int64_t now, struct err *err) {
  struct audit_retention_record record = {.organisation_id = organisation_id, .days = days, .set_at = now};
  const struct job_record job = {.kind = STR(RETENTION_JOB),
                                 .subject = uuid_bytes(&organisation_id),
                                 .organisation_id = organisation_id,
                                 .due_at = now + RETENTION_DELAY_S * INT64_C(1000000)};
  if (days == 0) {
    enum err_code code = store_audit_retention_delete(tx, organisation_id, err);
    return code == ERR_NONE ? store_job_delete(tx, job.kind, job.subject, err) : code;
  }
  if (days < RETENTION_DAYS_MIN || days > RETENTION_DAYS_MAX)
    return err_set(err, ERR_INVALID, "must be from %d to %d days, or 0: for ever", RETENTION_DAYS_MIN,
                   RETENTION_DAYS_MAX);
  setting_mac(keys, &record, record.mac);
  enum err_code code = store_audit_retention_put(tx, &record, err);
  return code == ERR_NONE ? store_job_put(tx, &job, err) : code;
}

int64_t retention_end(int64_t now, int64_t days) {
  return (now / day_us - days) * day_us;
}

static enum err_code look_at_chain(struct db_tx *tx, struct uuid organisation_id, const struct audit_chain_state *chain,
                                   struct retention_left *left, struct err *err) {
  int64_t first = 0;
  enum err_code code = store_audit_first_time(tx, organisation_id, chain->writer, chain->removed, &first, err);
  if (first && (!left->first_at || first < left->first_at)) left->first_at = first;
  return code;
}

enum err_code retention_look(struct db_tx *tx, struct uuid organisation_id, struct retention_left *ret_left,
                             struct err *err) {
  struct audit_retention_record record;
  const struct audit_chain_state *chains = NULL;
  const struct audit_tombstone_row *tombstones = NULL;
  struct retention_left left = {0};
  struct arena arena;
  size_t n = 0, n_tombstones = 0;
  arena_init(&arena, 0);
  enum err_code code = find_setting(tx, organisation_id, &record, err);
  if (code == ERR_NONE) code = store_audit_chain_state_list(tx, &arena, organisation_id, &chains, &n, err);
  if (code == ERR_NONE) code = store_audit_tombstone_list(tx, &arena, organisation_id, &tombstones, &n_tombstones, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = look_at_chain(tx, organisation_id, &chains[i], &left, err);
  for (size_t i = 0; i < n_tombstones; i++) {
    left.n_removed += tombstones[i].seq;
    if (tombstones[i].removed_at > left.removed_at) left.removed_at = tombstones[i].removed_at;
  }
  left.days = record.days;
  arena_release(&arena);
  if (code == ERR_NONE) *ret_left = left;
  return code;
}

/* ---- a step ---- */

struct removing {
  struct db_tx *tx;
  const struct vault_keys *keys;
  int64_t now, end, days;
  struct arena arena;     /* of the step */
  struct arena row_arena; /* of one record */
  struct buf space;
  struct audit_tombstone_row tombstone; /* as it will be */
  struct audit_removal removal;         /* what it grows by */
  int64_t max;                          /* the last record that may go */
  bool is_over;                         /* the first one was met that stays */
};

static enum err_code does_not_hold(const struct removing *removing, int64_t seq, struct err *err) {
  char id[UUID_TEXT_SIZE];
  uuid_format(removing->tombstone.organisation_id, id);
  return err_set(err, ERR_CONFLICT,
                 "organisation %s, writer %.*s, record %" PRId64
                 " does not hold: nothing is removed of this chain; "
                 "connek audit verify says more",
                 id, STR_ARG(removing->tombstone.writer), seq);
}

/* Chained to the one before it, and as old as it says itself: the column alone proves nothing. */
static enum err_code check_record(struct removing *removing, const struct audit_row *row, struct err *err) {
  uint8_t mac[AUDIT_MAC_SIZE];
  if (row->seq != removing->tombstone.seq + 1 ||
      !audit_record_mac(removing->keys, removing->tombstone.mac, row->record, &removing->space, mac) ||
      memcmp(mac, row->mac, AUDIT_MAC_SIZE) != 0)
    return does_not_hold(removing, row->seq, err);
  yyjson_val *time = json_get(audit_entry_parse(&removing->row_arena, row->record), "time");
  bool is_same = yyjson_is_int(time) && yyjson_get_sint(time) == row->time;
  arena_release(&removing->row_arena);
  return is_same ? ERR_NONE : does_not_hold(removing, row->seq, err);
}

static enum err_code visit(const struct audit_row *row, void *context, struct err *err) {
  struct removing *removing = context;
  struct audit_tombstone_row *tombstone = &removing->tombstone;
  if (removing->is_over || row->seq > removing->max || row->time >= removing->end) {
    removing->is_over = true;
    return ERR_NONE;
  }
  enum err_code code = check_record(removing, row, err);
  if (code != ERR_NONE) return code;
  if (tombstone->seq == 0) tombstone->first_time = row->time;
  if (tombstone->seq == 0 || row->time > tombstone->last_time) tombstone->last_time = row->time;
  tombstone->seq = removing->removal.to = row->seq;
  memcpy(tombstone->mac, row->mac, AUDIT_MAC_SIZE);
  if (row->time < removing->removal.from_time) removing->removal.from_time = row->time;
  if (row->time > removing->removal.to_time) removing->removal.to_time = row->time;
  return ERR_NONE;
}

static enum err_code record_removal(struct removing *removing, int64_t n_unknown, struct err *err) {
  const struct audit_removal *removal = &removing->removal;
  struct buf arguments;
  char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
  buf_init(&arguments, &removing->arena, 4 * KIB);
  clock_format(removal->from_time, from);
  clock_format(removal->to_time, to);
  buf_printf(&arguments,
             "{\"first_time\":\"%s\",\"from\":%" PRId64 ",\"last_time\":\"%s\",\"records\":%" PRId64
             ",\"retention_days\":%" PRId64 ",\"to\":%" PRId64 ",\"unknown\":%" PRId64 ",\"writer\":",
             from, removal->after + 1, to, removal->to - removal->after, removing->days, removal->to, n_unknown);
  json_write_str(&arguments, removal->writer);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  const struct audit_event event = {.kind = AUDIT_CHANGE,
                                    .organisation_id = removal->organisation_id,
                                    .keys = removing->keys,
                                    .time = removing->now,
                                    .call_id = uuid_new(),
                                    .roles = STR("[]"),
                                    .tool = STR("audit.remove"),
                                    .arguments = buf_str(&arguments),
                                    .may_keep_arguments = true,
                                    .decision = AUDIT_ALLOWED,
                                    .reason = STR("retention"),
                                    .outcome = AUDIT_OK};
  return audit_record_in(removing->tx, &event, err);
}

static enum err_code bury(struct removing *removing, struct err *err) {
  const struct audit_removal *removal = &removing->removal;
  int64_t n_unknown = 0;
  removing->tombstone.days = removing->days;
  removing->tombstone.removed_at = removing->now;
  if (!audit_tombstone_mac(removing->keys, &removing->tombstone, removing->tombstone.tombstone_mac))
    return err_set(err, ERR_INTERNAL, "the audit writer's name is too long");
  enum err_code code = store_audit_removal_unknown(removing->tx, removal, &n_unknown, err);
  if (code == ERR_NONE) code = store_audit_remove(removing->tx, removal, err);
  if (code == ERR_NONE) code = store_audit_tombstone_put(removing->tx, &removing->tombstone, err);
  return code == ERR_NONE ? record_removal(removing, n_unknown, err) : code;
}

/* Finds what may go: the tombstone as it will be. */
static enum err_code look_for_old(struct removing *removing, const struct audit_chain_state *chain,
                                  struct retention_step *step, struct err *err) {
  struct uuid id = removing->removal.organisation_id;
  int64_t first = 0;
  enum err_code code = store_audit_first_time(removing->tx, id, chain->writer, chain->removed, &first, err);
  if (code != ERR_NONE || first == 0 || first >= removing->end) return code;
  /* Counted before it goes: usage outlives the records that it was made of. */
  if (chain->facts <= chain->removed) {
    bool are_behind;
    step->has_more = true;
    return facts_catch_up(removing->tx, id, &are_behind, err);
  }
  code = audit_tombstone_load(removing->tx, removing->keys, id, chain->writer, &removing->tombstone, err);
  if (code != ERR_NONE) return code;
  removing->max = chain->facts;
  removing->removal.writer = chain->writer;
  removing->removal.after = removing->removal.to = removing->tombstone.seq;
  removing->removal.from_time = INT64_MAX;
  removing->removal.to_time = INT64_MIN;
  return store_audit_each_after(removing->tx, id, chain->writer, removing->removal.after, RETENTION_BATCH, visit,
                                removing, err);
}

static enum err_code step_chains(struct removing *removing, const struct audit_chain_state *chains, size_t n,
                                 struct retention_step *step, struct err *err) {
  struct err why = {0};
  for (size_t i = 0; i < n && !step->has_more; i++) {
    removing->removal.to = removing->removal.after = 0;
    removing->is_over = false;
    enum err_code code = look_for_old(removing, &chains[i], step, err);
    /* One chain that does not hold keeps nobody from the others: nothing was written yet. */
    if (code == ERR_CONFLICT) {
      if (why.code == ERR_NONE) why = *err;
      continue;
    }
    if (code != ERR_NONE) return code;
    if (removing->removal.to == removing->removal.after) continue;
    step->has_more = true;
    step->n_removed = removing->removal.to - removing->removal.after;
    return bury(removing, err);
  }
  if (step->has_more || why.code == ERR_NONE) return ERR_NONE;
  *err = why;
  return why.code;
}

enum err_code retention_step(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id, int64_t now,
                             struct retention_step *ret_step, struct err *err) {
  struct removing removing = {.tx = tx, .keys = keys, .now = now, .removal = {.organisation_id = organisation_id}};
  struct retention_step step = {0};
  const struct audit_chain_state *chains = NULL;
  size_t n = 0;
  enum err_code code = retention_get(tx, keys, organisation_id, &removing.days, err);
  if (code != ERR_NONE) return code;
  arena_init(&removing.arena, 0);
  arena_init(&removing.row_arena, 0);
  buf_init(&removing.space, NULL, AUDIT_RECORD_MAX);
  removing.end = retention_end(now, removing.days);
  if (removing.days) code = store_audit_chain_state_list(tx, &removing.arena, organisation_id, &chains, &n, err);
  if (code == ERR_NONE) code = step_chains(&removing, chains, n, &step, err);
  buf_release(&removing.space);
  arena_release(&removing.row_arena);
  arena_release(&removing.arena);
  if (code == ERR_NONE) *ret_step = step;
  return code;
}
