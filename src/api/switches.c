/* What people switch on and off for themselves: connectors that they may use. It takes effect in their assistants'
 * lists and calls, as policy has it; it allows nothing. */
#include "api/answer.h"
#include "api/effective.h"
#include "api/handlers.h"
#include "org/toolset.h"

/* What the caller may use, their switches aside: the set that their assistant would have. The caller frees it. */
static enum err_code load(struct api_request *request, struct toolset **ret_set, struct err *err) {
  const struct org_snapshot *snapshot;
  enum err_code code = effective_snapshot(request, &snapshot, err);
  if (code != ERR_NONE) return code;
  const struct org_user *user = org_snapshot_user(snapshot, request->principal.user_id);
  if (!user) return err_set(err, ERR_UNAVAILABLE, "you have just joined: try again in a moment");
  struct org_user all = {.id = user->id, .email = user->email, .kind = user->kind, .principal = user->principal};
  all.principal.n_switched_off = 0;
  *ret_set = toolset_make(snapshot, &all, STR_NONE);
  return *ret_set ? ERR_NONE : err_no_memory(err);
}

static bool is_off(const struct connector_switch_record *list, size_t n, struct uuid user_id, struct str connector) {
  for (size_t i = 0; i < n; i++)
    if (uuid_eq(list[i].user_id, user_id) && str_eq(list[i].connector_id, connector)) return true;
  return false;
}

static void write_switch(struct buf *out, const struct connector *connector, bool is_on) {
  answer_open(out, '{');
  answer_text(out, "connector", connector->id);
  answer_text(out, "name", connector->name);
  answer_bool(out, "is_on", is_on);
  answer_close(out, '}');
}

static bool is_usable(const struct toolset *set, const struct connector *connector) {
  for (size_t i = 0; i < set->caller.n_connections; i++)
    if (str_eq(set->caller.connections[i].connector_id, connector->id)) return true;
  return false;
}

enum err_code switches_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector_switch_record *off = NULL;
  struct toolset *set = NULL;
  size_t n = 0;
  enum err_code code = load(request, &set, err);
  if (code == ERR_NONE)
    code = store_connector_switch_list(tx, &request->arena, request->organisation.id, &off, &n, err);
  if (code != ERR_NONE) goto out;
  answer_open(&request->out, '{');
  answer_name(&request->out, "items");
  answer_open(&request->out, '[');
  for (size_t i = 0; i < request->snapshot->n_connectors; i++) { /* by id */
    const struct connector *connector = &request->snapshot->connectors[i];
    if (is_usable(set, connector))
      write_switch(&request->out, connector, !is_off(off, n, request->principal.user_id, connector->id));
  }
  answer_close(&request->out, ']');
  answer_null(&request->out, "next_cursor");
  answer_close(&request->out, '}');
out:
  toolset_free(set);
  return code;
}

/* ERR_NOT_FOUND: it is none that the caller may use, and perhaps none at all. */
static enum err_code find(struct api_request *request, const struct connector **ret_connector, struct err *err) {
  struct str id = api_path_text(request, "connector");
  struct toolset *set = NULL;
  enum err_code code = load(request, &set, err);
  if (code != ERR_NONE) return code;
  code = err_set(err, ERR_NOT_FOUND, "you have no connector of that name");
  for (size_t i = 0; i < request->snapshot->n_connectors; i++) {
    const struct connector *connector = &request->snapshot->connectors[i];
    if (!str_eq(connector->id, id) || !is_usable(set, connector)) continue;
    *ret_connector = connector;
    code = ERR_NONE;
  }
  toolset_free(set);
  return code;
}

enum err_code switches_set(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector *connector = NULL;
  bool is_on = yyjson_is_true(json_get(request->body, "is_on")), has_changed = false;
  enum err_code code = find(request, &connector, err);
  if (code == ERR_NONE)
    code = store_connector_switch_set(tx, request->organisation.id, request->principal.user_id, connector->id, is_on,
                                      &has_changed, err);
  if (code == ERR_NONE && has_changed)
    code = api_record_one(request, tx, is_on ? "connector.switch_on" : "connector.switch_off", "connector",
                          connector->id, err);
  if (code == ERR_NONE && has_changed) code = api_changed(request, tx, err);
  if (code == ERR_NONE) write_switch(&request->out, connector, is_on);
  return code;
}
