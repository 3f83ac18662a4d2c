/* One JSON object a line on standard error. It has its own small JSON writer, since codec stands above base. Must not
 * allocate: what is logged may be that memory has run out. */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8_sequence.h"

enum {
  LINE_SIZE = 4096, /* PIPE_BUF: lines of several threads or processes do not mix on a pipe */
  CLOSING = 16,     /* kept free for what ends a cut text and the line */
};

struct line {
  size_t n;
  bool is_cut;
  char p[LINE_SIZE];
};

/* Set at start and by a reload; every thread reads it. */
static _Atomic(int) least_level = LOG_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_set_level(enum log_level level) {
  atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

bool log_parse_level(struct str name, enum log_level *ret_level) {
  for (int i = LOG_DEBUG; i <= LOG_OFF; i++) {
    if (!str_eq_c(name, level_names[i])) continue;
    *ret_level = (enum log_level)i;
    return true;
  }
  return false;
}

/* All or nothing, so that no escape is cut in half. */
static void put(struct line *line, const char *bytes, size_t n) {
  if (line->is_cut || line->n + n > LINE_SIZE - CLOSING) {
    line->is_cut = true;
    return;
  }
  memcpy(line->p + line->n, bytes, n);
  line->n += n;
}

/* Uses the room that put() leaves. */
static void put_end(struct line *line, const char *text) {
  size_t n = strlen(text);
  memcpy(line->p + line->n, text, n);
  line->n += n;
}

static void put_escaped(struct line *line, unsigned char c) {
  static const char digits[] = "0123456789abcdef";
  char text[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0x0F]};
  put(line, text, sizeof(text));
}

/* The character at p of n bytes. Besides what JSON demands, DEL and the C1 controls are escaped: a log ends up in
 * terminals. */
static void put_character(struct line *line, const char *p, size_t n) {
  unsigned char c = (unsigned char)*p;
  if (n == 0) {
    put(line, "\\ufffd", 6);
  } else if (c < 0x20 || c == 0x7F) {
    put_escaped(line, c);
  } else if (c == 0xC2 && (unsigned char)p[1] < 0xA0) {
    put_escaped(line, (unsigned char)p[1]);
  } else if (c == '"' || c == '\\') {
    put(line, (char[]){'\\', *p}, 2);
  } else {
    put(line, p, n);
  }
}

static void put_str(struct line *line, struct str text) {
  put(line, "\"", 1);
  if (line->is_cut) return;
  for (size_t i = 0; i < text.n && !line->is_cut;) {
    size_t n = utf8_sequence(text.p + i, text.n - i);
    put_character(line, text.p + i, n);
    i += n > 0 ? n : 1;
  }
  if (line->is_cut) put_end(line, "\xE2\x80\xA6");
  put_end(line, "\"");
}

static void put_int(struct line *line, int64_t number) {
  char digits[20];
  size_t at = sizeof(digits);
  uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (number < 0) digits[--at] = '-';
  put(line, digits + at, sizeof(digits) - at);
}

static void put_field(struct line *line, const struct log_field *field) {
  size_t mark = line->n;
  put(line, ",", 1);
  put_str(line, str_of(field->name));
  put(line, ":", 1);
  if (!line->is_cut) {
    size_t start = line->n;
    switch (field->kind) {
      case LOG_FIELD_STR:
        put_str(line, field->text);
        break;
      case LOG_FIELD_INT:
        put_int(line, field->number);
        break;
      case LOG_FIELD_BOOL:
        put(line, field->number ? "true" : "false", field->number ? 4 : 5);
        break;
    }
    if (line->n > start) return;
  }
  line->n = mark;
}

static void line_write(const struct line *line) {
  for (size_t at = 0; at < line->n;) {
    ssize_t n = write(STDERR_FILENO, line->p + at, line->n - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* nowhere to say so */
    at += (size_t)n;
  }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields) {
  if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed) || level >= LOG_OFF) return;
  int saved_errno = errno;
  struct line line;
  line.n = 0;
  line.is_cut = false;
  char now[CLOCK_TEXT_SIZE];
  clock_format(clock_utc_us(), now);
  put(&line, "{\"time\":", 8);
  put_str(&line, str_of(now));
  const struct log_field head[] = {LOG_TEXT("level", level_names[level]), LOG_TEXT("event", event)};
  for (size_t i = 0; i < 2; i++)
    put_field(&line, &head[i]);
  for (size_t i = 0; i < n_fields && !line.is_cut; i++)
    put_field(&line, &fields[i]);
  put_end(&line, "}\n");
  line_write(&line);
  errno = saved_errno;
}
