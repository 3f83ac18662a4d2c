/* What a client says of itself: read strictly where it matters, leniently where it does not. */
#include "base/limits.h"
#include "codec/json.h"
#include "codec/url.h"
#include "codec/utf8.h"
#include "signin/client.h"
#include "signin/redirect.h"

static enum err_code read_redirects(struct arena *arena, yyjson_val *list, struct str *ret_json, struct err *err) {
  struct buf json;
  size_t i, n;
  yyjson_val *item;
  if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0 || yyjson_arr_size(list) > REDIRECTS_MAX)
    return err_set(err, ERR_INVALID, "redirect_uris must name 1 to %d addresses", REDIRECTS_MAX);
  buf_init(&json, arena, 64 * KIB);
  yyjson_arr_foreach(list, i, n, item) {
    enum err_code code = redirect_check(arena, json_str(item), err);
    if (code != ERR_NONE) return code;
    buf_append_byte(&json, i ? ',' : '[');
    json_write_str(&json, json_str(item));
  }
  buf_append_byte(&json, ']');
  if (buf_failed(&json)) return err_no_memory(err);
  *ret_json = buf_str(&json);
  return ERR_NONE;
}

/* Absent: all are meant that we have (older clients say nothing, and expect to stay signed in). */
static bool names_refresh(yyjson_val *grants) {
  size_t i, n;
  yyjson_val *item;
  if (!yyjson_is_arr(grants)) return true;
  yyjson_arr_foreach(grants, i, n, item) {
    if (str_eq(json_str(item), STR("refresh_token"))) return true;
  }
  return false;
}

static enum err_code read_auth_method(yyjson_val *root, struct client_metadata *metadata, struct err *err) {
  struct str method = json_get_str(root, "token_endpoint_auth_method");
  metadata->auth_method = method.n ? method : STR("none");
  metadata->wants_secret = str_eq(method, STR("client_secret_basic")) || str_eq(method, STR("client_secret_post"));
  if (metadata->wants_secret || !method.n || str_eq(method, STR("none"))) return ERR_NONE;
  return err_set(err, ERR_INVALID,
                 "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post");
}

enum err_code client_metadata_read(struct arena *arena, yyjson_val *root, struct client_metadata *ret_metadata,
                                   bool *ret_is_redirect_wrong, struct err *err) {
  struct client_metadata metadata = {.name = str_trim(json_get_str(root, "client_name"))};
  *ret_is_redirect_wrong = false;
  if (!yyjson_is_obj(root)) return err_set(err, ERR_INVALID, "client metadata is a JSON object");
  if (!metadata.name.n) metadata.name = STR("A program without a name");
  metadata.name = utf8_cut(metadata.name, CLIENT_NAME_MAX);
  enum err_code code = read_auth_method(root, &metadata, err);
  if (code != ERR_NONE) return code;
  metadata.may_refresh = names_refresh(json_get(root, "grant_types"));
  code = read_redirects(arena, json_get(root, "redirect_uris"), &metadata.redirect_uris, err);
  *ret_is_redirect_wrong = code == ERR_INVALID;
  if (code == ERR_NONE) *ret_metadata = metadata;
  return code;
}

bool client_id_is_document(struct arena *arena, struct str client_id) {
  struct url url;
  return str_starts(client_id, STR("https://")) && client_id.n <= CLIENT_ID_MAX &&
         url_parse(arena, client_id, &url, NULL) == ERR_NONE && url.path.n > 1 &&
         !memmem(url.path.p, url.path.n, "/.", 2);
}

bool client_has_redirect(struct arena *arena, const struct oauth_client_record *client, struct str uri) {
  yyjson_doc *doc;
  size_t i, n;
  yyjson_val *item;
  if (json_read(arena, client->redirect_uris, &doc, NULL) != ERR_NONE) return false;
  yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) {
    if (redirect_matches(arena, json_str(item), uri)) return true;
  }
  return false;
}
