/* Tools and results, for people and for programs. What comes from a server is a stranger's: nothing of it may steer a
 * terminal. */
#include "cli/call_print.h"

#include "base/limits.h"

enum { OUTPUT_MAX = 512 * MIB, SUMMARY_MAX = 90 };

void call_print_init(struct call_print *print, struct arena *arena, bool is_json, bool is_terminal) {
  *print = (struct call_print){.arena = arena, .is_json = is_json, .is_terminal = is_terminal};
  buf_init(&print->out, NULL, OUTPUT_MAX);
}

void call_print_release(struct call_print *print) {
  buf_release(&print->out);
  if (print->has_table) table_release(&print->table);
}

static bool is_safe(char byte) {
  unsigned char c = (unsigned char)byte;
  return (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t';
}

void call_print_plain(char *text) {
  for (char *p = text; *p; p++) {
    if (!is_safe(*p)) *p = '?';
  }
}

/* A program that reads us gets the bytes as they are. */
static void write_text(struct call_print *print, struct str text) {
  if (!print->is_terminal) {
    buf_append_str(&print->out, text);
  } else {
    for (size_t i = 0; i < text.n; i++)
      buf_append_byte(&print->out, is_safe(text.p[i]) ? text.p[i] : '?');
  }
  if (text.n == 0 || text.p[text.n - 1] != '\n') buf_append_byte(&print->out, '\n');
}

/* ---- tools ---- */

void call_print_begin_tools(struct call_print *print) {
  static const char *const heads[] = {"TOOL", "ARGUMENTS", "WHAT IT DOES", NULL};
  if (print->is_json) return;
  table_init(&print->table, heads);
  print->has_table = true;
}

static bool is_required(yyjson_val *schema, struct str name) {
  size_t i, n;
  yyjson_val *names = json_get(schema, "required"), *required;
  if (!names) return false;
  yyjson_arr_foreach(names, i, n, required) {
    if (str_eq(json_str(required), name)) return true;
  }
  return false;
}

/* "sql [limit]" */
static struct str arguments_of(struct arena *arena, yyjson_val *schema) {
  struct buf out;
  size_t i, n;
  yyjson_val *properties = json_get(schema, "properties"), *key, *property;
  buf_init(&out, arena, 64 * KIB);
  if (!properties) return STR("-");
  yyjson_obj_foreach(properties, i, n, key, property) {
    bool has_to = is_required(schema, json_str(key));
    buf_printf(&out, "%s%s%.*s%s", i > 0 ? " " : "", has_to ? "" : "[", STR_ARG(json_str(key)), has_to ? "" : "]");
  }
  return out.n > 0 && !buf_failed(&out) ? buf_str(&out) : STR("-");
}

/* The description's first line, or as much of it as fits. */
static struct str summary_of(struct arena *arena, yyjson_val *tool) {
  struct str rest = json_get_str(tool, "description");
  if (rest.n == 0) rest = json_get_str(tool, "title");
  struct str line = str_cut(&rest, '\n');
  if (line.n <= SUMMARY_MAX) return line.n > 0 ? line : STR("-");
  size_t n = SUMMARY_MAX;
  while (n > 0 && ((unsigned char)line.p[n] & 0xC0) == 0x80) /* not within a character */
    n--;
  return arena_printf(arena, "%.*s...", (int)n, line.p);
}

void call_print_tool(struct call_print *print, yyjson_val *tool) {
  if (print->is_json) {
    json_write_value(&print->out, tool);
    buf_append_byte(&print->out, '\n');
    return;
  }
  struct arena *arena = &print->table.arena;
  const struct str cells[] = {json_get_str(tool, "name"), arguments_of(arena, json_get(tool, "inputSchema")),
                              summary_of(arena, tool)};
  if (table_add(&print->table, cells)) table_write(&print->table, &print->out);
}

void call_print_end_tools(struct call_print *print) {
  if (print->has_table) table_write(&print->table, &print->out);
}

/* ---- results ---- */

static void write_block(struct call_print *print, yyjson_val *block) {
  struct str type = json_get_str(block, "type"), mime = json_get_str(block, "mimeType");
  yyjson_val *resource = json_get(block, "resource");
  struct str text = json_get_str(str_eq_c(type, "resource") ? resource : block, "text");
  if (text.p) {
    write_text(print, text);
    return;
  }
  struct str uri = json_get_str(resource ? resource : block, "uri");
  struct str data = resource ? json_get_str(resource, "blob") : json_get_str(block, "data");
  if (!mime.p) mime = json_get_str(resource, "mimeType");
  struct str note = arena_printf(print->arena, "[%.*s%s%.*s%s%.*s%s]", STR_ARG(type), mime.n ? " " : "", STR_ARG(mime),
                                 uri.n ? " " : "", STR_ARG(uri), data.n ? ", base64: --json shows it" : "");
  write_text(print, note);
}

void call_print_result(struct call_print *print, yyjson_val *result) {
  if (print->is_json) {
    json_write_value(&print->out, result);
    buf_append_byte(&print->out, '\n');
    return;
  }
  size_t i, n;
  yyjson_val *block, *content = json_get(result, "content");
  for (i = 0, n = yyjson_arr_size(content); i < n; i++) {
    block = yyjson_arr_get(content, i);
    write_block(print, block);
  }
  yyjson_val *structured = json_get(result, "structuredContent");
  if (yyjson_arr_size(content) > 0 || !structured) return;
  json_write_value(&print->out, structured);
  buf_append_byte(&print->out, '\n');
}
