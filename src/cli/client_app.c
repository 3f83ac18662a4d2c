/* connek client-app: the clients that Connek is registered as with services. A secret goes in, and never comes out. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/connection.h"
#include "cli/listing.h"
#include "codec/json.h"
#include "codec/url.h"
#include "codec/utf8.h"
#include "config/config.h"
#include "grant/subject.h"
#include "vault/places.h"

enum { SECRET_MAX = 8 * KIB };

struct app_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct arena secrets; /* wiped */
  struct str secret;
};

/* The organisation; nil where the installation is meant. */
static enum err_code find_owner(struct db_tx *tx, struct app_work *work, struct organisation_record *ret_organisation,
                                struct err *err) {
  *ret_organisation = (struct organisation_record){.name = STR("")};
  if (cli_has(work->args, "installation")) return ERR_NONE;
  return config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")), ret_organisation,
                                  err);
}

static enum err_code record(struct db_tx *tx, struct app_work *work, const struct organisation_record *organisation,
                            const char *word, struct err *err) {
  struct buf arguments;
  if (uuid_is_nil(organisation->id)) return ERR_NONE; /* no organisation's trail */
  buf_init(&arguments, work->arena, 4 * KIB);
  buf_append_c(&arguments, "{\"connector\":");
  json_write_str(&arguments, str_of(work->args->words[0]));
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  return connection_record_change(tx, work->arena, work->store->vault, organisation, NULL, word, buf_str(&arguments),
                                  err);
}

/* ---- set ---- */

/* env:NAME or file:PATH; the command line itself is everybody's to see. */
static int read_secret(struct app_work *work) {
  const char *from = cli_value(work->args, "secret");
  struct err err = {0};
  struct buf text;
  if (!from) return CLI_OK;
  buf_init(&text, &work->secrets, SECRET_MAX);
  if (!buf_reserve(&text, SECRET_MAX)) return cli_usage(work->args, "out of memory");
  if (strncmp(from, "env:", 4) == 0) {
    const char *value = getenv(from + 4);
    if (!value) return cli_usage(work->args, "--secret: the environment variable %s is not set", from + 4);
    buf_append_c(&text, value);
  } else if (strncmp(from, "file:", 5) == 0) {
    if (config_read_file(from + 5, SECRET_MAX, &text, &err)) return cli_usage(work->args, "--secret: %s", err.text);
  } else {
    return cli_usage(work->args, "--secret must be env:NAME or file:PATH: what stands on a command line is no secret");
  }
  while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
    text.n--;
  work->secret = buf_str(&text);
  if (buf_failed(&text) || text.n == 0 || !utf8_is_valid(work->secret))
    return cli_usage(work->args, "--secret: empty, too long, or no text");
  return CLI_OK;
}

static enum err_code seal(struct db_tx *tx, struct app_work *work, struct uuid organisation_id, struct str connector_id,
                          struct str *ret_sealed, struct err *err) {
  struct vault_keys *keys = NULL;
  struct buf json;
  if (work->secret.n == 0) return ERR_NONE;
  buf_init(&json, &work->secrets, 8 * SECRET_MAX);
  buf_append_c(&json, "{\"client_secret\":");
  json_write_str(&json, work->secret);
  buf_append_byte(&json, '}');
  if (buf_failed(&json)) return err_no_memory(err);
  enum err_code code = uuid_is_nil(organisation_id)
                           ? grant_installation_keys(tx, work->arena, work->store->vault, true, &keys, err)
                           : grant_keys(tx, work->arena, work->store->vault, organisation_id, &keys, err);
  if (!code)
    code = vault_seal(keys, work->arena, vault_place_client_app(connector_id), buf_str(&json), ret_sealed, err);
  vault_keys_free(keys);
  return code;
}

/* An MCP server says itself who grants access to it: a secret must not go wherever it points. */
static enum err_code check_issuer(struct app_work *work, const struct connector_record *record, struct err *err) {
  const char *issuer = cli_value(work->args, "issuer");
  bool is_discovered = str_eq(record->kind, STR("mcp"));
  struct url url;
  if (is_discovered && !issuer)
    return err_set(
        err, ERR_INVALID,
        "%.*s is an MCP server: --issuer has to name the authorization server that this client is registered "
        "with, as that names itself (\"issuer\" in its metadata); its secret goes to no other",
        STR_ARG(record->id));
  if (!is_discovered && issuer)
    return err_set(err, ERR_INVALID, "--issuer is for MCP servers: the addresses of %.*s stand in its manifest",
                   STR_ARG(record->id));
  if (!issuer || url_parse(work->arena, str_of(issuer), &url, err) == ERR_NONE) return ERR_NONE;
  err_prefix(err, "--issuer");
  return err->code;
}

static enum err_code set_in(struct db_tx *tx, void *context, struct err *err) {
  struct app_work *work = context;
  struct organisation_record organisation;
  struct connector_record connector;
  enum err_code code = find_owner(tx, work, &organisation, err);
  if (!code)
    code = store_connector_find(tx, work->arena, organisation.id, str_of(work->args->words[0]), &connector, err);
  if (code) return code;
  if (uuid_is_nil(organisation.id) && !connector_builtin_find(connector.id))
    return err_set(err, ERR_INVALID, "%.*s is no built-in connector: the installation has clients for those alone",
                   STR_ARG(connector.id));
  struct client_app_record app = {.organisation_id = organisation.id,
                                  .connector_id = connector.id,
                                  .client_id = str_of(cli_value(work->args, "client-id")),
                                  .issuer = str_of(cli_value(work->args, "issuer")),
                                  .created_at = clock_utc_us()};
  code = check_issuer(work, &connector, err);
  if (!code) code = seal(tx, work, organisation.id, connector.id, &app.secret, err);
  if (!code) code = store_client_app_put(tx, &app, err);
  return code ? code : record(tx, work, &organisation, "client_app.set", err);
}

static int client_app_set(const struct cli_args *args, struct arena *arena) {
  struct app_work work = {.args = args, .arena = arena};
  struct cli_store store;
  struct err err = {0};
  arena_init(&work.secrets, 0);
  int exit_code = read_secret(&work);
  if (!exit_code && cli_open(args, CLI_WRITE, &store, &err)) {
    exit_code = cli_fail(args, &err);
  } else if (!exit_code) {
    work.store = &store;
    if (db_write(store.conn, set_in, &work, &err)) exit_code = cli_fail(args, &err);
    cli_close(&store);
  }
  arena_wipe(&work.secrets);
  return exit_code;
}

/* ---- remove ---- */

static enum err_code remove_in(struct db_tx *tx, void *context, struct err *err) {
  struct app_work *work = context;
  struct organisation_record organisation;
  enum err_code code = find_owner(tx, work, &organisation, err);
  if (!code) code = store_client_app_delete(tx, organisation.id, str_of(work->args->words[0]), err);
  return code ? code : record(tx, work, &organisation, "client_app.remove", err);
}

static int client_app_remove(const struct cli_args *args, struct arena *arena) {
  struct app_work work = {.args = args, .arena = arena};
  struct cli_store store;
  struct err err = {0};
  int exit_code = CLI_OK;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  if (db_write(store.conn, remove_in, &work, &err)) exit_code = cli_fail(args, &err);
  cli_close(&store);
  return exit_code;
}

/* ---- list ---- */

static void list_one(struct listing *listing, const struct client_app_record *app, struct str owner) {
  char time[CLOCK_TEXT_SIZE];
  if (!listing->is_json) {
    listing_row(listing,
                (const struct str[]){app->connector_id, app->client_id, app->secret.n ? STR("yes") : STR("no"),
                                     listing_time(app->created_at, time), owner.n ? owner : STR("(installation)")});
    return;
  }
  json_line_begin(&listing->out);
  json_line_text(&listing->out, "connector", app->connector_id);
  json_line_text(&listing->out, "client_id", app->client_id);
  json_line_text(&listing->out, "issuer", app->issuer);
  json_line_raw(&listing->out, "has_secret", app->secret.n ? STR("true") : STR("false"));
  json_line_time(&listing->out, "since", app->created_at);
  json_line_text(&listing->out, "organisation", owner);
  json_line_end(&listing->out);
}

static enum err_code list_of(struct listing *listing, struct db_tx *tx, const struct organisation_record *organisation,
                             struct err *err) {
  const struct client_app_record *apps = NULL;
  size_t n = 0;
  enum err_code code = store_client_app_list(tx, listing->arena, organisation->id, &apps, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    list_one(listing, &apps[i], organisation->name);
  return code;
}

static int client_app_list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"CONNECTOR", "CLIENT ID", "SECRET", "SINCE", "ORGANISATION", NULL};
  return listing_run(args, arena, heads, LISTING_ALL, list_of);
}

#define OPTION_INSTALLATION                                                                             \
  {"installation",                                                                                      \
   NULL,                                                                                                \
   NULL,                                                                                                \
   NULL,                                                                                                \
   "every organisation's: good with the built-in connector, and the addresses that stand in it, alone", \
   false,                                                                                               \
   false}

static const struct cli_option set_options[] = {
    CLI_OPTION_DATA,
    {"client-id", "ID", NULL, NULL, "what the service calls Connek", true, false},
    {"secret", "env:NAME|file:PATH", NULL, NULL, "where the client secret is read from; without it a public client",
     false, false},
    {"issuer", "URL", NULL, NULL, "of an MCP server: the authorization server that the client is registered with",
     false, false},
    OPTION_INSTALLATION,
    CLI_OPTION_ORGANISATION,
};
static const struct cli_option remove_options[] = {CLI_OPTION_DATA, OPTION_INSTALLATION, CLI_OPTION_ORGANISATION};
static const struct cli_option list_options[] = {CLI_OPTION_DATA, CLI_OPTION_JSON};

const struct cli_command cli_client_app_set = {
    .name = "client-app set",
    .words = "CONNECTOR",
    .min_words = 1,
    .max_words = 1,
    .summary = "sets the client id and secret that a service gave for Connek",
    .description =
        "Register Connek with the service first; the redirect address is PUBLIC-URL/oauth/callback. The secret is\n"
        "sealed and never shown again; setting it anew replaces it. An organisation's own client stands before\n"
        "the installation's.\n",
    .example = "  XERO_SECRET=... connek client-app set xero --client-id 3F2504E0 --secret env:XERO_SECRET\n",
    CLI_OPTIONS(set_options),
    .run = client_app_set,
};
const struct cli_command cli_client_app_remove = {
    .name = "client-app remove",
    .words = "CONNECTOR",
    .min_words = 1,
    .max_words = 1,
    .summary = "removes a client id and secret",
    .description = "Connections that were made with it stay, and cannot be renewed until another one is set.\n",
    .example = "  connek client-app remove xero\n",
    CLI_OPTIONS(remove_options),
    .run = client_app_remove,
};
const struct cli_command cli_client_app_list = {
    .name = "client-app list",
    .words = "",
    .summary = "lists the clients that Connek is registered as",
    .description = "Client ids and their age; never a secret.\n",
    .example = "  connek client-app list\n",
    CLI_OPTIONS(list_options),
    .run = client_app_list,
};
