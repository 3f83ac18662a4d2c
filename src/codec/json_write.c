/* JSON out: values as they came, and in their canonical form (RFC 8785). */
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf8_sequence.h"
#include "codec/json.h"
#include "codec/json_number.h"

/* What RFC 8259, section 7 wants escaped; everything else, DEL included, goes out as it is. */
static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void write_escape(struct buf *out, unsigned char c) {
  static const char digits[] = "0123456789abcdef";
  char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0x0F]};
  size_t n = 2;
  switch (c) {
    case '"':
    case '\\':
      text[1] = (char)c;
      break;
    case '\b':
      text[1] = 'b';
      break;
    case '\t':
      text[1] = 't';
      break;
    case '\n':
      text[1] = 'n';
      break;
    case '\f':
      text[1] = 'f';
      break;
    case '\r':
      text[1] = 'r';
      break;
    default:
      n = sizeof(text);
  }
  buf_append(out, text, n);
}

void json_write_str(struct buf *out, struct str text) {
  buf_append_byte(out, '"');
  size_t start = 0; /* of what goes out unchanged */
  size_t i = 0;
  while (i < text.n) {
    unsigned char c = (unsigned char)text.p[i];
    if (is_plain(c)) {
      i++;
      continue;
    }
    size_t n = c < 0x80 ? 0 : utf8_sequence(text.p + i, text.n - i);
    if (n > 0) {
      i += n;
      continue;
    }
    buf_append(out, text.p + start, i - start);
    if (c < 0x80) {
      write_escape(out, c);
    } else {
      buf_append_c(out, "\xEF\xBF\xBD");
    }
    start = ++i;
  }
  if (text.n > start) buf_append(out, text.p + start, text.n - start);
  buf_append_byte(out, '"');
}

static void write_double(struct buf *out, double value, bool is_canonical) {
  char text[JSON_NUMBER_SIZE];
  size_t n = json_number_format(value, text);
  if (is_canonical) {
    buf_append(out, text, n);
    return;
  }
  if (value == 0 && signbit(value)) buf_append_byte(out, '-');
  buf_append(out, text, n);
  /* Many readers tell 1.0 and 1 apart; it leaves as it came. */
  if (!memchr(text, '.', n) && !memchr(text, 'e', n)) buf_append_c(out, ".0");
}

/* Integers that a double holds exactly are written without one. */
static void write_number(struct buf *out, yyjson_val *value, bool is_canonical) {
  const int64_t exact = (int64_t)1 << 53;
  if (yyjson_is_real(value)) {
    write_double(out, unsafe_yyjson_get_real(value), is_canonical);
  } else if (yyjson_is_uint(value)) {
    uint64_t number = unsafe_yyjson_get_uint(value);
    if (is_canonical && number > (uint64_t)exact) {
      write_double(out, (double)number, true);
    } else {
      buf_append_u64(out, number);
    }
  } else {
    int64_t number = unsafe_yyjson_get_sint(value);
    if (is_canonical && number < -exact) {
      write_double(out, (double)number, true);
    } else {
      buf_append_i64(out, number);
    }
  }
}

/* By UTF-16 code units (RFC 8785, 3.2.3). That is the order of the bytes of UTF-8, but for characters beyond U+FFFF,
 * whose surrogates come before U+E000: lead bytes F0 to F4 before EE and EF. */
static int order_of(struct str a, struct str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  size_t i = 0;
  while (i < n && a.p[i] == b.p[i])
    i++;
  if (i == n) return (a.n > b.n) - (a.n < b.n);
  unsigned char x = (unsigned char)a.p[i];
  unsigned char y = (unsigned char)b.p[i];
  if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0)) return x >= 0xF0 ? -1 : 1;
  return x < y ? -1 : 1;
}

static int key_order(const void *a, const void *b) {
  return order_of(json_str(*(yyjson_val *const *)a), json_str(*(yyjson_val *const *)b));
}

struct writer {
  struct buf *out;
  bool is_canonical;
  enum err_code code;
};

static void write_value(struct writer *writer, yyjson_val *value, unsigned depth);

static void write_member(struct writer *writer, yyjson_val *key, bool is_first, unsigned depth) {
  if (!is_first) buf_append_byte(writer->out, ',');
  json_write_str(writer->out, json_str(key));
  buf_append_byte(writer->out, ':');
  write_value(writer, unsafe_yyjson_get_next(key), depth);
}

static void write_object_sorted(struct writer *writer, yyjson_val *object, unsigned depth) {
  size_t n = unsafe_yyjson_get_len(object);
  if (n == 0) return;
  yyjson_val **keys = calloc(n, sizeof(*keys));
  if (!keys) {
    writer->code = ERR_NO_MEMORY;
    return;
  }
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) keys[i] = key;
  qsort(keys, n, sizeof(*keys), key_order);
  for (i = 0; i < n && writer->code == ERR_NONE; i++)
    write_member(writer, keys[i], i == 0, depth);
  free(keys);
}

static void write_object(struct writer *writer, yyjson_val *object, unsigned depth) {
  buf_append_byte(writer->out, '{');
  if (writer->is_canonical) {
    write_object_sorted(writer, object, depth);
  } else {
    size_t i, count;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, count, key, value) write_member(writer, key, i == 0, depth);
  }
  buf_append_byte(writer->out, '}');
}

static void write_array(struct writer *writer, yyjson_val *array, unsigned depth) {
  size_t i, count;
  yyjson_val *value;
  buf_append_byte(writer->out, '[');
  yyjson_arr_foreach(array, i, count, value) {
    if (i > 0) buf_append_byte(writer->out, ',');
    write_value(writer, value, depth);
  }
  buf_append_byte(writer->out, ']');
}

/* Recursion is bounded: json_read lets nothing deeper in. */
static void write_value(struct writer *writer, yyjson_val *value, unsigned depth) {
  if (writer->code != ERR_NONE) return;
  struct buf *out = writer->out;
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
      buf_append_c(out, "null");
      return;
    case YYJSON_TYPE_BOOL:
      buf_append_c(out, unsafe_yyjson_get_bool(value) ? "true" : "false");
      return;
    case YYJSON_TYPE_STR:
      json_write_str(out, json_str(value));
      return;
    case YYJSON_TYPE_NUM:
      if (yyjson_is_real(value) && !isfinite(unsafe_yyjson_get_real(value))) {
        writer->code = ERR_INVALID;
      } else {
        write_number(out, value, writer->is_canonical);
      }
      return;
    case YYJSON_TYPE_RAW: /* a number as it came; its canonical form is another */
      if (writer->is_canonical) {
        writer->code = ERR_INVALID;
      } else {
        buf_append(out, yyjson_get_raw(value), yyjson_get_len(value));
      }
      return;
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
      if (depth == LIMIT_JSON_DEPTH) {
        writer->code = ERR_INVALID;
      } else if (yyjson_is_obj(value)) {
        write_object(writer, value, depth + 1);
      } else {
        write_array(writer, value, depth + 1);
      }
      return;
    default:
      writer->code = ERR_INVALID;
  }
}

void json_write_value(struct buf *out, yyjson_val *value) {
  struct writer writer = {.out = out};
  write_value(&writer, value, 0);
  if (writer.code != ERR_NONE) out->has_failed = true;
}

enum err_code json_write_canonical(struct buf *out, yyjson_val *value, struct err *err) {
  struct writer writer = {.out = out, .is_canonical = true};
  write_value(&writer, value, 0);
  if (writer.code == ERR_NO_MEMORY) return err_no_memory(err);
  if (writer.code != ERR_NONE) return err_set(err, ERR_INVALID, "a value that JSON has no canonical form for");
  if (buf_failed(out)) return err_set(err, ERR_TOO_LARGE, "the canonical form is too large");
  return ERR_NONE;
}
