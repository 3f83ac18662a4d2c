/* Verifies the whole trail: every record against its chain, its columns and its personal content; every chain against
 * its head and a checkpoint. A chain whose beginning retention has removed begins with its tombstone. Reads once, in
 * the order of chains; heads, tombstones and checkpoints stand in the same order and are walked along. Stops at the
 * first thing that does not hold. */
#include "audit/checkpoint.h"
#include "audit/tombstone.h"
#include "base/clock.h"
#include "codec/json.h"

struct verification {
  struct db_tx *tx;
  audit_keys_of keys_of;
  void *keys_context;
  struct audit_finding *finding;

  struct arena arena;     /* heads, checkpoints, the chain's writer */
  struct arena row_arena; /* one record */
  struct buf space;

  const struct audit_head_row *heads;
  const struct audit_tombstone_row *tombstones;
  struct checkpoint_chain *points;
  size_t n_heads, n_tombstones, n_points, head_at, tombstone_at, point_at;

  bool has_chain; /* `chain` is under way */
  struct audit_chain chain;
  int64_t buried; /* the last record that its tombstone covers; 0: it has none */
  int64_t last_time;
  struct uuid keys_owner;
  const struct vault_keys *keys;
  bool has_asked_keys;
  enum err_code failed; /* it could not be found out: no memory */
};

/* Findings. Each returns false, so that checks read `return fails(...)`. */

static bool fails(struct verification *v, const struct audit_chain *chain, int64_t seq, int64_t time,
                  const char *format, ...) PRINTF_LIKE(5, 6);
static bool fails(struct verification *v, const struct audit_chain *chain, int64_t seq, int64_t time,
                  const char *format, ...) {
  char id[UUID_TEXT_SIZE], when[CLOCK_TEXT_SIZE] = "", what[128];
  va_list args;
  va_start(args, format);
  if (vsnprintf(what, sizeof what, format, args) < 0) what[0] = '\0';
  va_end(args);
  uuid_format(chain->organisation_id, id);
  if (time > 0) clock_format(time, when);
  v->finding->holds = false;
  /* Whoever tampers chooses the writer's name. */
  struct buf name;
  char *text = v->finding->text;
  buf_init(&name, &v->row_arena, 4096);
  json_write_str(&name, str_make(chain->writer.p, chain->writer.n > 40 ? 40 : chain->writer.n));
  int n = snprintf(text, sizeof v->finding->text, "organisation %s, writer %.*s, record %lld%s%s: %s", id, (int)name.n,
                   name.n ? name.p : "", (long long)seq, *when ? ", " : "", when, what);
  if (n < 0) text[0] = '\0';
  return false;
}

static bool lacks_memory(struct verification *v, struct err *err) {
  v->failed = err_no_memory(err);
  return false;
}

/* Chains */

static const struct vault_keys *keys_for(struct verification *v, struct uuid organisation_id) {
  if (!v->has_asked_keys || !uuid_eq(v->keys_owner, organisation_id)) {
    v->keys = v->keys_of(organisation_id, v->keys_context);
    v->keys_owner = organisation_id;
    v->has_asked_keys = true;
  }
  return v->keys;
}

/* Checkpoints' chains below `chain` (all: NULL) are of chains without any record. */
static bool check_skipped_points(struct verification *v, const struct audit_chain *chain) {
  if (v->point_at == v->n_points) return true;
  const struct audit_chain *point = &v->points[v->point_at].chain;
  if (chain && audit_chain_order(point, chain) >= 0) return true;
  return fails(v, point, point->seq, 0, "the checkpoint has it, but the whole chain is gone");
}

static bool check_skipped_heads(struct verification *v, const struct audit_chain *chain) {
  if (v->head_at == v->n_heads) return true;
  const struct audit_head_row *head = &v->heads[v->head_at];
  struct audit_chain headed = {.organisation_id = head->organisation_id, .writer = head->writer};
  if (chain && audit_chain_order(&headed, chain) >= 0) return true;
  return fails(v, &headed, head->seq, 0, "the head names it as the last, but there are no records");
}

static bool check_point_keys(struct verification *v) {
  for (size_t i = 0; i < v->n_points; i++) {
    const struct checkpoint_chain *point = &v->points[i];
    const struct vault_keys *keys = keys_for(v, point->chain.organisation_id);
    uint8_t check[AUDIT_MAC_SIZE];
    if (!keys) return fails(v, &point->chain, point->chain.seq, 0, "the checkpoint's organisation is unknown");
    if (!audit_checkpoint_mac(keys, &point->chain, point->time, check) ||
        memcmp(check, point->check, AUDIT_MAC_SIZE) != 0)
      return fails(v, &point->chain, point->chain.seq, 0, "this line of the checkpoint is forged or was changed");
  }
  return true;
}

static bool check_head(struct verification *v) {
  const struct audit_chain *chain = &v->chain;
  const struct audit_head_row *head = v->head_at < v->n_heads ? &v->heads[v->head_at] : NULL;
  struct audit_chain headed = {.organisation_id = chain->organisation_id, .writer = chain->writer};
  uint8_t head_mac[AUDIT_MAC_SIZE];
  if (!head || !uuid_eq(head->organisation_id, chain->organisation_id) || !str_eq(head->writer, chain->writer))
    return fails(v, chain, chain->seq, v->last_time, "the chain's head is missing");
  v->head_at++;
  headed.seq = head->seq;
  memcpy(headed.mac, head->mac, AUDIT_MAC_SIZE);
  if (!audit_head_mac(v->keys, &headed, head_mac) || memcmp(head_mac, head->head_mac, AUDIT_MAC_SIZE) != 0)
    return fails(v, chain, chain->seq, v->last_time, "the chain's head was changed");
  if (head->seq > chain->seq)
    return fails(v, chain, chain->seq + 1, 0, "it is missing: the head says that the last is %lld",
                 (long long)head->seq);
  if (head->seq < chain->seq)
    return fails(v, chain, head->seq + 1, 0, "it stands after the head, which says that the last is %lld",
                 (long long)head->seq);
  if (memcmp(head->mac, chain->mac, AUDIT_MAC_SIZE) != 0)
    return fails(v, chain, chain->seq, v->last_time, "it is not the one that the chain's head names");
  return true;
}

static bool close_chain(struct verification *v) {
  if (!v->has_chain) return true;
  v->has_chain = false;
  if (v->point_at < v->n_points) {
    const struct audit_chain *point = &v->points[v->point_at].chain;
    if (audit_chain_order(point, &v->chain) == 0)
      return fails(v, &v->chain, v->chain.seq + 1, 0, "it is missing: the checkpoint has %lld, the tail was cut off",
                   (long long)point->seq);
  }
  return check_head(v);
}

static int tombstone_order(const struct audit_tombstone_row *tombstone, const struct audit_chain *chain) {
  const struct audit_chain buried = {.organisation_id = tombstone->organisation_id, .writer = tombstone->writer};
  return audit_chain_order(&buried, chain);
}

static const struct audit_tombstone_row *next_tombstone(const struct verification *v) {
  return v->tombstone_at < v->n_tombstones ? &v->tombstones[v->tombstone_at] : NULL;
}

/* Points at records that have been removed since: nothing is left to compare but the last one's mac. */
static bool check_buried_points(struct verification *v, const struct audit_tombstone_row *tombstone) {
  for (; v->point_at < v->n_points; v->point_at++) {
    const struct audit_chain *point = &v->points[v->point_at].chain;
    if (audit_chain_order(point, &v->chain) != 0 || point->seq > tombstone->seq) return true;
    if (point->seq == tombstone->seq && memcmp(point->mac, tombstone->mac, AUDIT_MAC_SIZE) != 0)
      return fails(v, &v->chain, point->seq, tombstone->last_time,
                   "it is not the one of the checkpoint: the trail was written anew");
    v->finding->points_removed++;
  }
  return true;
}

/* The chain begins behind its tombstone, if it has one. */
static bool pass_tombstone(struct verification *v) {
  const struct audit_tombstone_row *tombstone = next_tombstone(v);
  if (!tombstone || tombstone_order(tombstone, &v->chain) != 0) return true;
  v->tombstone_at++;
  if (!audit_tombstone_holds(v->keys, tombstone))
    return fails(v, &v->chain, tombstone->seq, 0, "the tombstone of what was removed is forged or was changed");
  v->chain.seq = v->buried = tombstone->seq;
  memcpy(v->chain.mac, tombstone->mac, AUDIT_MAC_SIZE);
  v->last_time = tombstone->last_time;
  v->finding->removed += tombstone->seq;
  return check_buried_points(v, tombstone);
}

static bool begin_chain(struct verification *v, const struct audit_chain *chain, int64_t seq, int64_t time) {
  v->chain = *chain;
  v->buried = 0;
  v->has_chain = true;
  v->finding->chains++;
  if (!check_skipped_points(v, &v->chain) || !check_skipped_heads(v, &v->chain)) return false;
  if (!keys_for(v, chain->organisation_id))
    return fails(v, &v->chain, seq, time, "its organisation is unknown: it has no keys");
  return pass_tombstone(v);
}

/* Chains below `chain` (NULL: all that are left) of which nothing but the tombstone is there. */
static bool check_buried_chains(struct verification *v, const struct audit_chain *chain) {
  const struct audit_tombstone_row *tombstone;
  while ((tombstone = next_tombstone(v)) && (!chain || tombstone_order(tombstone, chain) < 0)) {
    const struct audit_chain buried = {.organisation_id = tombstone->organisation_id, .writer = tombstone->writer};
    if (!begin_chain(v, &buried, tombstone->seq, tombstone->last_time) || !close_chain(v)) return false;
  }
  return true;
}

static bool open_chain(struct verification *v, const struct audit_row *row, struct err *err) {
  const struct audit_chain chain = {.organisation_id = row->organisation_id,
                                    .writer = arena_str(&v->arena, row->writer)};
  if (!chain.writer.p) return lacks_memory(v, err);
  return check_buried_chains(v, &chain) && begin_chain(v, &chain, row->seq, row->time);
}

/* Records */

static bool check_chained(struct verification *v, const struct audit_row *row, struct err *err) {
  const struct audit_chain *chain = &v->chain;
  uint8_t mac[AUDIT_MAC_SIZE];
  if (row->seq <= v->buried)
    return fails(v, chain, row->seq, row->time, "the tombstone says that all up to %lld are removed, but it is there",
                 (long long)v->buried);
  if (row->seq != chain->seq + 1)
    return fails(
        v, chain, chain->seq + 1, 0, "%s next one is %lld",
        v->buried && v->buried == chain->seq ? "it is missing, and no tombstone covers it: the" : "it is missing: the",
        (long long)row->seq);
  bool has_mac = audit_record_mac(v->keys, chain->mac, row->record, &v->space, mac);
  /* No record of ours is that large. */
  if (!has_mac && row->record.n <= AUDIT_RECORD_MAX - AUDIT_MAC_SIZE) return lacks_memory(v, err);
  if (!has_mac || memcmp(mac, row->mac, AUDIT_MAC_SIZE) != 0)
    return fails(v, chain, row->seq, row->time, "it was changed, moved or put in");
  return true;
}

static bool is_number(yyjson_val *record, const char *name, int64_t number) {
  yyjson_val *value = json_get(record, name);
  return yyjson_is_int(value) && yyjson_get_sint(value) == number;
}

static bool check_columns(struct verification *v, const struct audit_row *row, yyjson_val *record) {
  char id[UUID_TEXT_SIZE];
  uuid_format(row->organisation_id, id);
  const char *column = !str_eq_c(json_get_str(record, "org"), id)             ? "organisation"
                       : !str_eq(json_get_str(record, "writer"), row->writer) ? "writer"
                       : !is_number(record, "seq", row->seq)                  ? "seq"
                       : !is_number(record, "time", row->time)                ? "time"
                                                                              : NULL;
  if (!column) return true;
  return fails(v, &v->chain, row->seq, row->time, "its column %s is not what the record says", column);
}

/* The digest of what is there must stand in the record; what is not there needs none (it was not kept). */
static bool is_digest(struct verification *v, yyjson_val *record, const char *name, struct str value) {
  char hex[AUDIT_DIGEST_SIZE];
  if (!value.p) return true;
  audit_digest(v->keys, value, hex);
  return str_eq_c(json_get_str(record, name), hex);
}

static struct str as_json(struct verification *v, struct str value) {
  if (!value.p) return STR_NONE;
  buf_clear(&v->space);
  json_write_str(&v->space, value);
  return buf_failed(&v->space) ? STR("") : buf_str(&v->space);
}

static bool check_personal(struct verification *v, const struct audit_row *row, yyjson_val *record, struct err *err) {
  struct secret *plain = NULL;
  char space[AUDIT_PLACE_SIZE];
  if (!row->personal.p) return true; /* erased, or never there */
  struct vault_place place = audit_personal_place(row->organisation_id, row->writer, row->seq, space);
  enum err_code code = vault_unseal(v->keys, place, row->personal, &plain, err);
  if (code == ERR_NO_MEMORY) return lacks_memory(v, err);
  if (code != ERR_NONE)
    return fails(v, &v->chain, row->seq, row->time, "its personal content was changed or is another record's");
  struct str text = secret_open(plain);
  yyjson_alc alc = json_alc(&v->row_arena);
  yyjson_doc *doc = yyjson_read_opts((char *)text.p, text.n, 0, &alc, NULL);
  yyjson_val *root = yyjson_doc_get_root(doc);
  bool is_same = root && is_digest(v, record, "arguments_digest", json_get_str(root, "arguments")) &&
                 is_digest(v, record, "client_digest", as_json(v, json_get_str(root, "client"))) &&
                 is_digest(v, record, "user_digest", as_json(v, json_get_str(root, "user")));
  secret_free(plain);
  if (is_same) return true;
  return fails(v, &v->chain, row->seq, row->time, "its personal content does not fit its digests");
}

static bool check_points(struct verification *v, const struct audit_row *row) {
  for (; v->point_at < v->n_points; v->point_at++) {
    const struct audit_chain *point = &v->points[v->point_at].chain;
    if (audit_chain_order(point, &v->chain) != 0 || point->seq > row->seq) return true;
    if (point->seq < row->seq || memcmp(point->mac, row->mac, AUDIT_MAC_SIZE) != 0)
      return fails(v, &v->chain, point->seq, row->time,
                   "it is not the one of the checkpoint: the trail was written anew");
  }
  return true;
}

static bool check_row(struct verification *v, const struct audit_row *row, struct err *err) {
  bool is_next =
      v->has_chain && uuid_eq(v->chain.organisation_id, row->organisation_id) && str_eq(v->chain.writer, row->writer);
  if (!is_next && (!close_chain(v) || !open_chain(v, row, err))) return false;
  if (!check_chained(v, row, err)) return false;
  yyjson_alc alc = json_alc(&v->row_arena);
  yyjson_doc *doc = yyjson_read_opts((char *)row->record.p, row->record.n, 0, &alc, NULL);
  yyjson_val *record = yyjson_doc_get_root(doc);
  if (!record) return fails(v, &v->chain, row->seq, row->time, "it cannot be read");
  if (!check_columns(v, row, record) || !check_personal(v, row, record, err) || !check_points(v, row)) return false;
  v->chain.seq = row->seq;
  memcpy(v->chain.mac, row->mac, AUDIT_MAC_SIZE);
  v->last_time = row->time;
  v->finding->records++;
  return true;
}

static enum err_code visit(const struct audit_row *row, void *context, struct err *err) {
  struct verification *v = context;
  bool holds = check_row(v, row, err);
  arena_release(&v->row_arena);
  if (v->failed != ERR_NONE) return v->failed;
  return holds ? ERR_NONE : ERR_CANCELLED; /* the rest need not be read */
}

enum err_code audit_verify(struct db_tx *tx, audit_keys_of keys_of, void *context, struct str since,
                           struct audit_finding *ret_finding, struct err *err) {
  struct audit_finding finding = {.holds = true};
  struct verification v = {.tx = tx, .keys_of = keys_of, .keys_context = context, .finding = &finding};
  arena_init(&v.arena, 0);
  arena_init(&v.row_arena, 0);
  buf_init(&v.space, NULL, AUDIT_RECORD_MAX);
  enum err_code code = store_audit_head_list(tx, &v.arena, &v.heads, &v.n_heads, err);
  if (code == ERR_NONE)
    code = store_audit_tombstone_list(tx, &v.arena, (struct uuid){{0}}, &v.tombstones, &v.n_tombstones, err);
  if (code == ERR_NONE && since.n) code = checkpoint_read(&v.arena, since, &v.points, &v.n_points, err);
  if (code != ERR_NONE) goto out;
  if (check_point_keys(&v)) {
    code = store_audit_each(tx, (struct uuid){{0}}, visit, &v, err);
    if (!finding.holds) code = ERR_NONE;
    if (code != ERR_NONE) goto out;
    if (finding.holds && close_chain(&v) && check_buried_chains(&v, NULL) && check_skipped_points(&v, NULL))
      (void)check_skipped_heads(&v, NULL);
  }
  *ret_finding = finding;
out:
  buf_release(&v.space);
  arena_release(&v.row_arena);
  arena_release(&v.arena);
  return code;
}
