/* A histogram of durations. */
#include "audit/histogram.h"

enum { EIGHTHS = 8 };

/* 0..7 as they are; then eight classes an octave. */
static unsigned class_of(uint64_t us) {
  if (us < EIGHTHS) return (unsigned)us;
  unsigned octave = 63 - (unsigned)__builtin_clzll(us);
  unsigned class = (octave - 2) * EIGHTHS + (unsigned)(us >> (octave - 3) & (EIGHTHS - 1));
  return class < HISTOGRAM_CLASSES ? class : HISTOGRAM_CLASSES - 1;
}

/* The middle of a class. */
static int64_t middle_of(unsigned class) {
  if (class < EIGHTHS) return class;
  unsigned shift = class / EIGHTHS - 1;
  uint64_t start = (uint64_t)(EIGHTHS + class % EIGHTHS) << shift;
  return (int64_t)(start + ((UINT64_C(1) << shift) >> 1));
}

static void add_n(struct histogram *histogram, unsigned class, uint32_t n) {
  uint32_t *count = &histogram->counts[class];
  *count = *count > UINT32_MAX - n ? UINT32_MAX : *count + n;
  histogram->n += n;
}

void histogram_add(struct histogram *histogram, int64_t us) {
  add_n(histogram, class_of(us > 0 ? (uint64_t)us : 0), 1);
}

void histogram_merge(struct histogram *histogram, struct str bytes) {
  const unsigned char *p = (const unsigned char *)bytes.p;
  for (size_t i = 0; i + 5 <= bytes.n; i += 5)
    add_n(histogram, p[i],
          (uint32_t)p[i + 1] << 24 | (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 8 | (uint32_t)p[i + 4]);
}

void histogram_write(const struct histogram *histogram, char ret_bytes[HISTOGRAM_BYTES], size_t *ret_n) {
  size_t n = 0;
  for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
    uint32_t count = histogram->counts[i];
    if (!count) continue;
    ret_bytes[n++] = (char)i;
    for (int shift = 24; shift >= 0; shift -= 8)
      ret_bytes[n++] = (char)(count >> shift & 0xff);
  }
  *ret_n = n;
}

int64_t histogram_percentile(const struct histogram *histogram, unsigned percent) {
  uint64_t wanted = (histogram->n * percent + 99) / 100, seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
    seen += histogram->counts[i];
    if (seen >= wanted && seen > 0) return middle_of(i);
  }
  return -1;
}
