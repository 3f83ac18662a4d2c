/* What becomes an event, and what it says: ids and plain facts. Must not know how it is sent. */
#include "base/clock.h"
#include "codec/json.h"
#include "webhook/webhook.h"

enum { TEXT_MAX = 400 };

/* Words of the trail, and what they are called to the outside. One of the trail may be left out for good. */
static const struct {
  const char *word, *event;
} events[] = {
    {"user.create", "user.created"},
    {"user.invite", "user.invited"},
    {"user.accept", "user.joined"},
    {"user.update", "user.updated"},
    {"user.disable", "user.disabled"},
    {"user.enable", "user.enabled"},
    {"user.delete", "user.removed"},
    {"role.create", "role.created"},
    {"rule.update", "role.updated"},
    {"role.rename", "role.renamed"},
    {"role.delete", "role.deleted"},
    {"token.create", "token.created"},
    {"token.expire", "token.rotated"},
    {"token.revoke", "token.revoked"},
    {"client.allow", "client.allowed"},
    {"client.revoke", "client.revoked"},
    {"api_key.create", "api_key.created"},
    {"api_key.revoke", "api_key.revoked"},
    {"connection.create", "connection.created"},
    {"connection.update", "connection.updated"},
    {"connection.rename", "connection.renamed"},
    {"connection.delete", "connection.deleted"},
    {"connection.connect", "connection.connected"},
    {"connection.disconnect", "connection.disconnected"},
    {"connection.fail", "connection.failed"},
    {"catalogue.update", "review.waiting"},
    {"catalogue.accept", "review.decided"},
    {"catalogue.reject", "review.decided"},
    {"limit.meet", "limit.met"},
    {"request.create", "request.created"},
    {"request.answer", "request.answered"},
    {"webhook.test", "webhook.test"},
};

enum { EVENTS = sizeof(events) / sizeof(events[0]) };

const char *webhook_event_at(size_t i) {
  return i < EVENTS ? events[i].event : NULL;
}

bool webhook_is_event(struct str word) {
  for (size_t i = 0; i < EVENTS; i++)
    if (str_eq_c(word, events[i].event)) return true;
  return false;
}

static const char *event_of(struct str word) {
  for (size_t i = 0; i < EVENTS; i++)
    if (str_eq_c(word, events[i].word)) return events[i].event;
  return NULL;
}

/* ---- the body ---- */

static void write_name(struct buf *out, const char *name) {
  buf_append_byte(out, ',');
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
}

static void write_id(struct buf *out, const char *name, struct uuid id) {
  char text[UUID_TEXT_SIZE];
  write_name(out, name);
  uuid_format(id, text);
  if (uuid_is_nil(id))
    buf_append_c(out, "null");
  else
    json_write_str(out, str_of(text));
}

static void write_text(struct buf *out, const char *name, struct str text) {
  write_name(out, name);
  if (text.n)
    json_write_str(out, text);
  else
    buf_append_c(out, "null");
}

/* Numbers, yes and no, short texts; of what was counted, the count. Everything else stays in the trail. */
static yyjson_val *plain(yyjson_val *value) {
  if (yyjson_is_obj(value)) value = json_get(value, "count");
  if (yyjson_is_str(value)) return json_str(value).n <= TEXT_MAX ? value : NULL;
  return yyjson_is_num(value) || yyjson_is_bool(value) ? value : NULL;
}

static void write_detail(struct buf *out, yyjson_val *arguments) {
  yyjson_obj_iter iter = yyjson_obj_iter_with(arguments);
  size_t n_written = 0;
  write_name(out, "detail");
  buf_append_byte(out, '{');
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
    yyjson_val *shown = plain(yyjson_obj_iter_get_val(key));
    if (!shown) continue;
    if (n_written++ > 0) buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    json_write_value(out, shown);
  }
  buf_append_byte(out, '}');
}

static void write_body(struct buf *out, const char *event, const struct webhook_happening *happening,
                       yyjson_val *arguments) {
  char time[CLOCK_TEXT_SIZE], organisation[UUID_TEXT_SIZE];
  clock_format(happening->time, time);
  uuid_format(happening->organisation_id, organisation);
  buf_append_c(out, "{\"type\":");
  json_write_str(out, str_of(event));
  write_text(out, "timestamp", str_of(time));
  write_name(out, "data");
  buf_append_c(out, "{\"organisation\":");
  json_write_str(out, str_of(organisation));
  write_id(out, "change", happening->id);
  write_id(out, "user", happening->user_id);
  write_text(out, "email", happening->user_email);
  write_text(out, "connector", happening->connector);
  write_id(out, "connection", happening->connection_id);
  write_text(out, "connection_name", happening->connection);
  write_detail(out, arguments);
  buf_append_c(out, "}}");
}

/* ---- to whom ---- */

static bool wants(struct str events_of, const char *event) {
  while (events_of.n > 0) {
    struct str word = str_cut(&events_of, ' ');
    if (str_eq(word, STR("*")) || str_eq_c(word, event)) return true;
  }
  return false;
}

/* Of what a server offers, only what has to be looked at is news. */
static bool is_worth_telling(const char *event, yyjson_val *arguments) {
  if (strcmp(event, "review.waiting") != 0) return true;
  return json_get(arguments, "new") || json_get(arguments, "quarantined");
}

static enum err_code deliver(struct db_tx *tx, const struct webhook_record *webhook, const char *event,
                             const struct webhook_happening *happening, struct str body, struct uuid *ret_id,
                             struct err *err) {
  const struct webhook_delivery_record record = {.id = uuid_new(),
                                                 .webhook_id = webhook->id,
                                                 .organisation_id = happening->organisation_id,
                                                 .event = str_of(event),
                                                 .body = body,
                                                 .created_at = happening->time};
  if (webhook->n_waiting >= WEBHOOK_WAITING_MAX) return store_webhook_drop(tx, webhook->id, err);
  enum err_code code = store_webhook_delivery_insert(tx, &record, err);
  if (code == ERR_NONE && ret_id) *ret_id = record.id;
  return code;
}

static enum err_code tell_all(struct db_tx *tx, struct arena *arena, const char *event,
                              const struct webhook_happening *happening, const struct webhook_record *list, size_t n,
                              struct err *err) {
  yyjson_doc *doc = NULL;
  struct buf body;
  enum err_code code = json_read(arena, happening->arguments.n ? happening->arguments : STR("{}"), &doc, err);
  if (code != ERR_NONE) return code;
  yyjson_val *arguments = yyjson_doc_get_root(doc);
  if (!is_worth_telling(event, arguments)) return ERR_NONE;
  buf_init(&body, arena, WEBHOOK_BODY_MAX);
  write_body(&body, event, happening, arguments);
  if (buf_failed(&body)) { /* too much detail: without it */
    buf_init(&body, arena, WEBHOOK_BODY_MAX);
    write_body(&body, event, happening, NULL);
  }
  if (buf_failed(&body)) return err_no_memory(err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    if (wants(list[i].events, event)) code = deliver(tx, &list[i], event, happening, buf_str(&body), NULL, err);
  return code;
}

enum err_code webhook_tell(struct db_tx *tx, const struct webhook_happening *happening, struct err *err) {
  const char *event = event_of(happening->word);
  const struct webhook_record *list = NULL;
  struct arena arena;
  size_t n = 0;
  if (!event) return ERR_NONE;
  arena_init(&arena, 0);
  enum err_code code = store_webhook_list_on(tx, &arena, happening->organisation_id, &list, &n, err);
  if (code == ERR_NONE && n > 0) code = tell_all(tx, &arena, event, happening, list, n, err);
  arena_release(&arena);
  return code;
}

enum err_code webhook_ping(struct db_tx *tx, const struct webhook_record *webhook, struct uuid *ret_delivery_id,
                           struct err *err) {
  const struct webhook_happening happening = {
      .organisation_id = webhook->organisation_id, .time = clock_utc_us(), .word = STR("webhook.test")};
  struct arena arena;
  struct buf body;
  arena_init(&arena, 0);
  buf_init(&body, &arena, WEBHOOK_BODY_MAX);
  write_body(&body, "webhook.test", &happening, NULL);
  enum err_code code =
      buf_failed(&body) ? err_no_memory(err)
      : webhook->n_waiting >= WEBHOOK_WAITING_MAX
          ? err_set(err, ERR_LIMITED, "%d events wait for this webhook already: see why they do", WEBHOOK_WAITING_MAX)
          : deliver(tx, webhook, "webhook.test", &happening, buf_str(&body), ret_delivery_id, err);
  arena_release(&arena);
  return code;
}
