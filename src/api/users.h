/* Users as the API shows them, for the files that speak of one. */
#ifndef CONNEK_API_USERS_H
#define CONNEK_API_USERS_H

#include "api/request.h"
#include "store/api.h"

/* An organisation's roles, which of them some of its users have, and what those have switched off. */
struct api_roles {
  const struct role_record *roles;
  size_t n_roles;
  const struct user_role_record *pairs; /* by user, role */
  size_t n_pairs;
  const struct connector_switch_record *switches; /* by user, connector */
  size_t n_switches;
};
/* Of one user; `view` NULL: the roles alone. */
enum err_code api_roles_load(struct api_request *request, struct db_tx *tx, const struct user_view *view,
                             struct api_roles *ret_roles, struct err *err) MUST_CHECK;
/* Goes on to other users: the first STORE_SOME of the list. */
enum err_code api_roles_turn(struct api_request *request, struct db_tx *tx, const struct user_view *views, size_t n,
                             struct api_roles *roles, struct err *err) MUST_CHECK;
const struct role_record *api_roles_find(const struct api_roles *roles, struct uuid id); /* NULL: there is none */
bool api_roles_has(const struct api_roles *roles, struct uuid user_id, struct uuid role_id);

/* One user, with its etag. */
enum err_code api_user_write(struct api_request *request, const struct user_view *view, const struct api_roles *roles,
                             struct err *err) MUST_CHECK;
/* The same as the whole answer, with the ETag as field. */
enum err_code api_user_answer(struct api_request *request, struct db_tx *tx, struct uuid id,
                              struct err *err) MUST_CHECK;
enum err_code api_user_load(struct api_request *request, struct db_tx *tx, struct uuid id, struct user_view *ret_view,
                            struct err *err) MUST_CHECK;
/* Its ETag, as api_user_write gives it. */
enum err_code api_user_etag(struct api_request *request, const struct user_view *view, const struct api_roles *roles,
                            struct str *ret_etag, struct err *err) MUST_CHECK;

/* May who asks change somebody of that kind, or make one? ERR_DENIED: only an owner may. */
enum err_code api_user_check_rank(const struct api_request *request, struct str kind, struct err *err) MUST_CHECK;

/* The owners: their ids in order, and how many of them can sign in. */
struct api_owners {
  struct uuid *ids;
  size_t n;
  int64_t n_able;
};
enum err_code api_owners_load(struct api_request *request, struct db_tx *tx, struct api_owners *ret_owners,
                              struct err *err) MUST_CHECK;

#endif
