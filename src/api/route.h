/* The table of operations: method, path, permission, handler. schema/api.json has the same ones; test/lint/api holds
 * the two against each other, and a route without a permission does not compile. For src/api alone. */
#ifndef CONNEK_API_ROUTE_H
#define CONNEK_API_ROUTE_H

#include "api/permission.h"
#include "base/err.h"

struct api_request;
struct db_tx;

enum { API_PATH_VALUES = 3 };

enum api_mode {
  API_READ,  /* a read transaction */
  API_WRITE, /* a write transaction; the answer leaves when every worker has taken the change */
};

struct api_route {
  const char *method;
  const char *path; /* below /api/v1, as the document writes it: "/organisations/{organisation}/users" */
  enum api_permission permission;
  enum api_mode mode;
  int status; /* of what went well */
  /* In the transaction, on a store thread: writes request->out. */
  enum err_code (*work)(struct api_request *request, struct db_tx *tx, struct err *err);
  /* Where that is not all: on the loop, once the transaction has been committed, in place of the reply; must see to
   * one. NULL: the reply is sent. */
  void (*then)(struct api_request *request);
  bool needs_facts; /* it asks call_fact or usage_day: the trail is made into facts first */
};

extern const struct api_route api_routes[];
extern const size_t api_routes_n;

/* What stands in place of each {name}, in order. NULL: no such path, or (*ret_is_path) not by this method. */
const struct api_route *api_route_find(struct str method, struct str path, struct str ret_values[API_PATH_VALUES],
                                       bool *ret_is_path);

#endif
