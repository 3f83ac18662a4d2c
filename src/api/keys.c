/* API keys of this API: made by people, for programs, with scopes that are permissions. Each is shown once. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "identity/token.h"
#include "store/api.h"

static void write_key(struct buf *out, const struct api_key_record *key) {
  struct str words = key->scopes;
  answer_open(out, '{');
  answer_uuid(out, "id", key->id);
  answer_text(out, "name", key->name);
  answer_name(out, "scopes");
  answer_open(out, '[');
  while (words.n > 0)
    answer_item(out, str_cut(&words, ' '));
  answer_close(out, ']');
  answer_name(out, "user");
  answer_open(out, '{');
  answer_uuid(out, "id", key->user_id);
  answer_text(out, "email", key->email);
  answer_close(out, '}');
  answer_time(out, "created_at", key->created_at);
  answer_time(out, "expires_at", key->expires_at);
  answer_time(out, "revoked_at", key->revoked_at);
  answer_time(out, "last_used_at", key->last_used_at);
  answer_close(out, '}');
}

enum err_code keys_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct api_key_record *list = NULL;
  struct api_page page;
  struct uuid after = {{0}};
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (page.after.n == 16) memcpy(after.b, page.after.p, 16);
  if (code == ERR_NONE)
    code = store_api_key_page(tx, &request->arena, request->organisation.id, after, page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    write_key(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? uuid_bytes(&list[n_shown - 1].id) : STR_NONE);
  return ERR_NONE;
}

/* Nobody hands on what they have not. */
static enum err_code read_scopes(struct api_request *request, struct str *ret_words, struct err *err) {
  struct buf words;
  size_t i, n;
  yyjson_val *scope;
  buf_init(&words, &request->arena, 4 * KIB);
  yyjson_arr_foreach(json_get(request->body, "scopes"), i, n, scope) {
    enum api_permission permission;
    char pointer[32];
    (void)snprintf(pointer, sizeof(pointer), "/scopes/%zu", i);
    if (!api_permission_find(json_str(scope), &permission) || !api_permission_row(permission)->is_scope)
      return api_wrong(err, pointer, "is no scope of an API key");
    if (!api_may(request, permission)) return api_wrong(err, pointer, "you have not this permission yourself");
    if (words.n) buf_append_byte(&words, ' ');
    buf_append_str(&words, json_str(scope));
  }
  *ret_words = buf_str(&words);
  return buf_failed(&words) ? err_no_memory(err) : ERR_NONE;
}

static enum err_code answer_new(struct api_request *request, const struct api_key_record *key, const char *text,
                                struct err *err) {
  char id[UUID_TEXT_SIZE];
  for (int is_shown = 0; is_shown < 2; is_shown++) {
    buf_clear(&request->out);
    answer_open(&request->out, '{');
    answer_name(&request->out, "key");
    write_key(&request->out, key);
    answer_text_or_null(&request->out, "secret", is_shown ? str_of(text) : STR_NONE);
    answer_close(&request->out, '}');
    if (buf_failed(&request->out)) return err_no_memory(err);
    if (!is_shown) request->repeated = arena_str(&request->arena, buf_str(&request->out));
  }
  uuid_format(key->id, id);
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), id);
  return request->repeated.p && request->location.p ? ERR_NONE : err_no_memory(err);
}

enum err_code keys_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct str expires = json_get_str(request->body, "expires_at");
  char text[TOKEN_TEXT_SIZE];
  struct api_key_record key = {.id = uuid_new(),
                               .organisation_id = request->organisation.id,
                               .user_id = request->principal.user_id,
                               .email = request->principal.email,
                               .name = json_get_str(request->body, "name"),
                               .created_at = clock_utc_us()};
  if (expires.p && (!clock_parse(expires, &key.expires_at) || key.expires_at <= key.created_at))
    return api_wrong(err, "/expires_at", "must be a time ahead, in UTC, such as 2026-12-31T00:00:00Z");
  enum err_code code = read_scopes(request, &key.scopes, err);
  if (code != ERR_NONE) return code;
  token_new(TOKEN_API, text);
  token_hash(str_of(text), key.hash);
  code = store_api_key_insert(tx, &key, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "api_key.create", "name", key.name, err);
  if (code == ERR_NONE) code = answer_new(request, &key, text, err);
  secret_wipe(text, sizeof(text));
  return code;
}

enum err_code keys_revoke(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct api_key_record key;
  struct uuid id;
  enum err_code code = api_path_id(request, "key", &id, err);
  if (code == ERR_NONE) code = store_api_key_get(tx, &request->arena, request->organisation.id, id, &key, err);
  if (code == ERR_NONE) code = store_api_key_revoke(tx, request->organisation.id, id, clock_utc_us(), err);
  return code == ERR_NONE ? api_record_one(request, tx, "api_key.revoke", "name", key.name, err) : code;
}
