/* A draft of a role, held against what there is: whose tools it would change, and which of the last days' calls it
 * would decide otherwise. Nothing is changed by it. */
#include "api/answer.h"
#include "api/change.h"
#include "api/effective.h"
#include "api/handlers.h"
#include "api/roles.h"
#include "base/clock.h"
#include "base/limits.h"
#include "config/model.h"
#include "store/call_fact.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

enum { REPLAY_DAYS = 30, REPLAY_USERS = 1000, REPLAY_CALLS = 500 };

struct replay {
  struct api_request *request;
  const struct org_snapshot *snapshot;
  struct policy_role draft;
  struct uuid role_id; /* nil: a new one */
  int64_t from;
  const struct org_user **users; /* whom it concerns */
  size_t n_users;
  int64_t n_checked;
  struct buf denied, allowed, people;
  size_t n_denied, n_allowed;
};

/* ---- the draft ---- */

static enum err_code compile(struct replay *replay, struct err *err) {
  struct api_request *request = replay->request;
  yyjson_val *body = json_get(request->body, "draft");
  struct config *config = NULL;
  struct buf text;
  api_change_open(request, &text);
  roles_write_draft(&text, json_get_str(body, "name"), body);
  answer_close(&text, '}');
  if (buf_failed(&text)) return err_no_memory(err);
  enum err_code code = config_read_edit(&request->arena, buf_str(&text), &(struct config_edit){0}, &config, err);
  if (code != ERR_NONE) {
    api_change_shorten(err);
    struct str place = arena_printf(&request->arena, "/draft%s", err->place);
    err_place(err, "%.*s", STR_ARG(place));
    return code;
  }
  const struct config_role *role = &config->roles[0];
  struct access_rule_record *rules = arena_new_n(&request->arena, struct access_rule_record, role->n_rules + 1);
  if (!rules) return err_no_memory(err);
  for (size_t i = 0; i < role->n_rules; i++) {
    rules[i] = (struct access_rule_record){.id = uuid_new(),
                                           .effect = role->rules[i].effect,
                                           .target_kind = role->rules[i].target_kind,
                                           .target = role->rules[i].target,
                                           .does = role->rules[i].does,
                                           .tools = role->rules[i].tools,
                                           .resources = role->rules[i].resources,
                                           .prompts = role->rules[i].prompts};
  }
  const struct role_record record = {.id = replay->role_id, .name = role->name, .max_result = role->max_result};
  return org_role_compile(&request->arena, &record, rules, role->n_rules, &replay->draft, err);
}

/* ---- whom ---- */

static bool has_role(const struct org_user *user, struct uuid id) {
  for (size_t i = 0; i < user->principal.n_roles; i++)
    if (uuid_eq(user->principal.roles[i]->id, id)) return true;
  return false;
}

static enum err_code find_users(struct replay *replay, struct err *err) {
  const struct org_snapshot *snapshot = replay->snapshot;
  size_t i, n;
  yyjson_val *item;
  replay->users = arena_new_n(&replay->request->arena, const struct org_user *, snapshot->n_users + REPLAY_USERS + 1);
  if (!replay->users) return err_no_memory(err);
  for (size_t k = 0; k < snapshot->n_users && !uuid_is_nil(replay->role_id) && replay->n_users < REPLAY_USERS; k++)
    if (has_role(&snapshot->users[k], replay->role_id)) replay->users[replay->n_users++] = &snapshot->users[k];
  yyjson_arr_foreach(json_get(replay->request->body, "users"), i, n, item) {
    struct uuid id;
    const struct org_user *user = uuid_parse(json_str(item), &id) ? org_snapshot_user(snapshot, id) : NULL;
    char pointer[32];
    (void)snprintf(pointer, sizeof(pointer), "/users/%zu", i);
    if (!user) return api_wrong(err, pointer, "there is no such user");
    if (!uuid_is_nil(replay->role_id) && has_role(user, replay->role_id)) continue;
    if (replay->n_users < REPLAY_USERS) replay->users[replay->n_users++] = user;
  }
  return ERR_NONE;
}

struct comparison {
  struct replay *replay;
  const struct org_user *user;
  struct policy_principal before, with;
  struct buf gained, lost;
};

/* The user as they are, and with the draft in the place of the role, or beside the others. What they have switched off
 * for themselves is left aside: it is no rule, and they may switch it on again. */
static enum err_code find_principals(struct comparison *comparison, struct err *err) {
  struct replay *replay = comparison->replay;
  struct policy_principal principal = comparison->user->principal;
  const struct policy_role **roles =
      arena_new_n(&replay->request->arena, const struct policy_role *, principal.n_roles + 1);
  bool is_placed = false;
  size_t n = 0;
  if (!roles) return err_no_memory(err);
  for (size_t i = 0; i < principal.n_roles; i++) {
    bool is_it = uuid_eq(principal.roles[i]->id, replay->role_id);
    roles[n++] = is_it ? &replay->draft : principal.roles[i];
    is_placed = is_placed || is_it;
  }
  if (!is_placed) roles[n++] = &replay->draft;
  principal.n_switched_off = 0;
  comparison->before = comparison->with = principal;
  comparison->with.roles = roles;
  comparison->with.n_roles = n;
  return ERR_NONE;
}

/* ---- tools ---- */

static enum err_code compare_tool(const struct effective_tool *one, void *context, struct err *err) {
  struct comparison *comparison = context;
  struct policy_decision now;
  if (!one->connection) return ERR_NONE;
  effective_decide(&comparison->with, one->connection, one->tool, &now);
  bool was = one->decision.effect == POLICY_ALLOW, is = now.effect == POLICY_ALLOW;
  if (was == is) return ERR_NONE;
  struct str name = arena_printf(&comparison->replay->request->arena, "%.*s/%.*s",
                                 STR_ARG(one->connection->policy.name), STR_ARG(one->tool->name));
  if (!name.p) return err_no_memory(err);
  answer_item(is ? &comparison->gained : &comparison->lost, name);
  return ERR_NONE;
}

static enum err_code compare_tools(struct comparison *comparison, struct err *err) {
  struct replay *replay = comparison->replay;
  struct buf *out = &replay->people;
  buf_init(&comparison->gained, &replay->request->arena, 4 * MIB);
  buf_init(&comparison->lost, &replay->request->arena, 4 * MIB);
  answer_open(&comparison->gained, '[');
  answer_open(&comparison->lost, '[');
  enum err_code code =
      effective_each(replay->snapshot, &(struct effective_whom){&comparison->before, comparison->user->kind},
                     compare_tool, comparison, err);
  if (code != ERR_NONE || comparison->gained.n + comparison->lost.n == 2) return code;
  answer_close(&comparison->gained, ']');
  answer_close(&comparison->lost, ']');
  answer_open(out, '{');
  answer_uuid(out, "id", comparison->user->id);
  answer_text(out, "email", comparison->user->email);
  answer_json(out, "gained", buf_str(&comparison->gained));
  answer_json(out, "lost", buf_str(&comparison->lost));
  answer_close(out, '}');
  return ERR_NONE;
}

/* ---- calls ---- */

static const struct connector_connection *connection_named(const struct org_snapshot *snapshot, struct str name) {
  for (size_t i = 0; i < snapshot->n_connections; i++)
    if (str_eq(snapshot->connections[i].policy.name, name)) return &snapshot->connections[i];
  return NULL;
}

static enum err_code write_call(struct replay *replay, struct buf *out, const struct org_user *user,
                                const struct call_fact_group *group, const struct policy_decision *decision,
                                struct err *err) {
  struct str reason = policy_reason_text(&replay->request->arena, decision);
  if (!reason.p) return err_no_memory(err);
  answer_open(out, '{');
  answer_text(out, "user", user->email);
  answer_text(out, "tool", group->tool);
  answer_text(out, "connection", group->connection);
  answer_int(out, "calls", group->n);
  answer_time(out, "last_at", group->last_at);
  answer_text(out, "reason", reason);
  answer_close(out, '}');
  return ERR_NONE;
}

/* What was refused for another reason than the rules (a rate, arguments) says nothing of them. */
static enum err_code replay_group(struct replay *replay, const struct comparison *comparison,
                                  const struct call_fact_group *group, struct err *err) {
  const struct connector_connection *connection = connection_named(replay->snapshot, group->connection);
  const struct org_tool *tool = map_get(&replay->snapshot->tools_by_name, group->tool);
  struct policy_decision before, after;
  if (!connection || !tool || tool->connector != connection->connector) return ERR_NONE;
  effective_decide(&comparison->before, connection, tool->tool, &before);
  effective_decide(&comparison->with, connection, tool->tool, &after);
  bool was_allowed = str_eq(group->decision, STR("allowed")), is_allowed = after.effect == POLICY_ALLOW;
  replay->n_checked += group->n;
  if (was_allowed && !is_allowed && replay->n_denied++ < REPLAY_CALLS)
    return write_call(replay, &replay->denied, comparison->user, group, &after, err);
  bool is_new = !was_allowed && is_allowed && before.effect != POLICY_ALLOW;
  if (is_new && replay->n_allowed++ < REPLAY_CALLS)
    return write_call(replay, &replay->allowed, comparison->user, group, &after, err);
  return ERR_NONE;
}

static enum err_code replay_user(struct replay *replay, struct db_tx *tx, const struct org_user *user,
                                 struct err *err) {
  struct comparison comparison = {.replay = replay, .user = user};
  const struct call_fact_group *groups = NULL;
  size_t n = 0;
  enum err_code code = find_principals(&comparison, err);
  if (code == ERR_NONE) code = compare_tools(&comparison, err);
  if (code == ERR_NONE)
    code = store_call_fact_group(tx, &replay->request->arena, replay->request->organisation.id, user->id, replay->from,
                                 &groups, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = replay_group(replay, &comparison, &groups[i], err);
  return code;
}

enum err_code roles_replay(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct replay replay = {.request = request};
  struct str role = json_get_str(request->body, "role");
  yyjson_val *days = json_get(request->body, "days");
  struct buf *const lists[] = {&replay.people, &replay.denied, &replay.allowed};
  static const char *const names[] = {"users", "newly_denied", "newly_allowed"};
  if (role.p && !uuid_parse(role, &replay.role_id)) return api_wrong(err, "/role", "must be a role's id");
  replay.from = clock_utc_us() - (days ? yyjson_get_sint(days) : REPLAY_DAYS) * day_us;
  enum err_code code = effective_snapshot(request, &replay.snapshot, err);
  if (code == ERR_NONE) code = compile(&replay, err);
  if (code == ERR_NONE) code = find_users(&replay, err);
  for (size_t i = 0; i < 3; i++) {
    buf_init(lists[i], &request->arena, 16 * MIB);
    answer_open(lists[i], '[');
  }
  for (size_t i = 0; i < replay.n_users && code == ERR_NONE; i++)
    code = replay_user(&replay, tx, replay.users[i], err);
  if (code != ERR_NONE) return code;
  answer_open(&request->out, '{');
  for (size_t i = 0; i < 3; i++) {
    answer_close(lists[i], ']');
    if (buf_failed(lists[i])) return err_set(err, ERR_TOO_LARGE, "too much would change to be listed");
    answer_json(&request->out, names[i], buf_str(lists[i]));
  }
  answer_int(&request->out, "calls_checked", replay.n_checked);
  answer_time(&request->out, "from", replay.from);
  answer_close(&request->out, '}');
  return ERR_NONE;
}
