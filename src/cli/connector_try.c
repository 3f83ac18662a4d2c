/* connek connector try: one call of a manifest's tool, shown, and with --send made. No data folder, no policy, no
 * audit: it is for who writes a manifest, with a credential of their own. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/connector_file.h"
#include "codec/url.h"
#include "config/config.h"
#include "net/timers.h"

enum { CREDENTIAL_SIZE = 16 * KIB, OUTPUT_MAX = 64 * MIB };

struct trial {
  const struct cli_args *args;
  struct arena *arena;
  struct buf out;
  struct connector_file file;
  struct connector_connection connection;
  struct connector_call call;
  struct connector_host host;
  struct loop loop;
  struct loop_task finish;
  struct secret *credential;
};

/* What came from outside, for a terminal: no control characters but line ends and tabs. */
static void write_safe(struct buf *out, struct str text) {
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    bool is_plain = (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t';
    if (c == '\r') continue;
    buf_append_byte(out, is_plain ? (char)c : '?');
  }
  if (text.n == 0 || text.p[text.n - 1] != '\n') buf_append_byte(out, '\n');
}

/* ---- what the options say ---- */

static bool cut_pair(const char *text, struct str *ret_name, struct str *ret_value) {
  struct str rest = str_of(text);
  if (!memchr(rest.p, '=', rest.n)) return false;
  *ret_name = str_cut(&rest, '=');
  *ret_value = rest;
  return ret_name->n > 0;
}

static int read_settings(struct trial *trial) {
  struct cli_values values = cli_list(trial->args, "setting");
  struct buf text;
  buf_init(&text, trial->arena, MIB);
  buf_append_byte(&text, '{');
  for (size_t i = 0; i < values.n; i++) {
    struct str name, value;
    if (!cut_pair(values.items[i], &name, &value))
      return cli_usage(trial->args, "--setting %s: say NAME=VALUE", values.items[i]);
    if (i > 0) buf_append_byte(&text, ',');
    json_write_str(&text, name);
    buf_append_byte(&text, ':');
    json_write_str(&text, value);
  }
  buf_append_byte(&text, '}');
  struct err err = {0};
  yyjson_doc *doc;
  if (buf_failed(&text) ? err_no_memory(&err) : json_read(trial->arena, buf_str(&text), &doc, &err))
    return cli_fail(trial->args, &err);
  trial->connection.settings = yyjson_doc_get_root(doc);
  return CLI_OK;
}

/* NAME=env:VARIABLE or NAME=file:PATH: a secret does not stand in a command. */
static int write_member(struct trial *trial, const char *text, struct buf *out) {
  struct str name, value;
  bool is_good = cut_pair(text, &name, &value);
  bool is_env = is_good && str_starts(value, STR("env:")), is_file = is_good && str_starts(value, STR("file:"));
  if (!is_env && !is_file)
    return cli_usage(trial->args, "--credential: say NAME=env:VARIABLE or NAME=file:PATH, not the secret itself");
  const char *place = value.p + (is_env ? 4 : 5);
  json_write_str(out, name);
  buf_append_byte(out, ':');
  if (is_env) {
    const char *secret = getenv(place);
    if (!secret) return cli_usage(trial->args, "--credential %s: there is no such variable", text);
    json_write_str(out, str_of(secret));
    return CLI_OK;
  }
  char bytes[CREDENTIAL_SIZE];
  struct buf content = {.p = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
  struct err err = {0};
  int exit_code = CLI_OK;
  if (config_read_file(place, sizeof(bytes) - 1, &content, &err)) {
    err_place(&err, "%s", place);
    exit_code = cli_fail(trial->args, &err);
  } else {
    struct str secret = buf_str(&content);
    if (str_ends(secret, STR("\n"))) secret.n--;
    json_write_str(out, secret);
  }
  secret_wipe(bytes, sizeof(bytes));
  return exit_code;
}

static int check_credential(struct trial *trial, struct str json) {
  char memory[CREDENTIAL_SIZE];
  yyjson_alc alc;
  struct err err = {0};
  int exit_code = CLI_OK;
  if (!yyjson_alc_pool_init(&alc, memory, sizeof(memory))) return CLI_FAILED;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NOFLAG, &alc, NULL);
  const struct connector *connector = &trial->file.connector;
  enum err_code code = doc ? connector->kind->check_credential(connector, yyjson_doc_get_root(doc), &err)
                           : err_set(&err, ERR_TOO_LARGE, "the credential is too large, or no UTF-8");
  secret_wipe(memory, sizeof(memory));
  if (code) {
    err_prefix(&err, "--credential");
    exit_code = cli_fail(trial->args, &err);
  }
  return exit_code;
}

static int read_credential(struct trial *trial) {
  struct cli_values values = cli_list(trial->args, "credential");
  if (values.n == 0) return CLI_OK;
  char bytes[CREDENTIAL_SIZE / 4];
  struct buf text = {.p = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
  int exit_code = CLI_OK;
  buf_append_byte(&text, '{');
  for (size_t i = 0; i < values.n && !exit_code; i++) {
    if (i > 0) buf_append_byte(&text, ',');
    exit_code = write_member(trial, values.items[i], &text);
  }
  buf_append_byte(&text, '}');
  if (!exit_code && buf_failed(&text)) exit_code = cli_usage(trial->args, "--credential: too large");
  if (!exit_code) exit_code = check_credential(trial, buf_str(&text));
  if (!exit_code) trial->credential = secret_new(bytes, text.n);
  secret_wipe(bytes, sizeof(bytes));
  trial->call.credential = trial->credential;
  return exit_code;
}

/* ---- the call ---- */

static int find_tool(struct trial *trial) {
  const char *name = trial->args->words[1];
  const struct connector *connector = &trial->file.connector;
  for (size_t i = 0; i < connector->n_tools; i++) {
    const struct connector_tool *tool = &connector->tools[i];
    if (str_eq_c(tool->name, name) || str_eq_c(tool->public_name, name)) trial->call.tool = tool;
  }
  if (trial->call.tool) return CLI_OK;
  const char **names = arena_alloc(trial->arena, connector->n_tools * sizeof(*names));
  const char *nearest = NULL;
  for (size_t i = 0; names && i < connector->n_tools; i++)
    names[i] = arena_str(trial->arena, connector->tools[i].name).p;
  if (names) nearest = cli_nearest(name, names, connector->n_tools);
  return cli_usage(trial->args, "%.*s has no tool \"%s\"%s%s", STR_ARG(connector->id), name,
                   nearest ? "; did you mean " : "", nearest ? nearest : "");
}

static int read_arguments(struct trial *trial) {
  const char *text = trial->args->n_words > 2 ? trial->args->words[2] : "{}";
  struct err err = {0};
  yyjson_doc *doc;
  if (json_read(trial->arena, str_of(text), &doc, &err)) {
    err_prefix(&err, "the arguments");
    return cli_fail(trial->args, &err);
  }
  trial->call.arguments = yyjson_doc_get_root(doc);
  if (json_get(trial->call.arguments, "cursor") && trial->call.tool->has_pages)
    return cli_usage(trial->args, "a cursor is sealed by the server that gave it: there is none here");
  if (schema_check(trial->call.tool->schema, trial->call.arguments, &err)) return cli_fail(trial->args, &err);
  return CLI_OK;
}

static int make_connection(struct trial *trial) {
  struct connector *connector = &trial->file.connector;
  struct connector_connection *connection = &trial->connection;
  struct err err = {0};
  connection->policy =
      (struct policy_connection){.id = uuid_new(), .name = connector->name, .connector = connector->id};
  connection->connector = connector;
  connection->version = 1;
  trial->call.connection = connection;
  trial->call.arena = trial->arena;
  if (!connector->kind->connect(trial->arena, connector, connection->settings, &connection->state, &err)) return CLI_OK;
  err_prefix(&err, "--setting");
  return cli_fail(trial->args, &err);
}

/* ---- sending it ---- */

static void on_response(void *context, const struct http_client_response *response, struct str body) {
  struct trial *trial = context;
  const char *reason = http_status_reason(response->status);
  buf_printf(&trial->out, "\n--- the answer: %d%s%s, %zu bytes\n", response->status, reason[0] ? " " : "", reason,
             response->body.n);
  for (size_t i = 0; i < response->n_fields; i++) {
    struct str line =
        arena_printf(trial->arena, "%.*s: %.*s", STR_ARG(response->fields[i].name), STR_ARG(response->fields[i].value));
    if (line.p) write_safe(&trial->out, line);
  }
  buf_append_byte(&trial->out, '\n');
  write_safe(&trial->out, body);
}

static void on_finish(struct loop_task *task) {
  struct trial *trial = (struct trial *)(void *)((char *)task - offsetof(struct trial, finish));
  http_client_free(trial->host.http);
  timers_free(trial->host.timers);
  loop_stop(&trial->loop);
}

static void on_done(struct connector_call *call) {
  struct trial *trial = (struct trial *)(void *)((char *)call - offsetof(struct trial, call));
  trial->finish.run = on_finish; /* whoever calls back is still at work in there */
  loop_post(&trial->loop, &trial->finish);
}

static int read_guard(struct trial *trial, struct address_guard *ret_guard) {
  struct cli_values values = cli_list(trial->args, "allow-upstream");
  struct address_exception *exceptions = arena_new_n(trial->arena, struct address_exception, values.n + 1);
  if (!exceptions) return CLI_FAILED;
  for (size_t i = 0; i < values.n; i++) {
    struct err err = {0};
    if (url_parse_authority(str_of(values.items[i]), &exceptions[i].host, &exceptions[i].port, &err))
      return cli_usage(trial->args, "--allow-upstream %s: %s", values.items[i], err.text);
  }
  *ret_guard = (struct address_guard){.exceptions = exceptions, .n_exceptions = values.n};
  return CLI_OK;
}

static int send_call(struct trial *trial) {
  struct address_guard guard;
  int exit_code = read_guard(trial, &guard);
  if (exit_code) return exit_code;
  const struct http_client_options options = {
      .guard = &guard, .ca_file = cli_value(trial->args, "ca"), .proxy = cli_value(trial->args, "proxy")};
  const struct connector_watch watch = {on_response, trial};
  struct err err = {0};
  if (loop_init(&trial->loop, &err)) return cli_fail(trial->args, &err);
  trial->host.loop = &trial->loop;
  trial->host.timers = timers_new(&trial->loop);
  enum err_code code =
      trial->host.timers ? http_client_new(&trial->loop, &options, &trial->host.http, &err) : err_no_memory(&err);
  if (!code) {
    trial->call.host = &trial->host;
    trial->call.watch = &watch;
    trial->call.deadline_us = loop_now_us(&trial->loop) + (int64_t)LIMIT_CALL_MS * 1000;
    trial->call.done = on_done;
    trial->file.connector.kind->invoke(&trial->call);
  } else {
    exit_code = cli_fail(trial->args, &err);
    timers_free(trial->host.timers);
    loop_stop(&trial->loop);
  }
  loop_run(&trial->loop);
  loop_release(&trial->loop);
  return exit_code;
}

static void write_result(struct trial *trial) {
  const struct connector_result *result = &trial->call.result;
  buf_printf(&trial->out, "\n--- the result%s\n", result->is_error ? ", an error" : "");
  struct str text = result->content.n > 0 ? result->content : result->text;
  write_safe(&trial->out, text);
  if (result->is_unknown) buf_append_c(&trial->out, "Whether it was carried out is not known.\n");
}

static int run_trial(struct trial *trial) {
  struct err err = {0};
  connector_file_read(trial->arena, trial->args->words[0], false, &trial->out, &trial->file);
  if (trial->file.n_errors > 0) {
    (void)cli_print_buf(trial->args, &trial->out);
    return CLI_FAILED;
  }
  if (!trial->file.connector.kind->show)
    return cli_usage(trial->args, "only manifests of the kind \"http\" make requests");
  int exit_code = find_tool(trial);
  if (!exit_code) exit_code = read_arguments(trial);
  if (!exit_code) exit_code = read_settings(trial);
  if (!exit_code) exit_code = make_connection(trial);
  if (!exit_code) exit_code = read_credential(trial);
  if (exit_code) return exit_code;
  if (trial->file.connector.kind->show(&trial->call, &trial->out, &err)) return cli_fail(trial->args, &err);
  if (cli_has(trial->args, "send")) {
    exit_code = send_call(trial);
    if (exit_code) return exit_code;
    write_result(trial);
  }
  exit_code = cli_print_buf(trial->args, &trial->out);
  return trial->call.result.is_error ? CLI_FAILED : exit_code;
}

static int try_call(const struct cli_args *args, struct arena *arena) {
  struct trial trial = {.args = args, .arena = arena};
  buf_init(&trial.out, arena, OUTPUT_MAX);
  int exit_code = run_trial(&trial);
  secret_free(trial.credential);
  return exit_code;
}

static const struct cli_option options[] = {
    {"setting", "NAME=VALUE", NULL, NULL, "a setting of the connection", false, true},
    {"credential", "NAME=env:VAR", NULL, NULL,
     "a member of the credential, from a variable or (NAME=file:PATH) a file; without it the request is shown all the "
     "same",
     false, true},
    {"send", NULL, NULL, NULL, "makes the call, and shows the answer as it came and as a client would get it", false,
     false},
    {"allow-upstream", "HOST[:PORT]", "CONNEK_ALLOW_UPSTREAM", NULL,
     "a host that may be reached although its address is private", false, true},
    {"ca", "FILE", "CONNEK_CA", NULL, "certificates to trust (PEM), instead of the system's", false, false},
    {"proxy", "URL", "CONNEK_PROXY", NULL, "a proxy for the call", false, false},
};

const struct cli_command cli_connector_try = {
    .name = "connector try",
    .words = "FILE TOOL [ARGUMENTS]",
    .min_words = 2,
    .max_words = 3,
    .summary = "shows the request that a manifest's tool makes, and sends it with --send",
    .description =
        "Compiles the manifest, checks the arguments (a JSON object; none: {}) against the tool's schema and\n"
        "prints the exact request, with what is secret as ***. With --send the call is made by the same engine\n"
        "that serves clients: first the answer as it came is shown, then the result behind the mask. No data\n"
        "folder is used; nothing is stored, no policy asked and no audit record written. The id of a built-in\n"
        "connector stands for its manifest.\n",
    .example =
        "  connek connector try github get_issue '{\"owner\": \"o\", \"repo\": \"r\", \"number\": 7}'\n"
        "  connek connector try orders.json list_orders '{\"states\": [\"open\"]}' "
        "--credential key=env:ORDERS_KEY --send\n",
    CLI_OPTIONS(options),
    .run = try_call,
};
