/* The paths of signing in, and what serves each. For src/signin alone. */
#ifndef CONNEK_SIGNIN_ROUTE_H
#define CONNEK_SIGNIN_ROUTE_H

#include "signin/request.h"

/* Where whoever has signed in goes on, unless they were on their way to somewhere else. */
#define DASHBOARD_PATH "/"

enum route_kind {
  ROUTE_PAGE,     /* for a browser: cookies, our own Origin alone, forms with their token */
  ROUTE_CLIENT,   /* for a program: no cookie, any Origin */
  ROUTE_METADATA, /* the same, and it changes never */
};

struct route {
  struct str path;
  bool has_more; /* what follows a slash is the handler's: request->rest */
  enum route_kind kind;
  void (*get)(struct request *request); /* NULL: 405 */
  void (*post)(struct request *request);
};

const struct route *route_find(struct str path, struct str *ret_rest);

/* The handlers. Pages are called with the visitor loaded, and for a POST with a form whose token is right. */
void metadata_resource(struct request *request);
void metadata_server(struct request *request);
void style_get(struct request *request);
void sign_in_get(struct request *request);
void sign_in_post(struct request *request);
void code_get(struct request *request);
void code_post(struct request *request);
void sign_out_post(struct request *request);
void sign_up_get(struct request *request);
void sign_up_post(struct request *request);
void link_get(struct request *request);
void link_post(struct request *request);
void account_get(struct request *request);
void account_post(struct request *request);
void password_get(struct request *request);
void password_post(struct request *request);
void totp_get(struct request *request);
void totp_post(struct request *request);
void authorize_get(struct request *request);
void authorize_post(struct request *request);
void token_post(struct request *request);
void revoke_post(struct request *request);
void register_post(struct request *request);

#endif
