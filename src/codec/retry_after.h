/* How services say when to come back: seconds, dates, points in time as numbers. No clock is read here. */
#ifndef CONNEK_CODEC_RETRY_AFTER_H
#define CONNEK_CODEC_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What a number means. */
enum retry_unit { RETRY_SECONDS, RETRY_MILLISECONDS, RETRY_EPOCH, RETRY_EPOCH_MS };

/* Microseconds from `now_utc_us` on; 0 for what has passed; never more than RETRY_WAIT_MAX_US. `text`: a decimal
 * number, perhaps with a fraction and a unit "s" or "ms" behind it where it is a duration. False: it is none. */
bool retry_number_read(struct str text, enum retry_unit unit, int64_t now_utc_us, int64_t *ret_wait_us);
/* Retry-After (RFC 9110, 10.2.3): seconds, or a date in any of HTTP's three forms. */
bool retry_after_read(struct str text, int64_t now_utc_us, int64_t *ret_wait_us);
/* RFC 9110, 5.6.7: IMF-fixdate, RFC 850's, asctime's. `now_utc_us`: for the century of a year of two digits. */
bool http_date_read(struct str text, int64_t now_utc_us, int64_t *ret_utc_us);

#define RETRY_WAIT_MAX_US (INT64_C(366) * 24 * 3600 * 1000000)

#endif
