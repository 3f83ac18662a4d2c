/* Calls of tools for a user or a role, to see what comes of them. They are real, and on record. Whoever asks for
 * somebody else never gets at that person's own connections. */
#include "api/answer.h"
#include "api/handlers.h"
#include "base/limits.h"

struct asking {
  struct api_call call; /* first */
  struct api_request *request;
  struct org_user user;
  const struct policy_role *role;
};

/* A copy of the user, without their personal connections where somebody else asks. */
static enum err_code be_user(struct asking *asking, struct uuid id, struct err *err) {
  const struct api_request *request = asking->request;
  const struct org_user *user = org_snapshot_user(request->snapshot, id);
  if (!user) return api_wrong(err, "/user", "there is no such user");
  if (user->is_disabled) return api_wrong(err, "/user", "this user is disabled");
  asking->user = (struct org_user){.id = user->id,
                                   .email = user->email,
                                   .kind = user->kind,
                                   .principal = user->principal,
                                   .roles_json = user->roles_json};
  if (!uuid_eq(id, request->principal.user_id)) asking->user.principal.user_id = (struct uuid){{0}};
  return ERR_NONE;
}

/* The asker, with that role alone. */
static enum err_code be_role(struct asking *asking, struct uuid id, struct err *err) {
  struct api_request *request = asking->request;
  const struct org_snapshot *snapshot = request->snapshot;
  struct buf names;
  buf_init(&names, &request->arena, 4 * KIB);
  for (size_t i = 0; i < snapshot->n_roles && !asking->role; i++)
    if (uuid_eq(snapshot->roles[i].id, id)) asking->role = &snapshot->roles[i];
  if (!asking->role) return api_wrong(err, "/role", "there is no such role");
  answer_open(&names, '[');
  answer_item(&names, asking->role->name);
  answer_close(&names, ']');
  asking->user = (struct org_user){.id = request->principal.user_id,
                                   .email = request->principal.email,
                                   .kind = STR("member"),
                                   .principal = {.roles = &asking->role, .n_roles = 1, .is_loaded = !snapshot->problem},
                                   .roles_json = buf_str(&names)};
  return buf_failed(&names) ? err_no_memory(err) : ERR_NONE;
}

static enum err_code prepare(struct api_request *request, struct asking *asking, struct err *err) {
  struct buf arguments;
  struct uuid id;
  enum err_code code;
  asking->request = request;
  if (!request->snapshot) return err_set(err, ERR_UNAVAILABLE, "this organisation cannot be loaded");
  if (request->route->permission == API_SELF)
    code = be_user(asking, request->principal.user_id, err);
  else if (uuid_parse(json_get_str(request->body, "user"), &id))
    code = be_user(asking, id, err);
  else if (uuid_parse(json_get_str(request->body, "role"), &id))
    code = be_role(asking, id, err);
  else
    code = api_wrong(err, "/user", "name a user, or a role");
  if (code != ERR_NONE) return code;
  buf_init(&arguments, &request->arena, 4 * MIB);
  json_write_value(&arguments, json_get(request->body, "arguments"));
  asking->call.arguments = buf_str(&arguments);
  asking->call.tool = json_get_str(request->body, "tool");
  asking->call.client = arena_printf(&request->arena, "playground of %.*s", STR_ARG(request->principal.email));
  return buf_failed(&arguments) || !asking->call.client.p ? err_no_memory(err) : ERR_NONE;
}

enum err_code playground_begin(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct asking *asking = arena_new(&request->arena, struct asking);
  request->state = asking;
  return asking ? prepare(request, asking, err) : err_no_memory(err);
}

static void on_done(struct api_call *call) {
  struct asking *asking = (struct asking *)(void *)call;
  struct api_request *request = asking->request;
  struct buf *out = &request->out;
  yyjson_doc *doc = NULL;
  if (!call->response.n || json_read_verbatim(&request->arena, call->response, &doc, NULL) != ERR_NONE) {
    request->code = err_set(&request->err, ERR_UNAVAILABLE, "the call could not be made now: try again in a moment");
    api_reply(request);
    return;
  }
  yyjson_val *root = yyjson_doc_get_root(doc), *result = json_get(root, "result");
  answer_open(out, '{');
  answer_uuid(out, "call", call->call_id);
  answer_text(out, "decision", call->is_allowed ? STR("allowed") : STR("denied"));
  answer_text(out, "reason", call->reason);
  answer_bool(out, "is_error", !result || yyjson_is_true(json_get(result, "isError")));
  answer_name(out, "result");
  if (result)
    json_write_value(out, result);
  else
    buf_append_c(out, "null");
  answer_text_or_null(out, "text", json_get_str(json_get(root, "error"), "message"));
  answer_ms(out, "duration_ms", call->duration_us);
  answer_close(out, '}');
  api_reply(request);
}

void playground_then(struct api_request *request) {
  struct asking *asking = request->state;
  asking->call.http = request->http;
  asking->call.snapshot = org_snapshot_ref(request->snapshot);
  asking->call.user = &asking->user;
  asking->call.done = on_done;
  request->api->options.call(request->worker->context, &asking->call);
}
