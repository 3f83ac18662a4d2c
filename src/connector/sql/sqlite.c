/* The kind "sqlite": a database file of the operator's. Its calls run on the host's SQL threads; this file hands them
 * over and takes the answer back to the loop. While a job is on its thread it has memory of its own: the call's arena
 * stays the loop's. */
#include <limits.h>

#include "base/limits.h"
#include "connector/kinds.h"
#include "connector/sql/sqlite_statement.h"
#include "connector/sql/tool.h"

struct sqlite_connection { /* connector_connection.state */
  const char *path;
};

/* ---- definition and connection ---- */

static enum err_code sqlite_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                    struct err *err) {
  return sql_compile(arena, definition, "sqlite", NULL, ret_connector, err);
}

static enum err_code sqlite_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                                    const void **ret_state, struct err *err) {
  static const char *const names[] = {"file"};
  static const struct definition_members known = {names, 1, NULL, 0};
  enum err_code code = definition_check_members(settings, NULL, &known, "", err);
  if (code != ERR_NONE) return code;
  struct str file = json_get_str(settings, "file");
  if (file.n == 0) return definition_fail(err, "", "file", "the setting \"file\" must name a SQLite database");
  if (file.p[0] != '/') return definition_fail(err, "", "file", "file must be an absolute path");
  if (file.n >= PATH_MAX || memchr(file.p, '\0', file.n)) return definition_fail(err, "", "file", "not a path");
  struct sqlite_connection *connection = arena_new(arena, struct sqlite_connection);
  struct str path = arena_str(arena, file);
  if (!connection || !path.p) return err_no_memory(err);
  connection->path = path.p;
  *ret_state = connection;
  return ERR_NONE;
}

static enum err_code sqlite_check_credential(const struct connector *connector, yyjson_val *credential,
                                             struct err *err) {
  return definition_fail(err, "", "", "a SQLite database takes no credential");
}

/* ---- a call ---- */

struct sqlite_job { /* call->state, in the call's arena */
  struct executor_job job;
  struct connector_call *call;
  struct uuid connection_id;
  int64_t version;
  const char *path;
  enum sql_operation operation;
  atomic_bool is_cancelled;
  int64_t deadline_us;
  /* filled on the thread */
  struct buf out; /* on the heap */
  struct err err;
  enum err_code code;
  bool is_unknown;
};

static enum err_code operate(struct sqlite_job *job, struct sqlite_handle *handle, struct arena *scratch) {
  yyjson_val *arguments = job->call->arguments; /* read-only by now */
  switch (job->operation) {
    case SQL_LIST_TABLES:
      return sqlite_list_tables(handle, &job->out, &job->err);
    case SQL_DESCRIBE_TABLE:
      return sqlite_describe_table(handle, arguments, &job->out, &job->err);
    case SQL_QUERY:
      return sqlite_query(handle, arguments, scratch, &job->out, &job->err);
    case SQL_EXECUTE:
      return sqlite_execute(handle, arguments, scratch, &job->out, &job->is_unknown, &job->err);
    case SQL_NONE:
      break;
  }
  return err_set(&job->err, ERR_INTERNAL, "no such operation");
}

static void run(struct executor_job *executor_job, unsigned thread) {
  struct sqlite_job *job = (struct sqlite_job *)(void *)executor_job;
  const struct sqlite_limits limits = {&job->is_cancelled, job->deadline_us, job->call->max_result};
  if (atomic_load(&job->is_cancelled)) {
    job->code = err_set(&job->err, ERR_CANCELLED, "the call was cancelled");
    return;
  }
  if (clock_monotonic_us() > job->deadline_us) {
    job->code = err_set(&job->err, ERR_TIMEOUT, "the time for this call was up before its turn came");
    return;
  }
  struct sqlite_handle *handle;
  bool may_write = job->operation == SQL_EXECUTE;
  job->code = sqlite_handle_take(job->connection_id, job->version, job->path, may_write, &limits, &handle, &job->err);
  if (job->code != ERR_NONE) return;
  struct arena scratch;
  arena_init(&scratch, 0);
  job->code = operate(job, handle, &scratch);
  arena_release(&scratch);
}

static void done(struct executor_job *executor_job) {
  struct sqlite_job *job = (struct sqlite_job *)(void *)executor_job;
  struct connector_call *call = job->call;
  call->state = NULL;
  if (job->code == ERR_NONE) {
    struct str text = arena_str(call->arena, buf_str(&job->out));
    call->result = (struct connector_result){.text = text, .structured = text};
    if (!text.p) connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
  } else {
    connector_fail(call, job->code, "%.*s: %s", STR_ARG(call->connection->policy.name), job->err.text);
    call->result.is_unknown = job->is_unknown;
  }
  buf_release(&job->out);
  call->done(call);
}

static void sqlite_invoke(struct connector_call *call) {
  const struct sqlite_connection *connection = call->connection->state;
  const struct sql_tool *tool = call->tool->state;
  struct loop *loop = call->host->loop;
  call->state = NULL;
  struct sqlite_job *job = arena_new(call->arena, struct sqlite_job);
  if (!job) {
    connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
    call->done(call);
    return;
  }
  int64_t latest_us = loop_now_us(loop) + LIMIT_SQL_MS * 1000LL;
  job->job = (struct executor_job){.run = run, .done = done, .loop = loop};
  job->call = call;
  job->connection_id = call->connection->policy.id;
  job->version = call->connection->version;
  job->path = connection->path;
  job->operation = tool->operation;
  job->deadline_us = call->deadline_us < latest_us ? call->deadline_us : latest_us;
  buf_init(&job->out, NULL, LIMIT_SQL_BYTES);
  call->state = job;
  if (executor_submit(call->host->sql, &job->job)) return;
  call->state = NULL;
  connector_fail(call, ERR_UNAVAILABLE, "Too many database calls are waiting; try again in a moment.");
  call->done(call);
}

static void sqlite_cancel(struct connector_call *call) {
  struct sqlite_job *job = call->state;
  if (job) atomic_store(&job->is_cancelled, true);
}

const struct connector_kind connector_sqlite = {
    .name = "sqlite",
    .needs_rule = true,
    .compile = sqlite_compile,
    .connect = sqlite_connect,
    .check_credential = sqlite_check_credential,
    .invoke = sqlite_invoke,
    .cancel = sqlite_cancel,
};
