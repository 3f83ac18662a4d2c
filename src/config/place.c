/* JSON pointers for the problems of a configuration file. Knows nothing of what the file means. */
#include "config/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

enum { FILE_SHOWN = 60, DEPTH_SHOWN = 72, PLACE_MAX = 4 * 1024 * 1024 };

static void write_member(struct buf *out, struct str name) {
  buf_append_byte(out, '/');
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] == '~') {
      buf_append_c(out, "~0");
    } else if (name.p[i] == '/') {
      buf_append_c(out, "~1");
    } else {
      buf_append_byte(out, name.p[i]);
    }
  }
}

static void place_write(struct buf *out, const struct config_place *place) {
  const struct config_place *chain[DEPTH_SHOWN];
  size_t n = 0;
  const struct config_place *at = place;
  for (; at->up && n < DEPTH_SHOWN; at = at->up)
    chain[n++] = at;
  while (at->up)
    at = at->up;
  struct str file = at->file;
  if (file.n > FILE_SHOWN) { /* its end tells more than its beginning */
    buf_append_c(out, "...");
    file = str_make(file.p + file.n - FILE_SHOWN, FILE_SHOWN);
  }
  buf_append_str(out, file);
  if (n) buf_append_c(out, ": ");
  while (n--) {
    if (chain[n]->member.p) {
      write_member(out, chain[n]->member);
    } else {
      buf_append_byte(out, '/');
      buf_append_u64(out, chain[n]->index);
    }
  }
}

struct str config_place_text(struct arena *arena, const struct config_place *place) {
  struct buf text;
  buf_init(&text, arena, PLACE_MAX);
  place_write(&text, place);
  buf_append_byte(&text, '\0');
  if (buf_failed(&text)) return STR_NONE;
  return str_make(text.p, text.n - 1);
}

static enum err_code mark(struct err *err, const struct config_place *place, const char *within, enum err_code code) {
  if (!err) return code;
  struct buf text;
  buf_init(&text, NULL, PLACE_MAX);
  place_write(&text, place);
  if (within[0]) {
    if (within[0] != '/' || !place->up) buf_append_c(&text, ": ");
    buf_append_c(&text, within);
  }
  if (!buf_failed(&text)) err_place(err, "%.*s", STR_ARG(buf_str(&text)));
  buf_release(&text);
  return code;
}

enum err_code config_place_mark(struct err *err, const struct config_place *place, enum err_code code) {
  return mark(err, place, "", code);
}

enum err_code config_place_within(struct err *err, const struct config_place *place, enum err_code code) {
  char within[ERR_PLACE_SIZE] = "";
  if (err) memcpy(within, err->place, sizeof(within));
  within[sizeof(within) - 1] = '\0';
  return mark(err, place, within, code);
}

enum err_code config_fail(struct err *err, const struct config_place *place, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return config_place_mark(err, place, err_set(err, ERR_INVALID, "%s", text));
}
