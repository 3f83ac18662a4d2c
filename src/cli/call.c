/* connek call: lists the tools behind a URL, or calls one, from a shell. Speaks the era that the server does. */
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/call_print.h"
#include "cli/remote_exchange.h"
#include "cli/remote_field.h"
#include "mcp/protocol.h"

enum { TIMEOUT_MAX_S = 24 * 60 * 60, PAGES_MAX = 1000, ARGUMENTS_MAX = 16 * MIB };

#define CLIENT_INFO "{\"name\":\"connek call\",\"version\":\"" CONNEK_VERSION "\"}"
static const char legacy_version[] = "2025-11-25", modern_version[] = "2026-07-28";

struct work {
  const struct cli_args *args;
  struct arena *arena;
  struct remote remote;
  int64_t timeout_ms;
  bool is_modern;
  struct str version, session;
  int64_t last_id;
  struct call_print print;
  const char *url, *tool, *arguments; /* NULL: not given */
  struct str arguments_text;
  yyjson_val *arguments_value;
};

/* ---- asking ---- */

/* {"jsonrpc","id","method","params"}; `members` are those of params, without braces, or empty. */
static struct str write_message(struct work *work, const char *method, bool has_id, struct str members) {
  struct buf out;
  buf_init(&out, work->arena, ARGUMENTS_MAX + 64 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\"");
  if (has_id) buf_printf(&out, ",\"id\":%lld", (long long)++work->last_id);
  buf_printf(&out, ",\"method\":\"%s\",\"params\":{", method);
  buf_append_str(&out, members);
  if (work->is_modern) {
    buf_printf(&out, "%s\"_meta\":{\"" MCP_META_VERSION "\":\"%.*s\",\"" MCP_META_CLIENT_CAPABILITIES "\":{},",
               members.n > 0 ? "," : "", STR_ARG(work->version));
    buf_append_c(&out, "\"" MCP_META_CLIENT_INFO "\":" CLIENT_INFO "}");
  }
  buf_append_c(&out, "}}");
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* CLI_OK: an answer came, a result or an error; otherwise all is said. */
static int ask(struct work *work, const char *method, struct str members, const struct remote_head *more,
               struct remote_reply *ret_reply) {
  struct err err = {0};
  struct remote_head head = more ? *more : (struct remote_head){0};
  struct str body = write_message(work, method, true, members);
  head.verb = STR("POST");
  head.version = work->version;
  head.session = work->session;
  head.is_modern = work->is_modern;
  head.method = str_of(method);
  enum err_code code = body.p ? ERR_NONE : err_no_memory(&err);
  if (!code)
    code = remote_exchange(&work->remote, work->arena, &head, body, work->last_id, work->timeout_ms, ret_reply, &err);
  return code ? cli_fail(work->args, &err) : CLI_OK;
}

static int fail_reply(struct work *work, const struct remote_reply *reply) {
  struct err err = {0};
  struct str text = json_get_str(reply->error, "message");
  if (text.n > 0)
    (void)err_set(&err, ERR_UPSTREAM, "%.*s: %.*s (%lld)", STR_ARG(work->remote.name), STR_ARG(text),
                  (long long)yyjson_get_sint(json_get(reply->error, "code")));
  else
    remote_explain(&work->remote, reply->status, reply->content_type, &err);
  call_print_plain(err.text);
  remote_redact(&work->remote, err.text, strlen(err.text));
  return cli_fail(work->args, &err);
}

/* ---- which era ---- */

static int tell_initialized(struct work *work) {
  struct err err = {0};
  struct remote_reply reply = {0};
  struct str body = write_message(work, "notifications/initialized", false, STR_NONE);
  struct remote_head head = {.verb = STR("POST"), .version = work->version, .session = work->session};
  enum err_code code = body.p ? ERR_NONE : err_no_memory(&err);
  if (!code) code = remote_exchange(&work->remote, work->arena, &head, body, -1, work->timeout_ms, &reply, &err);
  return code ? cli_fail(work->args, &err) : CLI_OK;
}

static int begin_legacy(struct work *work) {
  struct remote_reply reply = {0};
  work->is_modern = false;
  work->version = STR_NONE;
  struct str members = arena_printf(
      work->arena, "\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":" CLIENT_INFO, legacy_version);
  int exit_code = ask(work, "initialize", members, NULL, &reply);
  if (exit_code) return exit_code;
  if (!reply.result) return fail_reply(work, &reply);
  work->version = json_get_str(reply.result, "protocolVersion");
  work->session = reply.session;
  return tell_initialized(work);
}

/* 2026-07-28, versioning: a server that does not know server/discover, or refuses it with no error of that revision, is
 * a legacy one. */
static int begin(struct work *work) {
  struct remote_reply reply = {0};
  work->is_modern = true;
  work->version = str_of(modern_version);
  int exit_code = ask(work, "server/discover", STR_NONE, NULL, &reply);
  if (exit_code || json_get(reply.result, "supportedVersions")) return exit_code;
  bool is_refused = reply.status == 401 || reply.status == 403 || reply.status == 429 || reply.status >= 500 ||
                    (reply.status >= 300 && reply.status < 400);
  return is_refused ? fail_reply(work, &reply) : begin_legacy(work);
}

static void end_session(struct work *work) {
  struct err err = {0};
  struct remote_reply reply = {0};
  struct remote_head head = {.verb = STR("DELETE"), .version = work->version, .session = work->session};
  if (work->session.n == 0) return;
  /* Where it cannot be ended it ends by itself. */
  if (remote_exchange(&work->remote, work->arena, &head, STR_NONE, -1, 2000, &reply, &err)) return;
}

/* ---- what is asked ---- */

/* Calls `visit` with each tool until it answers false. */
static int each_tool(struct work *work, bool (*visit)(struct work *work, yyjson_val *tool)) {
  struct str members = STR_NONE;
  for (size_t page = 0; page < PAGES_MAX; page++) {
    struct remote_reply reply = {0};
    int exit_code = ask(work, "tools/list", members, NULL, &reply);
    if (exit_code) return exit_code;
    if (!reply.result) return fail_reply(work, &reply);
    size_t i, n;
    yyjson_val *tools = json_get(reply.result, "tools"), *tool;
    if (!tools) return CLI_OK;
    yyjson_arr_foreach(tools, i, n, tool) {
      if (!visit(work, tool)) return CLI_OK;
    }
    struct str cursor = json_get_str(reply.result, "nextCursor");
    if (cursor.n == 0) return CLI_OK;
    struct buf out;
    buf_init(&out, work->arena, MIB);
    buf_append_c(&out, "\"cursor\":");
    json_write_str(&out, cursor);
    members = buf_str(&out);
  }
  cli_warn(work->args, "the list of tools has no end; what is above is its beginning");
  return CLI_FAILED;
}

static bool print_tool(struct work *work, yyjson_val *tool) {
  call_print_tool(&work->print, tool);
  return true;
}

static int list(struct work *work) {
  call_print_begin_tools(&work->print);
  int exit_code = each_tool(work, print_tool);
  call_print_end_tools(&work->print);
  int printed = cli_print_buf(work->args, &work->print.out);
  return exit_code ? exit_code : printed;
}

static int read_arguments(struct work *work) {
  struct str text = work->arguments ? str_of(work->arguments) : STR("{}");
  struct buf input;
  buf_init(&input, work->arena, ARGUMENTS_MAX);
  if (str_eq_c(text, "-")) {
    size_t n = 0;
    do {
      char *p = buf_reserve(&input, 64 * KIB);
      n = p ? fread(p, 1, 64 * KIB, stdin) : 0;
      input.n += n;
    } while (n > 0);
    text = buf_str(&input);
  }
  yyjson_doc *doc;
  struct err err = {0};
  enum err_code code = buf_failed(&input) ? err_set(&err, ERR_TOO_LARGE, "they are too large")
                                          : json_read(work->arena, text, &doc, &err);
  if (!code && !yyjson_is_obj(yyjson_doc_get_root(doc))) code = err_set(&err, ERR_INVALID, "they are no JSON object");
  if (code) return cli_usage(work->args, "the arguments: %s%s%s", err.place, err.place[0] ? ": " : "", err.text);
  work->arguments_text = text;
  work->arguments_value = yyjson_doc_get_root(doc);
  return CLI_OK;
}

struct wanted {
  struct work work; /* first: each_tool hands it back */
  struct str name;
  yyjson_val *schema;
};

static bool find_schema(struct work *work, yyjson_val *tool) {
  struct wanted *wanted = (struct wanted *)(void *)work;
  if (!str_eq(json_get_str(tool, "name"), wanted->name)) return true;
  wanted->schema = json_get(tool, "inputSchema");
  return false;
}

/* The server wants arguments repeated in headers: only the tool's definition says which. */
static int learn_schema(struct work *work, struct str name, yyjson_val **ret_schema) {
  struct wanted wanted = {.work = *work, .name = name};
  int exit_code = each_tool(&wanted.work, find_schema);
  work->last_id = wanted.work.last_id;
  *ret_schema = wanted.schema;
  return exit_code;
}

static int call_tool(struct work *work, const char *name) {
  struct remote_reply reply = {0};
  struct remote_head head = {.name = str_of(name), .arguments = work->arguments_value};
  struct buf members;
  buf_init(&members, work->arena, ARGUMENTS_MAX + 64 * KIB);
  buf_append_c(&members, "\"name\":");
  json_write_str(&members, str_of(name));
  buf_append_c(&members, ",\"arguments\":");
  buf_append_str(&members, work->arguments_text);
  int exit_code = ask(work, "tools/call", buf_str(&members), &head, &reply);
  if (!exit_code && yyjson_get_sint(json_get(reply.error, "code")) == MCP_HEADER_MISMATCH) {
    exit_code = learn_schema(work, head.name, &head.input_schema);
    if (!exit_code) exit_code = ask(work, "tools/call", buf_str(&members), &head, &reply);
  }
  if (exit_code) return exit_code;
  if (!reply.result) return fail_reply(work, &reply);
  if (str_eq_c(json_get_str(reply.result, "resultType"), "input_required")) {
    cli_warn(work->args, "the tool asks for something that a shell cannot give; call it from an assistant");
    return CLI_FAILED;
  }
  call_print_result(&work->print, reply.result);
  exit_code = cli_print_buf(work->args, &work->print.out);
  return yyjson_get_bool(json_get(reply.result, "isError")) ? CLI_FAILED : exit_code;
}

/* URL [TOOL] [ARGUMENTS], or the last two alone where the environment has the URL. */
static void read_words(struct work *work) {
  const char *const *words = work->args->words;
  size_t n = work->args->n_words, i = 0;
  if (n > 0 && (strstr(words[0], "://") || n > 2)) work->url = words[i++];
  if (i < n) work->tool = words[i++];
  if (i < n) work->arguments = words[i];
}

static int run_call(struct work *work) {
  const char *seconds = cli_value(work->args, "timeout");
  uint64_t timeout_s;
  if (!str_to_u64(str_of(seconds), &timeout_s) || timeout_s == 0 || timeout_s > TIMEOUT_MAX_S)
    return cli_usage(work->args, "--timeout %s: say a number of seconds, 1 to %d", seconds, TIMEOUT_MAX_S);
  work->timeout_ms = (int64_t)timeout_s * 1000;
  read_words(work);
  int exit_code = remote_open(&work->remote, work->args, work->arena, work->url);
  if (!exit_code && work->tool) exit_code = read_arguments(work);
  if (!exit_code) exit_code = begin(work);
  if (exit_code) return exit_code;
  exit_code = work->tool ? call_tool(work, work->tool) : list(work);
  end_session(work);
  return exit_code;
}

static int call(const struct cli_args *args, struct arena *arena) {
  struct work work = {.args = args, .arena = arena};
  call_print_init(&work.print, arena, cli_has(args, "json"), isatty(STDOUT_FILENO) == 1);
  int exit_code = run_call(&work);
  call_print_release(&work.print);
  return exit_code;
}

static const struct cli_option options[] = {
    {"json", NULL, NULL, NULL, "each tool's whole definition on a line, or the whole result", false, false},
    {"timeout", "SECONDS", NULL, "300", "how long an answer may take", false, false},
    REMOTE_OPTIONS,
};

const struct cli_command cli_call = {
    .name = "call",
    .words = "URL [TOOL] [ARGUMENTS]",
    .min_words = 0,
    .max_words = 3,
    .summary = "lists the tools behind a URL, or calls one",
    .description =
        "With a URL alone lists what it offers; with a tool and its arguments (a JSON object; none: {}; - reads\n"
        "them from standard input) calls it. What the tool says goes to standard output; it ends with 1 where\n"
        "that is an error. Any MCP server over Streamable HTTP will do, of either era. CONNEK_TOKEN, where it is\n"
        "set, is sent as Authorization: Bearer, for a URL without a token in it; CONNEK_URL stands for a URL that\n"
        "is not to show in a list of processes.\n",
    .example =
        "  connek call https://mcp.example.org/mcp/$TOKEN\n"
        "  connek call https://mcp.example.org/mcp/$TOKEN sqlite_query '{\"sql\": \"SELECT 1\"}'\n",
    CLI_OPTIONS(options),
    .run = call,
};
