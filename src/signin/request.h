/* One HTTP request to a page or an endpoint of ours, from its head to its reply: what it said, who its visitor is, and
 * the ways in which it waits. For src/signin alone. */
#ifndef CONNEK_SIGNIN_REQUEST_H
#define CONNEK_SIGNIN_REQUEST_H

#include "base/buf.h"
#include "signin/signin.h"
#include "store/sign_in.h"
#include "web/form.h"
#include "web/page.h"

enum { COOKIE_SIZE = 65 }; /* 64 hex digits */

/* Whose browser it is. */
struct visitor {
  bool is_known;                         /* signed in, the second step included */
  bool is_half;                          /* the password was right; the code is still to come */
  struct browser_session_record session; /* of both */
  struct str cookie;                     /* the session's, as it came; or empty */
  char form_cookie[COOKIE_SIZE];         /* what forms are bound to where nobody has signed in */
  bool is_form_cookie_new;
};

struct request {
  struct signin_worker *worker;
  struct signin *signin;
  struct http_exchange *http;
  struct arena arena; /* everything of this request; freed when its reply has left */
  struct str base;    /* how this request calls us: scheme://host[:port] */
  struct str rest;    /* of the path, below its route */
  struct form query, form;
  struct visitor visitor;
  struct str problem; /* what to say above the form that is shown again */
  void *flow;         /* the handler's own, in the arena */

  /* the job under way */
  struct db_job db;
  struct executor_job job;
  struct coherence_wait wait;
  enum err_code (*work)(struct request *request, struct db_tx *tx, struct err *err);
  void (*compute)(struct request *request);
  void (*then)(struct request *request);
  enum err_code code; /* of the job that has ended */
  struct err err;

  struct str set_cookies[3];
  size_t n_set_cookies;
  struct buf page;
};

typedef enum err_code (*request_work)(struct request *request, struct db_tx *tx, struct err *err);
typedef void (*request_then)(struct request *request);

/* A transaction on a store thread, then `then` on the loop with code and err set: of `work`, or ERR_UNAVAILABLE. */
void request_write(struct request *request, request_work work, request_then then);
void request_read(struct request *request, request_work work, request_then then);
/* Something slow on a thread for passwords. False: too many wait already; a reply has been sent. */
bool request_compute(struct request *request, void (*compute)(struct request *request), request_then then);
/* Until every worker has taken what was committed. */
void request_sync(struct request *request, request_then then);

/* The ends. Each frees the request. */
void request_reply(struct request *request, struct http_reply *reply); /* its fields and body in the arena, or static */
void request_reply_page(struct request *request, int status, struct str form_target);
void request_redirect(struct request *request, struct str location); /* 303; a path of ours, or absolute */
void request_reply_json(struct request *request, int status, struct str body);
/* A page of a title and a sentence. */
void request_reply_notice(struct request *request, int status, const char *title, struct str text);
/* What a failed job means to a person; what they cannot help goes to the log. */
void request_reply_failure(struct request *request);
void request_tell(struct request *request, const char *what);

/* Begins request->page. */
struct buf *request_page(struct request *request, const char *title, struct str lead);
/* <form method=post action=...> with its CSRF token; page_end and the reply are the caller's. */
void request_form(struct request *request, const char *action);
/* Does the form carry the token of this visitor? */
bool request_form_is_genuine(struct request *request);

/* visitor.c */
/* Reads the cookies. True: there is a session to look for in the database. */
bool visitor_read(struct request *request) MUST_CHECK;
enum err_code visitor_load(struct request *request, struct db_tx *tx, struct err *err) MUST_CHECK;
/* A new session for this login, and its cookie; the one there was is over. */
enum err_code visitor_sign_in(struct request *request, struct db_tx *tx, struct uuid login_id, bool needs_code,
                              struct err *err) MUST_CHECK;
void visitor_forget(struct request *request); /* the cookie alone */
/* The token that forms of this visitor carry: 64 hex digits. */
void visitor_form_token(const struct request *request, char ret_token[COOKIE_SIZE]);
/* A path of ours that a form or query named; `fallback` where it names anything else. */
struct str return_path(struct str text, struct str fallback);
/* May this attempt be made (counts it)? False: a page has been sent. `account`: what is guessed at. */
bool request_throttle(struct request *request, struct str account);

#endif
