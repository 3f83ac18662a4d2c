/* The catalogue of connectors, and the organisation's own. What connecting one takes is read from its definition: its
 * settings, and the members of the credential that its ways of authentication use. */
#include "api/connectors.h"

#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"
#include "store/grant.h"
#include "vault/places.h"

enum err_code connectors_definition(struct api_request *request, const struct connector_record *record,
                                    yyjson_val **ret_definition, struct err *err) {
  yyjson_doc *doc;
  enum err_code code = json_read(&request->arena, record->definition, &doc, err);
  if (code == ERR_NONE) *ret_definition = yyjson_doc_get_root(doc);
  return code;
}

struct str connectors_name(const struct connector_record *record, yyjson_val *definition) {
  struct str name = json_get_str(definition, "name");
  return name.n ? name : record->id;
}

static bool is_consent(yyjson_val *way) {
  return str_eq(json_get_str(way, "type"), STR("oauth2")) &&
         !str_eq(json_get_str(way, "grant"), STR("client_credentials"));
}

bool connectors_has_consent(yyjson_val *definition) {
  size_t i, n;
  yyjson_val *way;
  yyjson_arr_foreach(json_get(definition, "auth"), i, n, way) if (is_consent(way)) return true;
  return false;
}

/* ---- what connecting takes ---- */

struct field {
  struct str name, title, help;
  bool is_secret, is_required;
  yyjson_val *fallback;
};

static void write_field(struct buf *out, const struct field *field) {
  answer_open(out, '{');
  answer_text(out, "name", field->name);
  answer_text(out, "title", field->title.n ? field->title : field->name);
  if (field->help.n) answer_text(out, "help", field->help);
  answer_bool(out, "is_secret", field->is_secret);
  answer_bool(out, "is_required", field->is_required);
  if (yyjson_is_str(field->fallback)) answer_text(out, "default", json_str(field->fallback));
  answer_close(out, '}');
}

static void write_settings(struct buf *out, const struct connector_record *record, yyjson_val *definition) {
  size_t i, n;
  yyjson_val *name, *setting;
  answer_name(out, "settings");
  answer_open(out, '[');
  if (str_eq(record->kind, STR("sqlite")))
    write_field(
        out, &(struct field){.name = STR("file"),
                             .title = STR("Database file"),
                             .help = STR("Named by the operator, in a configuration file: no file can be named here."),
                             .is_required = true});
  yyjson_val *settings = json_get(definition, "settings");
  if (settings) yyjson_obj_foreach(settings, i, n, name, setting) {
      write_field(out, &(struct field){.name = json_str(name),
                                       .help = json_get_str(setting, "description"),
                                       .is_required = yyjson_is_true(json_get(setting, "required")),
                                       .fallback = json_get(setting, "default")});
    }
  answer_close(out, ']');
}

/* Names in {credential.NAME}, each once. */
static void write_named(struct buf *out, struct arena *arena, struct str text, struct str help) {
  static const char mark[] = "{credential.";
  const char *end = text.p + text.n;
  for (const char *at = text.p; at && at < end; at++) {
    const char *found = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1);
    if (!found) return;
    const char *name = found + sizeof(mark) - 1, *stop = name;
    while (stop < end && *stop != '}' && *stop != '|')
      stop++;
    write_field(
        out, &(struct field){
                 .name = str_make(name, (size_t)(stop - name)), .help = help, .is_secret = true, .is_required = true});
    at = stop;
  }
}

static void write_way(struct buf *out, struct arena *arena, yyjson_val *way) {
  struct str type = json_get_str(way, "type"), help = json_get_str(way, "description");
  struct str user = json_get_str(way, "user"), password = json_get_str(way, "password");
  if (str_eq(type, STR("key"))) {
    write_field(
        out,
        &(struct field){.name = STR("key"), .title = STR("Key"), .help = help, .is_secret = true, .is_required = true});
  } else if (str_eq(type, STR("basic"))) {
    write_named(out, arena, user.n ? user : STR("{credential.user}"), help);
    write_named(out, arena, password.n ? password : STR("{credential.password}"), help);
  } else if (str_eq(type, STR("jwt"))) {
    write_field(out, &(struct field){.name = STR("private_key"),
                                     .title = STR("Private key"),
                                     .help = help,
                                     .is_secret = true,
                                     .is_required = true});
    write_named(out, arena, json_get_str(way, "issuer"), STR_NONE);
    write_named(out, arena, json_get_str(way, "subject"), STR_NONE);
    write_named(out, arena, json_get_str(way, "key_id"), STR_NONE);
  } else if (str_eq(type, STR("oauth2")) && !is_consent(way)) {
    write_field(
        out, &(struct field){.name = STR("client_id"), .title = STR("Client id"), .help = help, .is_required = true});
    write_field(
        out, &(struct field){
                 .name = STR("client_secret"), .title = STR("Client secret"), .is_secret = true, .is_required = true});
  }
}

/* Of the first way that is not by consent: a connection uses the first whose credential it has. */
static void write_credential(struct buf *out, struct arena *arena, const struct connector_record *record,
                             yyjson_val *definition) {
  size_t i, n;
  yyjson_val *way;
  answer_name(out, "credential");
  answer_open(out, '[');
  if (str_eq(record->kind, STR("mcp")) && json_get(definition, "url"))
    write_field(out, &(struct field){
                         .name = STR("key"),
                         .title = STR("Key"),
                         .help = STR("Sent to the server as its definition says; leave it out where it needs none."),
                         .is_secret = true});
  yyjson_arr_foreach(json_get(definition, "auth"), i, n, way) {
    if (is_consent(way)) continue;
    write_way(out, arena, way);
    break;
  }
  answer_close(out, ']');
}

static void write_ways(struct buf *out, const struct connector_record *record, yyjson_val *definition) {
  size_t i, n;
  bool has_key = false, has_consent = connectors_has_consent(definition);
  yyjson_val *way, *auth = json_get(definition, "auth");
  yyjson_arr_foreach(auth, i, n, way) has_key = has_key || !is_consent(way);
  if (str_eq(record->kind, STR("mcp")) && json_get(definition, "url")) has_key = true;
  answer_name(out, "ways");
  answer_open(out, '[');
  if (has_consent) answer_item(out, STR("oauth"));
  if (has_key) answer_item(out, STR("key"));
  if (!has_consent && (!has_key || str_eq(record->kind, STR("mcp")))) answer_item(out, STR("none"));
  answer_close(out, ']');
}

void connectors_write_needs(struct buf *out, struct arena *arena, const struct connector_record *record,
                            yyjson_val *definition) {
  write_ways(out, record, definition);
  write_settings(out, record, definition);
  write_credential(out, arena, record, definition);
}

/* ---- one ---- */

struct shelf {
  const struct connection_record *connections;
  size_t n_connections;
  const struct str *personal; /* ids that people may connect accounts of their own to */
  size_t n_personal;
};

static enum err_code load_shelf(struct api_request *request, struct db_tx *tx, struct shelf *ret_shelf,
                                struct err *err) {
  struct uuid id = request->organisation.id;
  *ret_shelf = (struct shelf){0};
  enum err_code code =
      store_connection_list(tx, &request->arena, id, &ret_shelf->connections, &ret_shelf->n_connections, err);
  if (code == ERR_NONE)
    code = store_personal_connector_list(tx, &request->arena, id, &ret_shelf->personal, &ret_shelf->n_personal, err);
  return code;
}

static void write_connector(struct buf *out, const struct connector_record *record, yyjson_val *definition,
                            const struct shelf *shelf) {
  int64_t n = 0;
  bool allows_personal = false;
  size_t i, count;
  yyjson_val *category;
  for (size_t k = 0; k < shelf->n_connections; k++)
    n += str_eq(shelf->connections[k].connector_id, record->id);
  for (size_t k = 0; k < shelf->n_personal; k++)
    allows_personal = allows_personal || str_eq(shelf->personal[k], record->id);
  answer_open(out, '{');
  answer_text(out, "id", record->id);
  answer_text(out, "name", connectors_name(record, definition));
  answer_text(out, "description", json_get_str(definition, "description"));
  answer_text(out, "kind", record->kind);
  answer_text(out, "source", record->source);
  answer_text(out, "status", record->status);
  answer_name(out, "categories");
  answer_open(out, '[');
  yyjson_arr_foreach(json_get(definition, "categories"), i, count, category) answer_item(out, json_str(category));
  answer_close(out, ']');
  answer_int(out, "version", record->version);
  write_ways(out, record, definition);
  answer_int(out, "n_tools", (int64_t)yyjson_arr_size(json_get(definition, "tools")));
  answer_int(out, "n_connections", n);
  answer_bool(out, "allows_personal", allows_personal);
  answer_close(out, '}');
}

static bool has_part(struct str text, struct str part) {
  for (size_t i = 0; i + part.n <= text.n; i++)
    if (str_eq_fold(str_make(text.p + i, part.n), part)) return true;
  return false;
}

static bool is_wanted(const struct api_request *request, const struct connector_record *record,
                      yyjson_val *definition) {
  struct str part = api_query(request, "query"), kind = api_query(request, "kind");
  struct str category = api_query(request, "category");
  size_t i, n;
  yyjson_val *item;
  bool is_of_category = !category.p;
  if (str_eq(record->kind, STR("self"))) return false; /* takes no connection, and is everybody's */
  yyjson_arr_foreach(json_get(definition, "categories"), i, n, item) is_of_category |= str_eq(json_str(item), category);
  return is_of_category && (!kind.p || str_eq(kind, record->kind)) &&
         (!part.n || has_part(record->id, part) || has_part(json_get_str(definition, "name"), part) ||
          has_part(json_get_str(definition, "description"), part));
}

static enum err_code load(struct api_request *request, struct db_tx *tx, const struct connector_record **ret_list,
                          size_t *ret_n, struct shelf *ret_shelf, struct err *err) {
  struct uuid id = request->organisation.id;
  *ret_n = 0;
  enum err_code code = store_connector_list(tx, &request->arena, id, ret_list, ret_n, err);
  return code == ERR_NONE ? load_shelf(request, tx, ret_shelf, err) : code;
}

/* An organisation's own stands before the installation's of the same id. */
static bool is_hidden(const struct connector_record *list, size_t n, size_t at) {
  for (size_t i = 0; i < n && uuid_is_nil(list[at].organisation_id); i++)
    if (i != at && str_eq(list[i].id, list[at].id) && !uuid_is_nil(list[i].organisation_id)) return true;
  return false;
}

enum err_code connectors_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector_record *list = NULL;
  struct shelf shelf;
  struct api_page page;
  struct str last = STR_NONE, next = STR_NONE;
  size_t n, n_shown = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE) code = load(request, tx, &list, &n, &shelf, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  /* By id, whatever the order of rows: the smallest that is behind the last one shown. */
  for (last = page.after; n_shown <= page.limit; last = next) {
    size_t found = n;
    for (size_t i = 0; i < n; i++)
      if (str_cmp(list[i].id, last) > 0 && !is_hidden(list, n, i) &&
          (found == n || str_cmp(list[i].id, list[found].id) < 0))
        found = i;
    if (found == n) break;
    next = list[found].id;
    yyjson_val *definition;
    code = connectors_definition(request, &list[found], &definition, err);
    if (code != ERR_NONE) return code;
    if (!is_wanted(request, &list[found], definition)) continue;
    if (++n_shown > page.limit) break;
    write_connector(&request->out, &list[found], definition, &shelf);
  }
  api_page_close(request, &page, n_shown, last);
  return ERR_NONE;
}

static enum err_code write_client_app(struct api_request *request, struct db_tx *tx,
                                      const struct connector_record *record, yyjson_val *definition, struct err *err) {
  struct client_app_record app = {0};
  struct buf *out = &request->out;
  if (!connectors_has_consent(definition)) {
    answer_null(out, "client_app");
    return ERR_NONE;
  }
  enum err_code code = store_client_app_find(tx, &request->arena, request->organisation.id, record->id, &app, err);
  if (code != ERR_NONE && code != ERR_NOT_FOUND) return code;
  bool is_installations = code == ERR_NONE && uuid_is_nil(app.organisation_id);
  struct str redirect = arena_printf(&request->arena, "%.*s/oauth/callback", STR_ARG(request->base));
  answer_name(out, "client_app");
  answer_open(out, '{');
  answer_bool(out, "is_needed", code != ERR_NONE);
  answer_text_or_null(out, "client_id", is_installations ? STR_NONE : app.client_id);
  answer_bool(out, "is_installations", is_installations);
  answer_text(out, "redirect_uri", redirect);
  answer_close(out, '}');
  return ERR_NONE;
}

static enum err_code answer_one(struct api_request *request, struct db_tx *tx, struct str id, struct err *err) {
  struct buf *out = &request->out;
  struct connector_record record;
  struct shelf shelf = {0};
  yyjson_val *definition, *tool;
  size_t i, n;
  enum err_code code = store_connector_find(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code == ERR_NONE) code = connectors_definition(request, &record, &definition, err);
  if (code == ERR_NONE) code = load_shelf(request, tx, &shelf, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  answer_name(out, "connector");
  write_connector(out, &record, definition, &shelf);
  write_settings(out, &record, definition);
  write_credential(out, &request->arena, &record, definition);
  answer_name(out, "tools");
  answer_open(out, '[');
  yyjson_arr_foreach(json_get(definition, "tools"), i, n, tool) {
    struct str title = json_get_str(tool, "title"), does = json_get_str(tool, "does");
    answer_open(out, '{');
    answer_text(out, "name", json_get_str(tool, "name"));
    answer_text(out, "title", title.n ? title : json_get_str(tool, "name"));
    answer_text(out, "description", json_get_str(tool, "description"));
    answer_text(out, "does", does.n ? does : STR("destroy"));
    answer_close(out, '}');
  }
  answer_close(out, ']');
  code = write_client_app(request, tx, &record, definition, err);
  answer_close(out, '}');
  return code;
}

enum err_code connectors_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  return answer_one(request, tx, api_path_text(request, "connector"), err);
}

/* ---- the organisation's own ---- */

enum err_code connectors_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct buf text;
  struct connector_record record;
  yyjson_val *definition = json_get(request->body, "definition");
  struct str id = json_get_str(definition, "id");
  enum err_code code = store_connector_find(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code == ERR_NONE) return err_set(err, ERR_CONFLICT, "there is a connector \"%.*s\" already", STR_ARG(id));
  if (code != ERR_NOT_FOUND) return code;
  api_change_open(request, &text);
  answer_name(&text, "connectors");
  answer_open(&text, '[');
  json_write_value(&text, definition);
  answer_close(&text, ']');
  code = api_change_apply(request, tx, &text, API_EDIT, err);
  if (code == ERR_INVALID && err->place[0]) {
    struct str place = arena_printf(&request->arena, "/definition%s", err->place);
    err_place(err, "%.*s", STR_ARG(place));
  }
  if (code != ERR_NONE) return code;
  request->location = arena_printf(&request->arena, "%.*s/%.*s", STR_ARG(request->http->path), STR_ARG(id));
  return request->location.p ? answer_one(request, tx, id, err) : err_no_memory(err);
}

enum err_code connectors_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  return api_change_remove(request, tx, CONFIG_CONNECTOR, api_path_text(request, "connector"), err);
}

/* ---- the client that is registered at the service ---- */

enum err_code client_app_set(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connector_record connector;
  const struct vault_keys *keys;
  struct buf secret;
  struct str id = api_path_text(request, "connector"), text = json_get_str(request->body, "client_secret");
  struct client_app_record app = {.organisation_id = request->organisation.id,
                                  .client_id = json_get_str(request->body, "client_id"),
                                  .created_at = clock_utc_us()};
  enum err_code code = store_connector_find(tx, &request->arena, request->organisation.id, id, &connector, err);
  if (code == ERR_NONE) code = api_keys(request, &keys, err);
  if (code != ERR_NONE) return code;
  app.connector_id = connector.id;
  buf_init(&secret, &request->arena, 64 * KIB);
  (void)buf_reserve(&secret, 32 * KIB);
  answer_open(&secret, '{');
  answer_text(&secret, "client_secret", text);
  answer_close(&secret, '}');
  if (buf_failed(&secret)) return err_no_memory(err);
  if (text.n)
    code =
        vault_seal(keys, &request->arena, vault_place_client_app(app.connector_id), buf_str(&secret), &app.secret, err);
  if (code == ERR_NONE) code = store_client_app_put(tx, &app, err);
  return code == ERR_NONE ? api_record_one(request, tx, "client_app.set", "connector", app.connector_id, err) : code;
}

enum err_code client_app_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct str id = api_path_text(request, "connector");
  enum err_code code = store_client_app_delete(tx, request->organisation.id, id, err);
  return code == ERR_NONE ? api_record_one(request, tx, "client_app.remove", "connector", id, err) : code;
}
