/* Connections, for the files that read and change them. */
#ifndef CONNEK_API_CONNECTIONS_H
#define CONNEK_API_CONNECTIONS_H

#include "api/request.h"
#include "grant/health.h"
#include "store/api.h"
#include "store/call_fact.h"

/* All that connections are shown with, read once a request. */
struct connections_loaded {
  struct connection_facts *facts; /* by name */
  size_t n;
  const struct connector_record *connectors;
  size_t n_connectors;
  const struct user_record *users;
  size_t n_users;
  const struct connection_use *uses;
  size_t n_uses;
  const struct connection_waiting *waiting;
  size_t n_waiting;
};
enum err_code connections_load(struct api_request *request, struct db_tx *tx, struct connections_loaded *ret_loaded,
                               struct err *err) MUST_CHECK;
/* The connection of the path. */
enum err_code connections_find(struct api_request *request, const struct connections_loaded *loaded,
                               const struct connection_facts **ret_facts, struct err *err) MUST_CHECK;
const struct connector_record *connections_connector(const struct connections_loaded *loaded,
                                                     const struct connection_record *connection); /* or NULL */
enum err_code connections_etag(struct api_request *request, const struct connections_loaded *loaded,
                               const struct connection_record *connection, struct str *ret_etag,
                               struct err *err) MUST_CHECK;
/* Is it asked about the caller's own connections alone? */
bool connections_is_own(const struct api_request *request);
/* The same one, of the row alone. */
enum err_code connections_find_record(struct api_request *request, struct db_tx *tx,
                                      struct connection_record *ret_record, struct err *err) MUST_CHECK;
/* What a person made for themselves is connected and changed by that person, in a browser, and by nobody else. */
enum err_code connections_check_maker(const struct api_request *request, const struct connection_record *connection,
                                      struct err *err) MUST_CHECK;
/* personal.c: may the caller make what the body asks for? Then how it is called. */
enum err_code personal_begin(struct api_request *request, struct db_tx *tx, struct str *ret_name,
                             struct err *err) MUST_CHECK;
/* One, read anew, as the whole answer: by its name. */
enum err_code connections_answer(struct api_request *request, struct db_tx *tx, struct str name,
                                 struct err *err) MUST_CHECK;
/* In the request's snapshot; NULL: it is not there, or hidden because it is broken. */
const struct connector_connection *connections_in_snapshot(const struct api_request *request, struct uuid id);

#endif
