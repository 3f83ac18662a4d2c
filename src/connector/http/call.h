/* A call under way, between the files that carry it: invoke, reply, error_rule, retry, rate, page, result. Internal to
 * connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_CALL_H
#define CONNEK_CONNECTOR_HTTP_CALL_H

#include "connector/http/http.h"

/* ---- reply.c: what came back, read ---- */

struct http_answer {
  int status;
  const struct http_client_response *response;
  struct str body;  /* without the credential, should the upstream have repeated it */
  yyjson_val *root; /* NULL: no JSON. Its numbers are raw: they leave as they came */
  bool is_error;
  struct str message, code; /* of an error, for people: clean, one line; or empty */
};

/* ERR_NO_MEMORY, or ERR_UPSTREAM for what claims to be JSON and is none (with a 2xx status: an error page's body may be
 * anything). */
enum err_code http_reply_read(struct connector_call *call, const struct http_client_response *response,
                              const struct http_secret *secret, struct http_answer *ret_reply,
                              struct err *err) MUST_CHECK;
/* The error as the call's result; `after` says when to try again, or is empty. */
void http_reply_fail(struct connector_call *call, const struct http_answer *reply, struct str after);
/* The first text without control characters, at most `max` bytes. STR_NONE: there is none, or no memory. */
struct str http_clean_line(struct arena *arena, struct str text, size_t max);

/* ---- error_rule.c: which answers are errors, and what they say ---- */

/* A 2xx answer's tests; `root` may be NULL. */
bool http_errors_passed(const struct http_errors *errors, yyjson_val *root);
struct str http_errors_message(struct arena *arena, const struct http_errors *errors, yyjson_val *root);
struct str http_errors_code(struct arena *arena, const struct http_errors *errors, yyjson_val *root);

/* ---- retry.c: whether to repeat, and when; pure ---- */

struct http_failure {
  const struct http_answer *reply; /* NULL: there was none, and */
  enum err_code code;              /* this was why */
  bool was_sent;
};

bool http_retry_allows(const struct http_tool *tool, enum policy_does does, const struct http_failure *failure);
/* Does the service say how long to wait? */
bool http_retry_told(const struct http_tool *tool, const struct http_answer *reply, int64_t now_utc_us,
                     int64_t *ret_wait_us);
/* How long to wait before repetition `n` (from 0) where it does not say. `random`: any number. */
int64_t http_retry_backoff_us(unsigned n, uint32_t random);
/* "Try again in 37 seconds." */
struct str http_retry_text(struct arena *arena, int64_t wait_us);

/* ---- rate.c: what one connection may do, over all workers ---- */

struct http_rate;

/* A place among the calls that a connection may have under way. All zero: none. */
struct http_slot {
  struct http_rate *rate;
  struct loop *loop;
  uint64_t concurrent;
  struct loop_task granted; /* its `run` is posted when a queued slot is granted */
  struct http_slot *previous, *next;
  bool is_held; /* the owner's alone */
  enum {
    HTTP_SLOT_NONE,
    HTTP_SLOT_QUEUED,
    HTTP_SLOT_GRANTED
  } state; /* under the rate's lock, until `granted` has run */
};

/* NULL: the connection has no limits, or there is no memory. */
struct http_rate *http_rate_find(const struct connector_call *call);
/* Reserves the next request's time. False: that would be later than `max_wait_us` from now, and nothing was taken.
 * Either way `ret_wait_us` says how long. */
bool http_rate_reserve(struct http_rate *rate, const struct http_limits *limits, int64_t now_us, int64_t max_wait_us,
                       int64_t *ret_wait_us);
/* What the service says is left. */
void http_rate_learn(struct http_rate *rate, const struct http_limits *limits,
                     const struct http_client_response *response, int64_t now_us, int64_t now_utc_us);
/* True: held. False: queued; slot->granted will be posted to slot->loop. `concurrent` 0: no limit. */
bool http_slot_take(struct http_rate *rate, uint64_t concurrent, struct http_slot *slot);
/* Once slot->granted has run. */
void http_slot_hold(struct http_slot *slot);
/* Gives it back, or leaves the queue. False: it was granted, and slot->granted is still to run. */
bool http_slot_leave(struct http_slot *slot);

/* ---- page.c: which page this is, and what comes after it ---- */

struct http_page_state {
  uint64_t number;        /* NUMBER, OFFSET */
  yyjson_val *cursor;     /* CURSOR, LAST_ID: a text or a number */
  struct str url;         /* LINK */
  uint64_t skip;          /* items of that page that the caller has already */
  struct str request_url; /* of this page, once its request was built: what the service's references start from */
};

/* From call->page; the first page where that is empty. `ret_turn` gets what the request needs, but for the idempotency
 * key. ERR_INVALID: no page of this tool's, or one that must not be fetched. */
enum err_code http_page_begin(struct connector_call *call, struct http_page_state *ret_state,
                              struct http_turn *ret_turn, struct err *err) MUST_CHECK;
/* What comes after this page, whose items are `items` (NULL: it has none). False: nothing. */
bool http_page_next(struct connector_call *call, const struct http_page_state *state, const struct http_answer *reply,
                    yyjson_val *items, struct http_page_state *ret_next);
/* What comes after the first `n_shown` items of this page. */
void http_page_rest(struct connector_call *call, const struct http_page_state *state, yyjson_val *items, size_t n_shown,
                    struct http_page_state *ret_next);
/* The sealed cursor. STR_NONE: none can be made. */
struct str http_page_seal(struct connector_call *call, const struct http_page_state *state);

/* page_url.c */
/* A reference that the service gave as an absolute URL (RFC 3986, 5.2). STR_NONE: no memory. */
struct str http_reference_resolve(struct arena *arena, struct str from, struct str reference);
/* A URL that the service gave, checked to be of the connection's origin and without the credential's parameter. */
enum err_code http_page_url_check(struct connector_call *call, struct str text, struct str *ret_url,
                                  struct err *err) MUST_CHECK;

/* ---- result.c: fills call->result from an answer that is no error ---- */

void http_result_write(struct connector_call *call, const struct http_page_state *page,
                       const struct http_answer *reply);

#endif
