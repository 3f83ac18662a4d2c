/* Messages over stdio: a child process for each upstream, started on demand, left alone for longer and longer when it
 * keeps ending. Must not know what a message is about.
 *
 * All messages share one channel: answers are found by their ids (message.c). */
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"
#include "net/child.h"

enum {
  ENVIRONMENT_MAX = 160,
  NONSENSE_MAX = 100, /* lines in a row that are no messages */
  LOG_LINES = 20,     /* of standard error, in LOG_WINDOW_US */
};
#define LOG_WINDOW_US (INT64_C(10) * 1000 * 1000)
#define STEADY_US (INT64_C(60) * 1000 * 1000)

struct mcp_child {
  struct mcp_upstream *upstream; /* NULL: it has been let go of, and may end as it likes */
  struct mcp_home *home;
  struct child *process;
  int64_t started_us, log_window_us;
  unsigned n_nonsense, n_logged;
  bool is_stopping;
};

/* ---- what it is started with ---- */

struct environment {
  const char *list[ENVIRONMENT_MAX + 1];
  size_t n;
  struct buf memory; /* of those made here: never grows, so that nothing is left behind */
};

static void variable(struct environment *environment, struct str name, struct str value) {
  size_t from = environment->memory.n;
  buf_append_str(&environment->memory, name);
  buf_append_byte(&environment->memory, '=');
  buf_append_str(&environment->memory, value);
  buf_append_byte(&environment->memory, '\0');
  if (environment->n < ENVIRONMENT_MAX && !buf_failed(&environment->memory))
    environment->list[environment->n++] = environment->memory.p + from;
}

static bool has_variable(const struct environment *environment, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < environment->n; i++)
    if (strncmp(environment->list[i], name, n) == 0 && environment->list[i][n] == '=') return true;
  return false;
}

static enum err_code environment_make(struct environment *environment, const struct mcp_upstream *upstream,
                                      const char *directory, struct err *err) {
  struct mcp_opened opened;
  size_t i, n;
  yyjson_val *key, *value;
  enum err_code code = mcp_credential_open(&opened, upstream->credential, err);
  if (code != ERR_NONE) return code;
  environment->n = 0;
  buf_init(&environment->memory, NULL, opened.n + 64 * KIB);
  (void)buf_reserve(&environment->memory, opened.n + 64 * KIB);
  yyjson_val *secrets = json_get(opened.root, "environment");
  if (yyjson_is_obj(secrets)) {
    yyjson_obj_foreach(secrets, i, n, key, value) {
      variable(environment, json_str(key), json_str(value));
    }
  }
  mcp_credential_close(&opened);
  for (const char *const *plain = upstream->target->plain_environment; plain && *plain; plain++)
    if (environment->n < ENVIRONMENT_MAX) environment->list[environment->n++] = *plain;
  if (!has_variable(environment, "PATH"))
    variable(environment, STR("PATH"), STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  if (!has_variable(environment, "HOME")) variable(environment, STR("HOME"), str_of(directory));
  if (!has_variable(environment, "LANG")) variable(environment, STR("LANG"), STR("C.UTF-8"));
  environment->list[environment->n] = NULL;
  return buf_failed(&environment->memory) ? err_no_memory(err) : ERR_NONE;
}

static void environment_wipe(struct environment *environment) {
  if (environment->memory.p) secret_wipe(environment->memory.p, environment->memory.n);
  buf_release(&environment->memory);
}

/* ---- what it says ---- */

static void on_line(void *context, struct str line) {
  struct mcp_child *child = context;
  struct mcp_upstream *upstream = child->upstream;
  struct err err;
  if (!upstream || upstream->is_gone) return;
  if (mcp_receive(upstream, NULL, line, &err) == ERR_NONE) {
    child->n_nonsense = 0;
    return;
  }
  /* Some print what belongs on standard error; one that prints nothing else is no MCP server. */
  if (++child->n_nonsense == 1) mcp_upstream_log(upstream, "%s", err.text);
  if (child->n_nonsense < NONSENSE_MAX) return;
  mcp_upstream_log(upstream, "says nothing that is MCP, and is stopped");
  child_stop(child->process);
}

static void on_error_line(void *context, struct str line) {
  struct mcp_child *child = context;
  char text[400];
  if (!child->upstream) return;
  int64_t now_us = mcp_now_us(child->upstream);
  if (now_us - child->log_window_us > LOG_WINDOW_US) {
    child->log_window_us = now_us;
    child->n_logged = 0;
  }
  if (++child->n_logged > LOG_LINES) return;
  snprintf(text, sizeof(text), "%.*s", (int)(line.n < sizeof(text) ? line.n : sizeof(text) - 1), line.p);
  mcp_credential_blot_line(child->upstream->credential, text, strlen(text)); /* it may print what it was given */
  mcp_upstream_log(child->upstream, child->n_logged == LOG_LINES ? "stderr: %s (and more)" : "stderr: %s", text);
}

/* ---- its end ---- */

static void leave_alone(struct mcp_upstream *upstream, const char *how) {
  unsigned n = upstream->n_crashes++;
  int64_t wait_ms = n < 8 ? INT64_C(500) << n : LIMIT_MCP_BACK_OFF_MS;
  if (wait_ms > LIMIT_MCP_BACK_OFF_MS) wait_ms = LIMIT_MCP_BACK_OFF_MS;
  upstream->not_before_us = mcp_now_us(upstream) + wait_ms * 1000;
  mcp_upstream_log(upstream, "%s; it is started again in %lld ms at the earliest", how, (long long)wait_ms);
}

static void on_ended(void *context, const char *how) {
  struct mcp_child *child = context;
  struct mcp_upstream *upstream = child->upstream;
  bool was_stopped = child->is_stopping;
  char text[ERR_TEXT_SIZE];
  if (!upstream) {
    free(child);
    return;
  }
  upstream->child = NULL;
  if (!was_stopped && mcp_now_us(upstream) - child->started_us > STEADY_US) upstream->n_crashes = 0;
  free(child);
  snprintf(text, sizeof(text), "%.*s %s before it had answered", STR_ARG(mcp_upstream_name(upstream)), how);
  if (!was_stopped) leave_alone(upstream, how);
  mcp_session_lost(upstream, ERR_UPSTREAM, text);
  mcp_upstream_settle(upstream);
}

void mcp_child_close(struct mcp_upstream *upstream) {
  struct mcp_child *child = upstream->child;
  mcp_idle_end(upstream);
  if (!child || child->is_stopping) return;
  child->is_stopping = true;
  child_stop(child->process);
}

/* ---- its beginning ---- */

static enum err_code start(struct mcp_upstream *upstream, struct mcp_child *child, struct err *err) {
  struct environment environment = {.n = 0};
  char directory[4096];
  const char *const hidden[] = {upstream->home->upstreams->data_dir, NULL}, *problem = child_sandbox_problem();
  enum err_code code = mcp_folder_find(upstream, directory, sizeof(directory), err);
  if (code == ERR_NONE) code = environment_make(&environment, upstream, directory, err);
  const struct child_options options = {.command = upstream->target->command,
                                        .environment = environment.list,
                                        .directory = directory,
                                        .is_sandboxed = problem == NULL,
                                        .hidden = hidden,
                                        .max_line = LIMIT_MCP_MESSAGE,
                                        .max_unread = LIMIT_MCP_UNREAD,
                                        .on_line = on_line,
                                        .on_error_line = on_error_line,
                                        .on_ended = on_ended,
                                        .context = child};
  if (code == ERR_NONE) code = child_start(upstream->home->host->loop, &options, &child->process, err);
  environment_wipe(&environment);
  if (code == ERR_NONE && problem) mcp_upstream_log(upstream, "runs without a sandbox: %s", problem);
  return code;
}

void mcp_child_open(struct mcp_upstream *upstream) {
  struct str name = mcp_upstream_name(upstream);
  int64_t now_us = mcp_now_us(upstream), wait_us = upstream->not_before_us - now_us;
  char text[ERR_TEXT_SIZE];
  struct err err;
  if (upstream->child && !upstream->child->is_stopping) {
    mcp_shake_hands(upstream);
    return;
  }
  if (upstream->child) return; /* on_ended goes on with those that wait */
  if (wait_us > 0) {
    snprintf(text, sizeof(text), "%.*s keeps ending and is left alone; it is started again in %lld seconds",
             STR_ARG(name), (long long)(wait_us / 1000000 + 1));
    mcp_era_failed(upstream, ERR_UNAVAILABLE, text);
    return;
  }
  struct mcp_child *child = calloc(1, sizeof(*child));
  enum err_code code = child ? ERR_NONE : err_no_memory(&err);
  if (child) *child = (struct mcp_child){.upstream = upstream, .home = upstream->home, .started_us = now_us};
  if (code == ERR_NONE) code = start(upstream, child, &err);
  if (code != ERR_NONE) {
    free(child);
    leave_alone(upstream, err.text);
    err_prefix(&err, "%.*s", STR_ARG(name));
    mcp_era_failed(upstream, code, err.text);
    return;
  }
  upstream->child = child;
  mcp_shake_hands(upstream);
}

/* ---- what it is told ---- */

void mcp_child_post(struct mcp_upstream *upstream, struct str message) {
  if (upstream->child && !upstream->child->is_stopping) child_write(upstream->child->process, message);
}

void mcp_child_send(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  struct arena arena;
  arena_init(&arena, 0);
  struct str text = mcp_request_text(request, &arena);
  if (!text.p) {
    mcp_request_fail(request, ERR_TOO_LARGE, "the call is too large");
  } else if (!upstream->child || upstream->child->is_stopping) {
    mcp_request_fail(request, ERR_UNAVAILABLE, "%.*s has just ended; call again", STR_ARG(mcp_upstream_name(upstream)));
  } else {
    request->was_sent = true;
    child_write(upstream->child->process, text);
  }
  arena_release(&arena);
}
