/* Listings into rows, one transaction each, and the decisions of admins. What was accepted stays pinned until somebody
 * says otherwise. */
#include "org/catalogue.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "org/catalogue_item.h"
#include "policy/policy.h"

enum { AUDITED_NAMES = 20, REASON_MAX = 400 };

/* What happened to items, for the audit. */
enum happening { NEW, ACCEPTED, CHANGED, BACK, GONE, REFUSED, HAPPENINGS };
static const char *const happening_names[] = {"new", "accepted", "quarantined", "back", "gone", "refused"};

struct reconciling {
  struct db_tx *tx;
  struct arena *arena;
  struct catalogue_update *update;
  struct connection_record connection;
  struct organisation_record organisation;
  const struct catalogue_item_record *rows;
  size_t n_rows;
  struct map by_name; /* "kind name" -> the row's index + 1 */
  bool *is_seen;      /* of rows */
  struct buf lists[HAPPENINGS];
  size_t counts[HAPPENINGS];
  int64_t now;
  bool is_changed; /* anything at all */
  struct err *err;
};

static bool is_status(const struct catalogue_item_record *row, const char *status) {
  return str_eq_c(row->status, status);
}

static bool is_visible(const struct catalogue_item_record *row) {
  return row && is_status(row, "accepted") && row->gone_at == 0;
}

static void happened(struct reconciling *work, enum happening happening, const struct catalogue_item_record *row) {
  work->is_changed = true;
  struct buf *list = &work->lists[happening];
  if (work->counts[happening]++ >= AUDITED_NAMES) return;
  if (list->n > 0) buf_append_byte(list, ',');
  struct str name = arena_printf(work->arena, "%.*s %.*s", STR_ARG(row->kind), STR_ARG(row->name));
  json_write_str(list, name.p ? name : row->name);
}

/* ---- one item ---- */

static bool may_accept(const struct reconciling *work, const struct catalogue_seen *seen) {
  if (str_eq_c(work->connection.trust, "accept")) return true;
  return str_eq_c(work->connection.trust, "accept-read") && seen->kind == CATALOGUE_TOOL && seen->is_read_only;
}

static void pin(struct catalogue_item_record *row) {
  row->status = STR("accepted");
  row->is_pinned = true;
  row->accepted_definition = row->definition;
  memcpy(row->accepted_hash, row->hash, sizeof(row->accepted_hash));
}

static bool has_hash(const uint8_t hash[32], const uint8_t other[32]) {
  return memcmp(hash, other, 32) == 0;
}

/* The heart of it: what becomes of an item, given what it was (`old`, or NULL) and what the server says now. */
static void judge(const struct reconciling *work, const struct catalogue_item_record *old,
                  const struct catalogue_seen *seen, struct catalogue_item_record *row) {
  bool is_same = old && has_hash(old->hash, seen->hash);
  if (seen->refusal) {
    row->status = STR("refused");
  } else if (old && old->is_pinned && has_hash(old->accepted_hash, seen->hash)) {
    row->status = STR("accepted");
    row->accepted_definition = seen->definition; /* the same but for what is no part of the pin */
  } else if (is_same && is_status(old, "rejected")) {
    row->status = STR("rejected");
  } else if (old && old->is_pinned) {
    row->status = STR("quarantined");
  } else if (row->was_rejected || !may_accept(work, seen)) {
    row->status = STR("pending"); /* what somebody said no to is not let in unseen under a new definition */
  } else {
    row->does = str_of(policy_does_name(seen->hint));
    pin(row);
  }
}

/* Nobody has to look twice at the same: what was accepted at another connection of the connector holds for a person's
 * own, which else an admin would have to go through for each of them. */
static enum err_code follow(const struct reconciling *work, struct catalogue_item_record *row) {
  struct catalogue_item_record other;
  struct err missing;
  bool waits = is_status(row, "pending") || is_status(row, "quarantined");
  if (!waits || row->was_rejected || uuid_is_nil(work->connection.owner_user_id)) return ERR_NONE;
  enum err_code code =
      store_catalogue_item_find_decided(work->tx, work->arena, row, work->connection.connector_id, &other, &missing);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE) {
    *work->err = missing;
    return code;
  }
  if (!is_status(&other, "accepted")) return ERR_NONE;
  row->does = other.does;
  pin(row);
  return ERR_NONE;
}

static enum happening happening_of(const struct catalogue_item_record *old, const struct catalogue_item_record *row) {
  if (is_status(row, "refused")) return REFUSED;
  if (is_status(row, "quarantined")) return CHANGED;
  if (is_status(row, "accepted"))
    return old && old->is_pinned && has_hash(old->accepted_hash, row->hash) ? BACK : ACCEPTED;
  return old && old->gone_at ? BACK : NEW;
}

static bool is_same_row(const struct catalogue_item_record *a, const struct catalogue_item_record *b) {
  return str_eq(a->status, b->status) && str_eq(a->does, b->does) && str_eq(a->hint, b->hint) &&
         has_hash(a->hash, b->hash) && str_eq(a->definition, b->definition) && a->is_pinned == b->is_pinned &&
         str_eq(a->accepted_definition, b->accepted_definition) && str_eq(a->notes, b->notes) &&
         a->gone_at == b->gone_at;
}

static enum err_code write_item(struct reconciling *work, const struct catalogue_item_record *old,
                                const struct catalogue_seen *seen) {
  struct catalogue_item_record row = {.id = uuid_new(),
                                      .organisation_id = work->connection.organisation_id,
                                      .connection_id = work->connection.id,
                                      .kind = str_of(catalogue_kind_name(seen->kind)),
                                      .name = seen->name,
                                      .does = seen->kind == CATALOGUE_TOOL ? STR("destroy") : STR("read")};
  if (old) row = *old;
  row.definition = seen->definition;
  memcpy(row.hash, seen->hash, sizeof(row.hash));
  row.hint = str_of(policy_does_name(seen->hint));
  row.notes = seen->notes;
  row.gone_at = 0;
  if (seen->refusal) {
    row.notes = arena_printf(work->arena, "refused: %.*s\n%.*s", REASON_MAX, seen->refusal, STR_ARG(seen->notes));
    if (!row.notes.p) return err_no_memory(work->err);
  }
  judge(work, old, seen, &row);
  enum err_code code = follow(work, &row);
  if (code != ERR_NONE) return code;
  if (old && is_same_row(old, &row)) return ERR_NONE;
  bool is_news = !old || !str_eq(old->status, row.status) || old->gone_at || !has_hash(old->hash, row.hash);
  if (is_news) happened(work, happening_of(old, &row), &row);
  if (is_visible(old) || is_visible(&row)) work->update->is_changed = true;
  return store_catalogue_item_put(work->tx, &row, work->err);
}

static enum err_code write_gone(struct reconciling *work, const struct catalogue_item_record *old) {
  struct catalogue_item_record row = *old;
  row.gone_at = work->now;
  happened(work, GONE, &row);
  if (is_visible(old)) work->update->is_changed = true;
  /* Nobody has decided anything about it: nothing is lost. */
  if (!old->is_pinned && !old->was_rejected)
    return store_catalogue_item_delete(work->tx, old->organisation_id, old->id, work->err);
  return store_catalogue_item_put(work->tx, &row, work->err);
}

/* ---- the rows there are ---- */

static struct str key_of(struct arena *arena, struct str kind, struct str name) {
  return arena_printf(arena, "%.*s %.*s", STR_ARG(kind), STR_ARG(name));
}

static enum err_code load_rows(struct reconciling *work) {
  enum err_code code = store_catalogue_item_list(work->tx, work->arena, work->connection.organisation_id,
                                                 work->connection.id, &work->rows, &work->n_rows, work->err);
  if (code != ERR_NONE) return code;
  work->is_seen = arena_new_n(work->arena, bool, work->n_rows + 1);
  if (!work->is_seen) return err_no_memory(work->err);
  for (size_t i = 0; i < work->n_rows; i++) {
    struct str key = key_of(work->arena, work->rows[i].kind, work->rows[i].name);
    if (!key.p || map_put(&work->by_name, key, (void *)(uintptr_t)(i + 1)) != ERR_NONE) return err_no_memory(work->err);
  }
  return ERR_NONE;
}

static int by_gone_at(const void *a, const void *b) {
  int64_t left = (*(const struct catalogue_item_record *const *)a)->gone_at;
  int64_t right = (*(const struct catalogue_item_record *const *)b)->gone_at;
  return (left > right) - (left < right);
}

/* A server that renames its tools at every turn must not fill the disk: what has been gone longest is forgotten. */
static enum err_code forget_gone(struct reconciling *work) {
  if (work->n_rows <= LIMIT_CATALOGUE_ROWS) return ERR_NONE;
  const struct catalogue_item_record **gone =
      arena_new_n(work->arena, const struct catalogue_item_record *, work->n_rows);
  if (!gone) return err_no_memory(work->err);
  size_t n = 0, n_over = work->n_rows - LIMIT_CATALOGUE_ROWS;
  for (size_t i = 0; i < work->n_rows; i++)
    if (work->rows[i].gone_at && !work->is_seen[i]) gone[n++] = &work->rows[i];
  qsort(gone, n, sizeof(gone[0]), by_gone_at);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n && i < n_over && code == ERR_NONE; i++)
    code = store_catalogue_item_delete(work->tx, gone[i]->organisation_id, gone[i]->id, work->err);
  return code;
}

/* ---- records ---- */

static enum err_code record(struct db_tx *tx, const struct catalogue_decision *who, const char *word, struct str reason,
                            struct str text, struct arena *arena, struct err *err) {
  yyjson_doc *doc;
  struct buf canonical;
  buf_init(&canonical, arena, LIMIT_JSON_FILE);
  enum err_code code = json_read(arena, text, &doc, err);
  if (code == ERR_NONE) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), err);
  if (code == ERR_NONE && buf_failed(&canonical)) code = err_no_memory(err);
  if (code != ERR_NONE) return code;
  const struct audit_event event = {.kind = AUDIT_CHANGE,
                                    .organisation_id = who->organisation->id,
                                    .keys = who->keys,
                                    .time = clock_utc_us(),
                                    .call_id = uuid_new(),
                                    .user_id = who->user_id,
                                    .user_email = who->user_email,
                                    .roles = STR("[]"),
                                    .policy_version = who->organisation->version,
                                    .connector = who->connection->connector_id,
                                    .connection_id = who->connection->id,
                                    .connection = who->connection->name,
                                    .tool = str_of(word),
                                    .arguments = buf_str(&canonical),
                                    .may_keep_arguments = true,
                                    .decision = AUDIT_ALLOWED,
                                    .reason = reason,
                                    .outcome = AUDIT_OK};
  return audit_record_in(tx, &event, err);
}

static enum err_code record_update(struct reconciling *work) {
  struct buf text;
  buf_init(&text, work->arena, LIMIT_JSON_FILE);
  buf_append_c(&text, "{\"connection\":");
  json_write_str(&text, work->connection.name);
  for (int i = 0; i < HAPPENINGS; i++) {
    if (work->counts[i] == 0) continue;
    if (buf_failed(&work->lists[i])) return err_no_memory(work->err);
    buf_printf(&text, ",\"%s\":{\"count\":%zu,\"first\":[%.*s]}", happening_names[i], work->counts[i],
               STR_ARG(buf_str(&work->lists[i])));
  }
  buf_append_byte(&text, '}');
  if (buf_failed(&text)) return err_no_memory(work->err);
  const struct catalogue_decision who = {
      .organisation = &work->organisation, .connection = &work->connection, .keys = work->update->keys};
  return record(work->tx, &who, "catalogue.update", STR("discovery"), buf_str(&text), work->arena, work->err);
}

/* ---- the whole ---- */

static struct str json_or(struct str text, const char *fallback) {
  return text.n ? text : str_of(fallback);
}

static const struct catalogue_record *find_head(const struct catalogue_record *list, size_t n, struct uuid id) {
  for (size_t i = 0; i < n; i++)
    if (uuid_eq(list[i].connection_id, id)) return &list[i];
  return NULL;
}

/* Like snapshot's reading of it: what of the capabilities is looked at must lead to a new snapshot. */
static enum err_code write_head(struct reconciling *work, const char *error, struct str left_out) {
  const struct catalogue_record *list, *old;
  size_t n;
  enum err_code code =
      store_catalogue_list(work->tx, work->arena, work->connection.organisation_id, &list, &n, work->err);
  if (code != ERR_NONE) return code;
  old = find_head(list, n, work->connection.id);
  struct catalogue_record head = {.protocol = STR(""), .server_info = STR("{}"), .capabilities = STR("{}")};
  if (old) head = *old;
  head.connection_id = work->connection.id;
  head.organisation_id = work->connection.organisation_id;
  head.error = str_of(error);
  if (error) {
    if (old && str_eq(old->error, head.error)) return ERR_NONE;
    return store_catalogue_put(work->tx, &head, work->err);
  }
  const struct mcp_listing *listing = work->update->listing;
  head.protocol = json_or(listing->protocol_version, "");
  head.server_info = json_or(listing->server_info, "{}");
  head.capabilities = json_or(listing->capabilities, "{}");
  head.left_out = left_out;
  head.listed_at = work->now;
  if (!str_eq(old ? old->capabilities : STR("{}"), head.capabilities)) work->update->is_changed = true;
  return store_catalogue_put(work->tx, &head, work->err);
}

static enum err_code reconcile_items(struct reconciling *work, const struct catalogue_reading *reading) {
  enum err_code code = load_rows(work);
  for (size_t i = 0; i < reading->n && code == ERR_NONE; i++) {
    const struct catalogue_seen *seen = &reading->items[i];
    struct str key = key_of(work->arena, str_of(catalogue_kind_name(seen->kind)), seen->name);
    if (!key.p) return err_no_memory(work->err);
    size_t at = (size_t)(uintptr_t)map_get(&work->by_name, key);
    if (at > 0) work->is_seen[at - 1] = true;
    code = write_item(work, at > 0 ? &work->rows[at - 1] : NULL, seen);
  }
  for (size_t i = 0; i < work->n_rows && code == ERR_NONE; i++) {
    if (!work->is_seen[i] && work->rows[i].gone_at == 0) code = write_gone(work, &work->rows[i]);
  }
  return code == ERR_NONE ? forget_gone(work) : code;
}

static enum err_code reconcile(struct reconciling *work) {
  struct catalogue_update *update = work->update;
  enum err_code code = store_connection_get(work->tx, work->arena, update->organisation_id, update->connection_id,
                                            &work->connection, work->err);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE || work->connection.version != update->connection_version) return code;
  if (!update->listing) return write_head(work, update->error, STR_NONE);
  struct catalogue_reading reading = {0};
  struct err why = {0};
  code = catalogue_read(work->arena, update->listing, update->others, &reading, &why);
  if (code == ERR_NO_MEMORY) return err_no_memory(work->err);
  if (code != ERR_NONE) {
    enum err_code written = write_head(work, why.text, STR_NONE);
    if (written != ERR_NONE) return written;
    update->is_refused = true; /* no failure: that would undo what was just written */
    memcpy(update->refusal, why.text, sizeof(update->refusal));
    return ERR_NONE;
  }
  code = store_organisation_get(work->tx, work->arena, update->organisation_id, &work->organisation, work->err);
  if (code == ERR_NONE) code = write_head(work, NULL, reading.left_out);
  if (code == ERR_NONE) code = reconcile_items(work, &reading);
  if (code == ERR_NONE && work->is_changed) code = record_update(work);
  if (code == ERR_NONE && update->is_changed)
    code = store_change_log(work->tx, update->organisation_id, CHANGE_ORGANISATION, update->organisation_id, work->err);
  return code;
}

enum err_code catalogue_reconcile(struct db_tx *tx, struct catalogue_update *update, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  struct reconciling work = {.tx = tx, .arena = &arena, .update = update, .now = clock_utc_us(), .err = err};
  map_init(&work.by_name);
  for (int i = 0; i < HAPPENINGS; i++)
    buf_init(&work.lists[i], &arena, MIB);
  update->is_changed = update->is_refused = false;
  enum err_code code = reconcile(&work);
  map_release(&work.by_name);
  arena_release(&arena);
  return code;
}

/* ---- decisions ---- */

static enum err_code choose_does(const struct catalogue_decision *decision, struct catalogue_item_record *item,
                                 struct err *err) {
  enum policy_does does;
  if (decision->does.n == 0) return ERR_NONE;
  if (!str_eq_c(item->kind, "tool")) return ERR_NONE; /* to read is all that can be done with the others */
  if (!str_eq_c(decision->does, "hints") && !policy_does_parse(decision->does, &does))
    return err_set(err, ERR_INVALID, "\"does\" must be read, write, destroy or hints");
  item->does = str_eq_c(decision->does, "hints") ? item->hint : decision->does;
  return ERR_NONE;
}

static void hex_of(const uint8_t hash[32], char ret_text[65]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 32; i++) {
    ret_text[2 * i] = digits[hash[i] >> 4];
    ret_text[2 * i + 1] = digits[hash[i] & 15];
  }
  ret_text[64] = '\0';
}

static enum err_code record_decision(struct db_tx *tx, const struct catalogue_decision *decision,
                                     const struct catalogue_item_record *item, struct err *err) {
  struct arena arena;
  struct buf text;
  char hash[65];
  arena_init(&arena, 0);
  buf_init(&text, &arena, LIMIT_JSON_FILE);
  hex_of(item->hash, hash);
  buf_append_c(&text, "{\"connection\":");
  json_write_str(&text, decision->connection->name);
  buf_printf(&text, ",\"kind\":\"%.*s\",\"name\":", STR_ARG(item->kind));
  json_write_str(&text, item->name);
  buf_printf(&text, ",\"does\":\"%.*s\",\"hash\":\"%s\"}", STR_ARG(item->does), hash);
  enum err_code code = buf_failed(&text) ? err_no_memory(err) : ERR_NONE;
  if (code == ERR_NONE) {
    code = record(tx, decision, decision->is_accepted ? "catalogue.accept" : "catalogue.reject",
                  decision->reason ? str_of(decision->reason) : STR("operator"), buf_str(&text), &arena, err);
  }
  arena_release(&arena);
  return code;
}

enum err_code catalogue_decide(struct db_tx *tx, const struct catalogue_decision *decision,
                               struct catalogue_item_record *item, struct err *err) {
  if (decision->is_accepted && is_status(item, "refused"))
    return err_set(err, ERR_INVALID, "%.*s cannot be accepted: %.*s", STR_ARG(item->name), STR_ARG(item->notes));
  if (decision->is_accepted) {
    enum err_code code = choose_does(decision, item, err);
    if (code != ERR_NONE) return code;
    pin(item);
    item->was_rejected = false;
  } else {
    /* What was accepted before a change stays pinned: should the server take the change back, it is there again. */
    if (!is_status(item, "quarantined")) item->is_pinned = false;
    item->status = STR("rejected");
    item->was_rejected = true;
  }
  enum err_code code = store_catalogue_item_put(tx, item, err);
  return code == ERR_NONE ? record_decision(tx, decision, item, err) : code;
}
