/* Link fields from anybody: what is found is a part of the field, between < and >. */
#include "codec/link_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *copy = n > 0 ? __builtin_malloc(n) : NULL; /* its end is watched */
  if (n > 0) memcpy(copy, bytes, n);
  struct str field = str_make(copy, n), target;
  if (link_header_find(field, STR("next"), &target)) {
    bool is_inside = target.p > field.p && target.p + target.n < field.p + field.n;
    if (!is_inside || (target.n > 0 && memchr(target.p, '>', target.n))) __builtin_trap();
  }
  __builtin_free(copy);
  return 0;
}
