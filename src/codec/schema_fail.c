/* Says what does not fit and which rule it breaks, for a model or a person to mend: "filter.ids[2]: must be a string".
 * Only here is memory taken for a failure. */
#include <stdio.h>

#include "base/limits.h"
#include "codec/schema_run.h"
#include "codec/utf8.h"

enum { SHOWN_NAME = 100, SHOWN_VALUES = 160, TEXT_MAX = 64 * KIB, TEXT_STEPS = 64, BYTES_A_STEP = 64 };

unsigned schema_path_depth(const struct schema_path *path) {
  unsigned depth = 0;
  for (; path->parent; path = path->parent)
    depth++;
  return depth;
}

/* "filter.ids[2]", or nothing for the root. */
static void name_write(const struct schema_path *path, struct buf *out) {
  if (!path->parent) return;
  name_write(path->parent, out);
  if (!path->name.p) {
    buf_append_byte(out, '[');
    buf_append_u64(out, path->index);
    buf_append_byte(out, ']');
    return;
  }
  if (path->parent->parent) buf_append_byte(out, '.');
  buf_append_str(out, path->name);
}

static void pointer_write(const struct schema_path *path, struct buf *out) {
  if (!path->parent) return;
  pointer_write(path->parent, out);
  buf_append_byte(out, '/');
  if (!path->name.p) buf_append_u64(out, path->index);
  for (size_t i = 0; i < path->name.n; i++) {
    if (path->name.p[i] == '~' || path->name.p[i] == '/')
      buf_append_c(out, path->name.p[i] == '~' ? "~0" : "~1");
    else
      buf_append_byte(out, path->name.p[i]);
  }
}

static void fail_text(struct schema_run *run, const struct schema_path *path, const char *rule) {
  struct buf text;
  buf_init(&text, NULL, TEXT_MAX);
  name_write(path, &text);
  struct str name = path->parent ? utf8_cut(buf_str(&text), SHOWN_NAME) : STR("arguments");
  run->rule_at = name.n + 2;
  err_set(run->err, ERR_INVALID, "%.*s: %s%s", STR_ARG(name), path->is_name ? "its name " : "", rule);
  buf_clear(&text);
  pointer_write(path, &text);
  err_place(run->err, "%.*s", STR_ARG(buf_str(&text)));
  buf_release(&text);
  run->fail_depth = schema_path_depth(path);
  run->is_fail_choice = false;
}

enum err_code schema_fail(struct schema_run *run, const struct schema_path *path, const char *format, ...) {
  if (!run->err) return ERR_INVALID;
  /* Where it is not there, this failure is told, but of a union the next branch is not asked. */
  (void)schema_spend(&run->work, TEXT_STEPS);
  char rule[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(rule, sizeof(rule), format, args);
  va_end(args);
  fail_text(run, path, rule);
  return ERR_INVALID;
}

/* A value as JSON, paid for by its size in memory, which is all that writing looks at. */
static void value_write(struct schema_run *run, struct buf *out, yyjson_val *value) {
  size_t n = out->n;
  size_t n_values = (size_t)(unsafe_yyjson_get_next(value) - value);
  json_write_value(out, value);
  (void)schema_spend(&run->work, n_values / 4 + (out->n - n) / BYTES_A_STEP);
}

enum err_code schema_fail_values(struct schema_run *run, const struct schema_path *path, const char *rule,
                                 yyjson_val *values, bool is_list) {
  if (!run->err) return ERR_INVALID;
  struct buf out;
  buf_init(&out, NULL, TEXT_MAX);
  if (is_list) {
    size_t i, count;
    yyjson_val *value;
    yyjson_arr_foreach(values, i, count, value) {
      if (i > 0) buf_append_c(&out, ", ");
      value_write(run, &out, value);
      if (out.n > SHOWN_VALUES) break;
    }
  } else {
    value_write(run, &out, values);
  }
  struct str shown = utf8_cut(buf_str(&out), SHOWN_VALUES);
  schema_fail(run, path, "%s %.*s%s", rule, STR_ARG(shown), shown.n < out.n ? "…" : "");
  buf_release(&out);
  return ERR_INVALID;
}

enum err_code schema_fail_type(struct schema_run *run, const struct schema_path *path, unsigned types) {
  if (!run->err) return ERR_INVALID;
  if (types == 0) return schema_fail(run, path, "is not allowed");
  struct buf names;
  buf_init(&names, NULL, 256);
  for (const struct schema_type_name *known = schema_type_names; known->name; known++) {
    if (!(types & known->type)) continue;
    if (names.n > 0) buf_append_c(&names, " or ");
    buf_append_c(&names, known->name);
  }
  struct str shown = buf_str(&names);
  const char *article = shown.n > 0 && memchr("aio", shown.p[0], 3) ? "an " : "a ";
  if (str_eq(shown, STR("null"))) article = "";
  schema_fail(run, path, "must be %s%.*s", article, STR_ARG(shown));
  buf_release(&names);
  return ERR_INVALID;
}
