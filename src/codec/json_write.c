/* JSON out: values as they came, and in their canonical form (RFC 8785). */
#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf8_sequence.h"
#include "codec/json.h"
#include "codec/json_number.h"

/* What RFC 8259, section 7 wants escaped; everything else, DEL included, goes out as it is. `n_after`: room that must
 * be left behind it. */
static inline void escape_write(struct buf *out, unsigned char c, size_t n_after) {
  static const char digits[] = "0123456789abcdef";
  static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  char letter = c < sizeof(letters) ? letters[c] : (char)c;
  size_t n = letter ? 2 : 6;
  char *p = buf_reserve(out, n + n_after);
  if (!p) return;
  out->n += n;
  p[0] = '\\';
  p[1] = letter;
  if (letter) return;
  memcpy(p + 1, "u00", 3);
  p[4] = digits[c >> 4];
  p[5] = digits[c & 0x0F];
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* How many of eight bytes, from the first, are plain. The mark (the high bit) is exact up to the first byte that is
 * marked: a borrow goes upwards only. */
static size_t plain_of_eight(const char *text) {
  const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  uint64_t bytes;
  memcpy(&bytes, text, sizeof(bytes));
  bytes = le64toh(bytes);
  uint64_t quote = bytes ^ (ones * '"'), backslash = bytes ^ (ones * '\\');
  uint64_t marks = (bytes | (bytes - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs;
  return marks ? (size_t)__builtin_ctzll(marks) / 8 : 8;
}

/* Copies the plain bytes that the text begins with; there is room for all of it. Returns how many. */
static size_t plain_copy(char *to, struct str text) {
  size_t n = 0;
  while (text.n - n >= 8) {
    memcpy(to + n, text.p + n, 8); /* what is not plain among them is overwritten by what stands for it */
    size_t k = plain_of_eight(text.p + n);
    n += k;
    if (k < 8) return n;
  }
  for (; n < text.n && is_plain((unsigned char)text.p[n]); n++)
    to[n] = text.p[n];
  return n;
}

/* One character beyond ASCII, or a byte that belongs to none. Returns how many bytes of the text it took. */
static size_t beyond_ascii_write(struct buf *out, struct str text) {
  static const char replacement[] = "\xEF\xBF\xBD";
  size_t n = utf8_sequence(text.p, text.n);
  size_t written = n > 0 ? n : sizeof(replacement) - 1, taken = n > 0 ? n : 1;
  char *p = buf_reserve(out, written + text.n - taken + 1);
  if (!p) return text.n;
  memcpy(p, n > 0 ? text.p : replacement, written);
  out->n += written;
  return taken;
}

/* There is always room for as many bytes as are left of the text, and the quote: no less will be written. So more is
 * asked for only where an escape has made it longer, and never more than is needed. */
void json_write_str(struct buf *out, struct str text) {
  if (!buf_reserve(out, text.n + 2)) return;
  out->p[out->n++] = '"';
  while (text.n > 0) {
    size_t n = plain_copy(out->p + out->n, text);
    out->n += n;
    text = str_make(text.p + n, text.n - n);
    if (text.n == 0) break;
    n = 1;
    if ((unsigned char)text.p[0] < 0x80)
      escape_write(out, (unsigned char)text.p[0], text.n);
    else
      n = beyond_ascii_write(out, text);
    if (buf_failed(out)) return;
    text = str_make(text.p + n, text.n - n);
  }
  out->p[out->n++] = '"';
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
