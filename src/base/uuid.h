/* Ids: UUIDv7 (RFC 9562), so that they sort by time of making. */
#ifndef CONNEK_BASE_UUID_H
#define CONNEK_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct uuid {
  uint8_t b[16];
};

enum { UUID_TEXT_SIZE = 37 };

struct uuid uuid_new(void); /* thread-safe; monotonic within a thread */
static inline bool uuid_eq(struct uuid a, struct uuid b) {
  return memcmp(a.b, b.b, 16) == 0;
}
bool uuid_is_nil(struct uuid id);
void uuid_format(struct uuid id, char ret_text[UUID_TEXT_SIZE]); /* lower case, NUL-terminated */
bool uuid_parse(struct str text, struct uuid *ret_id);           /* the canonical 36 characters, either case */
static inline struct str uuid_bytes(const struct uuid *id) {
  return str_make((const char *)id->b, 16);
}

#endif
