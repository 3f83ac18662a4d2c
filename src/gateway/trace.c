/* Trace ids: read from a request's traceparent, or begun. */
#include "gateway/trace.h"

#include "base/random.h"
#include "codec/base64.h"

void trace_source_init(struct trace_source *source) {
  random_bytes(source->state, sizeof(source->state));
  source->state[0] |= 1; /* never all zero */
}

/* xorshift128+: ids, not secrets, so that no request pays for a system call. */
static uint64_t next(struct trace_source *source) {
  uint64_t x = source->state[0];
  const uint64_t y = source->state[1];
  source->state[0] = y;
  x ^= x << 23;
  source->state[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
  return source->state[1] + y;
}

/* "00-" 32 hex "-" 16 hex "-" 2 hex; all-zero ids are invalid (trace-context, 3.2.2). */
static bool is_valid(struct str text) {
  if (text.n != TRACE_PARENT_SIZE - 1 || text.p[2] != '-' || text.p[35] != '-' || text.p[52] != '-') return false;
  if (!str_starts(text, STR("00"))) return false;
  uint8_t id[16], span[8], flags[1];
  static const uint8_t zero[16];
  return hex_parse(str_make(text.p + 3, 32), id, 16, false) && hex_parse(str_make(text.p + 36, 16), span, 8, false) &&
         hex_parse(str_make(text.p + 53, 2), flags, 1, false) && memcmp(id, zero, 16) != 0 &&
         memcmp(span, zero, 8) != 0;
}

void trace_begin(struct trace *ret_trace, struct trace_source *source, struct str traceparent) {
  const char *flags = "00";
  if (is_valid(traceparent)) {
    memcpy(ret_trace->id, traceparent.p + 3, 32);
    ret_trace->id[32] = '\0';
    flags = traceparent.p + 53;
  } else {
    uint64_t id[2] = {next(source), next(source) | 1};
    hex_format(id, 16, ret_trace->id);
  }
  uint64_t span = next(source) | 1;
  char *out = ret_trace->traceparent;
  memcpy(out, "00-", 3);
  memcpy(out + 3, ret_trace->id, 32);
  out[35] = '-';
  hex_format(&span, 8, out + 36);
  out[52] = '-';
  memcpy(out + 53, flags, 2);
  out[55] = '\0';
}
