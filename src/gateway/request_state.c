/* {"m": method, "n": what is named, "d": digest of the arguments, "c": connection, "t": until when, "h": the server
 * (node_id) that made it, "s": state}, sealed for one user. */
#include "gateway/request_state.h"

#include "base/clock.h"
#include "base/limits.h"
#include "codec/base64.h"
#include "gateway/pipeline.h"
#include "gateway/seal.h"
#include "gateway/worker.h"
#include "vault/vault.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES, PLAIN_MAX = 256 * KIB };

static bool is_modern(const struct call *call) {
  return call->envelope.revision && call->envelope.revision->era == MCP_MODERN;
}

static struct str named(const struct call *call) {
  yyjson_val *params = call->message.params;
  return json_get_str(params, call_verb(call) == CONNECTOR_RESOURCE ? "uri" : "name");
}

static void digest_of(const struct call *call, char ret_hex[DIGEST_HEX + 1]) {
  uint8_t digest[DIGEST_BYTES];
  vault_sha256(call->arguments_canonical.p ? call->arguments_canonical : STR(""), digest);
  hex_format(digest, sizeof(digest), ret_hex);
}

static bool is_same_request(const struct call *call, yyjson_val *content) {
  char digest[DIGEST_HEX + 1];
  struct uuid connection;
  yyjson_val *until = json_get(content, "t");
  digest_of(call, digest);
  return str_eq(json_get_str(content, "m"), call->message.method) && str_eq(json_get_str(content, "n"), named(call)) &&
         str_eq_c(json_get_str(content, "d"), digest) && uuid_parse(json_get_str(content, "c"), &connection) &&
         call->connection && uuid_eq(connection, call->connection->policy.id) && yyjson_is_int(until) &&
         yyjson_get_sint(until) > clock_utc_us();
}

bool request_state_responses(struct call *call) {
  yyjson_val *responses = json_get(call->message.params, "inputResponses"), *key, *value;
  size_t i, n;
  if (!is_modern(call) || !responses) return true;
  if (!yyjson_is_obj(responses)) return false;
  yyjson_obj_foreach(responses, i, n, key, value) {
    if (!yyjson_is_obj(value)) return false;
  }
  call->input_responses = responses;
  return true;
}

bool request_state_open(struct call *call) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  yyjson_val *params = call->message.params, *state = json_get(params, "requestState");
  struct str plain;
  yyjson_doc *doc;
  if (!is_modern(call) || !state) return true;
  if (!yyjson_is_str(state) ||
      !unseal_state(exchange->arena, principal->snapshot, principal->user, json_str(state), &plain) ||
      json_read(exchange->arena, plain, &doc, NULL) != ERR_NONE)
    return false;
  yyjson_val *content = yyjson_doc_get_root(doc);
  if (!is_same_request(call, content)) return false;
  call->state = json_get_str(content, "s");
  return true;
}

struct str request_state_seal(const struct call *call, struct str state) {
  const struct principal *principal = &call->exchange->principal;
  struct arena *arena = call->exchange->arena;
  char connection[UUID_TEXT_SIZE], digest[DIGEST_HEX + 1];
  struct buf out;
  buf_init(&out, arena, PLAIN_MAX);
  uuid_format(call->connection->policy.id, connection);
  digest_of(call, digest);
  buf_append_c(&out, "{\"m\":");
  json_write_str(&out, call->message.method);
  buf_append_c(&out, ",\"n\":");
  json_write_str(&out, named(call));
  buf_printf(&out, ",\"d\":\"%s\",\"c\":\"%s\",\"t\":%lld,\"h\":%u,\"s\":", digest, connection,
             (long long)(clock_utc_us() + LIMIT_INPUT_MS * INT64_C(1000)), call->exchange->worker->server->node_id);
  json_write_str(&out, state);
  buf_append_byte(&out, '}');
  return buf_failed(&out) ? STR_NONE : seal_state(arena, principal->snapshot, principal->user, buf_str(&out));
}
