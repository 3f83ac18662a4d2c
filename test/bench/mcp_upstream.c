/* The MCP server that stands behind everything that is measured with one: both eras, no state, one tool. As cheap as
 * that can be on our own HTTP server, so that what is in front of it is what the figures show.
 *
 *   mcp_upstream            prints the port it listens on (127.0.0.1, any free one), then serves until it is killed
 *   mcp_upstream --stdio    the same over standard input and output
 *
 * The tool `echo` returns its argument `text`, filled up with "n" to `bytes`. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "codec/jsonrpc.h"
#include "net/http_server.h"
#include "net/line_reader.h"

#define SERVER_INFO "{\"name\":\"mcp_upstream\",\"version\":\"1\"}"
#define TOOL                                                                                                 \
  "{\"name\":\"echo\",\"title\":\"Echo\",\"description\":\"Returns its text.\",\"inputSchema\":{\"type\":"   \
  "\"object\",\"properties\":{\"text\":{\"type\":\"string\"},\"bytes\":{\"type\":\"integer\",\"minimum\":0," \
  "\"maximum\":1000000}},\"required\":[\"text\"]},\"annotations\":{\"readOnlyHint\":true}}"

enum { BYTES_MAX = 1000000, REPLY_MAX = 8 * MIB };

static struct {
  struct loop loop;
  struct http_server *server;
  struct line_reader *reader;
} upstream;

static bool is_modern(const struct jsonrpc_message *message) {
  return json_get(json_get(message->params, "_meta"), "io.modelcontextprotocol/protocolVersion") != NULL;
}

static void write_call(struct buf *out, const struct jsonrpc_message *message) {
  yyjson_val *arguments = json_get(message->params, "arguments");
  struct str text = json_get_str(arguments, "text");
  uint64_t wanted = yyjson_get_uint(json_get(arguments, "bytes"));
  size_t fill = wanted <= BYTES_MAX && wanted > text.n ? (size_t)wanted - text.n : 0;
  buf_append_c(out, "\"content\":[{\"type\":\"text\",\"text\":");
  json_write_str(out, text.p ? text : STR(""));
  char *end = buf_reserve(out, fill + 1);
  if (!end) return;
  memset(end - 1, 'n', fill); /* over the closing quote */
  end[(ssize_t)fill - 1] = '"';
  out->n += fill;
  buf_append_c(out, "}],\"isError\":false");
}

/* The result's members. False: there is no such method. */
static bool write_members(struct buf *out, const struct jsonrpc_message *message) {
  struct str method = message->method;
  if (str_eq_c(method, "tools/call")) {
    write_call(out, message);
  } else if (str_eq_c(method, "tools/list")) {
    buf_append_c(out, "\"tools\":[" TOOL "]");
    if (is_modern(message)) buf_append_c(out, ",\"ttlMs\":60000,\"cacheScope\":\"public\"");
  } else if (str_eq_c(method, "server/discover")) {
    buf_append_c(out,
                 "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"ttlMs\":60000,"
                 "\"cacheScope\":\"public\"");
  } else if (str_eq_c(method, "initialize")) {
    struct str version = json_get_str(message->params, "protocolVersion");
    buf_append_c(out, "\"protocolVersion\":");
    json_write_str(out, version.n > 0 ? version : STR("2025-11-25"));
    buf_append_c(out, ",\"capabilities\":{\"tools\":{}},\"serverInfo\":" SERVER_INFO);
  } else {
    return str_eq_c(method, "ping");
  }
  return true;
}

/* Appends the answer; nothing where none is due. HTTP's status. */
static int answer(struct arena *arena, struct str body, struct buf *out) {
  yyjson_doc *doc;
  struct jsonrpc_message message;
  struct err err;
  if (json_read(arena, body, &doc, &err) || jsonrpc_classify(yyjson_doc_get_root(doc), &message, &err)) {
    jsonrpc_write_error(out, true, NULL, JSONRPC_PARSE_ERROR, STR("Parse error"), STR_NONE);
    return 400;
  }
  if (message.kind != JSONRPC_REQUEST) return 202;
  size_t start = out->n;
  buf_append_c(out, "{\"jsonrpc\":\"2.0\",\"id\":");
  jsonrpc_write_id(out, message.id);
  buf_append_c(out, ",\"result\":{");
  size_t before = out->n;
  if (!write_members(out, &message)) {
    out->n = start;
    jsonrpc_write_error(out, true, message.id, JSONRPC_METHOD_NOT_FOUND, STR("Method not found"), STR_NONE);
    return is_modern(&message) ? 404 : 200;
  }
  if (is_modern(&message)) {
    buf_append_c(out, out->n > before ? "," : "");
    buf_append_c(out, "\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" SERVER_INFO "}");
  }
  buf_append_c(out, "}}");
  return 200;
}

static void on_request(struct http_exchange *exchange, void *context) {
  struct buf out;
  struct http_reply reply = {.status = 405};
  if (str_eq_c(exchange->method, "POST")) {
    buf_init(&out, &exchange->arena, REPLY_MAX);
    reply.status = answer(&exchange->arena, exchange->body, &out);
    if (buf_failed(&out)) reply.status = 500;
    reply.body = reply.status == 500 ? STR_NONE : buf_str(&out);
    if (reply.body.n > 0) reply.content_type = STR("application/json");
  }
  http_reply(exchange, &reply);
}

/* ---- over standard input and output ---- */

static void on_line(void *context, struct str line, bool is_cut) {
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, REPLY_MAX);
  (void)answer(&arena, line, &out);
  if (out.n > 0) buf_append_byte(&out, '\n');
  for (size_t at = 0; at < out.n && !buf_failed(&out);) {
    ssize_t n = write(STDOUT_FILENO, out.p + at, out.n - at);
    if (n <= 0) _exit(1);
    at += (size_t)n;
  }
  arena_release(&arena);
}

static void on_end(void *context) {
  line_reader_free(upstream.reader);
  loop_stop(&upstream.loop);
}

static enum err_code begin(bool is_stdio, struct err *err) {
  static const struct line_reader_events events = {on_line, on_end};
  static const struct http_server_options options = {.on_request = on_request};
  enum err_code code = loop_init(&upstream.loop, err);
  if (code) return code;
  if (is_stdio) return line_reader_new(&upstream.loop, STDIN_FILENO, REPLY_MAX, &events, NULL, &upstream.reader, err);
  code = http_server_start(&upstream.loop, STR("127.0.0.1"), 0, false, &options, &upstream.server, err);
  if (code) return code;
  printf("%u\n", http_server_port(upstream.server));
  (void)fflush(stdout);
  return ERR_NONE;
}

int main(int argc, char **argv) {
  bool is_stdio = argc > 1 && strcmp(argv[1], "--stdio") == 0;
  struct err err = {0};
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (begin(is_stdio, &err)) {
    fprintf(stderr, "mcp_upstream: %s\n", err.text);
    return 1;
  }
  loop_run(&upstream.loop);
  loop_release(&upstream.loop);
  return 0;
}
