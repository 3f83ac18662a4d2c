/* One request to the REST API, from its head to its reply: what it asks, who asks, and the transaction that answers it.
 * For src/api alone. */
#ifndef CONNEK_API_REQUEST_H
#define CONNEK_API_REQUEST_H

#include "api/api.h"
#include "api/route.h"
#include "base/buf.h"
#include "codec/json.h"
#include "config/config.h"
#include "org/snapshot.h"
#include "store/sign_in.h"
#include "web/form.h"

/* Who asks. */
struct api_principal {
  struct browser_session_record session; /* of a person; its id nil: an API key */
  struct uuid user_id;                   /* in the organisation that the path names; nil: none is named */
  struct str email, kind;
  unsigned kinds;      /* one bit of api_kind */
  struct uuid key_id;  /* nil: a person */
  int64_t key_used_at; /* as it was noted last */
  uint64_t scopes;     /* of a key: bits of api_permission */
};

struct api_request {
  struct api_worker *worker;
  struct api *api;
  struct http_exchange *http;            /* NULL: it is an operation of a call's */
  struct connector_operation *operation; /* or NULL */
  struct arena arena;                    /* everything of this request; wiped and freed when its reply has left */
  const struct api_route *route;
  struct str values[API_PATH_VALUES];
  struct str base; /* how this request calls us */
  struct form query;
  yyjson_val *body; /* as the operation's schema has it; NULL: it has none */

  struct str cookie, key;        /* what was shown: at most one of them */
  struct str client;             /* who says so: User-Agent, for the record */
  struct org_snapshot *snapshot; /* a reference, of the organisation that the path names; NULL: there is none */

  /* In the transaction: */
  struct api_principal principal;
  struct organisation_record organisation;
  struct vault_keys *keys; /* api_keys */

  /* The answer. */
  int status;
  struct buf out;            /* JSON, or empty */
  struct str etag, location; /* or empty */
  struct str repeated;       /* what a repeated request is answered, where `out` has what is shown once; else empty */
  struct str cookie_to_set;
  struct str content_type; /* empty: JSON */
  bool is_repeated;        /* `out` is an earlier answer */
  bool is_undone;          /* the handler cancels its own transaction, and has an answer all the same */
  bool is_behind;          /* facts have to be made first */
  unsigned n_turns;        /* of making them */
  bool has_changed;        /* something that workers know: the reply waits until they have taken it */
  enum err_code code;
  struct err err;
  void *state; /* the handler's own, for route->then */

  struct db_job db;
  struct coherence_wait wait;
};

/* ---- what handlers use ---- */

/* An id of the path: the one in place of {name}. ERR_NOT_FOUND: it is none. */
enum err_code api_path_id(const struct api_request *request, const char *name, struct uuid *ret_id,
                          struct err *err) MUST_CHECK;
struct str api_path_text(const struct api_request *request, const char *name);
struct str api_query(const struct api_request *request, const char *name); /* STR_NONE: it is not there */
bool api_query_id(const struct api_request *request, const char *name, struct uuid *ret_id);
bool api_query_flag(const struct api_request *request, const char *name);
/* UTC microseconds; 0: it is not there. ERR_INVALID: no time. */
enum err_code api_query_time(const struct api_request *request, const char *name, int64_t *ret_us,
                             struct err *err) MUST_CHECK;

/* The organisation's keys, opened once. */
enum err_code api_keys(struct api_request *request, const struct vault_keys **ret_keys, struct err *err) MUST_CHECK;
bool api_may(const struct api_request *request, enum api_permission permission);

/* ERR_INVALID about one place of the body ("/roles/0"). */
enum err_code api_wrong(struct err *err, const char *pointer, const char *format, ...) PRINTF_LIKE(3, 4);

/* Sets the answer's ETag from what can be edited, as JSON; *ret_etag too where it is not NULL. */
enum err_code api_etag(struct api_request *request, struct str editable, struct str *ret_etag,
                       struct err *err) MUST_CHECK;
/* Does If-Match name `etag`? ERR_CONFLICT with status 412 or 428 where it does not. */
enum err_code api_check_match(struct api_request *request, struct str etag, struct err *err) MUST_CHECK;

/* The record of a change of this request's, in its transaction: `word` such as "user.invite", `arguments` JSON without
 * secrets. */
enum err_code api_record(struct api_request *request, struct db_tx *tx, const char *word, struct str arguments,
                         struct err *err) MUST_CHECK;
/* The same about a connection. */
enum err_code api_record_connection(struct api_request *request, struct db_tx *tx, const char *word, struct uuid id,
                                    struct str name, struct str connector, struct err *err) MUST_CHECK;
/* {"WHAT": TEXT} */
enum err_code api_record_one(struct api_request *request, struct db_tx *tx, const char *word, const char *what,
                             struct str text, struct err *err) MUST_CHECK;
/* The organisation is another one now: the change log's row, and the reply waits. */
enum err_code api_changed(struct api_request *request, struct db_tx *tx, struct err *err) MUST_CHECK;

/* ---- the ends, for route->then ---- */

/* Sends what the request says (`code` and `err`, or `out`), and frees it. */
void api_reply(struct api_request *request);
/* Frees it: a stream of its own has ended. */
void api_end(struct api_request *request);

/* ---- between the files of the request ---- */

/* request.c: what was asked is known, down to the body: its transaction, and what comes after. */
void api_submit(struct api_request *request);
void api_take_snapshot(struct api_request *request);
void api_free(void *request);
/* operate.c: the end of one that is a call's. */
void api_operation_end(struct api_request *request);

/* authenticate.c: before the transaction: who claims to be here. False: a problem is in request->err, its status too.
 */
bool api_read_credentials(struct api_request *request) MUST_CHECK;
/* In the transaction: who is here, and may they? */
enum err_code api_authenticate(struct api_request *request, struct db_tx *tx, struct err *err) MUST_CHECK;
/* problem.c */
int api_problem_status(const struct api_request *request);
struct str api_problem(struct api_request *request);
/* repeat.c: is this request one that was answered already? Then its answer is in `out`. */
enum err_code api_repeat_find(struct api_request *request, struct db_tx *tx, bool *ret_is_answered,
                              struct err *err) MUST_CHECK;
enum err_code api_repeat_keep(struct api_request *request, struct db_tx *tx, struct err *err) MUST_CHECK;

#endif
