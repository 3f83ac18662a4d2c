/* Structured logs: one JSON object a line on standard error: {"time","level","event", fields...}. Only gateway, api,
 * cli (and the daemon's main) log; everything below returns errors. Thread-safe; one write(2) a line. Control
 * characters and invalid UTF-8 are escaped. Never pass a secret, a token, a URL's path that may hold one, or arguments.
 */
#ifndef CONNEK_BASE_LOG_H
#define CONNEK_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum log_field_kind { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_BOOL };

struct log_field {
  const char *name;
  enum log_field_kind kind;
  struct str text;
  int64_t number;
};

#define LOG_STR(name, value) ((struct log_field){(name), LOG_FIELD_STR, (value), 0})
#define LOG_TEXT(name, value) ((struct log_field){(name), LOG_FIELD_STR, str_of(value), 0})
#define LOG_INT(name, value) ((struct log_field){(name), LOG_FIELD_INT, STR_NONE, (value)})
#define LOG_BOOL(name, value) ((struct log_field){(name), LOG_FIELD_BOOL, STR_NONE, (value)})

void log_set_level(enum log_level level);
bool log_parse_level(struct str name, enum log_level *ret_level); /* debug info warn error off */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields);

/* log_event(LOG_INFO, "listening", LOG_TEXT("address", text), LOG_INT("workers", n)); at least one field */
#define log_event(level, event, ...)                                   \
  log_write((level), (event), (const struct log_field[]){__VA_ARGS__}, \
            sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
