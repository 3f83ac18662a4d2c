/* Durations, counted in classes that grow by an eighth of their octave: a percentile read from them is off by a
 * sixteenth at most. As bytes: for each class that has any its number and, in four bytes, how many. Pure. */
#ifndef CONNEK_AUDIT_HISTOGRAM_H
#define CONNEK_AUDIT_HISTOGRAM_H

#include "base/buf.h"

enum { HISTOGRAM_CLASSES = 256, HISTOGRAM_BYTES = HISTOGRAM_CLASSES * 5 };

struct histogram {
  uint32_t counts[HISTOGRAM_CLASSES];
  uint64_t n;
};

void histogram_add(struct histogram *histogram, int64_t us);
/* Adds what `bytes` hold; what is malformed is left out. */
void histogram_merge(struct histogram *histogram, struct str bytes);
/* *ret_n bytes of `ret_bytes`. */
void histogram_write(const struct histogram *histogram, char ret_bytes[HISTOGRAM_BYTES], size_t *ret_n);
/* The duration that `percent` of them did not exceed, in microseconds; -1: there are none. */
int64_t histogram_percentile(const struct histogram *histogram, unsigned percent);

#endif
