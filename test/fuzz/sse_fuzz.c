/* Streams of events from anybody: however they are cut into pieces, the same events come. */
#include "codec/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct sum {
  uint64_t hash, n_events;
};

static bool on_event(void *context, const struct sse_event *event) {
  struct sum *sum = context;
  const struct str parts[] = {event->type, event->data, event->id};
  for (size_t i = 0; i < 3; i++) {
    sum->hash = sum->hash * 31 + parts[i].n;
    for (size_t j = 0; j < parts[i].n; j++)
      sum->hash = sum->hash * 1099511628211ULL + (uint8_t)parts[i].p[j];
  }
  sum->n_events++;
  return true;
}

static enum err_code read_in(const uint8_t *bytes, size_t n, size_t piece_n, struct sum *sum, int64_t *ret_retry_ms) {
  struct sse_parser parser;
  enum err_code code = ERR_NONE;
  sse_init(&parser, 512, on_event, sum);
  for (size_t i = 0; i < n && code == ERR_NONE; i += piece_n) {
    size_t now = n - i < piece_n ? n - i : piece_n;
    char *piece = __builtin_malloc(now); /* its end is watched */
    memcpy(piece, bytes + i, now);
    code = sse_read(&parser, str_make(piece, now), NULL);
    __builtin_free(piece);
  }
  *ret_retry_ms = parser.retry_ms;
  sse_release(&parser);
  return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct sum whole = {0}, pieces = {0};
  int64_t retry_ms, pieces_retry_ms;
  size_t piece_n = n > 0 ? (size_t)bytes[0] % 17 + 1 : 1;
  enum err_code code = read_in(bytes, n, n > 0 ? n : 1, &whole, &retry_ms);
  enum err_code pieces_code = read_in(bytes, n, piece_n, &pieces, &pieces_retry_ms);
  if (code != pieces_code || whole.hash != pieces.hash || whole.n_events != pieces.n_events) __builtin_trap();
  if (code == ERR_NONE && retry_ms != pieces_retry_ms) __builtin_trap();
  return 0;
}
