/* Clients that people let in by signing in: what each may do, and the end of it. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "policy/policy.h"

static bool is_own(const struct api_request *request) {
  return request->route->permission == API_SELF;
}

static struct str status_of(const struct oauth_grant_record *grant) {
  if (grant->revoked_at) return STR("revoked");
  return grant->expires_at <= clock_utc_us() ? STR("expired") : STR("live");
}

static void write_client(struct buf *out, const struct oauth_grant_record *grant) {
  static const enum policy_does does[] = {DOES_READ, DOES_WRITE, DOES_DESTROY};
  answer_open(out, '{');
  answer_uuid(out, "id", grant->id);
  answer_name(out, "user");
  answer_open(out, '{');
  answer_uuid(out, "id", grant->user_id);
  answer_text(out, "email", grant->email);
  answer_close(out, '}');
  answer_text(out, "client_id", grant->client_id);
  answer_text(out, "name", grant->client_name);
  answer_name(out, "may");
  answer_open(out, '[');
  for (size_t i = 0; i < sizeof(does) / sizeof(does[0]); i++)
    if (grant->scopes & does[i]) answer_item(out, str_of(policy_does_name(does[i])));
  answer_close(out, ']');
  answer_time(out, "created_at", grant->created_at);
  answer_time(out, "last_used_at", grant->used_at);
  answer_time(out, "expires_at", grant->expires_at);
  answer_text(out, "status", status_of(grant));
  answer_close(out, '}');
}

enum err_code clients_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct api_page page;
  const struct oauth_grant_record *list = NULL;
  size_t n = 0;
  struct oauth_grant_filter filter = {.organisation_id = request->organisation.id};
  enum err_code code = api_page_read(request, &page, err);
  if (page.after.n == sizeof(filter.after.b)) memcpy(filter.after.b, page.after.p, page.after.n);
  if (is_own(request))
    filter.user_id = request->principal.user_id;
  else
    (void)api_query_id(request, "user", &filter.user_id);
  if (code == ERR_NONE) code = store_oauth_grant_page(tx, &request->arena, &filter, page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    write_client(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? uuid_bytes(&list[n_shown - 1].id) : STR_NONE);
  return ERR_NONE;
}

enum err_code clients_end(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct oauth_grant_record grant;
  struct uuid id;
  enum err_code code = api_path_id(request, "client", &id, err);
  if (code == ERR_NONE) code = store_oauth_grant_get(tx, &request->arena, id, &grant, err);
  bool is_theirs = code == ERR_NONE && uuid_eq(grant.organisation_id, request->organisation.id) &&
                   (!is_own(request) || uuid_eq(grant.user_id, request->principal.user_id));
  if (code == ERR_NOT_FOUND || (code == ERR_NONE && !is_theirs))
    return err_set(err, ERR_NOT_FOUND, "there is no such client");
  if (code == ERR_NONE) code = store_oauth_grant_revoke(tx, &request->arena, id, clock_utc_us(), err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "client.revoke", "user", grant.email, err);
  request->has_changed = true;
  return code;
}
