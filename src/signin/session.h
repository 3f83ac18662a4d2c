/* Whose browser a request comes from, for what is served beside our own pages (src/api). */
#ifndef CONNEK_SIGNIN_SESSION_H
#define CONNEK_SIGNIN_SESSION_H

#include "signin/signin.h"
#include "store/sign_in.h"

/* How this request calls us: scheme://host[:port]. In the arena, or the server's own. */
struct str signin_base(const struct signin *signin, const struct http_exchange *http, struct arena *arena);
/* May anybody sign in at this address? (https, or this very machine) */
bool signin_base_is_safe(struct str base);
/* Does it come from a page of ours, or from nowhere that a browser tells of (a program)? */
bool signin_is_own_page(const struct http_exchange *http, struct str base);
/* Before the body is read: has it a length, of `max` bytes at most? */
bool signin_body_fits(const struct http_exchange *http, uint64_t max);
/* The session's cookie under this base: its name, and its value where it is well formed; STR_NONE: there is none. */
const char *signin_cookie_name(struct str base);
struct str signin_cookie(const struct http_exchange *http, struct str base);

enum { SIGNIN_IDLE_HOURS = 12, SIGNIN_ABSOLUTE_DAYS = 7 };

/* In a transaction. False in *ret_is_live: there is no such session, or it is over; one that still needs its code
 * (ret_session->needs_code) is live, and lets nobody in. */
enum err_code signin_session_find(struct db_tx *tx, struct arena *arena, struct str cookie,
                                  struct browser_session_record *ret_session, bool *ret_is_live,
                                  struct err *err) MUST_CHECK;
/* Was it last seen so long ago that this is worth a write (store_browser_session_seen)? */
bool signin_session_is_stale(const struct browser_session_record *session, int64_t now);

#endif
