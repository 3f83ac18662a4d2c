/* Where in a file a problem is: a chain of members and indices on the reader's stack, written as a JSON pointer
 * (RFC 6901) only when something is wrong. */
#ifndef CONNEK_CONFIG_PLACE_H
#define CONNEK_CONFIG_PLACE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct config_place {
  const struct config_place *up; /* NULL: the document */
  struct str file;               /* of the document alone: as the operator named it */
  struct str member;             /* .p NULL: an index */
  size_t index;
};

#define PLACE_DOCUMENT(name) ((struct config_place){NULL, (name), STR_NONE, 0})
#define PLACE_MEMBER(parent, name) ((struct config_place){(parent), STR_NONE, (name), 0})
#define PLACE_INDEX(parent, i) ((struct config_place){(parent), STR_NONE, STR_NONE, (i)})

/* "acme.json: /users/0/email"; the document itself is "acme.json". In the arena, NUL-terminated; STR_NONE: no memory.
 */
struct str config_place_text(struct arena *arena, const struct config_place *place);
/* Sets the error's place to it, and returns the error's code. */
enum err_code config_place_mark(struct err *err, const struct config_place *place, enum err_code code);
/* What checked a value on its own gave a pointer within it: becomes the pointer in the file. */
enum err_code config_place_within(struct err *err, const struct config_place *place, enum err_code code);
/* ERR_INVALID at `place`. */
enum err_code config_fail(struct err *err, const struct config_place *place, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
