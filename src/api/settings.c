/* The organisation itself: its name, how far it has come, its settings and limits, its end. */
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/page.h"
#include "audit/retention.h"
#include "base/clock.h"
#include "base/limits.h"
#include "config/words.h"
#include "signin/people.h"
#include "signin/session.h"
#include "store/api.h"
#include "store/call_fact.h"

static enum err_code name_etag(struct api_request *request, struct str *ret_etag, struct err *err) {
  struct buf text;
  buf_init(&text, &request->arena, 4 * KIB);
  answer_open(&text, '{');
  answer_text(&text, "name", request->organisation.name);
  return buf_failed(&text) ? err_no_memory(err) : api_etag(request, buf_str(&text), ret_etag, err);
}

static void write_counts(struct buf *out, const struct organisation_view *view) {
  answer_name(out, "counts");
  answer_open(out, '{');
  answer_int(out, "users", view->n_users);
  answer_int(out, "roles", view->n_roles);
  answer_int(out, "connections", view->n_connections);
  answer_int(out, "connectors", view->n_connectors);
  answer_int(out, "access_tokens", view->n_tokens);
  answer_close(out, '}');
}

static enum err_code answer_organisation(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct buf *out = &request->out;
  struct organisation_view view = {0};
  struct str etag;
  int64_t first = 0;
  enum err_code code = name_etag(request, &etag, err);
  if (code == ERR_NONE) code = store_organisation_view(tx, request->organisation.id, clock_utc_us(), &view, err);
  if (code == ERR_NONE) code = store_call_fact_first(tx, request->organisation.id, &first, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  answer_uuid(out, "id", request->organisation.id);
  answer_text(out, "name", request->organisation.name);
  answer_time(out, "created_at", request->organisation.created_at);
  answer_text(out, "etag", etag);
  write_counts(out, &view);
  answer_name(out, "first_steps");
  answer_open(out, '{');
  answer_bool(out, "has_connection", view.n_connections > 0);
  answer_bool(out, "has_role", view.n_rules > 0);
  answer_bool(out, "has_invited", view.n_users > 1);
  answer_bool(out, "has_handed_out", view.n_tokens + view.n_clients > 0);
  answer_time(out, "first_call_at", first);
  answer_close(out, '}');
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code organisation_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  return answer_organisation(request, tx, err);
}

enum err_code organisation_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct str etag, name = json_get_str(request->body, "name");
  enum err_code code = name_etag(request, &etag, err);
  if (code == ERR_NONE) code = api_check_match(request, etag, err);
  if (code == ERR_NONE && config_name_check(name, err) != ERR_NONE) return api_wrong(err, "/name", "%s", err->text);
  if (code == ERR_NONE) code = store_organisation_rename(tx, request->organisation.id, name, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "organisation.rename", "to", name, err);
  if (code == ERR_NONE) code = api_changed(request, tx, err);
  if (code != ERR_NONE) return code;
  request->organisation.name = name;
  return answer_organisation(request, tx, err);
}

/* A person without an organisation, or with others: where the operator lets strangers make theirs. */
enum err_code organisation_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct browser_session_record *session = &request->principal.session;
  struct str name = json_get_str(request->body, "name");
  struct user_record owner;
  struct uuid id;
  char text[UUID_TEXT_SIZE];
  if (!request->api->options.signin->options.may_sign_up)
    return err_set(err, ERR_DENIED, "the operator of this server makes organisations");
  if (config_name_check(name, err) != ERR_NONE) return api_wrong(err, "/name", "%s", err->text);
  enum err_code code = store_organisation_find(tx, &request->arena, name, &request->organisation, err);
  if (code == ERR_NONE) return err_set(err, ERR_CONFLICT, "this name is taken");
  if (code == ERR_NOT_FOUND) code = people_found(tx, &request->arena, request->api->options.vault, name, &id, err);
  if (code == ERR_NONE) code = people_ensure(tx, &request->arena, id, session->email, STR("owner"), &owner, err);
  if (code == ERR_NONE) code = store_membership_accept(tx, owner.id, clock_utc_us(), err);
  if (code == ERR_NONE) code = store_organisation_get(tx, &request->arena, id, &request->organisation, err);
  if (code != ERR_NONE) return code;
  request->principal.user_id = owner.id;
  request->principal.kinds = API_OWNER;
  request->has_changed = true;
  uuid_format(id, text);
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), text);
  code = api_record_one(request, tx, "organisation.create", "organisation", name, err);
  return code == ERR_NONE ? answer_organisation(request, tx, err) : code;
}

enum err_code organisation_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  if (!str_eq(json_get_str(request->body, "name"), request->organisation.name))
    return api_wrong(err, "/name", "type the organisation's name as it is");
  enum err_code code = store_organisation_delete(tx, &request->arena, request->organisation.id, clock_utc_us(), err);
  request->has_changed = true;
  return code;
}

/* ---- settings ---- */

/* The first of all, of every token: none stands before it, for it speaks of nobody. */
static enum err_code find_limit(struct api_request *request, struct db_tx *tx, int64_t *ret_per_minute,
                                struct err *err) {
  const struct call_limit_record before = {
      .organisation_id = request->organisation.id, .scope = STR("token"), .window_us = 60000000 - 1};
  const struct call_limit_record *limits = NULL;
  size_t n = 0;
  enum err_code code = store_call_limit_page(tx, &request->arena, &before, 1, &limits, &n, err);
  bool is_there = code == ERR_NONE && n == 1 && str_eq(limits[0].scope, STR("token")) && limits[0].scope_key.n == 0 &&
                  limits[0].window_us == 60000000;
  *ret_per_minute = is_there ? limits[0].cap : LIMIT_TOKEN_PER_MINUTE;
  return code;
}

struct settings {
  int64_t per_minute;
  struct retention_left left;
};

static enum err_code find_settings(struct api_request *request, struct db_tx *tx, struct settings *ret_settings,
                                   struct str *ret_etag, struct err *err) {
  enum err_code code = find_limit(request, tx, &ret_settings->per_minute, err);
  if (code == ERR_NONE) code = retention_look(tx, request->organisation.id, &ret_settings->left, err);
  if (code != ERR_NONE) return code;
  struct str text = arena_printf(&request->arena, "{\"per_minute\":%lld,\"days\":%lld",
                                 (long long)ret_settings->per_minute, (long long)ret_settings->left.days);
  return text.p ? api_etag(request, text, ret_etag, err) : err_no_memory(err);
}

/* Since when there are records, and how long they stay. */
static void write_audit(struct buf *out, const struct retention_left *left) {
  answer_name(out, "audit");
  answer_open(out, '{');
  answer_int_or_null(out, "retention_days", left->days);
  answer_time(out, "first_at", left->first_at);
  answer_int(out, "removed", left->n_removed);
  answer_time(out, "removed_at", left->removed_at);
  answer_close(out, '}');
}

static enum err_code answer_settings(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct buf *out = &request->out;
  const struct vault_keys *keys;
  struct str etag;
  struct settings settings;
  enum err_code code = find_settings(request, tx, &settings, &etag, err);
  if (code == ERR_NONE) code = api_keys(request, &keys, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  answer_text(out, "name", request->organisation.name);
  answer_int(out, "per_minute", settings.per_minute);
  write_audit(out, &settings.left);
  answer_text(out, "etag", etag);
  answer_text(out, "public_url", request->base);
  answer_name(out, "vault");
  answer_open(out, '{');
  answer_bool(out, "has_master_key", true); /* its keys were opened with it a moment ago */
  answer_int(out, "data_key_version", vault_keys_version(keys));
  answer_close(out, '}');
  answer_name(out, "sessions");
  answer_open(out, '{');
  answer_int(out, "idle_hours", SIGNIN_IDLE_HOURS);
  answer_int(out, "absolute_days", SIGNIN_ABSOLUTE_DAYS);
  answer_close(out, '}');
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code settings_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  return answer_settings(request, tx, err);
}

enum err_code settings_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  yyjson_val *per_minute = json_get(request->body, "per_minute");
  yyjson_val *days = json_get(request->body, "audit_retention_days");
  struct settings old;
  struct str etag;
  struct buf text;
  enum err_code code = find_settings(request, tx, &old, &etag, err);
  if (code == ERR_NONE) code = api_check_match(request, etag, err);
  if (code != ERR_NONE) return code;
  if (days && request->principal.kinds != API_OWNER)
    return err_set(err, ERR_DENIED, "only an owner says how long records are kept");
  api_change_open(request, &text);
  if (per_minute) {
    answer_name(&text, "limits");
    answer_open(&text, '{');
    answer_int(&text, "per_minute", yyjson_get_sint(per_minute));
    answer_close(&text, '}');
  }
  if (days) {
    answer_name(&text, "audit");
    answer_open(&text, '{');
    answer_int(&text, "retention_days", yyjson_get_sint(days)); /* null: 0, for ever */
    answer_close(&text, '}');
  }
  code = api_change_apply(request, tx, &text, API_EDIT, err);
  return code == ERR_NONE ? answer_settings(request, tx, err) : code;
}

/* A cursor: scope, window and the subject's bytes. */
static bool read_place(struct str text, struct call_limit_record *after) {
  uint64_t window_us = 0;
  if (text.n == 0) return true;
  after->scope = str_cut(&text, ' ');
  if (!str_to_u64(str_cut(&text, ' '), &window_us) || window_us > INT64_MAX || !text.p) return false;
  after->window_us = (int64_t)window_us;
  after->scope_key = text;
  return true;
}

static struct str place_of(struct api_request *request, const struct call_limit_record *limit) {
  struct buf text;
  buf_init(&text, &request->arena, 1 * KIB);
  buf_printf(&text, "%.*s %lld ", STR_ARG(limit->scope), (long long)limit->window_us);
  buf_append_str(&text, limit->scope_key);
  return buf_str(&text);
}

enum err_code limits_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct call_limit_record *limits = NULL;
  struct call_limit_record after = {.organisation_id = request->organisation.id};
  struct api_page page;
  struct buf *out = &request->out;
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE && !read_place(page.after, &after))
    return api_wrong(err, "cursor", "that is no cursor of this list");
  if (code == ERR_NONE) code = store_call_limit_page(tx, &request->arena, &after, page.limit + 1, &limits, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++) {
    struct uuid subject = {{0}};
    if (limits[i].scope_key.n == 16) memcpy(subject.b, limits[i].scope_key.p, 16);
    answer_open(out, '{');
    answer_text(out, "scope", limits[i].scope);
    answer_uuid(out, "subject", subject);
    answer_int(out, "window_s", limits[i].window_us / 1000000);
    answer_int(out, "cap", limits[i].cap);
    answer_close(out, '}');
  }
  api_page_close(request, &page, n, n_shown ? place_of(request, &limits[n_shown - 1]) : STR_NONE);
  return ERR_NONE;
}
