/* Which answers are errors although their status is 2xx, and where an answer says what went wrong. Must not know what
 * is done about it. */
#include "codec/json_path.h"
#include "connector/http/call.h"

enum { MESSAGE_MAX = 500, CODE_MAX = 64, DEPTH_MAX = 3 };

/* Numbers of answers are raw: 1 and 1.0 are the same only where they are written the same. */
static bool equals(yyjson_val *found, yyjson_val *expected) {
  if (!yyjson_is_raw(found)) return found && yyjson_equals(found, expected);
  char text[64];
  struct buf number = {.p = text, .capacity = sizeof(text), .max = sizeof(text)};
  if (!yyjson_is_num(expected)) return false;
  json_write_value(&number, expected);
  return !buf_failed(&number) && str_eq(buf_str(&number), str_make(yyjson_get_raw(found), yyjson_get_len(found)));
}

static bool is_nothing(yyjson_val *value) {
  return !value || yyjson_is_null(value) || (yyjson_is_arr(value) && yyjson_arr_size(value) == 0);
}

bool http_errors_passed(const struct http_errors *errors, yyjson_val *root) {
  for (size_t i = 0; i < errors->n_ok; i++) {
    const struct http_ok_test *test = &errors->ok[i];
    yyjson_val *found = json_path_get(test->path, root);
    if (test->is ? !equals(found, test->is) : !is_nothing(found)) return false;
  }
  return true;
}

/* ---- messages ---- */

/* Where services put what went wrong, the most telling first. */
static struct str usual_message(yyjson_val *value, unsigned depth) {
  static const char *const names[] = {"message", "error_description", "detail", "title",  "Message",
                                      "Detail",  "error_message",     "msg",    "reason", "description"};
  static const char *const inner[] = {"error", "errors", "Error", "fault"};
  if (yyjson_is_str(value)) return json_str(value);
  if (depth == 0) return STR_NONE;
  if (yyjson_is_arr(value)) return usual_message(yyjson_arr_get_first(value), depth - 1);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    struct str text = json_get_str(value, names[i]);
    if (text.n > 0) return text;
  }
  for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
    struct str text = usual_message(json_get(value, inner[i]), depth - 1);
    if (text.n > 0) return text;
  }
  return STR_NONE;
}

/* The first text or number at one of the paths. */
static struct str text_at(const struct http_paths *paths, yyjson_val *root) {
  for (size_t i = 0; i < paths->n; i++) {
    yyjson_val *found = json_path_get(paths->items[i], root);
    struct str text = yyjson_is_raw(found) ? str_make(yyjson_get_raw(found), yyjson_get_len(found)) : json_str(found);
    if (text.n > 0) return text;
  }
  return STR_NONE;
}

struct str http_errors_message(struct arena *arena, const struct http_errors *errors, yyjson_val *root) {
  struct str text = text_at(&errors->messages, root);
  if (text.n == 0) text = usual_message(root, DEPTH_MAX);
  return http_clean_line(arena, text, MESSAGE_MAX);
}

struct str http_errors_code(struct arena *arena, const struct http_errors *errors, yyjson_val *root) {
  return http_clean_line(arena, text_at(&errors->codes, root), CODE_MAX);
}
