/* A secret: bytes that are wiped when they are let go, that no formatter prints, and that only the vault, the
 * places that derive keys and the place that writes an upstream request may open (test/lint/secrets holds the list). */
#ifndef CONNEK_BASE_SECRET_H
#define CONNEK_BASE_SECRET_H

#include <stddef.h>

#include "base/str.h"

struct secret;

/* Copies. Memory is locked where the system allows and kept out of core dumps. NULL: no memory. */
struct secret *secret_new(const void *bytes, size_t n);
/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *secret);
/* Borrowed until secret_free. */
struct str secret_open(const struct secret *secret);
/* Overwrites memory in a way that the compiler keeps. */
void secret_wipe(void *bytes, size_t n);
/* Takes a variable out of the environment for good: the strings that a process starts with are where
 * /proc/PID/environ looks for as long as it runs, so that unsetenv alone would leave it there. What getenv gave is
 * empty afterwards. For the main thread, before others run. */
void secret_wipe_variable(const char *name);

#endif
