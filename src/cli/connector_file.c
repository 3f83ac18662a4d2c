/* Reads a manifest, a file or a built-in one, and says everything that is wrong with it, each with its line. */
#include "cli/connector_file.h"

#include <stdlib.h>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/json_place.h"
#include "config/config.h"

struct line {
  unsigned line, column;
  const struct connector_finding *finding;
};

static int by_place(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  if (x->line != y->line) return x->line < y->line ? -1 : 1;
  if (x->column != y->column) return x->column < y->column ? -1 : 1;
  return 0;
}

/* The place, or the nearest one around it: what is missing stands nowhere. */
static void find_line(struct str text, struct str pointer, struct line *line) {
  line->line = line->column = 1;
  while (pointer.n > 0 && !json_place_find(text, pointer, &line->line, &line->column)) {
    const char *slash = memrchr(pointer.p, '/', pointer.n);
    pointer.n = slash ? (size_t)(slash - pointer.p) : 0;
  }
}

static void write_findings(struct arena *arena, const char *path, struct str text,
                           const struct connector_findings *findings, bool wants_warnings, struct buf *out) {
  size_t n = 0;
  for (const struct connector_finding *finding = findings->first; finding; finding = finding->next)
    n++;
  struct line *lines = arena_new_n(arena, struct line, n + 1);
  if (!lines) {
    out->has_failed = true;
    return;
  }
  n = 0;
  for (const struct connector_finding *finding = findings->first; finding; finding = finding->next) {
    if (finding->is_warning && !wants_warnings) continue;
    find_line(text, finding->place, &lines[n]);
    lines[n++].finding = finding;
  }
  qsort(lines, n, sizeof(*lines), by_place);
  for (size_t i = 0; i < n; i++) {
    const struct connector_finding *finding = lines[i].finding;
    struct str place = finding->place.n > 0 ? finding->place : STR("the whole");
    buf_printf(out, "%s:%u:%u: %s: %.*s (%.*s)\n", path, lines[i].line, lines[i].column,
               finding->is_warning ? "warning" : "error", STR_ARG(finding->text), STR_ARG(place));
  }
}

void connector_file_read(struct arena *arena, const char *path, bool wants_warnings, struct buf *out,
                         struct connector_file *ret_file) {
  *ret_file = (struct connector_file){.n_errors = 1};
  struct buf text;
  buf_init(&text, arena, (size_t)LIMIT_JSON_FILE + 64 * KIB);
  struct err err = {0};
  yyjson_doc *doc = NULL;
  const struct connector_builtin *builtin = connector_builtin_find(str_of(path));
  enum err_code code = ERR_NONE;
  if (builtin) {
    buf_append_c(&text, builtin->definition);
  } else {
    code = config_read_file(path, LIMIT_JSON_FILE, &text, &err);
  }
  if (!code) code = json_read_file_text(arena, buf_str(&text), &doc, &err);
  if (code) {
    buf_printf(out, "%s: error: %s%s%s\n", path, err.place, err.place[0] ? ": " : "", err.text);
    return;
  }
  struct connector_findings findings = {.arena = arena, .wants_all = true};
  connector_check(arena, yyjson_doc_get_root(doc), &ret_file->connector, &findings);
  write_findings(arena, path, buf_str(&text), &findings, wants_warnings, out);
  if (findings.has_no_memory) buf_printf(out, "%s: error: out of memory\n", path);
  ret_file->n_errors = findings.n_errors + findings.has_no_memory;
  ret_file->n_warnings = findings.n_warnings;
}
