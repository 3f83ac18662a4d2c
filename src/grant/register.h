/* As whom Connek goes to an authorization server that it has never met: by a document that describes it, or registered
 * there (RFC 7591). */
#ifndef CONNEK_GRANT_REGISTER_H
#define CONNEK_GRANT_REGISTER_H

#include "grant/authorization.h"
#include "grant/discover.h"

/* PUBLIC-URL/client-metadata.json: what we are, for whoever is given that address as our client id (draft-ietf-oauth-
 * client-id-metadata-document). */
#define GRANT_CLIENT_DOCUMENT_PATH "/client-metadata.json"
enum err_code grant_client_document(struct arena *arena, struct str public_url, struct str *ret_json,
                                    struct err *err) MUST_CHECK;
/* May an authorization server fetch it? It has to be https (the same, 3), and no machine of ours alone. */
bool grant_has_client_document(struct arena *arena, struct str public_url);

/* The request of a registration, and what came of it: client_id, client_secret and client of the authorization.
 * ERR_UPSTREAM: it was refused; the text says why. */
enum err_code grant_registration_write(struct arena *arena, const struct grant_server *about, struct str public_url,
                                       struct str *ret_json, struct err *err) MUST_CHECK;
enum err_code grant_registration_read(struct arena *arena, const struct grant_server *about,
                                      const struct http_client_response *response,
                                      struct grant_authorization *authorization, struct err *err) MUST_CHECK;
/* How a client with (or without) a secret says who it is at the token endpoint. ERR_UPSTREAM: in no way that we know.
 */
enum err_code grant_client_method(const struct grant_server *about, bool has_secret,
                                  enum connector_client_auth *ret_client, struct err *err) MUST_CHECK;

#endif
