/* Waits as services tell them: whatever they say, it is a bounded time from now on, and a date is what it says. */
#include "codec/retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  const int64_t now_us = INT64_C(1795168800) * 1000000;
  struct str text = str_make((const char *)bytes, n);
  int64_t wait_us, other_us, at_us;
  for (int unit = RETRY_SECONDS; unit <= RETRY_EPOCH_MS; unit++)
    if (retry_number_read(text, (enum retry_unit)unit, now_us, &wait_us))
      expect(wait_us >= 0 && wait_us <= RETRY_WAIT_MAX_US);
  bool is_read = retry_after_read(text, now_us, &wait_us);
  if (is_read) expect(wait_us >= 0 && wait_us <= RETRY_WAIT_MAX_US);
  if (http_date_read(text, now_us, &at_us)) {
    expect(is_read && at_us >= INT64_C(-62135596800) * 1000000);
    bool is_soon = at_us >= now_us && at_us - now_us <= RETRY_WAIT_MAX_US;
    if (is_soon) expect(wait_us == at_us - now_us);
    /* A second later it is a second nearer. */
    if (is_soon && wait_us > 1000000 && retry_after_read(text, now_us + 1000000, &other_us))
      expect(other_us == wait_us - 1000000);
  }
  return 0;
}
