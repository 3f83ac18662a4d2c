/* Dynamic client registration (RFC 7591), for clients that have no document of their own. Whoever asks is a stranger:
 * how often is bounded by address, how many are waiting for somebody to let them in by a number, and those that nobody
 * does are taken away after a day. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "codec/json.h"
#include "identity/token.h"
#include "net/address_guard.h"
#include "signin/client.h"
#include "signin/route.h"

enum { UNUSED_MAX = 5000 };

struct register_flow {
  struct client_metadata metadata;
  struct oauth_client_record record;
  char secret[TOKEN_TEXT_SIZE];
  bool is_full;
};

static void refuse(struct request *request, int status, const char *error, const char *text) {
  struct buf body;
  buf_init(&body, &request->arena, 4 * KIB);
  buf_printf(&body, "{\"error\":\"%s\",\"error_description\":", error);
  json_write_str(&body, str_of(text));
  buf_append_byte(&body, '}');
  request_reply_json(request, status, buf_failed(&body) ? STR_NONE : buf_str(&body));
}

static enum err_code keep(struct request *request, struct db_tx *tx, struct err *err) {
  struct register_flow *flow = request->flow;
  int64_t n = 0;
  enum err_code code = store_oauth_client_count_unused(tx, &n, err);
  if (code != ERR_NONE) return code;
  flow->is_full = n >= UNUSED_MAX;
  return flow->is_full ? ERR_NONE : store_oauth_client_put(tx, &request->arena, &flow->record, err);
}

static void on_kept(struct request *request) {
  struct register_flow *flow = request->flow;
  const struct oauth_client_record *record = &flow->record;
  struct buf body;
  if (request->code != ERR_NONE) {
    request_tell(request, "registration_failed");
    refuse(request, 503, "temporarily_unavailable", "the client could not be kept; try again");
    return;
  }
  if (flow->is_full) {
    refuse(request, 429, "temporarily_unavailable", "too many clients wait to be let in; try again in an hour");
    return;
  }
  buf_init(&body, &request->arena, 128 * KIB);
  buf_printf(&body, "{\"client_id\":\"%.*s\",\"client_id_issued_at\":%lld", STR_ARG(record->client_id),
             (long long)(record->created_at / 1000000));
  if (record->has_secret) buf_printf(&body, ",\"client_secret\":\"%s\",\"client_secret_expires_at\":0", flow->secret);
  buf_append_c(&body, ",\"client_name\":");
  json_write_str(&body, record->name);
  buf_append_c(&body, ",\"redirect_uris\":");
  buf_append_str(&body, record->redirect_uris);
  buf_printf(
      &body,
      ",\"grant_types\":[\"authorization_code\"%s],\"response_types\":[\"code\"],"
      "\"token_endpoint_auth_method\":\"%.*s\",\"scope\":\"tools:read tools:write tools:destroy offline_access\"}",
      record->may_refresh ? ",\"refresh_token\"" : "", STR_ARG(flow->metadata.auth_method));
  secret_wipe(flow->secret, sizeof(flow->secret));
  request_reply_json(request, 201, buf_failed(&body) ? STR_NONE : buf_str(&body));
}

static void fill(struct register_flow *flow, char id[UUID_TEXT_SIZE]) {
  struct oauth_client_record *record = &flow->record;
  *record = (struct oauth_client_record){.id = uuid_new(),
                                         .kind = STR("registered"),
                                         .name = flow->metadata.name,
                                         .redirect_uris = flow->metadata.redirect_uris,
                                         .has_secret = flow->metadata.wants_secret,
                                         .may_refresh = flow->metadata.may_refresh,
                                         .created_at = clock_utc_us()};
  uuid_format(record->id, id);
  record->client_id = str_of(id);
  if (!record->has_secret) return;
  token_new(TOKEN_SECRET, flow->secret);
  token_hash(str_of(flow->secret), record->secret_hash);
}

void register_post(struct request *request) {
  static const struct limit_rate rate = {20, INT64_C(600) * 1000000};
  struct register_flow *flow = request->flow = arena_new(&request->arena, struct register_flow);
  char *id = arena_alloc(&request->arena, UUID_TEXT_SIZE);
  struct limit_bucket *bucket =
      limit_peers_bucket(request->signin->registrations, address_network(request->http->peer));
  yyjson_doc *doc;
  bool is_redirect_wrong = false;
  int64_t retry_us;
  if (!flow || !id) {
    refuse(request, 503, "temporarily_unavailable", "out of memory");
    return;
  }
  if (!limit_take(bucket, rate, 1, loop_now_us(request->worker->loop), &retry_us)) {
    refuse(request, 429, "temporarily_unavailable", "too many registrations from this address; try again later");
    return;
  }
  enum err_code code = json_read(&request->arena, request->http->body, &doc, &request->err);
  if (code == ERR_NONE)
    code = client_metadata_read(&request->arena, yyjson_doc_get_root(doc), &flow->metadata, &is_redirect_wrong,
                                &request->err);
  if (code != ERR_NONE) {
    refuse(request, 400, is_redirect_wrong ? "invalid_redirect_uri" : "invalid_client_metadata", request->err.text);
    return;
  }
  fill(flow, id);
  request_write(request, keep, on_kept);
}
