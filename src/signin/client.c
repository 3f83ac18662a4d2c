/* Finding a client: a row, or the document that its id is the address of. */
#include "signin/client.h"

#include "base/clock.h"
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/url.h"
#include "identity/token.h"

enum { DOCUMENT_MAX = 16 * KIB, DOCUMENT_MS = 5000 };

static const int64_t document_life_us = INT64_C(3600) * 1000000;

static struct client_lookup *lookup_of(struct request *request) {
  return request->flow; /* a flow that looks for a client begins with it */
}

static void end(struct request *request) {
  lookup_of(request)->then(request);
}

static void fail(struct request *request, struct str problem) {
  struct client_lookup *lookup = lookup_of(request);
  lookup->is_found = false;
  lookup->problem = problem;
  end(request);
}

static enum err_code keep(struct request *request, struct db_tx *tx, struct err *err) {
  return store_oauth_client_put(tx, &request->arena, &lookup_of(request)->record, err);
}

static void on_kept(struct request *request) {
  struct client_lookup *lookup = lookup_of(request);
  lookup->is_found = request->code == ERR_NONE;
  if (!lookup->is_found) request_tell(request, "client_document_failed");
  if (!lookup->is_found) lookup->problem = STR("What this program says of itself could not be kept. Try again.");
  end(request);
}

static enum err_code read_document(struct request *request, struct str text, struct err *err) {
  struct client_lookup *lookup = lookup_of(request);
  struct client_metadata metadata;
  yyjson_doc *doc;
  bool is_redirect_wrong;
  enum err_code code = json_read(&request->arena, text, &doc, err);
  if (code != ERR_NONE) return code;
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (!str_eq(json_get_str(root, "client_id"), lookup->client_id))
    return err_set(err, ERR_INVALID, "its client_id is another one");
  code = client_metadata_read(&request->arena, root, &metadata, &is_redirect_wrong, err);
  if (code == ERR_NONE && metadata.wants_secret)
    code = err_set(err, ERR_INVALID, "a public document cannot go with a secret");
  if (code != ERR_NONE) return code;
  int64_t now = clock_utc_us();
  lookup->record = (struct oauth_client_record){.id = uuid_new(),
                                                .client_id = lookup->client_id,
                                                .kind = STR("document"),
                                                .name = metadata.name,
                                                .redirect_uris = metadata.redirect_uris,
                                                .may_refresh = metadata.may_refresh,
                                                .created_at = now,
                                                .fetched_at = now};
  return ERR_NONE;
}

static void on_fetched(void *context, const struct http_client_response *response, const struct err *failure) {
  struct request *request = context;
  struct err err = {0};
  const char *why = failure ? failure->text : NULL;
  char status[64];
  if (response && response->status != 200) {
    (void)snprintf(status, sizeof(status), "it was answered with HTTP %d", response->status);
    why = status;
  }
  if (!why && read_document(request, response->body, &err) != ERR_NONE) why = err.text;
  if (!why) {
    request_write(request, keep, on_kept);
    return;
  }
  struct str problem = arena_printf(
      &request->arena, "This program is known by a document at its own address, which could not be used: %s", why);
  fail(request, problem.p ? problem : STR("Out of memory"));
}

/* The address guard judges where it leads; no redirect is followed (draft-ietf-oauth-client-id-metadata-document, 6).
 */
static void fetch(struct request *request) {
  static const struct http_field fields[] = {{STR("Accept"), STR("application/json")}};
  const struct http_client_request get = {.method = STR("GET"),
                                          .url = lookup_of(request)->client_id,
                                          .fields = fields,
                                          .n_fields = 1,
                                          .timeout_ms = DOCUMENT_MS,
                                          .max_body = DOCUMENT_MAX};
  struct http_transfer *transfer;
  struct err err = {0};
  if (http_client_send(request->worker->client, &request->arena, &get, on_fetched, request, &transfer, &err) !=
      ERR_NONE)
    on_fetched(request, NULL, &err);
}

static enum err_code look(struct request *request, struct db_tx *tx, struct err *err) {
  struct client_lookup *lookup = lookup_of(request);
  enum err_code code = store_oauth_client_find(tx, &request->arena, lookup->client_id, &lookup->record, err);
  lookup->is_found = code == ERR_NONE;
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static void on_looked(struct request *request) {
  struct client_lookup *lookup = lookup_of(request);
  bool is_document = client_id_is_document(&request->arena, lookup->client_id);
  if (request->code != ERR_NONE) {
    request_tell(request, "client_lookup_failed");
    fail(request, STR("The server could not look this program up. Try again."));
  } else if (is_document && (!lookup->is_found || lookup->record.fetched_at + document_life_us < clock_utc_us())) {
    fetch(request);
  } else {
    if (!lookup->is_found)
      lookup->problem =
          STR("The program that sent you here is not known. In it, remove Connek and add it again, so that "
              "it registers anew.");
    end(request);
  }
}

void client_find(struct request *request, struct client_lookup *lookup, request_then then) {
  lookup->then = then;
  request_read(request, look, on_looked);
}

/* --- who asks --- */

static bool decode_part(struct arena *arena, struct str part, struct str *ret_text) {
  return url_decode(arena, part, ret_text); /* RFC 6749, 2.3.1: both are form-encoded before they are put together */
}

bool client_credentials_read(struct request *request, struct client_credentials *ret_credentials) {
  struct arena *arena = &request->arena;
  const struct str scheme = STR("Basic ");
  struct str authorization, both;
  if (!http_field_once(request->http, "Authorization", &authorization)) return false;
  struct client_credentials credentials = {form_get(&request->form, "client_id"),
                                           form_get(&request->form, "client_secret")};
  if (authorization.p) {
    if (authorization.n <= scheme.n || !str_eq_fold(str_make(authorization.p, scheme.n), scheme)) return false;
    struct str encoded = str_trim(str_make(authorization.p + scheme.n, authorization.n - scheme.n));
    if (!base64_read(arena, encoded, &both)) return false;
    struct str id = str_cut(&both, ':');
    struct client_credentials basic;
    if (!both.p || !decode_part(arena, id, &basic.id) || !decode_part(arena, both, &basic.secret)) return false;
    /* One method alone (RFC 6749, 2.3). */
    if (credentials.secret.p || (credentials.id.p && !str_eq(credentials.id, basic.id))) return false;
    credentials = basic;
  }
  if (!credentials.id.n || credentials.id.n > CLIENT_ID_MAX) return false;
  *ret_credentials = credentials;
  return true;
}

enum err_code client_authenticate(struct request *request, struct db_tx *tx,
                                  const struct client_credentials *credentials, struct oauth_client_record *ret_client,
                                  struct err *err) {
  uint8_t hash[TOKEN_HASH_SIZE];
  enum err_code code = store_oauth_client_find(tx, &request->arena, credentials->id, ret_client, err);
  if (code == ERR_NOT_FOUND) return err_set(err, ERR_UNAUTHENTICATED, "there is no such client");
  if (code != ERR_NONE || !ret_client->has_secret) return code;
  token_hash(credentials->secret, hash);
  if (!credentials->secret.n || !str_eq_constant_time(str_make((const char *)hash, sizeof(hash)),
                                                      str_make((const char *)ret_client->secret_hash, sizeof(hash))))
    return err_set(err, ERR_UNAUTHENTICATED, "that is not the client's secret");
  return ERR_NONE;
}
