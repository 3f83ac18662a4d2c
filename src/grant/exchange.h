/* One exchange with a token endpoint: what is sent (request.c, assertion.c), and what came of it (answer.c). */
#ifndef CONNEK_GRANT_EXCHANGE_H
#define CONNEK_GRANT_EXCHANGE_H

#include "grant/subject.h"

enum { GRANT_PARAMETERS = 16 };

/* Names and values of a request's body. */
struct grant_parameters {
  struct connector_parameter items[GRANT_PARAMETERS];
  size_t n;
};
void grant_add(struct grant_parameters *parameters, const char *name, struct str value); /* an empty value: not sent */

/* Client id and secret as the Authorization field has them (RFC 6749, 2.3.1). STR_NONE: there is no secret, or no
 * memory. */
struct str grant_basic(struct arena *arena, const struct grant_subject *subject);
/* The POST to the token endpoint, with the client's authentication. All of it in the arena, which holds secrets. */
enum err_code grant_request(struct arena *arena, const struct grant_subject *subject,
                            const struct grant_parameters *parameters, struct http_client_request *ret_request,
                            struct err *err) MUST_CHECK;

/* assertion.c: the JWT of a connection whose key signs (RFC 7523, 3); `now_us` UTC. */
enum err_code grant_assertion(struct arena *arena, const struct grant_subject *subject, int64_t now_us,
                              struct str *ret_jwt, struct err *err) MUST_CHECK;
enum { GRANT_JWT_EARLY_S = 30 }; /* clocks differ */

enum grant_verdict {
  GRANT_RENEWED,
  GRANT_DEAD,  /* invalid_grant and its kin: a person has to connect it again */
  GRANT_LATER, /* it may go another time */
  GRANT_WRONG, /* what an admin has to mend, without connecting again: the client's secret, an address */
};

struct grant_answer {
  enum grant_verdict verdict;
  bool is_known; /* where nothing was renewed: that is certain */
  struct str access_token, refresh_token;
  struct str scopes;     /* spaces between; empty: not said */
  int64_t expires_in_us; /* 0: not said */
  yyjson_val *root;      /* all of it; or NULL */
  struct str word;       /* of an error, as RFC 6749, 5.2 has them; or empty */
  struct str text;       /* for people: what went wrong, one sentence without a full stop; names no secret */
  int64_t after_us;      /* LATER: the service says how long; 0: it does not */
};
/* `sent`: what the request said; whatever of it is secret, or of the subject, does not stand in the answer's text
 * though a service repeats it. `response` NULL: `failure` says why there is none; `was_sent` as the client told. */
void grant_read_answer(struct arena *arena, const struct grant_subject *subject, const struct grant_parameters *sent,
                       const struct http_client_response *response, const struct err *failure, bool was_sent,
                       struct grant_answer *ret_answer);
/* What is sealed of a grant: {"access_token", "refresh_token"?, "authorization"?}; `authorization` is JSON, or empty.
 */
enum err_code grant_tokens_write(struct arena *arena, struct str access_token, struct str refresh_token,
                                 struct str authorization, struct str *ret_json, struct err *err) MUST_CHECK;
/* A text that a service or browser gave, fit to be shown: plain, one line, at most `max` bytes. */
struct str grant_clean(struct arena *arena, struct str text, size_t max);
/* One name or value of application/x-www-form-urlencoded. False: a bad escape, or no memory. */
bool grant_form_decode(struct arena *arena, struct str encoded, struct str *ret_raw) MUST_CHECK;
/* The same as an object of texts; NULL: it is none, or no memory. */
yyjson_val *grant_read_form(struct arena *arena, struct str body);

/* oauth1.c: what is stored of such an access, and what a connector gets of it. */
enum err_code grant_oauth1_tokens_write(struct arena *arena, struct str token, struct str token_secret,
                                        struct str *ret_json, struct err *err) MUST_CHECK;
void grant_oauth1_write_credential(struct buf *out, const struct grant_subject *subject);

/* "login.example.com": the host of a URL, for texts. */
struct str grant_host(struct str url);

/* Settings that the service gives, as a JSON object: of `callback` (the query's parameters; may be NULL) and the
 * answer. Those of `known` (an object or NULL) stay where nothing new is given. */
enum err_code grant_capture(struct arena *arena, const struct connector_oauth *oauth, yyjson_val *known,
                            const struct grant_parameters *callback, const struct grant_answer *answer,
                            struct str *ret_captured, struct err *err) MUST_CHECK;

#endif
