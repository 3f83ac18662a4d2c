/* One JSON object on one line, member by member. */
#ifndef CONNEK_CLI_JSON_LINE_H
#define CONNEK_CLI_JSON_LINE_H

#include "base/buf.h"

void json_line_begin(struct buf *out);
/* Empty text is null. */
void json_line_text(struct buf *out, const char *name, struct str text);
/* RFC 3339; 0 is null. */
void json_line_time(struct buf *out, const char *name, int64_t utc_us);
void json_line_int(struct buf *out, const char *name, int64_t value);
/* JSON already; null where it is empty. */
void json_line_raw(struct buf *out, const char *name, struct str json);
/* Milliseconds with three decimals. */
void json_line_ms(struct buf *out, const char *name, int64_t us);
void json_line_end(struct buf *out);

#endif
