/* Connections, read: what they are, how they are, what they have. Never what their credentials are. */
#include "api/connections.h"

#include "api/answer.h"
#include "api/connectors.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

enum { USE_DAYS = 30 };

enum err_code connections_load(struct api_request *request, struct db_tx *tx, struct connections_loaded *ret_loaded,
                               struct err *err) {
  struct uuid id = request->organisation.id;
  struct arena *arena = &request->arena;
  struct connections_loaded *loaded = ret_loaded;
  *loaded = (struct connections_loaded){0};
  enum err_code code = connection_facts_list(tx, arena, id, &loaded->facts, &loaded->n, err);
  if (code == ERR_NONE) code = store_connector_list(tx, arena, id, &loaded->connectors, &loaded->n_connectors, err);
  if (code == ERR_NONE) code = store_user_list(tx, arena, id, &loaded->users, &loaded->n_users, err);
  if (code == ERR_NONE)
    code = store_connection_use_list(tx, arena, id, clock_utc_us() / day_us - USE_DAYS + 1, &loaded->uses,
                                     &loaded->n_uses, err);
  if (code == ERR_NONE) code = store_connection_waiting_list(tx, arena, id, &loaded->waiting, &loaded->n_waiting, err);
  return code;
}

const struct connector_record *connections_connector(const struct connections_loaded *loaded,
                                                     const struct connection_record *connection) {
  const struct connector_record *found = NULL;
  for (size_t i = 0; i < loaded->n_connectors; i++) {
    const struct connector_record *one = &loaded->connectors[i];
    if (str_eq(one->id, connection->connector_id) && (!found || !uuid_is_nil(one->organisation_id))) found = one;
  }
  return found;
}

bool connections_is_own(const struct api_request *request) {
  return request->route->permission == API_SELF;
}

/* Somebody else's is one of nothing, where the caller's own are asked about. */
static bool is_there(const struct api_request *request, const struct connection_record *connection) {
  return !connections_is_own(request) || uuid_eq(connection->owner_user_id, request->principal.user_id);
}

enum err_code connections_find(struct api_request *request, const struct connections_loaded *loaded,
                               const struct connection_facts **ret_facts, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "connection", &id, err);
  if (code != ERR_NONE) return code;
  for (size_t i = 0; i < loaded->n; i++) {
    const struct connection_record *connection = loaded->facts[i].connection;
    if (!uuid_eq(connection->id, id) || !is_there(request, connection)) continue;
    *ret_facts = &loaded->facts[i];
    return ERR_NONE;
  }
  return err_set(err, ERR_NOT_FOUND, "there is no such connection");
}

enum err_code connections_find_record(struct api_request *request, struct db_tx *tx,
                                      struct connection_record *ret_record, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "connection", &id, err);
  if (code == ERR_NONE) code = store_connection_get(tx, &request->arena, request->organisation.id, id, ret_record, err);
  if (code == ERR_NONE && !is_there(request, ret_record))
    return err_set(err, ERR_NOT_FOUND, "there is no such connection");
  return code;
}

enum err_code connections_check_maker(const struct api_request *request, const struct connection_record *connection,
                                      struct err *err) {
  const struct api_principal *principal = &request->principal;
  bool is_theirs = uuid_is_nil(principal->key_id) && uuid_eq(connection->owner_user_id, principal->user_id);
  if (!connection->is_made_by_owner || is_theirs) return ERR_NONE;
  return err_set(err, ERR_DENIED,
                 "a user made this connection for themselves: they alone connect, change and check it. It can be "
                 "disconnected and deleted here");
}

const struct connector_connection *connections_in_snapshot(const struct api_request *request, struct uuid id) {
  for (size_t i = 0; request->snapshot && i < request->snapshot->n_connections; i++)
    if (uuid_eq(request->snapshot->connections[i].policy.id, id)) return &request->snapshot->connections[i];
  return NULL;
}

/* ---- one ---- */

static void write_owner(struct buf *out, const struct connections_loaded *loaded, struct uuid owner) {
  answer_name(out, "owner");
  if (uuid_is_nil(owner)) {
    buf_append_c(out, "null");
    return;
  }
  answer_open(out, '{');
  answer_uuid(out, "id", owner);
  for (size_t i = 0; i < loaded->n_users; i++)
    if (uuid_eq(loaded->users[i].id, owner)) answer_text(out, "email", loaded->users[i].email);
  answer_close(out, '}');
}

static void write_editable(struct buf *out, const struct connections_loaded *loaded,
                           const struct connection_record *connection) {
  answer_uuid(out, "id", connection->id);
  answer_text(out, "name", connection->name);
  answer_text(out, "connector", connection->connector_id);
  answer_json(out, "labels", connection->labels);
  write_owner(out, loaded, connection->owner_user_id);
  answer_json(out, "settings", connection->settings);
  answer_text(out, "names", connection->names);
  answer_text(out, "trust", connection->trust);
}

enum err_code connections_etag(struct api_request *request, const struct connections_loaded *loaded,
                               const struct connection_record *connection, struct str *ret_etag, struct err *err) {
  struct buf text;
  buf_init(&text, &request->arena, 4 * MIB);
  answer_open(&text, '{');
  write_editable(&text, loaded, connection);
  return buf_failed(&text) ? err_no_memory(err) : api_etag(request, buf_str(&text), ret_etag, err);
}

/* Nothing stored: a consent has still to come, or there is a credential of its own, or none is needed. */
static struct str status_of(const struct connection_facts *facts, const struct connection_health *health,
                            yyjson_val *definition) {
  if (health->status.n) return health->status;
  if (facts->connection->credential.n) return STR("own");
  return connectors_has_consent(definition) ? STR("new") : STR("none");
}

static enum err_code write_health(struct api_request *request, const struct connection_facts *facts,
                                  yyjson_val *definition, struct err *err) {
  struct connection_health health = {0};
  struct buf *out = &request->out;
  connection_health_read(&request->arena, facts, clock_utc_us(), &health);
  answer_text(out, "status", status_of(facts, &health, definition));
  answer_time(out, "last_success_at", health.last_success_at);
  answer_time(out, "last_error_at", health.last_error_at);
  answer_text_or_null(out, "last_error", health.last_error);
  answer_text_or_null(out, "advice", health.advice);
  answer_time(out, "expires_at", health.expires_at);
  return ERR_NONE;
}

static void write_use(struct api_request *request, const struct connections_loaded *loaded,
                      const struct connection_record *connection) {
  struct buf *out = &request->out;
  const struct connector_connection *live = connections_in_snapshot(request, connection->id);
  struct connection_use use = {0};
  int64_t n_waiting = 0, n_tools = 0;
  for (size_t i = 0; i < loaded->n_uses; i++)
    if (str_eq(loaded->uses[i].connection, connection->name)) use = loaded->uses[i];
  for (size_t i = 0; i < loaded->n_waiting; i++)
    if (uuid_eq(loaded->waiting[i].connection_id, connection->id)) n_waiting = loaded->waiting[i].n;
  if (live) n_tools = (int64_t)(live->catalogue ? live->catalogue->n_tools : live->connector->n_tools);
  answer_time(out, "last_call_at", use.last_at);
  answer_int(out, "calls_30_days", use.n_calls);
  answer_int(out, "n_tools", n_tools);
  answer_int(out, "n_waiting", n_waiting);
}

static enum err_code write_connection(struct api_request *request, const struct connections_loaded *loaded,
                                      const struct connection_facts *facts, struct err *err) {
  const struct connection_record *connection = facts->connection;
  const struct connector_record *connector = connections_connector(loaded, connection);
  struct buf *out = &request->out;
  yyjson_val *definition = NULL;
  struct str etag;
  enum err_code code = connections_etag(request, loaded, connection, &etag, err);
  if (code == ERR_NONE && connector) code = connectors_definition(request, connector, &definition, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  write_editable(out, loaded, connection);
  answer_text(out, "connector_name", connector ? connectors_name(connector, definition) : connection->connector_id);
  answer_bool(out, "is_made_by_owner", connection->is_made_by_owner);
  answer_bool(out, "has_credential", connection->credential.n > 0);
  code = write_health(request, facts, definition, err);
  write_use(request, loaded, connection);
  answer_time(out, "created_at", connection->created_at);
  answer_time(out, "updated_at", connection->updated_at);
  answer_text(out, "etag", etag);
  answer_close(out, '}');
  return code;
}

enum err_code connections_answer(struct api_request *request, struct db_tx *tx, struct str name, struct err *err) {
  struct connections_loaded loaded;
  enum err_code code = connections_load(request, tx, &loaded, err);
  for (size_t i = 0; i < loaded.n && code == ERR_NONE; i++)
    if (str_eq(loaded.facts[i].connection->name, name))
      return write_connection(request, &loaded, &loaded.facts[i], err);
  return code ? code : err_set(err, ERR_NOT_FOUND, "there is no such connection");
}

enum err_code connections_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connections_loaded loaded;
  const struct connection_facts *facts;
  enum err_code code = connections_load(request, tx, &loaded, err);
  if (code == ERR_NONE) code = connections_find(request, &loaded, &facts, err);
  return code == ERR_NONE ? write_connection(request, &loaded, facts, err) : code;
}

/* ---- all ---- */

static bool has_part(struct str text, struct str part) {
  for (size_t i = 0; i + part.n <= text.n; i++)
    if (str_eq_fold(str_make(text.p + i, part.n), part)) return true;
  return false;
}

static bool is_wanted(struct api_request *request, const struct connections_loaded *loaded,
                      const struct connection_facts *facts) {
  struct str connector = api_query(request, "connector"), part = api_query(request, "query");
  struct str status = api_query(request, "status");
  const struct connection_record *connection = facts->connection;
  if (!is_there(request, connection)) return false;
  if (connector.p && !str_eq(connector, connection->connector_id)) return false;
  if (part.n && !has_part(connection->name, part) && !has_part(connection->labels, part)) return false;
  if (!status.p) return true;
  struct connection_health health = {0};
  yyjson_val *definition = NULL;
  const struct connector_record *record = connections_connector(loaded, connection);
  if (record && connectors_definition(request, record, &definition, NULL) != ERR_NONE) return false;
  connection_health_read(&request->arena, facts, clock_utc_us(), &health);
  return str_eq(status, status_of(facts, &health, definition));
}

enum err_code connections_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connections_loaded loaded;
  struct api_page page;
  struct str last = STR_NONE;
  size_t n_found = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE) code = connections_load(request, tx, &loaded, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  for (size_t i = 0; i < loaded.n && code == ERR_NONE; i++) {
    const struct connection_facts *facts = &loaded.facts[i];
    if (page.after.n && str_cmp(facts->connection->name, page.after) <= 0) continue;
    if (!is_wanted(request, &loaded, facts)) continue;
    if (++n_found > page.limit) break;
    code = write_connection(request, &loaded, facts, err);
    last = facts->connection->name;
  }
  request->etag = STR_NONE;
  api_page_close(request, &page, n_found, last);
  return code;
}

/* ---- what one has ---- */

static const struct tool_use *use_of(const struct tool_use *uses, size_t n, struct str tool) {
  static const struct tool_use none = {0};
  for (size_t i = 0; i < n; i++)
    if (str_eq(uses[i].tool, tool)) return &uses[i];
  return &none;
}

static void write_tool(struct api_request *request, const struct connector_tool *tool, const struct tool_use *use) {
  struct buf *out = &request->out;
  answer_open(out, '{');
  answer_text(out, "name", tool->name);
  answer_text(out, "tool", tool->public_name);
  answer_text(out, "title", tool->title.n ? tool->title : tool->name);
  answer_text(out, "description", tool->description);
  answer_text(out, "does", str_of(policy_does_name(tool->does)));
  answer_int(out, "calls_30_days", use->n_calls);
  answer_int(out, "errors_30_days", use->n_errors);
  if (api_query_flag(request, "schemas") && tool->input_schema) {
    answer_name(out, "input_schema");
    json_write_value(out, tool->input_schema);
  }
  answer_close(out, '}');
}

enum err_code connections_tools(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  const struct tool_use *uses = NULL;
  size_t n_uses = 0;
  enum err_code code = connections_find_record(request, tx, &record, err);
  if (code == ERR_NONE)
    code = store_tool_use_list(tx, &request->arena, request->organisation.id, record.name,
                               clock_utc_us() / day_us - USE_DAYS + 1, &uses, &n_uses, err);
  if (code != ERR_NONE) return code;
  const struct connector_connection *live = connections_in_snapshot(request, record.id);
  const struct api_page all = {.limit = SIZE_MAX};
  api_page_open(request);
  for (size_t i = 0; live && i < live->connector->n_tools; i++) {
    const struct connector_tool *tool = &live->connector->tools[i];
    if (org_has_tool(live, tool)) write_tool(request, tool, use_of(uses, n_uses, tool->public_name));
  }
  api_page_close(request, &all, 0, STR_NONE);
  return ERR_NONE;
}

enum err_code connections_events(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  const struct grant_event_record *list = NULL;
  const struct api_page all = {.limit = SIZE_MAX};
  size_t n = 0;
  enum err_code code = connections_find_record(request, tx, &record, err);
  if (code == ERR_NONE) code = store_grant_event_list(tx, &request->arena, record.id, &list, &n, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  for (size_t i = 0; i < n; i++) {
    answer_open(&request->out, '{');
    answer_time(&request->out, "time", list[i].time);
    answer_text(&request->out, "what", list[i].what);
    answer_text(&request->out, "text", list[i].text);
    answer_close(&request->out, '}');
  }
  api_page_close(request, &all, 0, STR_NONE);
  return ERR_NONE;
}
