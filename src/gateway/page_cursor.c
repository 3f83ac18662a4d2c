/* Cursors of tools that answer in pages: AES-GCM under the organisation's key, bound to user and tool by the seal and
 * to the connection by what is in it. {"c": connection, "a": arguments or "d": their digest, "s": state} */
#include "gateway/page_cursor.h"

#include "base/limits.h"
#include "codec/base64.h"
#include "gateway/arguments.h"
#include "gateway/seal.h"
#include "vault/vault.h"

enum {
  ARGUMENTS_MAX = 1536, /* larger ones have to be repeated: a cursor is something that a model copies */
  DIGEST_HEX = 64,
  PLAIN_MAX = 8 * 1024,
};

static enum err_code unknown(struct err *err) {
  return err_set(err, ERR_INVALID, "cursor: there is no such cursor; call again without it, from the first page");
}

static bool write_canonical(struct arena *arena, yyjson_val *arguments, struct str *ret_text) {
  struct buf out;
  buf_init(&out, arena, LIMIT_HTTP_BODY);
  if (json_write_canonical(&out, arguments, NULL) != ERR_NONE || buf_failed(&out)) return false;
  *ret_text = buf_str(&out);
  return true;
}

static void digest_of(struct str text, char ret_hex[DIGEST_HEX + 1]) {
  uint8_t digest[32];
  vault_sha256(text, digest);
  hex_format(digest, sizeof(digest), ret_hex);
}

/* ---- opening ---- */

/* Each argument that was repeated stands in the sealed ones, with the same value. */
static enum err_code check_repeated(yyjson_val *given, yyjson_val *sealed, struct err *err) {
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(given, i, n, key, value) {
    struct str name = json_str(key);
    yyjson_val *known = yyjson_obj_getn(sealed, name.p, name.n);
    if (known && yyjson_equals(known, value)) continue;
    return err_set(err, ERR_INVALID,
                   "cursor: it goes on with the arguments it was given for, and %.*s is another; leave all but the "
                   "cursor out",
                   STR_ARG(name));
  }
  return ERR_NONE;
}

static enum err_code restore(struct call *call, yyjson_val *given, yyjson_val *content, struct err *err) {
  yyjson_val *sealed = json_get(content, "a");
  if (yyjson_is_obj(sealed)) {
    call->arguments = sealed;
    return check_repeated(given, sealed, err);
  }
  struct str text;
  char hex[DIGEST_HEX + 1];
  if (!write_canonical(call->exchange->arena, given, &text)) return err_no_memory(err);
  digest_of(text, hex);
  if (!str_eq_c(json_get_str(content, "d"), hex))
    return err_set(err, ERR_INVALID, "cursor: repeat the other arguments with it, as they were");
  call->arguments = given;
  return ERR_NONE;
}

enum err_code page_cursor_open(struct call *call, struct err *err) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  yyjson_val *cursor = json_get(call->arguments, "cursor");
  struct str plain;
  yyjson_doc *doc;
  if (!call->tool->tool->has_pages) return ERR_NONE;
  call->page_arguments = call->arguments;
  if (!yyjson_is_str(cursor)) return ERR_NONE; /* none, or one that the schema refuses */
  if (!unseal_page(exchange->arena, principal->snapshot, principal->user, call->tool->tool->public_name,
                   json_str(cursor), &plain) ||
      json_read(exchange->arena, plain, &doc, err) != ERR_NONE)
    return unknown(err);
  yyjson_val *content = yyjson_doc_get_root(doc),
             *given = arguments_without(exchange->arena, call->arguments, "cursor");
  if (!given) return err_no_memory(err);
  if (!uuid_parse(json_get_str(content, "c"), &call->page_connection)) return unknown(err);
  call->page = json_get_str(content, "s");
  enum err_code code = restore(call, given, content, err);
  if (code != ERR_NONE) return code;
  call->page_arguments = call->arguments;
  return write_canonical(exchange->arena, call->arguments, &call->arguments_canonical) ? ERR_NONE : err_no_memory(err);
}

enum err_code page_cursor_check(const struct call *call, struct err *err) {
  if (call->page.n == 0 || uuid_eq(call->page_connection, call->connection->policy.id)) return ERR_NONE;
  return unknown(err);
}

/* ---- sealing ---- */

static bool write_arguments(struct buf *out, struct arena *arena, yyjson_val *arguments) {
  struct str text;
  char hex[DIGEST_HEX + 1];
  if (!write_canonical(arena, arguments, &text)) return false;
  if (text.n <= ARGUMENTS_MAX) {
    buf_append_c(out, ",\"a\":");
    json_write_value(out, arguments);
  } else {
    digest_of(text, hex);
    buf_printf(out, ",\"d\":\"%s\"", hex);
  }
  return true;
}

struct str page_cursor_seal(struct connector_call *invocation, struct str state) {
  struct call *call = (struct call *)((char *)invocation - offsetof(struct call, invocation));
  const struct principal *principal = &call->exchange->principal;
  struct arena *arena = call->exchange->arena;
  char connection[UUID_TEXT_SIZE];
  struct buf out;
  buf_init(&out, arena, PLAIN_MAX);
  uuid_format(call->connection->policy.id, connection);
  buf_printf(&out, "{\"c\":\"%s\"", connection);
  if (!write_arguments(&out, arena, call->page_arguments)) return STR_NONE;
  buf_append_c(&out, ",\"s\":");
  json_write_str(&out, state);
  buf_append_byte(&out, '}');
  if (buf_failed(&out)) return STR_NONE;
  return seal_page(arena, principal->snapshot, principal->user, call->tool->tool->public_name, buf_str(&out));
}
