/* Accounts that people connect for themselves: what the organisation has set free for that, and how one is begun. Must
 * not know how one is connected: it is a connection like any other from then on (connections_change.c). */
#include "api/answer.h"
#include "api/change.h"
#include "api/connections.h"
#include "api/connectors.h"
#include "api/effective.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/limits.h"
#include "codec/base64.h"
#include "vault/vault.h"

/* Of an e-mail address that is longer the beginning stands for it, and a hash for the rest. */
enum { EMAIL_SHOWN = 36, EMAIL_CUT = 27, EMAIL_HASH = 4 };

struct personal {
  const struct str *ids; /* of connectors that are free */
  size_t n;
  const struct connection_record *connections;
  size_t n_connections;
};

static enum err_code load(struct api_request *request, struct db_tx *tx, struct personal *ret_personal,
                          struct err *err) {
  struct uuid id = request->organisation.id;
  struct personal *personal = ret_personal;
  *personal = (struct personal){0};
  enum err_code code = store_personal_connector_list(tx, &request->arena, id, &personal->ids, &personal->n, err);
  if (code == ERR_NONE)
    code = store_connection_list(tx, &request->arena, id, &personal->connections, &personal->n_connections, err);
  return code;
}

static bool is_free(const struct personal *personal, struct str connector) {
  for (size_t i = 0; i < personal->n; i++)
    if (str_eq(personal->ids[i], connector)) return true;
  return false;
}

/* The caller's; `connector` .p NULL: of any one. Those alone that they made: others are the organisation's to count. */
static size_t count(const struct api_request *request, const struct personal *personal, struct str connector) {
  size_t n = 0;
  for (size_t i = 0; i < personal->n_connections; i++) {
    const struct connection_record *one = &personal->connections[i];
    n += one->is_made_by_owner && uuid_eq(one->owner_user_id, request->principal.user_id) &&
         (!connector.p || str_eq(connector, one->connector_id));
  }
  return n;
}

static struct str name_of(struct api_request *request, struct str name) {
  struct str email = request->principal.email;
  uint8_t digest[32];
  char hash[2 * EMAIL_HASH + 1];
  if (email.n <= EMAIL_SHOWN) return arena_printf(&request->arena, "%.*s (%.*s)", STR_ARG(name), STR_ARG(email));
  vault_sha256(email, digest);
  hex_format(digest, EMAIL_HASH, hash);
  return arena_printf(&request->arena, "%.*s (%.*s~%s)", STR_ARG(name), EMAIL_CUT, email.p, hash);
}

/* Do the caller's roles speak of such a connection? It need not be there yet. */
static enum err_code may_have(const struct api_request *request, struct str name, struct str connector, bool *ret_may,
                              struct err *err) {
  const struct org_snapshot *snapshot;
  enum err_code code = effective_snapshot(request, &snapshot, err);
  if (code != ERR_NONE) return code;
  const struct org_user *user = org_snapshot_user(snapshot, request->principal.user_id);
  const struct policy_connection connection = {
      .name = name, .connector = connector, .owner_user_id = request->principal.user_id};
  *ret_may = user && !user->is_disabled && policy_may_have(&user->principal, &connection);
  return ERR_NONE;
}

enum err_code personal_begin(struct api_request *request, struct db_tx *tx, struct str *ret_name, struct err *err) {
  struct str connector = json_get_str(request->body, "connector"), wanted = json_get_str(request->body, "name");
  struct personal personal;
  bool may = false;
  struct str name = name_of(request, wanted.n ? wanted : connector);
  if (!name.p) return err_no_memory(err);
  enum err_code code = load(request, tx, &personal, err);
  if (code == ERR_NONE) code = may_have(request, name, connector, &may, err);
  if (code != ERR_NONE) return code;
  if (!is_free(&personal, connector))
    return err_set(err, ERR_CONFLICT,
                   "nobody connects an account of their own to \"%.*s\" here: an admin may set it free for that",
                   STR_ARG(connector));
  if (!may)
    return err_set(err, ERR_CONFLICT, "no role of yours lets you use \"%.*s\": ask an admin", STR_ARG(connector));
  if (count(request, &personal, STR_NONE) >= LIMIT_PERSONAL)
    return err_set(err, ERR_CONFLICT, "you have %d connections of your own, and more are not possible: remove one",
                   LIMIT_PERSONAL);
  *ret_name = name;
  return ERR_NONE;
}

/* ---- what is free ---- */

static enum err_code write_connector(struct api_request *request, struct db_tx *tx, const struct personal *personal,
                                     struct str id, struct err *err) {
  struct buf *out = &request->out;
  struct connector_record record;
  struct client_app_record app;
  yyjson_val *definition;
  enum err_code code = store_connector_find(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code == ERR_NOT_FOUND) return ERR_NONE; /* gone meanwhile */
  if (code == ERR_NONE) code = connectors_definition(request, &record, &definition, err);
  if (code != ERR_NONE) return code;
  bool needs_client = connectors_has_consent(definition);
  if (needs_client) {
    code = store_client_app_find(tx, &request->arena, request->organisation.id, id, &app, err);
    if (code != ERR_NONE && code != ERR_NOT_FOUND) return code;
    needs_client = code == ERR_NOT_FOUND;
  }
  answer_open(out, '{');
  answer_text(out, "id", record.id);
  answer_text(out, "name", connectors_name(&record, definition));
  answer_text(out, "description", json_get_str(definition, "description"));
  connectors_write_needs(out, &request->arena, &record, definition);
  answer_bool(out, "is_client_needed", needs_client);
  answer_int(out, "n_connections", (int64_t)count(request, personal, id));
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code me_connectors(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct api_page all = {.limit = SIZE_MAX};
  struct personal personal;
  enum err_code code = load(request, tx, &personal, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  for (size_t i = 0; i < personal.n && code == ERR_NONE; i++) {
    struct str id = personal.ids[i], name = name_of(request, id);
    bool may = false;
    code = name.p ? may_have(request, name, id, &may, err) : err_no_memory(err);
    if (code == ERR_NONE && may) code = write_connector(request, tx, &personal, id, err);
  }
  api_page_close(request, &all, 0, STR_NONE);
  return code;
}

/* ---- which are free ---- */

enum err_code connectors_set_personal(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct str id = api_path_text(request, "connector");
  bool is_allowed = yyjson_is_true(json_get(request->body, "is_allowed"));
  struct connector_record record;
  struct personal personal;
  struct buf text;
  enum err_code code = store_connector_find(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code == ERR_NONE) code = load(request, tx, &personal, err);
  if (code != ERR_NONE) return code;
  api_change_open(request, &text);
  answer_name(&text, "personal");
  answer_open(&text, '[');
  for (size_t i = 0; i < personal.n; i++)
    if (!str_eq(personal.ids[i], id)) answer_item(&text, personal.ids[i]);
  if (is_allowed) answer_item(&text, id);
  answer_close(&text, ']');
  code = api_change_apply(request, tx, &text, API_EDIT, err);
  return code == ERR_INVALID ? err_set(err, ERR_CONFLICT, "%s", arena_printf(&request->arena, "%s", err->text).p)
                             : code;
}
