/* One organisation as a file that apply takes back. Credentials leave as the names of variables to put them in; they
 * are opened only to learn which members they have. */
#include <stdlib.h>

#include "audit/retention.h"
#include "base/limits.h"
#include "base/map.h"
#include "codec/json.h"
#include "config/apply.h"
#include "config/credential.h"
#include "vault/places.h"

struct export {
  struct db_tx *tx;
  struct arena *arena;
  struct vault_keys *keys;
  struct uuid organisation_id;
  struct map variables;     /* the names given so far */
  struct map emails;        /* user id -> struct user_record */
  struct map roles_by_user; /* user id -> struct held_role, by name */
  const struct role_record *roles;
  size_t n_roles;
  const struct user_record *users;
  size_t n_users;
  struct buf json; /* in one line; made readable at the end */
  struct err *err;
};

struct held_role {
  const struct role_record *role;
  struct held_role *next;
};

static void write_member(struct export *export, const char *name, struct str text) {
  buf_printf(&export->json, "%s\"%s\":", export->json.p[export->json.n - 1] == '{' ? "" : ",", name);
  json_write_str(&export->json, text);
}

/* `json` as it stands in a row; empty objects are left out. */
static void write_json(struct export *export, const char *name, struct str json) {
  if (!json.p || str_eq_c(json, "{}")) return;
  buf_printf(&export->json, ",\"%s\":", name);
  buf_append_str(&export->json, json);
}

static enum err_code write_limits(struct export *export) {
  struct call_limit_record limit;
  enum err_code code = limit_find(export->tx, export->arena, export->organisation_id, &limit, export->err);
  if (code || uuid_is_nil(limit.id)) return code;
  buf_printf(&export->json, ",\"limits\":{\"per_minute\":%lld}", (long long)limit.cap);
  return ERR_NONE;
}

static enum err_code write_audit(struct export *export) {
  int64_t days = 0;
  enum err_code code = retention_get(export->tx, export->keys, export->organisation_id, &days, export->err);
  if (code == ERR_CONFLICT) return ERR_NONE; /* somebody changed it in the database itself: it is no setting of ours */
  if (!code && days) buf_printf(&export->json, ",\"audit\":{\"retention_days\":%lld}", (long long)days);
  return code;
}

static enum err_code write_connectors(struct export *export) {
  const struct connector_record *rows;
  size_t n, n_written = 0;
  enum err_code code = store_connector_list(export->tx, export->arena, export->organisation_id, &rows, &n, export->err);
  if (code) return code;
  for (size_t i = 0; i < n; i++) {
    if (uuid_is_nil(rows[i].organisation_id)) continue;
    buf_append_c(&export->json, n_written++ ? "," : ",\"connectors\":[");
    buf_append_str(&export->json, rows[i].definition);
  }
  if (n_written) buf_append_byte(&export->json, ']');
  return ERR_NONE;
}

static char upper(char c) {
  if (c >= 'a' && c <= 'z') return (char)(c - 'a' + 'A');
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

/* "orders" and "key" -> ORDERS_KEY, once: names that come out the same are numbered. */
static enum err_code variable_name(struct export *export, struct str connection, struct str member,
                                   struct str *ret_name) {
  for (unsigned attempt = 1;; attempt++) {
    struct buf name;
    buf_init(&name, export->arena, 64 * KIB);
    if (connection.p[0] >= '0' && connection.p[0] <= '9') buf_append_byte(&name, '_'); /* no shell sets 1_KEY */
    for (size_t i = 0; i < connection.n; i++)
      buf_append_byte(&name, upper(connection.p[i]));
    buf_append_byte(&name, '_');
    for (size_t i = 0; i < member.n; i++)
      buf_append_byte(&name, upper(member.p[i]));
    if (attempt > 1) buf_printf(&name, "_%u", attempt);
    if (buf_failed(&name)) return err_no_memory(export->err);
    if (map_get(&export->variables, buf_str(&name))) continue;
    *ret_name = buf_str(&name);
    return map_put(&export->variables, *ret_name, export) ? err_no_memory(export->err) : ERR_NONE;
  }
}

static enum err_code write_credential(struct export *export, const struct connection_record *row) {
  struct secret *plain = NULL;
  enum err_code code =
      vault_unseal(export->keys, vault_place_credential(&row->id), row->credential, &plain, export->err);
  struct str *names = NULL;
  size_t n = 0;
  if (!code) code = credential_members(export->arena, plain, &names, &n, export->err);
  secret_free(plain);
  if (code) {
    err_prefix(export->err, "the credential of connection \"%.*s\"", STR_ARG(row->name));
    return code;
  }
  buf_append_c(&export->json, ",\"credential\":{");
  for (size_t i = 0; i < n; i++) {
    struct str variable;
    code = variable_name(export, row->name, names[i], &variable);
    if (code) return code;
    if (i) buf_append_byte(&export->json, ',');
    json_write_str(&export->json, names[i]);
    buf_append_c(&export->json, ":{\"env\":");
    json_write_str(&export->json, variable);
    buf_append_byte(&export->json, '}');
  }
  buf_append_byte(&export->json, '}');
  return ERR_NONE;
}

static enum err_code write_personal(struct export *export) {
  const struct str *ids = NULL;
  size_t n = 0;
  enum err_code code =
      store_personal_connector_list(export->tx, export->arena, export->organisation_id, &ids, &n, export->err);
  if (code || n == 0) return code;
  buf_append_c(&export->json, ",\"personal\":[");
  for (size_t i = 0; i < n; i++) {
    if (i) buf_append_byte(&export->json, ',');
    json_write_str(&export->json, ids[i]);
  }
  buf_append_byte(&export->json, ']');
  return ERR_NONE;
}

static enum err_code write_connections(struct export *export) {
  const struct connection_record *rows;
  size_t n, n_written = 0;
  enum err_code code =
      store_connection_list(export->tx, export->arena, export->organisation_id, &rows, &n, export->err);
  if (code || n == 0) return code;
  buf_append_c(&export->json, ",\"connections\":[");
  for (size_t i = 0; i < n && !code; i++) {
    const struct user_record *owner = map_get(&export->emails, uuid_bytes(&rows[i].owner_user_id));
    if (rows[i].is_made_by_owner) continue; /* theirs, and no part of what the organisation says */
    buf_append_c(&export->json, n_written++ ? ",{" : "{");
    write_member(export, "name", rows[i].name);
    write_member(export, "connector", rows[i].connector_id);
    if (owner) write_member(export, "owner", owner->email);
    if (!str_eq_c(rows[i].names, "prefixed")) write_member(export, "names", rows[i].names);
    if (!str_eq_c(rows[i].trust, "review")) write_member(export, "trust", rows[i].trust);
    write_json(export, "labels", rows[i].labels);
    write_json(export, "settings", rows[i].settings);
    if (rows[i].credential.n) code = write_credential(export, &rows[i]);
    buf_append_byte(&export->json, '}');
  }
  buf_append_byte(&export->json, ']');
  return code;
}

static void write_rule(struct export *export, const struct access_rule_record *rule) {
  buf_append_byte(&export->json, '{');
  json_write_str(&export->json, rule->target_kind);
  buf_append_byte(&export->json, ':');
  json_write_str(&export->json, rule->target);
  if (!str_eq_c(rule->effect, "allow")) write_member(export, "effect", rule->effect);
  write_json(export, "does", rule->does);
  write_json(export, "tools", rule->tools);
  write_json(export, "resources", rule->resources);
  write_json(export, "prompts", rule->prompts);
  buf_append_byte(&export->json, '}');
}

static enum err_code write_roles(struct export *export) {
  const struct access_rule_record *rules;
  size_t n_rules;
  enum err_code code =
      store_access_rule_list(export->tx, export->arena, export->organisation_id, &rules, &n_rules, export->err);
  if (code || export->n_roles == 0) return code;
  buf_append_c(&export->json, ",\"roles\":[");
  for (size_t i = 0; i < export->n_roles; i++) {
    buf_append_c(&export->json, i ? ",{" : "{");
    write_member(export, "name", export->roles[i].name);
    if (export->roles[i].max_result > 0)
      buf_printf(&export->json, ",\"max_result\":%lld", (long long)export->roles[i].max_result);
    buf_append_c(&export->json, ",\"rules\":[");
    size_t n_written = 0;
    for (size_t k = 0; k < n_rules; k++) { /* by role, then position */
      if (!uuid_eq(rules[k].role_id, export->roles[i].id)) continue;
      if (n_written++) buf_append_byte(&export->json, ',');
      write_rule(export, &rules[k]);
    }
    buf_append_c(&export->json, "]}");
  }
  buf_append_byte(&export->json, ']');
  return ERR_NONE;
}

static enum err_code write_users(struct export *export) {
  if (export->n_users == 0) return ERR_NONE;
  buf_append_c(&export->json, ",\"users\":[");
  for (size_t i = 0; i < export->n_users; i++) {
    const struct user_record *user = &export->users[i];
    buf_append_c(&export->json, i ? ",{" : "{");
    write_member(export, "email", user->email);
    if (!str_eq_c(user->kind, "member")) write_member(export, "kind", user->kind);
    buf_append_c(&export->json, ",\"roles\":[");
    const struct held_role *first = map_get(&export->roles_by_user, uuid_bytes(&user->id));
    for (const struct held_role *held = first; held; held = held->next) {
      if (held != first) buf_append_byte(&export->json, ',');
      json_write_str(&export->json, held->role->name);
    }
    buf_append_c(&export->json, "]}");
  }
  buf_append_byte(&export->json, ']');
  return ERR_NONE;
}

/* --- loading: lists in an order of their own, so that two exports of the same state are the same text --- */

static int by_role_name(const void *a, const void *b) {
  return str_cmp(((const struct role_record *)a)->name, ((const struct role_record *)b)->name);
}

static int by_email(const void *a, const void *b) {
  return str_cmp(((const struct user_record *)a)->email, ((const struct user_record *)b)->email);
}

static enum err_code put(struct export *export, struct map *map, struct str key, const void *value) {
  return map_put(map, key, (void *)(uintptr_t)value) ? err_no_memory(export->err) : ERR_NONE;
}

static enum err_code hold(struct export *export, const struct user_role_record *pair, const struct role_record *role) {
  struct held_role *held = arena_new(export->arena, struct held_role);
  if (!held) return err_no_memory(export->err);
  held->role = role;
  struct held_role *first = map_get(&export->roles_by_user, uuid_bytes(&pair->user_id));
  if (!first || str_cmp(role->name, first->role->name) < 0) {
    held->next = first;
    return put(export, &export->roles_by_user, uuid_bytes(&pair->user_id), held);
  }
  while (first->next && str_cmp(first->next->role->name, role->name) < 0)
    first = first->next;
  held->next = first->next;
  first->next = held;
  return ERR_NONE;
}

static enum err_code load_pairs(struct export *export) {
  const struct user_role_record *pairs;
  size_t n;
  struct map roles;
  map_init(&roles);
  enum err_code code =
      store_user_role_list(export->tx, export->arena, export->organisation_id, &pairs, &n, export->err);
  for (size_t i = 0; i < export->n_roles && !code; i++) {
    code = put(export, &roles, uuid_bytes(&export->roles[i].id), &export->roles[i]);
  }
  for (size_t i = 0; i < n && !code; i++) {
    const struct role_record *role = map_get(&roles, uuid_bytes(&pairs[i].role_id));
    if (role) code = hold(export, &pairs[i], role);
  }
  map_release(&roles);
  return code;
}

static enum err_code load_people(struct export *export) {
  const struct role_record *roles;
  const struct user_record *users;
  size_t n_roles, n_users;
  enum err_code code =
      store_role_list(export->tx, export->arena, export->organisation_id, &roles, &n_roles, export->err);
  if (!code) code = store_user_list(export->tx, export->arena, export->organisation_id, &users, &n_users, export->err);
  if (code) return code;
  struct role_record *own_roles =
      arena_memdup(export->arena, roles ? (const void *)roles : "", n_roles * sizeof(*roles));
  struct user_record *own_users =
      arena_memdup(export->arena, users ? (const void *)users : "", n_users * sizeof(*users));
  if ((n_roles && !own_roles) || (n_users && !own_users)) return err_no_memory(export->err);
  if (n_roles) qsort(own_roles, n_roles, sizeof(*own_roles), by_role_name);
  if (n_users) qsort(own_users, n_users, sizeof(*own_users), by_email);
  export->roles = own_roles;
  export->n_roles = n_roles;
  export->users = own_users;
  export->n_users = n_users;
  for (size_t i = 0; i < n_users && !code; i++) {
    code = put(export, &export->emails, uuid_bytes(&own_users[i].id), &own_users[i]);
  }
  return code ? code : load_pairs(export);
}

static enum err_code write_readably(struct export *export, struct buf *out) {
  if (buf_failed(&export->json))
    return err_set(export->err, ERR_TOO_LARGE, "the organisation is too large for one file");
  yyjson_doc *doc = NULL;
  enum err_code code = json_read(export->arena, buf_str(&export->json), &doc, export->err);
  if (code) return code;
  struct yyjson_alc alc = json_alc(export->arena);
  size_t n = 0;
  char *text = yyjson_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, &alc, &n, NULL);
  if (!text) return err_no_memory(export->err);
  buf_append(out, text, n);
  return buf_failed(out) ? err_no_memory(export->err) : ERR_NONE;
}

static enum err_code write_all(struct export *export, struct str organisation, struct buf *out) {
  typedef enum err_code (*part)(struct export *export);
  static const part parts[] = {write_limits,      write_audit, write_connectors, write_personal,
                               write_connections, write_roles, write_users};
  enum err_code code = load_people(export);
  buf_append_byte(&export->json, '{');
  if (buf_failed(&export->json)) return err_no_memory(export->err);
  write_member(export, "organisation", organisation);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !code; i++)
    code = parts[i](export);
  buf_append_byte(&export->json, '}');
  return code ? code : write_readably(export, out);
}

enum err_code config_find_organisation(struct db_tx *tx, struct arena *arena, struct str name,
                                       struct organisation_record *ret_organisation, struct err *err) {
  if (name.n) return store_organisation_find(tx, arena, name, ret_organisation, err);
  const struct organisation_record *all;
  size_t n;
  enum err_code code = store_organisation_list(tx, arena, &all, &n, err);
  if (code) return code;
  if (n == 0) return err_set(err, ERR_NOT_FOUND, "there is no organisation yet; connek apply makes one");
  if (n > 1) {
    return err_set(err, ERR_INVALID, "there are %zu organisations: name one (--organisation \"%.*s\", ...)", n,
                   STR_ARG(all[0].name));
  }
  *ret_organisation = all[0];
  return ERR_NONE;
}

enum err_code config_export(struct db_tx *tx, const struct vault *vault, struct str organisation, struct buf *out,
                            struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  struct export export = {.tx = tx, .arena = &arena, .err = err};
  struct map *const maps[] = {&export.variables, &export.emails, &export.roles_by_user};
  for (size_t i = 0; i < 3; i++)
    map_init(maps[i]);
  buf_init(&export.json, &arena, (size_t)64 * MIB);
  struct organisation_record record;
  enum err_code code = config_find_organisation(tx, &arena, organisation, &record, err);
  if (!code) code = vault_keys_open(vault, record.id, record.data_key, &export.keys, err);
  if (!code) {
    db_scope(tx, record.id);
    export.organisation_id = record.id;
    code = write_all(&export, record.name, out);
  }
  vault_keys_free(export.keys);
  for (size_t i = 0; i < 3; i++)
    map_release(maps[i]);
  arena_release(&arena);
  return code;
}
