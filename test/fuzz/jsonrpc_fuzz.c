/* JSON-RPC messages from anybody: what is accepted keeps its promises, and replies carry the id as it came. */
#include "base/limits.h"
#include "codec/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { ARENA = 64 * 1024 * 1024, OUT = 1024 * 1024 };

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static void replies_check(struct arena *arena, yyjson_val *id) {
  for (int is_error = 0; is_error < 2; is_error++) {
    struct buf out;
    struct err err;
    struct jsonrpc_message reply;
    yyjson_doc *doc = NULL;
    buf_init(&out, arena, OUT);
    if (is_error) {
      jsonrpc_write_error(&out, true, id, JSONRPC_INVALID_PARAMS, STR("no\n"), STR("{}"));
    } else {
      jsonrpc_write_result(&out, id, STR("{}"));
    }
    expect(!buf_failed(&out));
    expect(json_read(arena, buf_str(&out), &doc, &err) == ERR_NONE);
    expect(jsonrpc_classify(yyjson_doc_get_root(doc), &reply, &err) == ERR_NONE);
    expect(reply.kind == JSONRPC_RESPONSE && yyjson_equals(reply.id, id));
  }
}

static void message_check(struct arena *arena, yyjson_val *value) {
  struct err err = {0};
  struct jsonrpc_message message;
  enum err_code code = jsonrpc_classify(value, &message, &err);
  if (message.id) {
    expect(yyjson_is_int(message.id) || yyjson_is_str(message.id));
    replies_check(arena, message.id);
  }
  if (code != ERR_NONE) {
    expect(code == ERR_INVALID && err.text[0]);
    return;
  }
  expect(message.kind == JSONRPC_RESPONSE || (message.method.n > 0 && message.method.n <= LIMIT_JSONRPC_METHOD));
  expect(message.kind != JSONRPC_REQUEST || message.id);
  expect(message.kind != JSONRPC_NOTIFICATION || !message.id);
  expect(!message.params || yyjson_is_obj(message.params));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, ARENA);
  struct err err = {0};
  yyjson_doc *doc = NULL;
  if (json_read(&arena, str_make((const char *)bytes, n), &doc, &err) == ERR_NONE) {
    yyjson_val *root = yyjson_doc_get_root(doc);
    size_t i, count;
    yyjson_val *value;
    message_check(&arena, root);
    yyjson_arr_foreach(root, i, count, value) {
      if (i == LIMIT_JSONRPC_BATCH) break;
      message_check(&arena, value);
    }
  }
  arena_release(&arena);
  return 0;
}
