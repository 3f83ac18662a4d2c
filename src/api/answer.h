/* JSON out, member by member, into a buffer. A comma is put where one belongs. Pure. */
#ifndef CONNEK_API_ANSWER_H
#define CONNEK_API_ANSWER_H

#include "base/buf.h"
#include "base/uuid.h"

void answer_open(struct buf *out, char bracket);  /* '{' or '[': as an item, or behind answer_name */
void answer_close(struct buf *out, char bracket); /* '}' or ']' */
void answer_name(struct buf *out, const char *name);
void answer_item(struct buf *out, struct str text); /* a string in an array */

void answer_text(struct buf *out, const char *name, struct str text);         /* .p NULL: "" */
void answer_text_or_null(struct buf *out, const char *name, struct str text); /* empty: null */
void answer_uuid(struct buf *out, const char *name, struct uuid id);          /* nil: null */
void answer_time(struct buf *out, const char *name, int64_t utc_us);          /* 0: null */
void answer_int(struct buf *out, const char *name, int64_t value);
void answer_int_or_null(struct buf *out, const char *name, int64_t value); /* 0: null */
void answer_bool(struct buf *out, const char *name, bool value);
void answer_ms(struct buf *out, const char *name, int64_t us); /* milliseconds with up to three decimals */
void answer_null(struct buf *out, const char *name);
void answer_json(struct buf *out, const char *name, struct str json); /* already JSON; empty: null */

#endif
