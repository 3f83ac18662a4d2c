/* One HTTP/1.1 request out of bytes (RFC 9112), strictly. No I/O and no clock: bytes in; a head, a whole request or a
 * refusal out, the same however the bytes were cut. */
#ifndef CONNEK_NET_HTTP_PARSE_H
#define CONNEK_NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <llhttp.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "net/http_server.h"

/* Why a request is not taken: a constant. `body` is the JSON that the client gets. */
struct http_refusal {
  int status;
  struct str body;
};

enum http_parse_phase {
  HTTP_PARSE_BLANK,        /* nothing yet but empty lines */
  HTTP_PARSE_LINE,         /* in the request line */
  HTTP_PARSE_FIELDS,       /* in the header section */
  HTTP_PARSE_BODY_LENGTH,  /* in a body of known length */
  HTTP_PARSE_BODY_FRAMING, /* in a chunk's size line, its closing CRLF, or the trailer section */
  HTTP_PARSE_BODY_CHUNK,   /* in a chunk's bytes */
  HTTP_PARSE_DONE,
  HTTP_PARSE_REFUSED,
};

struct http_span; /* of the head: offsets, since the head moves while it grows */

struct http_parse {
  enum http_parse_phase phase;
  struct arena *arena; /* holds all that is handed out */

  /* Valid from HTTP_PARSE_EVENT_HEAD on. */
  struct str method;
  struct str target;
  struct str path;
  struct str query;
  const struct http_field *fields;
  size_t n_fields;
  bool is_1_0;
  bool keeps_alive;      /* what version and Connection say (RFC 9112 9.3) */
  bool expects_continue; /* Expect: 100-continue, and a body follows */
  /* Valid from HTTP_PARSE_EVENT_DONE on. */
  struct str body;
  /* Valid after HTTP_PARSE_EVENT_REFUSED. */
  const struct http_refusal *refusal;

  /* its own */
  llhttp_t llhttp;
  const char *fed; /* where the bytes begin that llhttp is looking at: they will follow parse->head */
  struct buf head; /* the request line and the header section, as they came, without empty lines before */
  size_t line_n;
  size_t blank_n;
  size_t method_n;
  size_t target_n;
  struct http_span *spans;
  size_t n_spans;
  size_t spans_capacity;
  size_t n_seen;    /* fields of this section, complete */
  bool is_in_value; /* the last field is complete: what comes is another one */
  bool is_trailer;
  bool is_complete;
  struct buf content;
  size_t body_left; /* bytes of the body, or of this chunk, still to come */
  size_t framing_n; /* bytes of a chunked body that are not content */
};

enum http_parse_event {
  HTTP_PARSE_EVENT_MORE,    /* all was taken; the request is not complete */
  HTTP_PARSE_EVENT_HEAD,    /* the head is complete, and fine: call again for the body, even with no bytes left */
  HTTP_PARSE_EVENT_DONE,    /* the request is complete: what was not taken belongs to the next one */
  HTTP_PARSE_EVENT_REFUSED, /* answer and close: nothing after it can be trusted to be a request */
};

/* No memory is taken. `arena` outlives the request. */
void http_parse_init(struct http_parse *parse, struct arena *arena);
/* `ret_used`: how many bytes were taken. HEAD comes once, then (maybe after MORE) DONE; REFUSED may come at any time.
 * After DONE and REFUSED it must not be called. */
enum http_parse_event http_parse_feed(struct http_parse *parse, const char *bytes, size_t n, size_t *ret_used);

/* For those who feed: a deadline has passed; memory is short. */
extern const struct http_refusal http_refusal_slow, http_refusal_memory;

/* The rest is between http_parse.c and http_parse_head.c. */

struct http_span {
  uint32_t name_at, name_n;
  uint32_t value_at, value_n;
};

/* The request line, with its CRLF: method, target and version. NULL: it is fine. */
const struct http_refusal *http_parse_line(struct http_parse *parse, struct str line);
/* The head is complete in parse->head: fills what is valid from HTTP_PARSE_EVENT_HEAD on, and decides the body's
 * framing: the phase becomes BODY_LENGTH (with body_left) or BODY_FRAMING. NULL: it is fine. */
const struct http_refusal *http_parse_head(struct http_parse *parse);

#endif
