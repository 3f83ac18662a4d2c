/* Clients: what they say of themselves (RFC 7591, OAuth Client ID Metadata Document), and where they are found. For
 * src/signin alone. */
#ifndef CONNEK_SIGNIN_CLIENT_H
#define CONNEK_SIGNIN_CLIENT_H

#include <yyjson.h>

#include "signin/request.h"

enum { CLIENT_ID_MAX = 1000, CLIENT_NAME_MAX = 80 };

struct client_metadata {
  struct str name;
  struct str redirect_uris; /* JSON array */
  bool wants_secret;        /* client_secret_basic or client_secret_post */
  struct str auth_method;
  bool may_refresh;
};
/* ERR_INVALID says what is wrong, for the program's author. `is_redirect_wrong`: RFC 7591 has an error of its own for
 * it. */
enum err_code client_metadata_read(struct arena *arena, yyjson_val *root, struct client_metadata *ret_metadata,
                                   bool *ret_is_redirect_wrong, struct err *err) MUST_CHECK;
/* Is it one of those that are known by a document at their own address? */
bool client_id_is_document(struct arena *arena, struct str client_id);

struct client_lookup {
  struct str client_id;
  struct oauth_client_record record;
  bool is_found;
  struct str problem; /* why not, for the person in front of it */
  request_then then;
};
/* Finds it, fetching its document where it is one and what is known of it is older than an hour; then calls `then`.
 * The lookup lives in the request's arena. */
void client_find(struct request *request, struct client_lookup *lookup, request_then then);
/* Is the redirect address one of the client's? */
bool client_has_redirect(struct arena *arena, const struct oauth_client_record *client, struct str uri);

/* Who asks at the token and revocation endpoints: HTTP Basic, client_secret_post, or the id alone. */
struct client_credentials {
  struct str id, secret;
};
bool client_credentials_read(struct request *request, struct client_credentials *ret_credentials) MUST_CHECK;
/* ERR_UNAUTHENTICATED: no such client, or not its secret. */
enum err_code client_authenticate(struct request *request, struct db_tx *tx,
                                  const struct client_credentials *credentials, struct oauth_client_record *ret_client,
                                  struct err *err) MUST_CHECK;

#endif
