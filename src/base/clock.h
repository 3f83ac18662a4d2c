/* Time. What is stored or shown is UTC in microseconds; what is measured or waited for is monotonic. */
#ifndef CONNEK_BASE_CLOCK_H
#define CONNEK_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int64_t clock_utc_us(void);
int64_t clock_monotonic_us(void);
/* Monotonic, and it goes on while the machine is suspended: for what others believe to be over after a while. */
int64_t clock_boottime_us(void);

enum { CLOCK_TEXT_SIZE = 28 };
/* RFC 3339 with microseconds: 2026-11-20T10:00:00.000000Z */
void clock_format(int64_t utc_us, char ret_text[CLOCK_TEXT_SIZE]);
/* RFC 3339 in UTC ("Z"), with or without a fraction. */
bool clock_parse(struct str text, int64_t *ret_utc_us);
/* "90s", "15m", "12h", "30d": digits and one unit. False where it is anything else or overflows. */
bool clock_parse_duration(struct str text, int64_t *ret_us);

#endif
