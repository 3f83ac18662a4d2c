/* The budget of one check, so that no schema and no value make it last (docs of schema.h, SCHEMA_MAX_WORK). */
#ifndef CONNEK_CODEC_SCHEMA_WORK_H
#define CONNEK_CODEC_SCHEMA_WORK_H

#include <stdbool.h>
#include <stddef.h>

/* False, and nothing is left, where the steps are not there. */
static inline bool schema_spend(size_t *work, size_t steps) {
  if (*work <= steps) {
    *work = 0;
    return false;
  }
  *work -= steps;
  return true;
}

static inline bool schema_is_spent(const size_t *work) {
  return *work == 0;
}

#endif
