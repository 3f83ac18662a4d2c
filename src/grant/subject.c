/* Reads a connection for the keeper. Must not know what it is read for. */
#include "grant/subject.h"

#include "base/limits.h"
#include "codec/json.h"
#include "keyring/keyring.h"
#include "vault/places.h"

#define DAMAGED "does not open here: it was damaged, or moved, in the database"

enum err_code grant_keys(struct db_tx *tx, struct arena *arena, const struct vault *vault, struct uuid organisation_id,
                         struct vault_keys **ret_keys, struct err *err) {
  return keyring_open(tx, arena, vault, STORE_RING_ORGANISATION, organisation_id, ret_keys, err);
}

enum err_code grant_installation_keys(struct db_tx *tx, struct arena *arena, const struct vault *vault, bool may_create,
                                      struct vault_keys **ret_keys, struct err *err) {
  static const struct uuid installation = {{0}};
  if (may_create) return keyring_ensure(tx, arena, vault, STORE_RING_INSTALLATION, ret_keys, err);
  return keyring_open(tx, arena, vault, STORE_RING_INSTALLATION, installation, ret_keys, err);
}

enum err_code grant_open(struct arena *arena, const struct vault_keys *keys, struct vault_place place,
                         struct str sealed, yyjson_val **ret_object, struct err *err) {
  struct secret *plain = NULL;
  yyjson_doc *doc = NULL;
  enum err_code code = vault_unseal(keys, place, sealed, &plain, err);
  if (code == ERR_NONE) code = json_read(arena, secret_open(plain), &doc, err);
  secret_free(plain);
  if (code != ERR_NONE) return code;
  *ret_object = yyjson_doc_get_root(doc);
  return ERR_NONE;
}

/* Is this row still what ships with the program? What a row says of itself is not asked: who can write to the database
 * could lead the installation's secret elsewhere. */
static bool is_unmodified(const struct connector_record *record) {
  const struct connector_builtin *builtin = connector_builtin_find(record->id);
  struct arena arena; /* a manifest parsed is several times its text */
  struct buf text;
  yyjson_doc *doc;
  if (!uuid_is_nil(record->organisation_id) || !builtin) return false;
  arena_init(&arena, 0);
  buf_init(&text, &arena, LIMIT_JSON_FILE);
  bool is_read = json_read_file_text(&arena, str_of(builtin->definition), &doc, NULL) == ERR_NONE;
  if (is_read) json_write_value(&text, yyjson_doc_get_root(doc));
  bool is_same = is_read && !buf_failed(&text) && str_eq(buf_str(&text), record->definition);
  arena_release(&arena);
  return is_same;
}

static enum err_code load_connector(struct db_tx *tx, struct arena *arena, struct grant_subject *subject,
                                    struct err *err) {
  struct connector_record record;
  yyjson_doc *doc;
  enum err_code code =
      store_connector_find(tx, arena, subject->record.organisation_id, subject->record.connector_id, &record, err);
  if (code == ERR_NONE) code = json_read(arena, record.definition, &doc, err);
  if (code == ERR_NONE) code = connector_compile(arena, yyjson_doc_get_root(doc), &subject->connector, err);
  if (code != ERR_NONE) return code;
  subject->is_builtin = is_unmodified(&record);
  return ERR_NONE;
}

/* The settings, and those that the service gave. */
static enum err_code merge_settings(struct arena *arena, struct str settings, struct str captured,
                                    yyjson_val **ret_settings, struct err *err) {
  yyjson_doc *own, *more;
  enum err_code code = json_read(arena, settings, &own, err);
  if (code == ERR_NONE) code = json_read(arena, captured.n ? captured : STR("{}"), &more, err);
  if (code != ERR_NONE) return code;
  *ret_settings = connector_settings_with(arena, yyjson_doc_get_root(own), yyjson_doc_get_root(more));
  return *ret_settings ? ERR_NONE : err_no_memory(err);
}

static enum err_code load_connection(struct arena *arena, struct grant_subject *subject, struct err *err) {
  struct connector_connection *connection = &subject->connection;
  const struct connection_record *record = &subject->record;
  connection->policy = (struct policy_connection){.id = record->id,
                                                  .name = record->name,
                                                  .connector = record->connector_id,
                                                  .owner_user_id = record->owner_user_id};
  connection->connector = &subject->connector;
  connection->version = record->version;
  connection->sealed_credential = record->credential;
  enum err_code code = merge_settings(arena, record->settings, record->captured, &connection->settings, err);
  if (code == ERR_NONE && subject->connector.kind->connect)
    code = subject->connector.kind->connect(arena, &subject->connector, connection->settings, &connection->state, err);
  if (code == ERR_NONE) subject->oauth = subject->fixed = connector_oauth_of(connection);
  return code;
}

/* A client that was registered by hand. One of the installation's is for the built-in definition alone, and for the
 * addresses that stand in it: anything else could carry its secret elsewhere. ERR_NOT_FOUND: there is none. */
static enum err_code load_app(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                              struct grant_subject *subject, struct err *err) {
  struct client_app_record *app = &subject->app;
  struct err *problem = &subject->client_problem;
  enum err_code code =
      store_client_app_find(tx, arena, subject->record.organisation_id, subject->record.connector_id, app, problem);
  if (code == ERR_NOT_FOUND) {
    return err_set(
        problem, code,
        "no client id is set for the connector %.*s: register Connek with the service, then connek client-app "
        "set",
        STR_ARG(subject->record.connector_id));
  }
  if (code != ERR_NONE) {
    *err = *problem;
    return code;
  }
  bool is_installations = uuid_is_nil(app->organisation_id);
  if (is_installations && (!subject->is_builtin || !subject->oauth->is_fixed)) {
    *app = (struct client_app_record){.organisation_id = app->organisation_id};
    (void)err_set(problem, ERR_DENIED,
                  "the installation's client for %.*s is for the built-in connector and its own addresses alone; this "
                  "organisation needs one of its own",
                  STR_ARG(subject->record.connector_id));
    return ERR_NOT_FOUND;
  }
  struct vault_keys *keys = NULL;
  if (is_installations) {
    code = grant_installation_keys(tx, arena, vault, false, &keys, err);
  } else {
    keys = (struct vault_keys *)vault_keys_ref(subject->keys);
  }
  yyjson_val *secret = NULL;
  if (code == ERR_NONE && app->secret.n > 0)
    code = grant_open(arena, keys, vault_place_client_app(app->connector_id), app->secret, &secret, err);
  vault_keys_free(keys);
  if (code == ERR_INVALID)
    return err_set(err, code, "the secret of the client for %.*s " DAMAGED ": set it again (connek client-app set)",
                   STR_ARG(app->connector_id));
  if (code == ERR_NONE) subject->app_secret = json_get_str(secret, "client_secret");
  return code;
}

/* Whose client asks: the connection's own, or one that was registered by hand. */
static enum err_code load_client(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                 struct grant_subject *subject, struct err *err) {
  subject->client_id = json_get_str(subject->credential, "client_id");
  subject->client_secret = json_get_str(subject->credential, "client_secret");
  if (subject->client_id.n > 0) return ERR_NONE;
  enum err_code code = load_app(tx, arena, vault, subject, err);
  if (code != ERR_NONE) return code == ERR_NOT_FOUND ? ERR_NONE : code;
  subject->client_id = subject->app.client_id;
  subject->client_secret = subject->app_secret;
  return ERR_NONE;
}

enum err_code grant_subject_authorize(struct arena *arena, struct grant_subject *subject,
                                      const struct grant_authorization *authorization, struct err *err) {
  const struct connector_oauth *oauth = grant_authorization_oauth(arena, subject->fixed, authorization);
  if (!oauth) return err_no_memory(err);
  subject->oauth = oauth;
  subject->authorization = *authorization;
  subject->has_authorization = true;
  subject->client_id = authorization->client_id;
  subject->client_secret = authorization->client_secret;
  if (authorization->known_by != GRANT_CLIENT_APP) return ERR_NONE;
  /* Its secret is for the authorization server that it was registered with. */
  bool is_own = json_get_str(subject->credential, "client_id").n > 0;
  bool is_known = is_own ? str_eq(authorization->client_id, json_get_str(subject->credential, "client_id"))
                         : str_eq(authorization->client_id, subject->app.client_id) &&
                               str_eq(authorization->issuer, subject->app.issuer);
  if (!is_known) {
    subject->client_id = STR("");
    (void)err_set(&subject->client_problem, ERR_UNAVAILABLE,
                  "the client that it was connected with is not the one that is set now: it has to be connected "
                  "again");
    return ERR_NONE;
  }
  subject->client_secret = is_own ? json_get_str(subject->credential, "client_secret") : subject->app_secret;
  return ERR_NONE;
}

/* Of a server that says itself who grants: what was found when it was connected stands with the tokens. */
static enum err_code load_discovered(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                     struct grant_subject *subject, struct err *err) {
  struct grant_authorization authorization;
  enum err_code code = load_app(tx, arena, vault, subject, err);
  if (code != ERR_NONE && code != ERR_NOT_FOUND) return code;
  bool is_found = grant_authorization_read(json_get(subject->tokens, "authorization"), &authorization);
  /* A token is for the server that it was granted for, whatever an admin calls by the same name afterwards. */
  subject->has_moved = subject->tokens && !(is_found && str_eq(authorization.server, subject->fixed->server));
  if (subject->has_moved) subject->tokens = NULL;
  if (!is_found || subject->has_moved) return ERR_NONE;
  return grant_subject_authorize(arena, subject, &authorization, err);
}

static enum err_code load_credential(struct arena *arena, struct grant_subject *subject, struct err *err) {
  if (subject->record.credential.n == 0) return ERR_NONE;
  enum err_code code = grant_open(arena, subject->keys, vault_place_credential(&subject->record.id),
                                  subject->record.credential, &subject->credential, err);
  if (code != ERR_INVALID) return code;
  return err_set(err, code, "the credential of %.*s " DAMAGED ": it has to be given anew",
                 STR_ARG(subject->record.name));
}

static enum err_code load_grant(struct db_tx *tx, struct arena *arena, struct grant_subject *subject, struct err *err) {
  struct err missing = {0};
  enum err_code code =
      store_grant_get(tx, arena, subject->record.organisation_id, subject->record.id, &subject->grant, &missing);
  subject->has_grant = code == ERR_NONE;
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE) {
    *err = missing;
    return code;
  }
  if (subject->grant.secret.n == 0) return ERR_NONE;
  code = grant_open(arena, subject->keys, vault_place_grant(&subject->record.id), subject->grant.secret,
                    &subject->tokens, &missing);
  /* Who connects it again needs nothing of what is replaced. */
  subject->is_damaged = code == ERR_INVALID;
  if (code == ERR_NONE || subject->is_damaged) return ERR_NONE;
  *err = missing;
  return code;
}

enum err_code grant_subject_load(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                 struct uuid organisation_id, struct uuid connection_id,
                                 struct grant_subject *ret_subject, struct err *err) {
  struct grant_subject *subject = ret_subject;
  *subject = (struct grant_subject){0};
  enum err_code code = store_connection_get(tx, arena, organisation_id, connection_id, &subject->record, err);
  struct organisation_record organisation;
  if (code == ERR_NONE) code = store_organisation_get(tx, arena, organisation_id, &organisation, err);
  if (code == ERR_NONE) code = vault_keys_open(vault, organisation_id, organisation.data_key, &subject->keys, err);
  if (code == ERR_NONE) subject->organisation = organisation.name;
  if (code == ERR_NONE) code = load_connector(tx, arena, subject, err);
  if (code == ERR_NONE) code = load_connection(arena, subject, err);
  if (code == ERR_NONE) code = load_credential(arena, subject, err);
  if (code == ERR_NONE) code = load_grant(tx, arena, subject, err);
  if (code == ERR_NONE && subject->oauth)
    code = subject->oauth->is_discovered ? load_discovered(tx, arena, vault, subject, err)
                                         : load_client(tx, arena, vault, subject, err);
  if (code != ERR_NONE) grant_subject_release(subject);
  return code;
}

void grant_subject_release(struct grant_subject *subject) {
  vault_keys_free(subject->keys);
  subject->keys = NULL;
}

bool grant_is_static(const struct grant_subject *subject) {
  if (!subject->oauth) return true;
  if (!subject->credential) return false;
  return !json_get(subject->credential, subject->oauth->grant == CONNECTOR_GRANT_JWT ? "private_key" : "client_id");
}

enum err_code grant_check_consent(const struct grant_subject *subject, struct err *err) {
  bool has_consent = connector_oauth_has_consent(subject->oauth);
  if (!has_consent || (subject->oauth->is_discovered && grant_is_static(subject)))
    return err_set(err, ERR_CONFLICT, "accounts of %.*s are not connected at the service: give its key here",
                   STR_ARG(subject->record.connector_id));
  if (subject->client_id.n > 0 || subject->oauth->is_discovered) return ERR_NONE;
  return err_set(err, ERR_CONFLICT, "%s", subject->client_problem.text);
}
