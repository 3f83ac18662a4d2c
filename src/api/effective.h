/* What somebody's assistant may do, and why: asked of the very function that decides calls. */
#ifndef CONNEK_API_EFFECTIVE_H
#define CONNEK_API_EFFECTIVE_H

#include "api/request.h"

/* Whose assistant. */
struct effective_whom {
  const struct policy_principal *principal;
  struct str kind; /* of the user; STR_NONE: a role's, which anybody may have */
};

/* One tool of one connection; of self/ none. */
struct effective_tool {
  const struct connector *connector;
  const struct connector_tool *tool;
  const struct connector_connection *connection; /* NULL: of self/ */
  struct policy_decision decision;
};
typedef enum err_code (*effective_visit)(const struct effective_tool *tool, void *context, struct err *err);
/* Every tool of every connection, by connection's name and tool's; then those of self/. */
enum err_code effective_each(const struct org_snapshot *snapshot, const struct effective_whom *whom,
                             effective_visit visit, void *context, struct err *err) MUST_CHECK;
/* The decision on a call of one tool. */
void effective_decide(const struct policy_principal *principal, const struct connector_connection *connection,
                      const struct connector_tool *tool, struct policy_decision *ret_decision);
/* EffectiveTools, with the query's `denied` and `schemas`. */
enum err_code effective_answer(struct api_request *request, const struct effective_whom *whom,
                               struct err *err) MUST_CHECK;
/* The request's snapshot. ERR_UNAVAILABLE: the organisation cannot be loaded. */
enum err_code effective_snapshot(const struct api_request *request, const struct org_snapshot **ret_snapshot,
                                 struct err *err) MUST_CHECK;

#endif
