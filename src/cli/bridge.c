/* connek bridge: for assistants that only start commands. MCP over standard input and output on one side, over HTTP on
 * the other; the eras are the client's, message by message. Standard output is written to without waiting for the loop:
 * a client that does not read is waited for. */
#include "cli/bridge.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "mcp/protocol.h"

enum { LINE_MAX_BYTES = 64 * MIB, PATIENCE_MAX_S = 24 * 60 * 60 };

/* ---- to the client ---- */

static void write_all(struct str bytes) {
  while (bytes.n > 0) {
    ssize_t n = write(STDOUT_FILENO, bytes.p, bytes.n);
    if (n >= 0) {
      bytes = str_make(bytes.p + n, bytes.n - (size_t)n);
    } else if (errno == EAGAIN) { /* standard input may be the same, and is read without waiting */
      struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
      (void)poll(&room, 1, -1);
    } else if (errno != EINTR) {
      exit(CLI_OK); /* the client has left: there is nobody to say anything to */
    }
  }
}

void bridge_write(struct str message) {
  /* A line end can stand between two words of JSON, never within one. */
  while (message.n > 0) {
    const char *end = message.p;
    while (end < message.p + message.n && *end != '\n' && *end != '\r')
      end++;
    size_t n = (size_t)(end - message.p);
    write_all(str_make(message.p, n));
    if (n == message.n) break;
    write_all(STR(" "));
    message = str_make(end + 1, message.n - n - 1);
  }
  write_all(STR("\n"));
}

void bridge_write_error(yyjson_val *id, int code, const char *text) {
  struct buf out;
  buf_init(&out, NULL, MIB);
  jsonrpc_write_error(&out, true, id, code, str_of(text), STR_NONE);
  if (!buf_failed(&out)) bridge_write(buf_str(&out));
  buf_release(&out);
}

/* ---- from the client ---- */

struct passage *bridge_find(struct bridge *bridge, yyjson_val *id) {
  struct passage *passage = bridge->first;
  while (passage && (passage->kind != PASSAGE_ASK || !id || !yyjson_equals(passage->message.id, id)))
    passage = passage->next;
  return passage;
}

/* The modern era: to cancel is to leave. The legacy one: the server is told, where it knows of the request. */
static void cancel(struct passage *passage) {
  struct passage *cancelled = bridge_find(passage->bridge, json_get(passage->message.params, "requestId"));
  if (cancelled && str_eq_c(cancelled->message.method, "initialize")) cancelled = NULL; /* that may not be cancelled */
  if (cancelled && !cancelled->is_modern && (cancelled->was_sent || cancelled->is_resuming)) {
    passage_start(passage);
    return;
  }
  if (cancelled) passage_end(cancelled);
  passage_end(passage);
}

static void route(struct passage *passage) {
  struct bridge *bridge = passage->bridge;
  const struct jsonrpc_message *message = &passage->message;
  passage->version = json_get_str(json_get(message->params, "_meta"), MCP_META_VERSION);
  passage->is_modern = passage->version.n > 0;
  if (message->kind == JSONRPC_REQUEST) {
    passage->is_subscription = passage->is_modern && str_eq_c(message->method, "subscriptions/listen");
    bridge->has_modern |= passage->is_modern;
    if (!passage->is_modern) bridge->session.is_used = true;
    passage_start(passage);
    return;
  }
  passage->kind = PASSAGE_TELL;
  if (message->kind == JSONRPC_NOTIFICATION && str_eq_c(message->method, "notifications/cancelled")) {
    cancel(passage);
    return;
  }
  if (!passage->is_modern && bridge->has_modern && !bridge->session.is_used) {
    passage->is_modern = true;
    passage->version = STR("2026-07-28");
  }
  passage_start(passage);
}

static void take(struct bridge *bridge, struct str text) {
  int code;
  struct passage *passage = passage_new(bridge, PASSAGE_ASK, text, &code);
  if (!passage) {
    bridge_write_error(NULL, code, code == JSONRPC_PARSE_ERROR ? "Parse error" : "Invalid Request");
    return;
  }
  yyjson_val *batch = yyjson_doc_get_root(passage->doc);
  if (!yyjson_is_arr(batch)) {
    route(passage);
    return;
  }
  /* Batches were in 2025-03-26 alone; their messages may as well go one by one. */
  for (size_t i = 0; i < yyjson_arr_size(batch); i++) {
    struct buf one;
    buf_init(&one, NULL, LINE_MAX_BYTES);
    json_write_value(&one, yyjson_arr_get(batch, i));
    if (yyjson_is_arr(yyjson_arr_get(batch, i)))
      bridge_write_error(NULL, JSONRPC_INVALID_REQUEST, "Invalid Request");
    else if (!buf_failed(&one))
      take(bridge, buf_str(&one));
    buf_release(&one);
  }
  passage_end(passage);
}

static void on_line(void *context, struct str line, bool is_cut) {
  struct bridge *bridge = context;
  if (is_cut)
    bridge_write_error(NULL, JSONRPC_PARSE_ERROR, "Parse error: the message is too large");
  else if (str_trim(line).n > 0)
    take(bridge, line);
}

static void on_input_end(void *context) {
  struct bridge *bridge = context;
  bridge->has_input_ended = true;
  bridge_look_for_end(bridge);
}

/* ---- the end ---- */

static void on_finish(struct loop_task *task) {
  struct bridge *bridge = (struct bridge *)(void *)((char *)task - offsetof(struct bridge, finish));
  while (bridge->first)
    passage_end(bridge->first);
  line_reader_free(bridge->reader);
  http_client_free(bridge->http);
  timers_free(bridge->timers);
  loop_stop(&bridge->loop);
}

/* Is something of the client's still to be answered or to arrive? A subscription never is. */
static bool is_wanted(const struct passage *passage) {
  if (passage->kind == PASSAGE_GOODBYE) return true;
  return (passage->kind == PASSAGE_ASK && !passage->is_subscription) || passage->kind == PASSAGE_TELL;
}

void bridge_look_for_end(struct bridge *bridge) {
  int code;
  if (!bridge->has_input_ended || bridge->finish.run) return;
  for (const struct passage *passage = bridge->first; passage; passage = passage->next) {
    if (is_wanted(passage)) return;
  }
  if (!bridge->is_over && bridge->session.id.n > 0) {
    bridge->is_over = true;
    struct passage *goodbye = passage_new(bridge, PASSAGE_GOODBYE, STR_NONE, &code);
    if (goodbye) {
      passage_start(goodbye);
      return;
    }
  }
  bridge->finish.run = on_finish;
  loop_post(&bridge->loop, &bridge->finish);
}

static enum err_code open_bridge(struct bridge *bridge, struct err *err) {
  static const struct line_reader_events events = {on_line, on_input_end};
  enum err_code code = http_client_new(&bridge->loop, &bridge->remote.http, &bridge->http, err);
  bridge->timers = code ? NULL : timers_new(&bridge->loop);
  if (!code && !bridge->timers) code = err_no_memory(err);
  if (!code) code = line_reader_new(&bridge->loop, STDIN_FILENO, LINE_MAX_BYTES, &events, bridge, &bridge->reader, err);
  return code;
}

static int run_bridge(struct bridge *bridge, struct arena *arena) {
  const char *seconds = cli_value(bridge->args, "patience"),
             *url = bridge->args->n_words > 0 ? bridge->args->words[0] : NULL;
  uint64_t patience_s;
  if (!str_to_u64(str_of(seconds), &patience_s) || patience_s > PATIENCE_MAX_S)
    return cli_usage(bridge->args, "--patience %s: say a number of seconds, 0 to %d", seconds, PATIENCE_MAX_S);
  bridge->patience_us = (int64_t)patience_s * 1000 * 1000;
  int exit_code = remote_open(&bridge->remote, bridge->args, arena, url);
  struct err err = {0};
  if (exit_code) return exit_code;
  if (loop_init(&bridge->loop, &err)) return cli_fail(bridge->args, &err);
  if (open_bridge(bridge, &err)) {
    err_prefix(&err, "standard input");
    exit_code = cli_fail(bridge->args, &err);
    bridge->finish.run = on_finish;
    loop_post(&bridge->loop, &bridge->finish);
  }
  loop_run(&bridge->loop);
  loop_release(&bridge->loop);
  session_release(&bridge->session);
  tools_release(bridge);
  return exit_code;
}

static int bridge(const struct cli_args *args, struct arena *arena) {
  struct bridge bridge = {.args = args};
  return run_bridge(&bridge, arena);
}

static const struct cli_option options[] = {
    {"patience", "SECONDS", NULL, "60", "how long a message waits for a server that cannot be reached", false, false},
    REMOTE_OPTIONS,
};

const struct cli_command cli_bridge = {
    .name = "bridge",
    .words = "[URL]",
    .min_words = 0,
    .max_words = 1,
    .summary = "connects an assistant that only starts commands with the server behind a URL",
    .description =
        "MCP over standard input and output on one side, over HTTP on the other, in whichever era the assistant\n"
        "speaks. It waits for a server that cannot be reached, takes streams up where they broke, and makes a\n"
        "session anew that the server has forgotten; a call is never made twice. It ends when its standard input\n"
        "does. CONNEK_URL stands for a URL that is not to show in a list of processes; CONNEK_TOKEN, where it is\n"
        "set, is sent as Authorization: Bearer. The npm package connek-bridge does the same without Connek.\n",
    .example = "  CONNEK_URL=https://mcp.example.org/mcp/$TOKEN connek bridge\n",
    CLI_OPTIONS(options),
    .run = bridge,
};
