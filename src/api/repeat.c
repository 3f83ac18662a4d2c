/* Idempotency-Key: the same request again gets the answer of the first, and makes nothing new. What an answer shows
 * once is not kept. Knows no operation. */
#include "api/request.h"
#include "base/clock.h"
#include "base/limits.h"
#include "store/api.h"

static const int64_t kept_us = INT64_C(24) * 3600 * 1000000;

static bool is_of_no_organisation(const struct api_request *request) {
  return request->route->permission == API_PERSON;
}

/* The same before the handler has run and behind it: one that makes an organisation makes its caller a user there. */
static struct uuid asker_of(const struct api_request *request) {
  if (is_of_no_organisation(request)) return request->principal.session.login_id;
  return uuid_is_nil(request->principal.key_id) ? request->principal.user_id : request->principal.key_id;
}

static bool key_of(const struct api_request *request, struct str *ret_key) {
  return str_eq_c(request->http->method, "POST") && http_field_once(request->http, "Idempotency-Key", ret_key) &&
         ret_key->n > 0 && !uuid_is_nil(asker_of(request));
}

/* Everything that makes it this request; under the organisation's key, for a credential may be in it, which whoever
 * reads the database must not be able to try out. */
static enum err_code hash_of(struct api_request *request, uint8_t ret_hash[32], struct err *err) {
  struct buf text;
  const struct vault_keys *keys = NULL;
  buf_init(&text, &request->arena, 8 * MIB);
  buf_printf(&text, "%.*s %.*s\n", STR_ARG(request->http->method), STR_ARG(request->http->path));
  if (request->body) {
    enum err_code code = json_write_canonical(&text, request->body, err);
    if (code != ERR_NONE) return code;
  }
  if (buf_failed(&text)) return err_no_memory(err);
  if (is_of_no_organisation(request)) {
    vault_sha256(buf_str(&text), ret_hash);
    return ERR_NONE;
  }
  enum err_code code = api_keys(request, &keys, err);
  if (code == ERR_NONE) vault_mac(keys, "api-repeat", buf_str(&text), ret_hash);
  return code;
}

enum err_code api_repeat_find(struct api_request *request, struct db_tx *tx, bool *ret_is_answered, struct err *err) {
  struct api_answer_record answer;
  struct str key;
  uint8_t key_hash[32], request_hash[32];
  if (!key_of(request, &key)) return ERR_NONE;
  if (key.n > 128) return err_set(err, ERR_INVALID, "Idempotency-Key is longer than 128 characters");
  vault_sha256(key, key_hash);
  enum err_code code = store_api_answer_find(tx, &request->arena, asker_of(request), key_hash, &answer, err);
  if (code == ERR_NOT_FOUND || (code == ERR_NONE && answer.created_at + kept_us < clock_utc_us())) return ERR_NONE;
  if (code == ERR_NONE) code = hash_of(request, request_hash, err);
  if (code != ERR_NONE) return code;
  if (memcmp(request_hash, answer.request_hash, sizeof(request_hash)) != 0)
    return err_set(err, ERR_CONFLICT, "this Idempotency-Key was used for another request");
  *ret_is_answered = request->is_repeated = true;
  request->status = (int)answer.status;
  request->location = answer.location;
  buf_append_str(&request->out, answer.body);
  return ERR_NONE;
}

enum err_code api_repeat_keep(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct api_answer_record answer = {.asker = asker_of(request),
                                     .status = request->status,
                                     .location = request->location,
                                     .body = request->repeated.n ? request->repeated : buf_str(&request->out),
                                     .created_at = clock_utc_us()};
  struct str key;
  if (!key_of(request, &key) || request->route->then) return ERR_NONE;
  vault_sha256(key, answer.key_hash);
  enum err_code code = hash_of(request, answer.request_hash, err);
  if (code == ERR_NONE) code = store_api_answer_sweep(tx, answer.created_at - kept_us, err);
  return code == ERR_NONE ? store_api_answer_put(tx, &answer, err) : code;
}
