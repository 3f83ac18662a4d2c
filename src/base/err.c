/* Errors are values: filled here, printed elsewhere. Must not know who reads them, nor log. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[ERR_CODE_COUNT] = {
    [ERR_NONE] = "none",           [ERR_INVALID] = "invalid",     [ERR_UNAUTHENTICATED] = "unauthenticated",
    [ERR_DENIED] = "denied",       [ERR_NOT_FOUND] = "not_found", [ERR_CONFLICT] = "conflict",
    [ERR_TOO_LARGE] = "too_large", [ERR_LIMITED] = "limited",     [ERR_TIMEOUT] = "timeout",
    [ERR_CANCELLED] = "cancelled", [ERR_UPSTREAM] = "upstream",   [ERR_UNAVAILABLE] = "unavailable",
    [ERR_NO_MEMORY] = "no_memory", [ERR_INTERNAL] = "internal",
};

/* Cutting at a byte may leave half a character, and these texts end up in JSON. */
static void drop_cut_character(char *text, size_t size) {
  size_t n = strlen(text);
  if (n + 1 < size) return;
  size_t start = n;
  while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
    start--;
  if (start == 0) return;
  unsigned char lead = (unsigned char)text[start - 1];
  size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (want > n - start + 1) text[start - 1] = '\0';
}

static void format_into(char *text, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
static void format_into(char *text, size_t size, const char *format, va_list args) {
  if (vsnprintf(text, size, format, args) < 0) text[0] = '\0';
  drop_cut_character(text, size);
}

enum err_code err_set(struct err *err, enum err_code code, const char *format, ...) {
  if (!err) return code;
  /* Callers wrap an error by passing its own text as an argument, so the new one is built beside it. */
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  format_into(text, sizeof(text), format, args);
  va_end(args);
  memcpy(err->text, text, strlen(text) + 1);
  err->code = code;
  err->detail[0] = '\0';
  err->place[0] = '\0';
  return code;
}

void err_detail(struct err *err, const char *format, ...) {
  if (!err) return;
  char detail[ERR_DETAIL_SIZE];
  va_list args;
  va_start(args, format);
  format_into(detail, sizeof(detail), format, args);
  va_end(args);
  memcpy(err->detail, detail, strlen(detail) + 1);
}

void err_place(struct err *err, const char *format, ...) {
  if (!err) return;
  char place[ERR_PLACE_SIZE];
  va_list args;
  va_start(args, format);
  format_into(place, sizeof(place), format, args);
  va_end(args);
  memcpy(err->place, place, strlen(place) + 1);
}

void err_prefix(struct err *err, const char *format, ...) {
  if (!err) return;
  char prefix[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  format_into(prefix, sizeof(prefix), format, args);
  va_end(args);
  char text[ERR_TEXT_SIZE];
  if (snprintf(text, sizeof(text), "%s: %s", prefix, err->text) < 0) return;
  drop_cut_character(text, sizeof(text));
  memcpy(err->text, text, strlen(text) + 1);
}

enum err_code err_no_memory(struct err *err) {
  return err_set(err, ERR_NO_MEMORY, "out of memory");
}

const char *err_code_name(enum err_code code) {
  if ((unsigned)code >= ERR_CODE_COUNT) return "unknown";
  return code_names[code];
}
