/* Lines from a descriptor that somebody else writes to: a pipe, a socket, a terminal, a file. */
#ifndef CONNEK_NET_LINE_READER_H
#define CONNEK_NET_LINE_READER_H

#include "base/str.h"
#include "net/loop.h"

struct line_reader;

struct line_reader_events {
  /* Without its line end; valid during the call. `is_cut`: it was longer than the cap, and this is its beginning. */
  void (*on_line)(void *context, struct str line, bool is_cut);
  /* Once: there is no more, or it cannot be read. A last line without a line end came before. */
  void (*on_end)(void *context);
};

/* `max`: bytes of a line. `events` is borrowed. The descriptor is the reader's, and closed with it, once it was made.
 */
enum err_code line_reader_new(struct loop *loop, int fd, size_t max, const struct line_reader_events *events,
                              void *context, struct line_reader **ret_reader, struct err *err) MUST_CHECK;
/* Nothing is called any more. Also from within its events; before loop_stop. NULL is fine. */
void line_reader_free(struct line_reader *reader);

#endif
