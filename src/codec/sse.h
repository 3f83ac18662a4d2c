/* Server-sent events, as they are read (WHATWG HTML, 9.2): a parser that takes the stream in pieces of any size. */
#ifndef CONNEK_CODEC_SSE_H
#define CONNEK_CODEC_SSE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct sse_event {
  struct str type; /* "message" where the stream names none */
  struct str data; /* lines joined by LF; may be empty */
  struct str id;   /* the last one that the stream has given so far, this event's included; or empty */
  bool has_id;     /* this very event gave one */
};

struct sse_parser {
  /* Of each event, also of those without data, which a browser would not see: they carry ids. Slices are valid during
   * the call. False: no more is wanted; sse_read returns at once. */
  bool (*on_event)(void *context, const struct sse_event *event);
  void *context;
  int64_t retry_ms; /* what the stream asked for last; -1: it has not */

  /* its own */
  struct buf line, data, type, id;
  size_t max_event, event_n;
  unsigned bom_n;
  bool is_after_bom, is_after_cr, has_data, has_id;
};

/* `max_event`: bytes that the lines of one event may have, together. */
void sse_init(struct sse_parser *parser, size_t max_event, bool (*on_event)(void *, const struct sse_event *),
              void *context);
void sse_release(struct sse_parser *parser);
/* ERR_TOO_LARGE: an event over the cap; ERR_NO_MEMORY; ERR_CANCELLED: on_event wanted no more. After a failure nothing
 * more may be read. What is cut off by the stream's end is no event. */
enum err_code sse_read(struct sse_parser *parser, struct str bytes, struct err *err) MUST_CHECK;

#endif
