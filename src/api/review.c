/* What MCP servers offer, and the decisions on it (org/catalogue.h). */
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/limits.h"
#include "org/catalogue.h"

static bool is_waiting(const struct catalogue_item_record *item) {
  return !item->gone_at && (str_eq(item->status, STR("pending")) || str_eq(item->status, STR("quarantined")));
}

static void write_lines(struct buf *out, const char *name, struct str lines) {
  answer_name(out, name);
  answer_open(out, '[');
  while (lines.n > 0) {
    struct str line = str_cut(&lines, '\n');
    if (line.n) answer_item(out, line);
  }
  answer_close(out, ']');
}

static enum err_code write_item(struct api_request *request, const struct connection_record *connection,
                                const struct catalogue_item_record *item, struct err *err) {
  struct buf *out = &request->out, difference;
  enum err_code code = ERR_NONE;
  buf_init(&difference, &request->arena, 8 * MIB);
  if (item->is_pinned && memcmp(item->hash, item->accepted_hash, sizeof(item->hash)) != 0)
    code = catalogue_difference(&request->arena, item->accepted_definition, item->definition, &difference, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  answer_uuid(out, "id", item->id);
  answer_name(out, "connection");
  answer_open(out, '{');
  answer_uuid(out, "id", connection->id);
  answer_text(out, "name", connection->name);
  answer_close(out, '}');
  answer_text(out, "kind", item->kind);
  answer_text(out, "name", item->name);
  answer_text(out, "status", item->status);
  answer_text_or_null(out, "does", item->is_pinned ? item->does : STR_NONE);
  answer_text_or_null(out, "hint", item->hint);
  write_lines(out, "notes", item->notes);
  answer_json(out, "definition", item->definition.n && item->definition.p[0] == '{' ? item->definition : STR("{}"));
  write_lines(out, "difference", difference.n ? buf_str(&difference) : STR(""));
  answer_time(out, "updated_at", item->updated_at);
  answer_close(out, '}');
  return ERR_NONE;
}

/* By connection's name, kind, name: the cursor is the item's id, and the list begins behind it. */
enum err_code review_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connection_record *connections = NULL;
  struct api_page page;
  struct uuid wanted, last = {{0}};
  bool has_wanted = api_query_id(request, "connection", &wanted), wants_all = api_query_flag(request, "all");
  size_t n = 0, n_found = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE)
    code = store_connection_list(tx, &request->arena, request->organisation.id, &connections, &n, err);
  if (code != ERR_NONE) return code;
  bool is_behind = page.after.n == 0;
  api_page_open(request);
  for (size_t i = 0; i < n && code == ERR_NONE && n_found <= page.limit; i++) {
    const struct catalogue_item_record *items = NULL;
    size_t n_items = 0;
    if (has_wanted && !uuid_eq(connections[i].id, wanted)) continue;
    code = store_catalogue_item_list(tx, &request->arena, request->organisation.id, connections[i].id, &items, &n_items,
                                     err);
    for (size_t k = 0; k < n_items && code == ERR_NONE; k++) {
      if (!is_behind) {
        is_behind = str_eq(uuid_bytes(&items[k].id), page.after);
        continue;
      }
      if (items[k].gone_at || (!wants_all && !is_waiting(&items[k]))) continue;
      if (++n_found > page.limit) break;
      code = write_item(request, &connections[i], &items[k], err);
      last = items[k].id;
    }
  }
  api_page_close(request, &page, n_found, uuid_bytes(&last));
  return code;
}

/* The item of one decision, among all of the organisation's. */
static enum err_code find(struct api_request *request, struct db_tx *tx, const struct connection_record *connections,
                          size_t n, struct uuid id, const struct connection_record **ret_connection,
                          struct catalogue_item_record *ret_item, struct err *err) {
  for (size_t i = 0; i < n; i++) {
    const struct catalogue_item_record *items = NULL;
    size_t n_items = 0;
    enum err_code code = store_catalogue_item_list(tx, &request->arena, request->organisation.id, connections[i].id,
                                                   &items, &n_items, err);
    if (code != ERR_NONE) return code;
    for (size_t k = 0; k < n_items; k++) {
      if (!uuid_eq(items[k].id, id)) continue;
      *ret_item = items[k];
      *ret_connection = &connections[i];
      return ERR_NONE;
    }
  }
  return err_set(err, ERR_NOT_FOUND, "there is no such item");
}

enum err_code review_decide(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connection_record *connections = NULL;
  const struct vault_keys *keys;
  struct audit_author author = api_author(request);
  size_t n = 0, i, n_decisions;
  yyjson_val *decision;
  enum err_code code = api_keys(request, &keys, err);
  if (code == ERR_NONE)
    code = store_connection_list(tx, &request->arena, request->organisation.id, &connections, &n, err);
  if (code != ERR_NONE) return code;
  answer_open(&request->out, '{');
  answer_name(&request->out, "items");
  answer_open(&request->out, '[');
  yyjson_arr_foreach(json_get(request->body, "decisions"), i, n_decisions, decision) {
    const struct connection_record *connection = NULL;
    struct catalogue_item_record item;
    struct uuid id = {{0}};
    char pointer[40];
    (void)uuid_parse(json_get_str(decision, "item"), &id);
    (void)snprintf(pointer, sizeof(pointer), "/decisions/%zu/item", i);
    code = find(request, tx, connections, n, id, &connection, &item, err);
    if (code == ERR_NOT_FOUND) return api_wrong(err, pointer, "there is no such item");
    struct str does = json_get_str(decision, "does");
    const struct catalogue_decision verdict = {.organisation = &request->organisation,
                                               .connection = connection,
                                               .keys = keys,
                                               .user_id = author.user_id,
                                               .user_email = author.email,
                                               .reason = author.reason,
                                               .is_accepted = yyjson_is_true(json_get(decision, "is_accepted")),
                                               .does = does.p ? does : STR("")};
    if (code == ERR_NONE) code = catalogue_decide(tx, &verdict, &item, err);
    if (code == ERR_INVALID) err_place(err, "%s", pointer);
    if (code == ERR_NONE) code = write_item(request, connection, &item, err);
    if (code != ERR_NONE) return code;
  }
  answer_close(&request->out, ']');
  answer_close(&request->out, '}');
  return api_changed(request, tx, err);
}
