/* UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, 12 bits of their fraction (6.2, method 3), 62 random bits. */
#include "base/uuid.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/random.h"

enum { POOLED_IDS = 64, RANDOM_PER_ID = 8 };

/* A thread's state. The pool makes one system call serve many ids; `last` keeps them ascending where the clock stands
 * still or steps back. */
struct uuid_state {
  uint64_t last; /* milliseconds << 12 | fraction */
  unsigned left;
  uint8_t pool[POOLED_IDS * RANDOM_PER_ID];
};
static _Thread_local struct uuid_state state;

/* A forked child would otherwise make the ids that its parent makes. */
static void pool_forget(void) {
  state.left = 0;
}

__attribute__((constructor)) static void pool_forget_on_fork(void) {
  pthread_atfork(NULL, NULL, pool_forget);
}

struct uuid uuid_new(void) {
  uint64_t now_us = (uint64_t)clock_utc_us();
  uint64_t tick = (now_us / 1000) << 12 | (now_us % 1000) * 4096 / 1000;
  if (tick <= state.last) tick = state.last + 1;
  state.last = tick;

  if (state.left == 0) {
    random_bytes(state.pool, sizeof(state.pool));
    state.left = POOLED_IDS;
  }
  struct uuid id;
  memcpy(id.b + 8, state.pool + --state.left * RANDOM_PER_ID, RANDOM_PER_ID);
  uint64_t ms = tick >> 12;
  for (int i = 0; i < 6; i++)
    id.b[i] = (uint8_t)(ms >> (8 * (5 - i)));
  id.b[6] = (uint8_t)(0x70 | ((tick >> 8) & 0x0F));
  id.b[7] = (uint8_t)tick;
  id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
  return id;
}

bool uuid_is_nil(struct uuid id) {
  static const struct uuid nil;
  return uuid_eq(id, nil);
}

static bool has_dash_before(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(struct uuid id, char ret_text[UUID_TEXT_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  char *p = ret_text;
  for (size_t i = 0; i < sizeof(id.b); i++) {
    if (has_dash_before(i)) *p++ = '-';
    *p++ = digits[id.b[i] >> 4];
    *p++ = digits[id.b[i] & 0x0F];
  }
  *p = '\0';
}

static int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool uuid_parse(struct str text, struct uuid *ret_id) {
  if (text.n != UUID_TEXT_SIZE - 1) return false;
  struct uuid id;
  const char *p = text.p;
  for (size_t i = 0; i < sizeof(id.b); i++) {
    if (has_dash_before(i) && *p++ != '-') return false;
    int high = digit_value(p[0]);
    int low = digit_value(p[1]);
    if (high < 0 || low < 0) return false;
    id.b[i] = (uint8_t)(high << 4 | low);
    p += 2;
  }
  *ret_id = id;
  return true;
}
