/* The formats of JSON Schema (2020-12 validation, 7.3), for schemas that assert them. */
#ifndef CONNEK_CODEC_SCHEMA_FORMAT_H
#define CONNEK_CODEC_SCHEMA_FORMAT_H

#include <stddef.h>

#include "base/str.h"

struct schema_format {
  const char *name;
  bool (*fits)(struct str text);
  const char *rule; /* "must be a date such as 2026-03-31" */
  size_t cost;      /* steps of schema_work.h, besides those for the length */
};

/* NULL: not known, so nothing is asserted. */
const struct schema_format *schema_format_find(struct str name);

#endif
