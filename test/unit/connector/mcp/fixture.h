/* An MCP server of either era that misbehaves by the name of the tool that is called, and the runtime that asks it: on
 * one loop, or with the server's home on a thread of its own. */
#ifndef CONNEK_TEST_CONNECTOR_MCP_FIXTURE_H
#define CONNEK_TEST_CONNECTOR_MCP_FIXTURE_H

#include "connector/mcp/home.h"

#include "upstream.h"
#include "wait.h"

/* ---- the other side ---- */

enum server_kind { SERVER_MODERN, SERVER_LEGACY, SERVER_STATELESS, SERVER_OLD };

static atomic_int server_kind, server_session, server_n_initialized, server_n_deleted, server_n_cancelled,
    server_n_calls, server_n_answers, server_n_discovered, server_n_listens;
static char server_call[UPSTREAM_REQUEST]; /* the last tools/call */
static char server_answer[4096];           /* the last response to a question of ours */

static inline void reply_json(int fd, const char *status, const char *fields, const char *body) {
  char head[512];
  int n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
                   status, fields, strlen(body));
  upstream_write(fd, head, (size_t)n);
  upstream_text(fd, body);
}

static inline void sse_begin(int fd) {
  upstream_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static inline void sse_event(int fd, const char *message) {
  char text[8192];
  snprintf(text, sizeof(text), "event: message\ndata: %s\n\n", message);
  upstream_chunk(fd, text);
}

static inline void sse_end(int fd) {
  upstream_text(fd, "0\r\n\r\n");
}

/* The number after "id": in the message's envelope, which we write first. */
static inline long id_of(const char *request) {
  const char *body = strstr(request, "\r\n\r\n");
  const char *id = body ? strstr(body, "\"id\":") : NULL;
  return id ? strtol(id + 5, NULL, 10) : -1;
}

static inline bool has_text(const char *request, const char *text) {
  return strstr(request, text) != NULL;
}

static inline bool has_field(const char *request, const char *line) {
  const char *end = strstr(request, "\r\n\r\n"), *found = strcasestr(request, line);
  return found && found < end;
}

static inline void result(char *out, size_t size, long id, const char *members) {
  const char *type = atomic_load(&server_kind) == SERVER_MODERN ? "\"resultType\":\"complete\"," : "";
  snprintf(out, size, "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{%s%s}}", id, type, members);
}

static inline void text_result(char *out, size_t size, long id, const char *text) {
  char members[1024];
  snprintf(members, sizeof(members), "\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"n\":1.50", text);
  result(out, size, id, members);
}

/* tools/call, by the tool's name. */
typedef bool (*server_tool)(struct upstream_connection *connection, const char *request, long id);
static server_tool server_tool_more; /* a test file's own; false: not one of them, or close */

static inline bool call_tool(struct upstream_connection *connection, const char *request, long id) {
  int fd = connection->fd;
  char out[8192];
  pthread_mutex_lock(&connection->upstream->lock);
  snprintf(server_call, sizeof(server_call), "%s", request);
  pthread_mutex_unlock(&connection->upstream->lock);
  atomic_fetch_add(&server_n_calls, 1);
  text_result(out, sizeof(out), id, "hello");
  if (has_text(request, "\"name\":\"plain\"")) {
    reply_json(fd, "200 OK", "", out);
  } else if (has_text(request, "\"name\":\"stream\"")) {
    sse_begin(fd);
    sse_event(fd, out);
    sse_end(fd);
  } else if (has_text(request, "\"name\":\"error\"")) {
    snprintf(out, sizeof(out),
             "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32602,\"message\":\"no such "
             "thing\",\"data\":{\"x\":1.0}}}",
             id);
    reply_json(fd, "200 OK", "", out);
  } else if (has_text(request, "\"name\":\"hang\"")) {
    return true;
  } else {
    return server_tool_more && server_tool_more(connection, request, id);
  }
  return true;
}

static inline bool list(int fd, const char *request, long id) {
  char out[8192];
  const char *members = has_text(request, "tools/list")       ? (has_text(request, "\"cursor\":\"2\"")
                                                                     ? "\"tools\":[{\"name\":\"b\",\"x\":1.0}]"
                                                                     : "\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"2\"")
                        : has_text(request, "prompts/list")   ? "\"prompts\":[{\"name\":\"p\"}]"
                        : has_text(request, "templates/list") ? "\"resourceTemplates\":[]"
                                                              : "\"resources\":[{\"uri\":\"a:b\",\"name\":\"r\"}]";
  result(out, sizeof(out), id, members);
  reply_json(fd, "200 OK", "", out);
  return true;
}

#define SERVER_CAPABILITIES                                                                                        \
  "\"capabilities\":{\"tools\":{\"listChanged\":true},\"prompts\":{},\"logging\":{},\"resources\":{\"subscribe\":" \
  "true}},"                                                                                                        \
  "\"instructions\":\"Be good.\""

static inline bool serve_modern(struct upstream_connection *connection, const char *request, long id) {
  char out[8192];
  int fd = connection->fd;
  if (!has_field(request, "\r\nMCP-Protocol-Version: 2026-07-28\r\n") || !has_field(request, "\r\nMcp-Method: ") ||
      has_field(request, "\r\nMcp-Session-Id:")) {
    snprintf(out, sizeof(out),
             "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32020,\"message\":\"header mismatch\"}}", id);
    reply_json(fd, "400 Bad Request", "", out);
    return true;
  }
  if (has_text(request, "\"server/discover\"")) {
    atomic_fetch_add(&server_n_discovered, 1);
    result(out, sizeof(out), id,
           "\"supportedVersions\":[\"2026-07-28\"]," SERVER_CAPABILITIES
           ",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"modern\",\"version\":\"1\"}}");
    reply_json(fd, "200 OK", "", out);
    return true;
  }
  if (has_text(request, "\"tools/call\"")) return call_tool(connection, request, id);
  if (has_text(request, "/list\"")) return list(fd, request, id);
  if (has_text(request, "\"subscriptions/listen\"")) {
    sse_begin(fd);
    atomic_fetch_add(&server_n_listens, 1); /* afterwards: tests write to it then */
    return true;
  }
  snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32601,\"message\":\"unknown\"}}",
           id);
  reply_json(fd, "404 Not Found", "", out);
  return true;
}

static inline bool serve_legacy(struct upstream_connection *connection, const char *request, long id) {
  char out[8192], session[64], line[80];
  int fd = connection->fd;
  bool is_stateless = atomic_load(&server_kind) == SERVER_STATELESS;
  snprintf(session, sizeof(session), "Mcp-Session-Id: s%d\r\n", atomic_load(&server_session));
  snprintf(line, sizeof(line), "\r\n%s", session);
  if (has_text(request, "\"method\":\"initialize\"")) {
    atomic_fetch_add(&server_n_initialized, 1);
    result(out, sizeof(out), id,
           "\"protocolVersion\":\"2025-06-18\"," SERVER_CAPABILITIES
           ",\"serverInfo\":{\"name\":\"legacy\",\"version\":\"1\"}");
    reply_json(fd, "200 OK", is_stateless ? "" : session, out);
    return true;
  }
  if (!is_stateless && !has_field(request, line)) {
    bool has_other = has_field(request, "\r\nMcp-Session-Id:");
    reply_json(
        fd, has_other ? "404 Not Found" : "400 Bad Request", "",
        has_other
            ? "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"Session not found\"}}"
            : "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"Bad Request: no session\"}}");
    return true;
  }
  if (strncmp(request, "DELETE", 6) == 0) {
    atomic_fetch_add(&server_n_deleted, 1);
    reply_json(fd, "200 OK", "", "");
    return true;
  }
  if (strncmp(request, "GET", 3) == 0) {
    if (server_tool_more && has_field(request, "\r\nLast-Event-ID:")) return server_tool_more(connection, request, -1);
    sse_begin(fd);
    atomic_fetch_add(&server_n_listens, 1); /* afterwards: tests write to it then */
    return true;
  }
  if (has_text(request, "\"tools/call\"")) return call_tool(connection, request, id);
  if (has_text(request, "/list\"")) return list(fd, request, id);
  if (!has_text(request, "\"method\":")) {
    snprintf(server_answer, sizeof(server_answer), "%s", strstr(request, "\r\n\r\n") + 4);
    atomic_fetch_add(&server_n_answers, 1);
  }
  if (has_text(request, "notifications/cancelled")) atomic_fetch_add(&server_n_cancelled, 1);
  if (has_text(request, "\"notifications/") || !has_text(request, "\"method\":")) {
    reply_json(fd, "202 Accepted", "", "");
    return true;
  }
  snprintf(out, sizeof(out), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32601,\"message\":\"unknown\"}}",
           id);
  reply_json(fd, "200 OK", "", out);
  return true;
}

static inline bool serve(struct upstream_connection *connection, const char *request, size_t n) {
  long id = id_of(request);
  return atomic_load(&server_kind) == SERVER_MODERN ? serve_modern(connection, request, id)
                                                    : serve_legacy(connection, request, id);
}

/* ---- our side ---- */

struct fixture {
  struct upstream *server;
  struct address_exception exception;
  struct address_guard guard;
  struct loop loops[2];
  struct connector_host hosts[2];
  struct mcp_upstreams *upstreams;
  pthread_t thread;
  bool has_thread; /* the home is on loops[1], which another thread runs */
  struct arena arena;
  struct mcp_target *target;
  struct connector_connection connection;
  struct secret *credential;
  atomic_int n_left, n_notices, n_lines;
  enum mcp_notice_kind notice;
};

struct trial {
  struct connector_call call;
  struct connector_tool tool;
  struct arena arena;
  struct loop *loop;
  int n_done, n_notes;
  char notes[4096];
};

static inline void on_notice(void *context, const struct mcp_notice *notice) {
  struct fixture *f = context;
  f->notice = notice->kind;
  atomic_fetch_add(&f->n_notices, 1);
}

static inline void on_line(void *context, struct uuid connection_id, const char *line) {
  struct fixture *f = context;
  atomic_fetch_add(&f->n_lines, 1);
}

static inline void host_start(struct fixture *f, unsigned i) {
  const struct http_client_options options = {.guard = &f->guard};
  assert_ok(loop_init(&f->loops[i], &test_err));
  f->hosts[i] = (struct connector_host){.loop = &f->loops[i], .upstreams = f->upstreams, .worker = i};
  assert_ok(http_client_new(&f->loops[i], &options, &f->hosts[i].http, &test_err));
  assert_non_null(f->hosts[i].timers = timers_new(&f->loops[i]));
  assert_ok(mcp_upstreams_join(f->upstreams, &f->hosts[i], &test_err));
}

static void host_end(struct connector_host *host) {
  http_client_free(host->http);
  timers_free(host->timers);
  host->http = NULL; /* as a worker does */
  host->timers = NULL;
  loop_stop(host->loop);
}

static void *run_home(void *context) {
  struct fixture *f = context;
  loop_run(&f->loops[1]);
  return NULL;
}

static inline struct mcp_target *target_new(struct fixture *f, int64_t version) {
  struct mcp_target *target = mcp_target_new();
  assert_non_null(target);
  target->organisation_id = uuid_new();
  target->connection_id = f->connection.policy.id;
  target->version = version;
  target->connector_version = 1;
  target->connection_name = STR("everything");
  target->url = arena_printf(&target->arena, "http://127.0.0.1:%u/mcp", f->server->port);
  target->auth_header = STR("Authorization");
  target->auth_prefix = STR("Bearer ");
  return target;
}

static inline struct fixture *fixture_start(enum server_kind kind, bool has_thread) {
  struct fixture *f = calloc(1, sizeof(*f));
  atomic_store(&server_kind, kind);
  atomic_store(&server_session, 1);
  atomic_int *const counts[] = {&server_n_initialized, &server_n_deleted,    &server_n_cancelled, &server_n_calls,
                                &server_n_answers,     &server_n_discovered, &server_n_listens};
  for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
    atomic_store(counts[i], 0);
  f->server = upstream_start(serve);
  f->exception = (struct address_exception){STR("127.0.0.1"), 0};
  f->guard = (struct address_guard){&f->exception, 1};
  f->has_thread = has_thread;
  arena_init(&f->arena, 0);
  const struct mcp_upstreams_options options = {
      .n_workers = has_thread ? 2 : 1, .on_notice = on_notice, .on_line = on_line, .context = f};
  f->upstreams = mcp_upstreams_new(&options);
  for (unsigned i = 0; i < options.n_workers; i++)
    host_start(f, i);
  do {
    f->connection.policy.id = uuid_new();
  } while (has_thread && mcp_home_of(f->upstreams, f->connection.policy.id)->index != 1);
  f->connection.policy.name = STR("everything");
  f->target = target_new(f, 1);
  f->connection.state = f->target;
  f->credential = secret_new("{\"key\":\"k3y\"}", 13);
  if (has_thread) assert_int_equal(pthread_create(&f->thread, NULL, run_home, f), 0);
  return f;
}

static inline void on_left(void *context) {
  struct connector_host *host = context;
  host_end(host);
}

static inline void fixture_stop(struct fixture *f) {
  mcp_upstreams_leave(f->upstreams, 0, on_left, &f->hosts[0]);
  if (f->has_thread) mcp_upstreams_leave(f->upstreams, 1, on_left, &f->hosts[1]);
  loop_run(&f->loops[0]);
  if (f->has_thread) pthread_join(f->thread, NULL);
  loop_release(&f->loops[0]);
  if (f->has_thread) loop_release(&f->loops[1]);
  mcp_upstreams_free(f->upstreams);
  mcp_target_unref(f->target);
  secret_free(f->credential);
  upstream_stop(f->server);
  arena_release(&f->arena);
  free(f);
}

static void trial_done(struct connector_call *call) {
  struct trial *trial = (struct trial *)(void *)((char *)call - offsetof(struct trial, call));
  trial->n_done++;
}

static void trial_note(struct connector_call *call, struct str method, struct str params) {
  struct trial *trial = (struct trial *)(void *)((char *)call - offsetof(struct trial, call));
  size_t n = strlen(trial->notes);
  trial->n_notes++;
  snprintf(trial->notes + n, sizeof(trial->notes) - n, "%.*s %.*s;", STR_ARG(method), STR_ARG(params));
}

static inline yyjson_val *trial_json(struct trial *trial, const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&trial->arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

/* tools/call of the tool that is named. */
static inline void trial_init(struct fixture *f, struct trial *trial, const char *tool) {
  *trial = (struct trial){.loop = &f->loops[0]};
  arena_init(&trial->arena, 32 * MIB);
  trial->tool = (struct connector_tool){
      .name = str_of(tool), .does = DOES_WRITE, .input_schema = trial_json(trial, "{\"type\":\"object\"}")};
  trial->call = (struct connector_call){.host = &f->hosts[0],
                                        .connection = &f->connection,
                                        .verb = CONNECTOR_TOOL,
                                        .tool = &trial->tool,
                                        .arguments = trial_json(trial, "{\"a\":1}"),
                                        .credential = f->credential,
                                        .arena = &trial->arena,
                                        .deadline_us = loop_now_us(&f->loops[0]) + 20 * 1000 * 1000,
                                        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                        .params = trial_json(trial, "{\"_meta\":{\"mine\":7,\"progressToken\":\"t\"}}"),
                                        .method = STR("tools/call"),
                                        .notify = trial_note,
                                        .done = trial_done};
  trial->call.client.wants_progress = true;
}

#define run_until(f, condition) WAIT_UNTIL(condition, loop_turn(&(f)->loops[0]))

static inline void run_for_a_while(struct fixture *f) {
  for (int i = 0; i < 20; i++) {
    uv_run(&f->loops[0].uv, UV_RUN_NOWAIT);
    uv_sleep(5);
  }
}

static inline void trial_begin(struct trial *trial) {
  mcp_invoke(&trial->call);
}

static inline void trial_wait(struct trial *trial) {
  while (trial->n_done == 0)
    uv_run(&trial->loop->uv, UV_RUN_ONCE);
  assert_int_equal(trial->n_done, 1);
}

static inline void trial_run(struct trial *trial) {
  trial_begin(trial);
  trial_wait(trial);
}

static inline void trial_end(struct trial *trial) {
  arena_release(&trial->arena);
}

static inline void assert_text(struct str text, const char *part) {
  if (!text.p || !memmem(text.p, text.n, part, strlen(part))) fail_msg("\"%.*s\" lacks \"%s\"", STR_ARG(text), part);
}

#endif
