/* "What could this person's assistant do?" Knows no role and no user: a principal is given. */
#include "api/effective.h"

#include <ctype.h>
#include <strings.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "org/toolset.h"

enum err_code effective_snapshot(const struct api_request *request, const struct org_snapshot **ret_snapshot,
                                 struct err *err) {
  *ret_snapshot = request->snapshot;
  if (request->snapshot) return ERR_NONE;
  return err_set(err, ERR_UNAVAILABLE, "this organisation cannot be loaded: the operator's log says why");
}

void effective_decide(const struct policy_principal *principal, const struct connector_connection *connection,
                      const struct connector_tool *tool, struct policy_decision *ret_decision) {
  const struct policy_action action = {
      .kind = POLICY_TOOL, .connection = &connection->policy, .name = tool->name, .does = tool->does};
  policy_decide(principal, &action, ret_decision);
}

static enum err_code each_of_self(const struct org_snapshot *snapshot, const struct effective_whom *whom,
                                  effective_visit visit, void *context, struct err *err) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < snapshot->n_connectors; i++) {
    const struct connector *connector = &snapshot->connectors[i];
    if (connector->kind->needs_rule) continue;
    for (size_t k = 0; k < connector->n_tools && code == ERR_NONE; k++) {
      struct effective_tool one = {.connector = connector, .tool = &connector->tools[k]};
      toolset_decide_own(whom->principal, whom->kind, connector, one.tool, &one.decision);
      code = visit(&one, context, err);
    }
  }
  return code;
}

enum err_code effective_each(const struct org_snapshot *snapshot, const struct effective_whom *whom,
                             effective_visit visit, void *context, struct err *err) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    const struct connector *connector = connection->connector;
    for (size_t k = 0; k < connector->n_tools && code == ERR_NONE; k++) {
      struct effective_tool one = {connector, &connector->tools[k], connection, {0}};
      if (!org_has_tool(connection, one.tool)) continue;
      effective_decide(whom->principal, connection, one.tool, &one.decision);
      code = visit(&one, context, err);
    }
  }
  return code ? code : each_of_self(snapshot, whom, visit, context, err);
}

/* ---- as an answer ---- */

struct listing {
  struct api_request *request;
  bool wants_denied, wants_schemas;
  int64_t n_allowed, n_denied;
};

static struct str title_of(const struct connector_tool *tool) {
  return tool->title.n ? tool->title : tool->name;
}

/* The words that titles of tools begin with; with another one the title is a name, and is used. */
static const char *const verbs[] = {
    "add",    "answer", "append", "archive",  "assign",   "cancel", "change", "check",   "close", "complete", "copy",
    "count",  "create", "delete", "describe", "download", "edit",   "export", "fetch",   "find",  "forward",  "get",
    "invite", "issue",  "list",   "look",     "make",     "merge",  "move",   "open",    "pay",   "post",     "publish",
    "query",  "read",   "refund", "remove",   "rename",   "reopen", "reply",  "resolve", "run",   "search",   "see",
    "send",   "set",    "share",  "start",    "stop",     "tell",   "update", "upload",  "void",  "write"};

static bool begins_with_verb(struct str title) {
  for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
    size_t n = strlen(verbs[i]);
    if (title.n > n && title.p[n] == ' ' && strncasecmp(title.p, verbs[i], n) == 0) return true;
  }
  return false;
}

/* "list invoices", or "use Who am I". */
static struct str deed_of(struct arena *arena, const struct connector_tool *tool) {
  struct str title = title_of(tool);
  if (!begins_with_verb(title)) return arena_printf(arena, "use %.*s", STR_ARG(title));
  return arena_printf(arena, "%c%.*s", tolower((unsigned char)title.p[0]), (int)(title.n - 1), title.p + 1);
}

static struct str sentence_of(struct arena *arena, const struct effective_tool *one) {
  struct str deed = deed_of(arena, one->tool);
  const struct policy_decision *decision = &one->decision;
  struct str where = one->connection ? one->connection->policy.name : one->connector->name,
             role = decision->role ? decision->role->name : STR("");
  switch (decision->reason) {
    case POLICY_BY_RULE:
      break;
    case POLICY_OWN:
      return arena_printf(arena, "Can %.*s: it is about the caller alone.", STR_ARG(deed));
    case POLICY_NO_PERMISSION:
      return arena_printf(arena, "Cannot %.*s: it is not for members, whatever their roles allow.", STR_ARG(deed));
    case POLICY_NO_RULE:
      return arena_printf(arena, "Cannot %.*s in %.*s: no role allows it.", STR_ARG(deed), STR_ARG(where));
    case POLICY_NOT_OWNER:
      return arena_printf(arena, "Cannot %.*s in %.*s: it is somebody else's own connection.", STR_ARG(deed),
                          STR_ARG(where));
    case POLICY_SWITCHED_OFF:
      return arena_printf(arena, "Cannot %.*s in %.*s: they have switched %.*s off for themselves.", STR_ARG(deed),
                          STR_ARG(where), STR_ARG(one->connector->name));
    case POLICY_NOT_LOADED:
      return arena_printf(arena, "Cannot %.*s in %.*s: the access rules cannot be read.", STR_ARG(deed),
                          STR_ARG(where));
  }
  if (decision->effect == POLICY_ALLOW)
    return arena_printf(arena, "Can %.*s in %.*s, because role %.*s allows it.", STR_ARG(deed), STR_ARG(where),
                        STR_ARG(role));
  return arena_printf(arena,
                      decision->effect == POLICY_ASK ? "Cannot %.*s in %.*s: role %.*s asks for an approval each time."
                                                     : "Cannot %.*s in %.*s: role %.*s forbids it.",
                      STR_ARG(deed), STR_ARG(where), STR_ARG(role));
}

static void write_connection(struct buf *out, const struct connector_connection *connection) {
  if (!connection) {
    answer_null(out, "connection");
    return;
  }
  answer_name(out, "connection");
  answer_open(out, '{');
  answer_uuid(out, "id", connection->policy.id);
  answer_text(out, "name", connection->policy.name);
  answer_close(out, '}');
}

static enum err_code write_one(const struct effective_tool *one, void *context, struct err *err) {
  struct listing *listing = context;
  struct buf *out = &listing->request->out;
  struct arena *arena = &listing->request->arena;
  bool is_allowed = one->decision.effect == POLICY_ALLOW;
  *(is_allowed ? &listing->n_allowed : &listing->n_denied) += 1;
  if (!is_allowed && !listing->wants_denied) return ERR_NONE;
  bool is_own = one->decision.reason == POLICY_OWN;
  struct str reason = is_own ? STR("self") : policy_reason_text(arena, &one->decision);
  struct str sentence = sentence_of(arena, one);
  if (!reason.p || !sentence.p) return err_no_memory(err);
  answer_open(out, '{');
  answer_text(out, "tool", one->tool->public_name);
  answer_text(out, "title", title_of(one->tool));
  answer_text(out, "description", one->tool->description);
  answer_text(out, "does", str_of(policy_does_name(one->tool->does)));
  answer_text(out, "connector", one->connector->id);
  write_connection(out, one->connection);
  answer_bool(out, "is_allowed", is_allowed);
  answer_text(out, "reason", reason);
  answer_text_or_null(out, "role", one->decision.role ? one->decision.role->name : STR_NONE);
  answer_uuid(out, "rule", one->decision.rule ? one->decision.rule->id : (struct uuid){{0}});
  answer_text(out, "sentence", sentence);
  if (listing->wants_schemas && one->tool->input_schema) {
    answer_name(out, "input_schema");
    json_write_value(out, one->tool->input_schema);
  }
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code effective_answer(struct api_request *request, const struct effective_whom *whom, struct err *err) {
  struct listing listing = {.request = request,
                            .wants_denied = api_query_flag(request, "denied"),
                            .wants_schemas = api_query_flag(request, "schemas")};
  const struct org_snapshot *snapshot;
  enum err_code code = effective_snapshot(request, &snapshot, err);
  if (code != ERR_NONE) return code;
  answer_open(&request->out, '{');
  answer_name(&request->out, "items");
  answer_open(&request->out, '[');
  code = effective_each(snapshot, whom, write_one, &listing, err);
  answer_close(&request->out, ']');
  answer_int(&request->out, "n_allowed", listing.n_allowed);
  answer_int(&request->out, "n_denied", listing.n_denied);
  answer_close(&request->out, '}');
  return code;
}

/* ---- of users and roles ---- */

static enum err_code answer_user(struct api_request *request, struct uuid id, struct err *err) {
  static const struct policy_principal nobody = {.is_loaded = true};
  const struct org_snapshot *snapshot;
  enum err_code code = effective_snapshot(request, &snapshot, err);
  if (code != ERR_NONE) return code;
  const struct org_user *user = org_snapshot_user(snapshot, id);
  if (!user) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return effective_answer(request, &(struct effective_whom){user->is_disabled ? &nobody : &user->principal, user->kind},
                          err);
}

enum err_code users_tools(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "user", &id, err);
  return code == ERR_NONE ? answer_user(request, id, err) : code;
}

enum err_code me_tools(struct api_request *request, struct db_tx *tx, struct err *err) {
  return answer_user(request, request->principal.user_id, err);
}

enum err_code roles_tools(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct org_snapshot *snapshot;
  struct uuid id;
  enum err_code code = api_path_id(request, "role", &id, err);
  if (code == ERR_NONE) code = effective_snapshot(request, &snapshot, err);
  if (code != ERR_NONE) return code;
  for (size_t i = 0; i < snapshot->n_roles; i++) {
    const struct policy_role *role = &snapshot->roles[i];
    if (!uuid_eq(role->id, id)) continue;
    const struct policy_principal somebody = {.roles = &role, .n_roles = 1, .is_loaded = !snapshot->problem};
    return effective_answer(request, &(struct effective_whom){&somebody, STR_NONE}, err);
  }
  return err_set(err, ERR_NOT_FOUND, "there is no such role");
}
