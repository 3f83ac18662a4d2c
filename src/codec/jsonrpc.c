/* JSON-RPC 2.0 envelopes. Must not know any method. */
#include "codec/jsonrpc.h"

#include "base/limits.h"
#include "codec/utf8.h"

enum member { MEMBER_JSONRPC, MEMBER_ID, MEMBER_METHOD, MEMBER_PARAMS, MEMBER_RESULT, MEMBER_ERROR, MEMBER_COUNT };

static const struct str member_names[MEMBER_COUNT] = {
    [MEMBER_JSONRPC] = {"jsonrpc", 7}, [MEMBER_ID] = {"id", 2},         [MEMBER_METHOD] = {"method", 6},
    [MEMBER_PARAMS] = {"params", 6},   [MEMBER_RESULT] = {"result", 6}, [MEMBER_ERROR] = {"error", 5},
};

static enum err_code refuse(struct err *err, enum member member, const char *text) {
  err_set(err, ERR_INVALID, "%s", text);
  err_place(err, "/%s", member_names[member].p);
  return ERR_INVALID;
}

/* A reader that ignores case would see another message than we do; so "Method" is no unknown member, but an attempt. */
static enum err_code members_read(yyjson_val *object, yyjson_val *ret_members[MEMBER_COUNT], struct err *err) {
  enum err_code code = ERR_NONE;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) {
    struct str name = json_str(key);
    for (int m = 0; m < MEMBER_COUNT; m++) {
      if (!str_eq_fold(name, member_names[m])) continue;
      if (str_eq(name, member_names[m])) {
        ret_members[m] = value;
      } else {
        code = err_set(err, ERR_INVALID, "unknown member \"%.*s\": names are case-sensitive", STR_ARG(name));
      }
    }
  }
  return code;
}

static size_t characters_of(struct str text) {
  size_t n = 0;
  for (size_t i = 0; i < text.n; n++)
    utf8_next(text, &i);
  return n;
}

/* Also where it was read verbatim. */
static bool is_integer(yyjson_val *value) {
  if (!yyjson_is_raw(value)) return yyjson_is_int(value);
  struct str text = str_make(yyjson_get_raw(value), yyjson_get_len(value));
  for (size_t i = text.n > 1 && text.p[0] == '-' ? 1 : 0; i < text.n; i++)
    if (text.p[i] < '0' || text.p[i] > '9') return false;
  return text.n > 0 && text.n <= 20;
}

static enum err_code id_check(yyjson_val *id, struct err *err) {
  if (is_integer(id)) return ERR_NONE;
  if (!yyjson_is_str(id)) return refuse(err, MEMBER_ID, "id must be a string or an integer");
  struct str text = json_str(id);
  /* A character has at most 4 bytes: nothing long is counted. */
  if (text.n > 4 * LIMIT_JSONRPC_ID || characters_of(text) > LIMIT_JSONRPC_ID)
    return refuse(err, MEMBER_ID, "id is too long");
  return ERR_NONE;
}

static enum err_code call_check(yyjson_val *const members[MEMBER_COUNT], struct jsonrpc_message *message,
                                struct err *err) {
  struct str method = json_str(members[MEMBER_METHOD]);
  if (!method.p || method.n == 0) return refuse(err, MEMBER_METHOD, "method must be a string");
  if (method.n > LIMIT_JSONRPC_METHOD) return refuse(err, MEMBER_METHOD, "method is too long");
  if (members[MEMBER_RESULT] || members[MEMBER_ERROR])
    return refuse(err, MEMBER_METHOD, "a message is either a request or a response");
  if (members[MEMBER_PARAMS] && !yyjson_is_obj(members[MEMBER_PARAMS]))
    return refuse(err, MEMBER_PARAMS, "params must be an object");
  message->kind = message->id ? JSONRPC_REQUEST : JSONRPC_NOTIFICATION;
  message->method = method;
  message->params = members[MEMBER_PARAMS];
  return ERR_NONE;
}

static enum err_code response_check(yyjson_val *const members[MEMBER_COUNT], struct jsonrpc_message *message,
                                    struct err *err) {
  yyjson_val *error = members[MEMBER_ERROR];
  if (!members[MEMBER_RESULT] == !error)
    return err_set(err, ERR_INVALID, error ? "a response has either a result or an error" : "method is missing");
  if (members[MEMBER_PARAMS]) return refuse(err, MEMBER_PARAMS, "a response has no params");
  if (!message->id && !error) return refuse(err, MEMBER_ID, "id is missing");
  if (error &&
      (!yyjson_is_obj(error) || !is_integer(json_get(error, "code")) || !yyjson_is_str(json_get(error, "message"))))
    return refuse(err, MEMBER_ERROR, "error must have a code and a message");
  message->kind = JSONRPC_RESPONSE;
  message->result = members[MEMBER_RESULT];
  message->error = error;
  return ERR_NONE;
}

enum err_code jsonrpc_classify(yyjson_val *value, struct jsonrpc_message *ret_message, struct err *err) {
  *ret_message = (struct jsonrpc_message){0};
  if (!yyjson_is_obj(value)) return err_set(err, ERR_INVALID, "a message must be an object");
  yyjson_val *members[MEMBER_COUNT] = {0};
  enum err_code code = members_read(value, members, err);
  yyjson_val *id = members[MEMBER_ID];
  /* JSON-RPC 2.0, section 5: the answer to what could not be read has a null id. */
  if (yyjson_is_null(id) && members[MEMBER_ERROR] && !members[MEMBER_METHOD]) id = NULL;
  enum err_code id_code = id ? id_check(id, code == ERR_NONE ? err : NULL) : ERR_NONE;
  if (id_code == ERR_NONE) ret_message->id = id;
  if (code != ERR_NONE) return code;
  if (id_code != ERR_NONE) return id_code;
  if (!str_eq(json_str(members[MEMBER_JSONRPC]), STR("2.0")))
    return refuse(err, MEMBER_JSONRPC, "jsonrpc must be \"2.0\"");
  if (members[MEMBER_METHOD]) return call_check(members, ret_message, err);
  return response_check(members, ret_message, err);
}

void jsonrpc_write_id(struct buf *out, yyjson_val *id) {
  if (id) {
    json_write_value(out, id);
  } else {
    buf_append_c(out, "null");
  }
}

void jsonrpc_open_result(struct buf *out, yyjson_val *id) {
  buf_append_c(out, "{\"jsonrpc\":\"2.0\",\"id\":");
  jsonrpc_write_id(out, id);
  buf_append_c(out, ",\"result\":");
}

void jsonrpc_close_result(struct buf *out) {
  buf_append_byte(out, '}');
}

void jsonrpc_write_result(struct buf *out, yyjson_val *id, struct str result) {
  jsonrpc_open_result(out, id);
  buf_append_str(out, result);
  jsonrpc_close_result(out);
}

void jsonrpc_write_error(struct buf *out, bool has_id, yyjson_val *id, int code, struct str message, struct str data) {
  buf_append_c(out, "{\"jsonrpc\":\"2.0\",");
  if (has_id) {
    buf_append_c(out, "\"id\":");
    jsonrpc_write_id(out, id);
    buf_append_byte(out, ',');
  }
  buf_append_c(out, "\"error\":{\"code\":");
  buf_append_i64(out, code);
  buf_append_c(out, ",\"message\":");
  json_write_str(out, message);
  if (data.n > 0) {
    buf_append_c(out, ",\"data\":");
    buf_append_str(out, data);
  }
  buf_append_c(out, "}}");
}
