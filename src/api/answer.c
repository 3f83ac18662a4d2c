/* Writes JSON. Knows no resource. */
#include "api/answer.h"

#include "base/clock.h"
#include "codec/json.h"

static void comma(struct buf *out) {
  char last = out->n ? out->p[out->n - 1] : '[';
  if (last != '{' && last != '[' && last != ':' && last != '\n') buf_append_byte(out, ',');
}

void answer_open(struct buf *out, char bracket) {
  comma(out);
  buf_append_byte(out, bracket);
}

void answer_close(struct buf *out, char bracket) {
  buf_append_byte(out, bracket);
}

void answer_name(struct buf *out, const char *name) {
  comma(out);
  buf_append_byte(out, '"');
  buf_append_c(out, name);
  buf_append_c(out, "\":");
}

void answer_item(struct buf *out, struct str text) {
  comma(out);
  json_write_str(out, text);
}

void answer_text(struct buf *out, const char *name, struct str text) {
  answer_name(out, name);
  json_write_str(out, text);
}

void answer_text_or_null(struct buf *out, const char *name, struct str text) {
  if (text.n)
    answer_text(out, name, text);
  else
    answer_null(out, name);
}

void answer_uuid(struct buf *out, const char *name, struct uuid id) {
  char text[UUID_TEXT_SIZE];
  uuid_format(id, text);
  answer_text_or_null(out, name, uuid_is_nil(id) ? STR_NONE : str_of(text));
}

void answer_time(struct buf *out, const char *name, int64_t utc_us) {
  char text[CLOCK_TEXT_SIZE];
  if (utc_us) clock_format(utc_us, text);
  answer_text_or_null(out, name, utc_us ? str_of(text) : STR_NONE);
}

void answer_int(struct buf *out, const char *name, int64_t value) {
  answer_name(out, name);
  buf_append_i64(out, value);
}

void answer_int_or_null(struct buf *out, const char *name, int64_t value) {
  if (value)
    answer_int(out, name, value);
  else
    answer_null(out, name);
}

void answer_bool(struct buf *out, const char *name, bool value) {
  answer_name(out, name);
  buf_append_c(out, value ? "true" : "false");
}

void answer_ms(struct buf *out, const char *name, int64_t us) {
  answer_name(out, name);
  buf_printf(out, "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
}

void answer_null(struct buf *out, const char *name) {
  answer_name(out, name);
  buf_append_c(out, "null");
}

void answer_json(struct buf *out, const char *name, struct str json) {
  answer_name(out, name);
  buf_append_str(out, json.n ? json : STR("null"));
}
