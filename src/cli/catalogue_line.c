/* Writes items of catalogues for people, and for programs. */
#include "cli/catalogue_line.h"

#include "base/limits.h"
#include "cli/json_line.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "org/catalogue.h"

size_t catalogue_line_head(struct buf *out, const struct connection_record *connection,
                           const struct catalogue_record *head, bool is_json) {
  if (!head || (!head->error.n && !head->left_out.n)) return 0;
  if (is_json) {
    json_line_begin(out);
    json_line_text(out, "connection", connection->name);
    json_line_text(out, "connector", connection->connector_id);
    json_line_text(out, "error", head->error);
    json_line_text(out, "left_out", head->left_out);
    json_line_time(out, "listed", head->listed_at);
    json_line_end(out);
    return 1;
  }
  if (head->error.n) {
    buf_printf(out, "%.*s: its server could not be asked: %.*s\n", STR_ARG(connection->name), STR_ARG(head->error));
  }
  if (head->left_out.n) buf_printf(out, "%.*s: %.*s\n", STR_ARG(connection->name), STR_ARG(head->left_out));
  return 1;
}

static void write_name(struct buf *out, const struct connection_record *connection,
                       const struct catalogue_item_record *item) {
  buf_printf(out, "%.*s %.*s", STR_ARG(connection->name), STR_ARG(item->kind));
  if (item->name.n) buf_printf(out, " %.*s", STR_ARG(item->name));
}

static void write_indented(struct buf *out, struct str lines) {
  while (lines.n > 0) {
    struct str line = str_cut(&lines, '\n');
    if (line.n > 0) buf_printf(out, "    %.*s\n", STR_ARG(line));
  }
}

static bool has_changed(const struct catalogue_item_record *item) {
  return item->is_pinned && memcmp(item->hash, item->accepted_hash, sizeof(item->hash)) != 0;
}

static enum err_code difference_of(struct arena *arena, const struct catalogue_item_record *item, struct buf *out,
                                   struct err *err) {
  buf_init(out, arena, (size_t)64 * MIB);
  if (!has_changed(item)) return ERR_NONE;
  return catalogue_difference(arena, item->accepted_definition, item->definition, out, err);
}

/* What a new one says of itself: all of it. */
static void write_definition(struct arena *arena, struct buf *out, struct str definition) {
  yyjson_doc *doc;
  struct err err;
  struct yyjson_alc alc = json_alc(arena);
  size_t n = 0;
  if (json_read(arena, definition, &doc, &err)) return;
  char *text = yyjson_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, &alc, &n, NULL);
  if (text) write_indented(out, str_make(text, n));
}

enum err_code catalogue_line_text(struct arena *arena, struct buf *out, const struct connection_record *connection,
                                  const struct catalogue_item_record *item, struct err *err) {
  struct buf difference;
  enum err_code code = difference_of(arena, item, &difference, err);
  if (code) return code;
  write_name(out, connection, item);
  buf_printf(out, ": %.*s", STR_ARG(item->status));
  if (item->gone_at) buf_append_c(out, ", no longer offered");
  if (str_eq_c(item->kind, "tool")) {
    if (item->is_pinned) buf_printf(out, "; does %.*s", STR_ARG(item->does));
    buf_printf(out, "; its server says %.*s", STR_ARG(item->hint));
  }
  buf_append_byte(out, '\n');
  write_indented(out, item->notes);
  if (difference.n > 0) write_indented(out, buf_str(&difference));
  if (!item->is_pinned && str_eq_c(item->status, "pending")) write_definition(arena, out, item->definition);
  return ERR_NONE;
}

static void write_lines(struct buf *out, const char *name, struct str lines, struct arena *arena) {
  struct buf list;
  buf_init(&list, arena, (size_t)64 * MIB);
  buf_append_byte(&list, '[');
  while (lines.n > 0) {
    struct str line = str_cut(&lines, '\n');
    if (!line.n) continue;
    if (list.n > 1) buf_append_byte(&list, ',');
    json_write_str(&list, line);
  }
  buf_append_byte(&list, ']');
  if (buf_failed(&list)) out->has_failed = true;
  json_line_raw(out, name, buf_str(&list));
}

enum err_code catalogue_line_json(struct arena *arena, struct buf *out, const struct connection_record *connection,
                                  const struct catalogue_item_record *item, struct err *err) {
  struct buf difference;
  char id[UUID_TEXT_SIZE], hash[65], accepted[65];
  enum err_code code = difference_of(arena, item, &difference, err);
  if (code) return code;
  uuid_format(item->id, id);
  hex_format(item->hash, sizeof(item->hash), hash);
  hex_format(item->accepted_hash, sizeof(item->accepted_hash), accepted);
  json_line_begin(out);
  json_line_text(out, "id", str_of(id));
  json_line_text(out, "connection", connection->name);
  json_line_text(out, "connector", connection->connector_id);
  json_line_text(out, "kind", item->kind);
  json_line_text(out, "name", item->name);
  json_line_text(out, "status", item->status);
  json_line_text(out, "does", item->does);
  json_line_text(out, "hint", item->hint);
  write_lines(out, "notes", item->notes, arena);
  write_lines(out, "difference", difference.n ? buf_str(&difference) : STR(""), arena);
  json_line_text(out, "hash", str_of(hash));
  json_line_text(out, "accepted_hash", item->is_pinned ? str_of(accepted) : STR_NONE);
  json_line_raw(out, "definition", item->definition);
  json_line_raw(out, "accepted_definition", item->is_pinned ? item->accepted_definition : STR_NONE);
  json_line_time(out, "gone", item->gone_at);
  json_line_end(out);
  return ERR_NONE;
}

void catalogue_line_verdict(struct buf *out, const struct connection_record *connection,
                            const struct catalogue_item_record *item) {
  buf_printf(out, "%.*s ", STR_ARG(item->status));
  write_name(out, connection, item);
  if (str_eq_c(item->kind, "tool") && str_eq_c(item->status, "accepted"))
    buf_printf(out, ": does %.*s", STR_ARG(item->does));
  buf_append_byte(out, '\n');
}
