/* Connections, changed: what a file says of one, said of one alone. Credentials go in, and never come out. */
#include "api/answer.h"
#include "api/change.h"
#include "api/connections.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "grant/keeper.h"
#include "grant/subject.h"

/* The owner that the body names, as the file has one; `stored` where it says nothing of it. */
static enum err_code write_owner(struct api_request *request, struct db_tx *tx, struct buf *out, struct uuid stored,
                                 struct err *err) {
  yyjson_val *named = json_get(request->body, "owner");
  struct user_view owner;
  struct uuid id = stored;
  if (yyjson_is_null(named)) return ERR_NONE;
  if (named && !uuid_parse(json_str(named), &id)) return api_wrong(err, "/owner", "must be a user's id");
  if (uuid_is_nil(id)) return ERR_NONE;
  enum err_code code = store_user_get(tx, &request->arena, request->organisation.id, id, clock_utc_us(), &owner, err);
  if (code == ERR_NOT_FOUND) return api_wrong(err, "/owner", "there is no such user");
  if (code == ERR_NONE) answer_text(out, "owner", owner.user.email);
  return code;
}

static void write_member(struct api_request *request, struct buf *out, const char *name, struct str stored) {
  yyjson_val *value = json_get(request->body, name);
  if (value) {
    answer_name(out, name);
    json_write_value(out, value);
  } else if (stored.n) {
    answer_json(out, name, stored);
  }
}

static void write_word(struct api_request *request, struct buf *out, const char *name, struct str stored) {
  struct str named = json_get_str(request->body, name);
  if (named.n || stored.n) answer_text(out, name, named.n ? named : stored);
}

/* `old`: the connection as it is, its name apart; an empty one where it is new. MCP servers' alone have names and
 * trust. */
static enum err_code apply(struct api_request *request, struct db_tx *tx, struct str name, struct str connector,
                           const struct connection_record *old, bool is_mcp, struct err *err) {
  struct buf text;
  const struct config_edit edit = {.kept_settings = old->settings, .is_owners = old->is_made_by_owner};
  api_change_open(request, &text);
  answer_name(&text, "connections");
  answer_open(&text, '[');
  answer_open(&text, '{');
  answer_text(&text, "name", name);
  answer_text(&text, "connector", connector);
  write_member(request, &text, "labels", old->labels);
  enum err_code code = write_owner(request, tx, &text, old->owner_user_id, err);
  write_word(request, &text, "names", is_mcp ? old->names : STR_NONE);
  write_word(request, &text, "trust", is_mcp ? old->trust : STR_NONE);
  write_member(request, &text, "settings", STR_NONE);
  write_member(request, &text, "credential", STR_NONE);
  answer_close(&text, '}');
  answer_close(&text, ']');
  return code == ERR_NONE ? api_change_apply(request, tx, &text, &edit, err) : code;
}

static enum err_code create(struct api_request *request, struct db_tx *tx, struct str name,
                            const struct connection_record *begun, struct err *err) {
  struct connection_record record;
  char id[UUID_TEXT_SIZE];
  struct uuid organisation = request->organisation.id;
  struct str connector = json_get_str(request->body, "connector");
  enum err_code code = store_connection_find(tx, &request->arena, organisation, name, &record, err);
  if (code == ERR_NONE) return err_set(err, ERR_CONFLICT, "there is a connection \"%.*s\" already", STR_ARG(name));
  if (code == ERR_NOT_FOUND) code = apply(request, tx, name, connector, begun, false, err);
  if (code == ERR_NONE) code = store_connection_find(tx, &request->arena, organisation, name, &record, err);
  if (code != ERR_NONE) return code;
  uuid_format(record.id, id);
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), id);
  return request->location.p ? connections_answer(request, tx, name, err) : err_no_memory(err);
}

enum err_code connections_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  static const struct connection_record none = {0};
  struct connection_record own = {.owner_user_id = request->principal.user_id, .is_made_by_owner = true};
  struct str name = json_get_str(request->body, "name");
  if (!connections_is_own(request)) return create(request, tx, name, &none, err);
  enum err_code code = personal_begin(request, tx, &name, err);
  return code == ERR_NONE ? create(request, tx, name, &own, err) : code;
}

static bool is_of_mcp(const struct connections_loaded *loaded, const struct connection_record *connection) {
  const struct connector_record *connector = connections_connector(loaded, connection);
  return connector && str_eq(connector->kind, STR("mcp"));
}

enum err_code connections_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connections_loaded loaded;
  const struct connection_facts *facts;
  struct str etag, name = json_get_str(request->body, "name");
  enum err_code code = connections_load(request, tx, &loaded, err);
  if (code == ERR_NONE) code = connections_find(request, &loaded, &facts, err);
  if (code == ERR_NONE) code = connections_etag(request, &loaded, facts->connection, &etag, err);
  if (code == ERR_NONE) code = api_check_match(request, etag, err);
  if (code != ERR_NONE) return code;
  const struct connection_record *old = facts->connection;
  code = connections_check_maker(request, old, err);
  if (code != ERR_NONE) return code;
  if (!name.n) name = old->name;
  if (!str_eq(name, old->name)) code = api_change_rename(request, tx, CONFIG_CONNECTION, old->name, name, err);
  if (code == ERR_NONE) code = apply(request, tx, name, old->connector_id, old, is_of_mcp(&loaded, old), err);
  return code == ERR_NONE ? connections_answer(request, tx, name, err) : code;
}

enum err_code connections_set_credential(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connections_loaded loaded;
  const struct connection_facts *facts;
  enum err_code code = connections_load(request, tx, &loaded, err);
  if (code == ERR_NONE) code = connections_find(request, &loaded, &facts, err);
  if (code != ERR_NONE) return code;
  const struct connection_record *old = facts->connection;
  code = connections_check_maker(request, old, err);
  if (code == ERR_NONE) code = apply(request, tx, old->name, old->connector_id, old, is_of_mcp(&loaded, old), err);
  return code == ERR_NONE ? connections_answer(request, tx, old->name, err) : code;
}

enum err_code connections_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  enum err_code code = connections_find_record(request, tx, &record, err);
  if (code == ERR_NONE && connections_is_own(request) && !record.is_made_by_owner)
    code = err_set(err, ERR_CONFLICT, "an admin made this connection for you: ask one to remove it");
  if (code == ERR_NONE) code = api_change_remove(request, tx, CONFIG_CONNECTION, record.name, err);
  if (code == ERR_CONFLICT && connections_is_own(request) && record.is_made_by_owner)
    code = err_set(err, ERR_CONFLICT, /* which one is not theirs to know */
                   "a role's rule names this connection: disconnect it, and ask an admin to change the rule");
  return code;
}

/* ---- by consent ---- */

static enum err_code check_consent(struct api_request *request, struct db_tx *tx,
                                   const struct connection_record *record, struct err *err) {
  struct arena arena; /* it gets secrets */
  struct grant_subject subject;
  arena_init(&arena, 0);
  enum err_code code =
      grant_subject_load(tx, &arena, request->api->options.vault, record->organisation_id, record->id, &subject, err);
  if (code == ERR_NONE) {
    code = grant_check_consent(&subject, err);
    grant_subject_release(&subject);
  }
  arena_wipe(&arena);
  return code;
}

enum err_code connections_link(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  char token[GRANT_TOKEN_SIZE];
  int64_t expires_at = clock_utc_us() + GRANT_LINK_S * INT64_C(1000000);
  struct str path = json_get_str(request->body, "return_path");
  if (path.n && !grant_is_return_path(path))
    return api_wrong(err, "/return_path", "must be a path of this server, such as /sources");
  enum err_code code = connections_find_record(request, tx, &record, err);
  if (code == ERR_NONE) code = connections_check_maker(request, &record, err);
  if (code == ERR_NONE) code = check_consent(request, tx, &record, err);
  if (code == ERR_NONE)
    code = grant_link_new(tx, record.organisation_id, record.id, path.p ? path : STR(""), expires_at, token, err);
  if (code == ERR_NONE)
    code = api_record_connection(request, tx, "connection.link", record.id, record.name, record.connector_id, err);
  if (code != ERR_NONE) return code;
  struct str url = arena_printf(&request->arena, "%.*s/connect/%s", STR_ARG(request->base), token);
  if (!url.p) return err_no_memory(err);
  request->repeated = STR("{\"url\":null,\"expires_at\":null}");
  answer_open(&request->out, '{');
  answer_text(&request->out, "url", url);
  answer_time(&request->out, "expires_at", expires_at);
  answer_close(&request->out, '}');
  return ERR_NONE;
}

/* ---- ended ---- */

struct ending {
  struct grant_disconnect order; /* first */
  struct audit_author author;
  struct api_request *request;
  struct coherence_wait wait;
};

enum err_code connections_disconnect(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  struct ending *ending = arena_new(&request->arena, struct ending);
  enum err_code code = ending ? connections_find_record(request, tx, &record, err) : err_no_memory(err);
  if (code != ERR_NONE) return code;
  ending->request = request;
  ending->order.organisation_id = record.organisation_id;
  ending->order.connection_id = record.id;
  ending->author = api_author(request);
  ending->order.author = &ending->author;
  request->state = ending;
  return ERR_NONE;
}

static void on_known(struct coherence_wait *wait) {
  struct ending *ending = (struct ending *)((char *)wait - offsetof(struct ending, wait));
  struct api_request *request = ending->request;
  answer_open(&request->out, '{');
  answer_bool(&request->out, "is_revoked", ending->order.is_revoked);
  answer_text(&request->out, "remark", str_of(ending->order.remark.text));
  answer_close(&request->out, '}');
  api_reply(request);
}

static void on_ended(struct grant_disconnect *order) {
  struct ending *ending = (struct ending *)(void *)order;
  struct api_request *request = ending->request;
  if (order->code != ERR_NONE) {
    request->code = order->code;
    request->err = order->err;
    api_reply(request);
    return;
  }
  ending->wait = (struct coherence_wait){.loop = request->worker->loop, .done = on_known};
  coherence_await(request->api->coherence, &ending->wait);
}

void connections_disconnect_then(struct api_request *request) {
  struct ending *ending = request->state;
  ending->order.loop = request->worker->loop;
  ending->order.done = on_ended;
  grant_disconnect_run(request->api->keeper, &ending->order);
}
