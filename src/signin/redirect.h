/* Redirect addresses of clients: what may be one, which of them a request means, and how a person is told. Pure. */
#ifndef CONNEK_SIGNIN_REDIRECT_H
#define CONNEK_SIGNIN_REDIRECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { REDIRECT_MAX = 2000, REDIRECTS_MAX = 20 };

/* https, http on loopback, or an app's own scheme (RFC 8252, 7). Never one that a browser runs or reads from disk, nor
 * one with a fragment. */
enum err_code redirect_check(struct arena *arena, struct str uri, struct err *err) MUST_CHECK;
/* Byte for byte; of addresses on loopback the port is free (RFC 8252, 7.3). */
bool redirect_matches(struct arena *arena, struct str registered, struct str asked);
/* For a person: "https://example.org", "this computer (127.0.0.1)", "an app on this computer (cursor:)". */
struct str redirect_host(struct arena *arena, struct str uri);
/* For a Content-Security-Policy: where a form's answer may lead. */
struct str redirect_source(struct arena *arena, struct str uri);

#endif
