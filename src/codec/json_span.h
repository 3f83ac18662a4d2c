/* The members of an object as they stand in its text, without reading what is in them: for passing them on byte by
 * byte. The text must be one that json_read took; of any other something comes out, within its bounds. */
#ifndef CONNEK_CODEC_JSON_SPAN_H
#define CONNEK_CODEC_JSON_SPAN_H

#include "base/str.h"

struct json_span {
  const char *at, *end; /* what is still to come */
};

/* False: the text is no object. */
bool json_span_open(struct str object, struct json_span *ret_span);
/* The next member: its name between the quotes, as it is written (with a backslash where it is escaped), and its value.
 * False: there is none. */
bool json_span_next(struct json_span *span, struct str *ret_name, struct str *ret_value);
/* The value of a member whose name is written without escapes; STR_NONE where there is none. */
struct str json_span_get(struct str object, struct str name);

/* Has it no line end? (An object may be written over several lines; an event of a stream, and a line, may not.) */
bool json_span_is_line(struct str text);

#endif
