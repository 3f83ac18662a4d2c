/* application/x-www-form-urlencoded (WHATWG URL, 5.1), in queries and in bodies; and the Cookie field. */
#ifndef CONNEK_WEB_FORM_H
#define CONNEK_WEB_FORM_H

#include "base/arena.h"
#include "base/str.h"
#include "net/http_server.h"

enum { FORM_FIELDS = 64 };

struct form_field {
  struct str name, value;
};

struct form {
  struct form_field *fields;
  size_t n;
};

/* Copies into the arena. False: a bad escape, %00, more than FORM_FIELDS, or no memory. Empty text is an empty form. */
bool form_read(struct arena *arena, struct str text, struct form *ret_form) MUST_CHECK;
/* The first of that name; STR_NONE: there is none. */
struct str form_get(const struct form *form, const char *name);
/* Does it stand more than once? OAuth parameters must not (RFC 6749, 3.1). */
bool form_repeats(const struct form *form, const char *name);
/* Overwrites all values: they may have held a password. */
void form_wipe(struct form *form);

/* A cookie's value as it came; STR_NONE: there is none, or it stands twice. */
struct str cookie_find(const struct http_exchange *http, const char *name);

#endif
