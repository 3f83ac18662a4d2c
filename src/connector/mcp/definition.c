/* Definitions of kind "mcp": an MCP server at a URL, or one that is started as a child process. Its tools are not in
 * the definition: they are found by asking it, and are there once they were accepted. Must not know catalogues, nor how
 * a server is spoken to. */
#include "connector/definition.h"
#include "base/limits.h"
#include "codec/url.h"
#include "connector/kinds.h"
#include "connector/mcp/mcp.h"
#include "connector/oauth.h"

enum {
  URL_MAX = 2048,
  NAME_MAX_BYTES = 4 * LIMIT_NAME,
  WORDS_MAX = 64,
  WORD_MAX = 4 * KIB,
  VARIABLES_MAX = 64,
  VARIABLE_NAME_MAX = 128,
  VARIABLE_MAX = 32 * KIB,
  HEADER_MAX = 64,
  PREFIX_MAX = 64,
  KEY_MAX = 8 * KIB,
  TIMEOUT_MIN_MS = 1000,
  TIMEOUT_MAX_MS = 60 * 60 * 1000,
  CONCURRENT_MAX = 1000,
  SCOPES_MAX = 64,
  IDLE_MIN_MS = 1000,
  IDLE_MAX_MS = 7 * 24 * 60 * 60 * 1000,
};

struct mcp_definition { /* connector.state */
  struct str url;       /* empty: a child */
  struct str auth_header, auth_prefix;
  const struct connector_oauth *oauth; /* NULL: its key is all there is */
  const char *const *command;
  const char *const *plain_environment;
  const char *directory;
  int64_t timeout_ms, idle_ms;
  unsigned max_concurrent;
};

static enum err_code fail_text(struct err *err, const char *name, yyjson_val *value, size_t max) {
  if (!yyjson_is_str(value) || yyjson_get_len(value) == 0)
    return definition_fail(err, "", name, "%s must be a text, not empty", name);
  if (yyjson_get_len(value) > max) return definition_fail(err, "", name, "%s must be at most %zu bytes", name, max);
  if (!definition_is_text(json_str(value)))
    return definition_fail(err, "", name, "%s has control or invisible characters", name);
  return ERR_NONE;
}

static enum err_code read_heads(struct arena *arena, yyjson_val *definition, struct connector *connector,
                                struct err *err) {
  yyjson_val *format = json_get(definition, "manifest"), *version = json_get(definition, "version");
  if (format && (!yyjson_is_uint(format) || yyjson_get_uint(format) != 1))
    return definition_fail(err, "", "manifest", "\"manifest\": 1 names the format");
  connector->id = json_get_str(definition, "id");
  if (!definition_is_id(connector->id))
    return definition_fail(err, "", "id",
                           "id must be a-z, 0-9 and _, begin with a letter, and have at most %d characters",
                           DEFINITION_ID_MAX);
  connector->name = connector->id;
  yyjson_val *name = json_get(definition, "name");
  if (name) {
    enum err_code code = fail_text(err, "name", name, NAME_MAX_BYTES);
    if (code != ERR_NONE) return code;
    connector->name = json_str(name);
  }
  connector->version = 1;
  if (!version) return ERR_NONE;
  if (!yyjson_is_uint(version) || yyjson_get_uint(version) < 1 || yyjson_get_uint(version) > INT32_MAX)
    return definition_fail(err, "", "version", "version must be a whole number, 1 or more");
  connector->version = (int64_t)yyjson_get_uint(version);
  return ERR_NONE;
}

/* ---- a remote one ---- */

/* What the transport writes itself, and what would let a definition speak for something else. */
static bool is_ours(struct str header) {
  static const char *const names[] = {"host",       "content-length",    "content-type", "accept",
                                      "connection", "transfer-encoding", "upgrade",      "te",
                                      "cookie",     "last-event-id",     "origin",       "traceparent"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (str_eq_fold(header, str_of(names[i]))) return true;
  return header.n >= 4 && str_eq_fold(str_make(header.p, 4), STR("mcp-"));
}

static enum err_code read_key(yyjson_val *key, struct mcp_definition *mcp, struct err *err) {
  static const char *const names[] = {"header", "prefix"};
  static const struct definition_members known = {names, 2, NULL, 0};
  if (!yyjson_is_obj(key)) return definition_fail(err, "/auth", "key", "must be an object, {} for a Bearer token");
  enum err_code code = definition_check_members(key, NULL, &known, "/auth/key", err);
  if (code != ERR_NONE) return code;
  yyjson_val *header = json_get(key, "header"), *prefix = json_get(key, "prefix");
  if (header) {
    struct str name = json_str(header);
    if (!str_is_token(name) || name.n > HEADER_MAX)
      return definition_fail(err, "/auth/key", "header", "header must be a header field's name");
    if (is_ours(name)) return definition_fail(err, "/auth/key", "header", "this header field is not free to use");
    mcp->auth_header = name;
    mcp->auth_prefix = STR("");
  }
  if (!prefix) return ERR_NONE;
  struct str text = json_str(prefix);
  bool is_fit = yyjson_is_str(prefix) && text.n <= PREFIX_MAX;
  for (size_t i = 0; is_fit && i < text.n; i++)
    is_fit = text.p[i] >= ' ' && text.p[i] <= '~';
  if (!is_fit) return definition_fail(err, "/auth/key", "prefix", "prefix must be a short text of ASCII characters");
  mcp->auth_prefix = text;
  return ERR_NONE;
}

/* A client of its own right has a secret from the beginning: where it goes has to be known as well. */
static enum err_code read_grant(yyjson_val *value, struct connector_oauth *oauth, struct err *err) {
  static const char *const algorithms[] = {"RS256", "PS256", "ES256", "EdDSA"};
  yyjson_val *grant = json_get(value, "grant"), *algorithm = json_get(value, "algorithm");
  bool is_client = str_eq(json_str(grant), STR("client_credentials"));
  bool is_known = !algorithm;
  for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
    is_known |= str_eq_c(json_str(algorithm), algorithms[i]);
  if (grant && !is_client && !str_eq(json_str(grant), STR("authorization_code")))
    return definition_fail(err, "/auth/oauth", "grant", "grant must be authorization_code or client_credentials");
  if (is_client && oauth->issuer.n == 0)
    return definition_fail(err, "/auth/oauth", "grant",
                           "client_credentials need an \"issuer\": the client's secret goes to no other");
  if (!is_known || (algorithm && !is_client))
    return definition_fail(err, "/auth/oauth", "algorithm",
                           "algorithm is that of a client's private_key: RS256, PS256, ES256 or EdDSA");
  if (is_client) oauth->grant = CONNECTOR_GRANT_CLIENT;
  oauth->algorithm = algorithm ? json_str(algorithm) : STR("RS256");
  return ERR_NONE;
}

/* Of a server whose authorization is found out: what its definition says of it beforehand. */
static enum err_code read_oauth(struct arena *arena, yyjson_val *value, struct connector_oauth *oauth,
                                struct err *err) {
  static const char *const names[] = {"scopes", "issuer", "grant", "algorithm"};
  static const struct definition_members known = {names, 4, NULL, 0};
  if (!yyjson_is_obj(value))
    return definition_fail(err, "/auth", "oauth", "must be an object, {} for all that is found");
  enum err_code code = definition_check_members(value, NULL, &known, "/auth/oauth", err);
  yyjson_val *scopes = json_get(value, "scopes"), *issuer = json_get(value, "issuer"), *item;
  struct buf out;
  struct url url;
  size_t i, n;
  if (code == ERR_NONE && issuer && (!yyjson_is_str(issuer) || url_parse(arena, json_str(issuer), &url, NULL)))
    code = definition_fail(err, "/auth/oauth", "issuer", "issuer must be the authorization server's own URL");
  if (code == ERR_NONE && scopes && (!yyjson_is_arr(scopes) || yyjson_arr_size(scopes) > SCOPES_MAX))
    code = definition_fail(err, "/auth/oauth", "scopes", "scopes must be a list of at most %d words", SCOPES_MAX);
  if (code != ERR_NONE) return code;
  oauth->issuer = json_str(issuer);
  code = read_grant(value, oauth, err);
  if (code != ERR_NONE) return code;
  buf_init(&out, arena, 16 * KIB);
  if (scopes) yyjson_arr_foreach(scopes, i, n, item) {
      struct str scope = json_str(item);
      bool is_word = scope.n > 0 && scope.n <= PREFIX_MAX * 4;
      for (size_t k = 0; k < scope.n && is_word; k++)
        is_word = scope.p[k] > ' ' && scope.p[k] <= '~' && scope.p[k] != '"' && scope.p[k] != '\\';
      if (!is_word) return definition_fail(err, "/auth/oauth", "scopes", "a scope is a word without spaces or quotes");
      if (out.n > 0) buf_append_byte(&out, ' ');
      buf_append_str(&out, scope);
    }
  if (buf_failed(&out)) return err_no_memory(err);
  if (out.n > 0) oauth->scopes = buf_str(&out);
  return ERR_NONE;
}

static enum err_code read_remote(struct arena *arena, yyjson_val *definition, struct mcp_definition *mcp,
                                 struct err *err) {
  static const char *const names[] = {"key", "oauth"};
  static const struct definition_members known = {names, 2, NULL, 0};
  static const char *const childs[] = {"environment", "directory"};
  for (size_t i = 0; i < sizeof(childs) / sizeof(childs[0]); i++) {
    if (json_get(definition, childs[i]))
      return definition_fail(err, "", childs[i], "\"%s\" goes with a \"command\" alone", childs[i]);
  }
  yyjson_val *value = json_get(definition, "url"), *auth = json_get(definition, "auth");
  struct url url;
  enum err_code code = fail_text(err, "url", value, URL_MAX);
  if (code != ERR_NONE) return code;
  if (url_parse(arena, json_str(value), &url, err) != ERR_NONE) {
    if (err->code == ERR_NO_MEMORY) return ERR_NO_MEMORY;
    err_prefix(err, "url");
    err_place(err, "/url");
    return ERR_INVALID;
  }
  mcp->url = json_str(value);
  mcp->auth_header = STR("Authorization");
  mcp->auth_prefix = STR("Bearer ");
  struct connector_oauth *oauth = arena_new(arena, struct connector_oauth);
  if (!oauth) return err_no_memory(err);
  *oauth = (struct connector_oauth){.is_discovered = true,
                                    .server = mcp->url,
                                    .grant = CONNECTOR_GRANT_CODE,
                                    .has_pkce = true,
                                    .scope_parameter = STR("scope"),
                                    .scope_separator = ' ',
                                    .may_refresh = true};
  mcp->oauth = oauth;
  if (!auth) return ERR_NONE;
  if (!yyjson_is_obj(auth)) return definition_fail(err, "", "auth", "auth must be an object");
  code = definition_check_members(auth, NULL, &known, "/auth", err);
  if (code == ERR_NONE && json_get(auth, "key") && json_get(auth, "oauth"))
    return definition_fail(err, "", "auth", "auth has a \"key\" or \"oauth\", not both");
  if (code == ERR_NONE && json_get(auth, "oauth")) return read_oauth(arena, json_get(auth, "oauth"), oauth, err);
  if (code == ERR_NONE && json_get(auth, "key")) {
    mcp->oauth = NULL; /* whoever says how a key is sent wants no other way */
    code = read_key(json_get(auth, "key"), mcp, err);
  }
  return code;
}

/* ---- a child ---- */

static enum err_code read_command(struct arena *arena, yyjson_val *value, struct mcp_definition *mcp, struct err *err) {
  size_t n_words = yyjson_arr_size(value), i, n;
  if (!yyjson_is_arr(value) || n_words == 0 || n_words > WORDS_MAX)
    return definition_fail(err, "", "command", "command must be a list of the program and its arguments, at most %d",
                           WORDS_MAX);
  const char **words = arena_new_n(arena, const char *, n_words + 1);
  if (!words) return err_no_memory(err);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    char place[32];
    snprintf(place, sizeof(place), "command/%zu", i);
    if (!yyjson_is_str(item) || yyjson_get_len(item) > WORD_MAX)
      return definition_fail(err, "", place, "must be a text of at most %d bytes", WORD_MAX);
    words[i] = arena_str(arena, json_str(item)).p;
    if (!words[i]) return err_no_memory(err);
  }
  if (!words[0][0] || (words[0][0] != '/' && strchr(words[0], '/')))
    return definition_fail(err, "", "command/0",
                           "the program must be an absolute path, or a name that is looked for in PATH");
  mcp->command = words;
  return ERR_NONE;
}

static bool is_variable(struct str name) {
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return name.n > 0 && name.n <= VARIABLE_NAME_MAX;
}

/* {"env": NAME} or {"file": PATH}: what it stands for is under the vault's seal, not here. */
static bool is_reference(yyjson_val *value) {
  return yyjson_is_obj(value) && yyjson_obj_size(value) == 1 &&
         (yyjson_is_str(json_get(value, "env")) || yyjson_is_str(json_get(value, "file")));
}

static enum err_code read_environment(struct arena *arena, yyjson_val *value, struct mcp_definition *mcp,
                                      struct err *err) {
  if (!value) return ERR_NONE;
  if (!yyjson_is_obj(value) || yyjson_obj_size(value) > VARIABLES_MAX)
    return definition_fail(err, "", "environment", "environment must be an object of at most %d variables",
                           VARIABLES_MAX);
  const char **plain = arena_new_n(arena, const char *, yyjson_obj_size(value) + 1);
  if (!plain) return err_no_memory(err);
  size_t i, n, n_plain = 0;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, n, key, member) {
    struct str name = json_str(key);
    char place[32 + VARIABLE_NAME_MAX];
    snprintf(place, sizeof(place), "environment/%.*s", (int)(name.n < VARIABLE_NAME_MAX ? name.n : VARIABLE_NAME_MAX),
             name.p);
    if (!is_variable(name))
      return definition_fail(err, "", place, "a variable's name must be letters, digits and _, no digit first");
    if (is_reference(member)) continue;
    if (!yyjson_is_str(member) || yyjson_get_len(member) > VARIABLE_MAX)
      return definition_fail(err, "", place,
                             "must be a text, or {\"env\": NAME} or {\"file\": PATH} for what is secret");
    plain[n_plain] = arena_printf(arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(json_str(member))).p;
    if (!plain[n_plain++]) return err_no_memory(err);
  }
  mcp->plain_environment = plain;
  return ERR_NONE;
}

static enum err_code read_child(struct arena *arena, yyjson_val *definition, struct mcp_definition *mcp,
                                struct err *err) {
  if (json_get(definition, "auth")) return definition_fail(err, "", "auth", "\"auth\" goes with a \"url\" alone");
  enum err_code code = read_command(arena, json_get(definition, "command"), mcp, err);
  if (code == ERR_NONE) code = read_environment(arena, json_get(definition, "environment"), mcp, err);
  yyjson_val *directory = json_get(definition, "directory");
  if (code != ERR_NONE || !directory) return code;
  struct str path = json_str(directory);
  if (path.n == 0 || path.n > WORD_MAX || path.p[0] != '/')
    return definition_fail(err, "", "directory", "directory must be an absolute path");
  mcp->directory = arena_str(arena, path).p;
  return mcp->directory ? ERR_NONE : err_no_memory(err);
}

/* ---- the whole ---- */

static enum err_code read_number(yyjson_val *definition, const char *name, uint64_t min, uint64_t max,
                                 uint64_t *ret_value, struct err *err) {
  yyjson_val *value = json_get(definition, name);
  if (!value) return ERR_NONE;
  if (!yyjson_is_uint(value) || yyjson_get_uint(value) < min || yyjson_get_uint(value) > max)
    return definition_fail(err, "", name, "%s must be a whole number from %llu to %llu", name, (unsigned long long)min,
                           (unsigned long long)max);
  *ret_value = yyjson_get_uint(value);
  return ERR_NONE;
}

static enum err_code mcp_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                 struct err *err) {
  static const char *const names[] = {
      "$schema",    "manifest",       "id",          "name",    "version",     "kind",
      "status",     "source",         "url",         "auth",    "command",     "directory",
      "timeout_ms", "max_concurrent", "environment", "idle_ms", "description", "categories"};
  static const struct definition_members known = {names, sizeof(names) / sizeof(names[0]), NULL, 0};
  if (!yyjson_is_obj(definition)) return definition_fail(err, "", "", "a connector's definition must be an object");
  struct connector connector = {.kind = &connector_mcp};
  struct mcp_definition *mcp = arena_new(arena, struct mcp_definition);
  if (!mcp) return err_no_memory(err);
  enum err_code code = definition_check_members(definition, NULL, &known, "", err);
  if (code == ERR_NONE) code = read_heads(arena, definition, &connector, err);
  struct connector_findings findings = {.arena = arena};
  definition_read_shelf(definition, &findings);
  if (code == ERR_NONE) code = definition_result(&findings, err);
  if (code != ERR_NONE) return code;
  bool has_url = json_get(definition, "url"), has_command = json_get(definition, "command");
  if (has_url == has_command)
    return definition_fail(err, "", "", "an MCP server needs a \"url\" or a \"command\", and not both");
  code = has_url ? read_remote(arena, definition, mcp, err) : read_child(arena, definition, mcp, err);
  uint64_t timeout_ms = 0, max_concurrent = 0, idle_ms = 0;
  if (code == ERR_NONE) code = read_number(definition, "timeout_ms", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &timeout_ms, err);
  if (code == ERR_NONE) code = read_number(definition, "max_concurrent", 1, CONCURRENT_MAX, &max_concurrent, err);
  if (code == ERR_NONE) code = read_number(definition, "idle_ms", IDLE_MIN_MS, IDLE_MAX_MS, &idle_ms, err);
  if (code != ERR_NONE) return code;
  mcp->idle_ms = (int64_t)idle_ms;
  mcp->timeout_ms = (int64_t)timeout_ms;
  mcp->max_concurrent = (unsigned)max_concurrent;
  connector.state = mcp;
  connector.has_environment = has_command;
  connector.oauth = mcp->oauth;
  *ret_connector = connector;
  return ERR_NONE;
}

static enum err_code mcp_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                                 const void **ret_state, struct err *err) {
  if (settings && (!yyjson_is_obj(settings) || yyjson_obj_size(settings) > 0))
    return definition_fail(err, "", "", "a connection of an MCP server has no settings: the definition says it all");
  *ret_state = NULL;
  return ERR_NONE;
}

/* A client that was registered by hand, for the issuer that the definition names. */
static bool is_client_member(const struct connector *connector, struct str name) {
  const struct connector_oauth *oauth = connector->oauth;
  if (!oauth || oauth->issuer.n == 0) return false;
  return str_eq_c(name, "client_id") || str_eq_c(name, "client_secret") ||
         (str_eq_c(name, "private_key") && oauth->grant == CONNECTOR_GRANT_CLIENT);
}

static enum err_code check_member(const struct connector *connector, struct str name, yyjson_val *value,
                                  struct err *err) {
  char shown[64];
  snprintf(shown, sizeof(shown), "%.*s", (int)(name.n < 48 ? name.n : 48), name.p);
  if (connector->has_environment && !is_variable(name))
    return definition_fail(err, "", shown,
                           "members are variables of the server's process: letters, digits and _, no digit first");
  bool is_clients = is_client_member(connector, name);
  if (!connector->has_environment && !str_eq_c(name, "key") && !is_clients)
    return definition_fail(
        err, "", shown,
        "the credential of an MCP server is {\"key\": ...}; where its definition names an \"issuer\", "
        "also client_id with client_secret or private_key");
  size_t max = connector->has_environment ? VARIABLE_MAX : KEY_MAX;
  struct str text = json_str(value);
  if (text.n == 0 || text.n > max) return definition_fail(err, "", shown, "must be a text of at most %zu bytes", max);
  for (size_t i = 0; i < text.n && !connector->has_environment && !is_clients; i++) {
    if (text.p[i] < ' ' || text.p[i] > '~') /* it goes into a header field */
      return definition_fail(err, "", shown, "must hold printable ASCII characters alone");
  }
  return ERR_NONE;
}

static enum err_code mcp_check_credential(const struct connector *connector, yyjson_val *credential, struct err *err) {
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(credential, i, n, key, value) {
    enum err_code code = check_member(connector, json_str(key), value, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* ---- a snapshot's connection: how it is reached ---- */

/* A copy of a NULL-terminated list of texts. */
static bool copy_texts(struct arena *arena, const char *const *texts, const char *const **ret_copy) {
  *ret_copy = NULL;
  if (!texts) return true;
  size_t n = 0;
  while (texts[n])
    n++;
  const char **copy = arena_new_n(arena, const char *, n + 1);
  for (size_t i = 0; copy && i < n; i++) {
    copy[i] = arena_strdup(arena, texts[i]);
    if (!copy[i]) return false;
  }
  *ret_copy = copy;
  return copy != NULL;
}

static bool copy_text(struct arena *arena, struct str text, struct str *ret_copy) {
  *ret_copy = arena_str(arena, text);
  return ret_copy->p != NULL;
}

static bool fill(struct mcp_target *target, const struct mcp_definition *mcp, struct str organisation,
                 struct str connection) {
  struct arena *arena = &target->arena;
  if (mcp->directory && !(target->directory = arena_strdup(arena, mcp->directory))) return false;
  return copy_text(arena, organisation, &target->organisation) &&
         copy_text(arena, connection, &target->connection_name) && copy_text(arena, mcp->url, &target->url) &&
         copy_text(arena, mcp->auth_header, &target->auth_header) &&
         copy_text(arena, mcp->auth_prefix, &target->auth_prefix) &&
         copy_texts(arena, mcp->command, &target->command) &&
         copy_texts(arena, mcp->plain_environment, &target->plain_environment);
}

static enum err_code mcp_open(struct arena *arena, struct uuid organisation_id, struct str organisation,
                              struct connector_connection *connection, struct err *err) {
  const struct mcp_definition *mcp = connection->connector->state;
  struct mcp_target *target = mcp_target_new();
  if (!target || !fill(target, mcp, organisation, connection->policy.name)) {
    mcp_target_unref(target);
    return err_no_memory(err);
  }
  target->organisation_id = organisation_id;
  target->connection_id = connection->policy.id;
  target->version = connection->version;
  target->connector_version = connection->connector->version;
  target->idle_ms = mcp->idle_ms;
  target->timeout_ms = mcp->timeout_ms;
  target->max_concurrent = mcp->max_concurrent;
  connection->state = target;
  return ERR_NONE;
}

static void mcp_close(struct connector_connection *connection) {
  mcp_target_unref(mcp_target_of(connection));
  connection->state = NULL;
}

/* A server's URL, or the words that start one. */
static void mcp_destination(const struct connector *connector, const void *state, struct buf *out) {
  const struct mcp_definition *mcp = connector->state;
  buf_append_str(out, mcp->url);
  for (const char *const *word = mcp->command; word && *word; word++) {
    buf_append_byte(out, ' ');
    buf_append_c(out, *word);
  }
}

const struct connector_kind connector_mcp = {.name = "mcp",
                                             .needs_rule = true,
                                             .has_catalogue = true,
                                             .compile = mcp_compile,
                                             .connect = mcp_connect,
                                             .check_credential = mcp_check_credential,
                                             .destination = mcp_destination,
                                             .open = mcp_open,
                                             .close = mcp_close,
                                             .invoke = mcp_invoke,
                                             .cancel = mcp_cancel};
