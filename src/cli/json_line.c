/* JSON Lines for commands' results. Knows nothing of what they are. */
#include "cli/json_line.h"

#include "base/clock.h"
#include "codec/json.h"

void json_line_begin(struct buf *out) {
  buf_append_byte(out, '{');
}

static void name_it(struct buf *out, const char *name) {
  bool is_first = out->n > 0 && out->p[out->n - 1] == '{';
  buf_printf(out, "%s\"%s\":", is_first ? "" : ",", name);
}

void json_line_text(struct buf *out, const char *name, struct str text) {
  name_it(out, name);
  if (text.n) {
    json_write_str(out, text);
  } else {
    buf_append_c(out, "null");
  }
}

void json_line_time(struct buf *out, const char *name, int64_t utc_us) {
  char text[CLOCK_TEXT_SIZE];
  if (utc_us) clock_format(utc_us, text);
  json_line_text(out, name, utc_us ? str_of(text) : STR_NONE);
}

void json_line_int(struct buf *out, const char *name, int64_t value) {
  name_it(out, name);
  buf_append_i64(out, value);
}

void json_line_raw(struct buf *out, const char *name, struct str json) {
  name_it(out, name);
  if (json.n) {
    buf_append_str(out, json);
  } else {
    buf_append_c(out, "null");
  }
}

void json_line_ms(struct buf *out, const char *name, int64_t us) {
  name_it(out, name);
  if (us < 0) us = 0;
  buf_printf(out, "%lld.%03d", (long long)(us / 1000), (int)(us % 1000));
}

void json_line_end(struct buf *out) {
  buf_append_c(out, "}\n");
}
