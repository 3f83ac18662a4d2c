/* The kind "postgres": a database of somebody's, over the network. Its calls run on sessions of their connection
 * (postgres_pool.c); this file reads settings, hands calls over and takes answers back to the loop. A call is answered
 * in time, whatever its session does. Must not know libpq. */
#include <stdlib.h>

#include "connector/kinds.h"
#include "connector/sql/postgres.h"

enum {
  SESSIONS = 4,
  SESSIONS_MAX = 16,
  TEXT_MAX = 255,
  ROLE_MAX = 63, /* NAMEDATALEN - 1 */
  CA_MAX = 32 * KIB,
  PASSWORD_MAX = 1024,
};

/* ---- definition and connection ---- */

static enum err_code postgres_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                      struct err *err) {
  /* What a form asks for: the settings themselves are facts of this file. */
  static const char *const names[] = {"settings", "auth"};
  static const struct definition_members own = {names, 2, NULL, 0};
  return sql_compile(arena, definition, "postgres", &own, ret_connector, err);
}

/* A text that names something: it reaches libpq, which ends texts at a NUL. */
static enum err_code read_name(struct arena *arena, yyjson_val *settings, const char *name, size_t max,
                               struct str *ret_text, struct err *err) {
  struct str text = json_get_str(settings, name);
  if (text.n == 0) return definition_fail(err, "", name, "the connector needs the setting \"%s\"", name);
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
      return definition_fail(err, "", name, "%s has a control character", name);
  if (text.n > max) return definition_fail(err, "", name, "%s must be at most %zu bytes", name, max);
  *ret_text = arena_str(arena, text);
  return ret_text->p ? ERR_NONE : err_no_memory(err);
}

/* A name or an address: no path of a socket, no second host. */
static enum err_code read_host(struct arena *arena, yyjson_val *settings, struct str *ret_host, struct err *err) {
  enum err_code code = read_name(arena, settings, "host", TEXT_MAX, ret_host, err);
  if (code != ERR_NONE) return code;
  bool is_v6 = memchr(ret_host->p, ':', ret_host->n) != NULL;
  uint8_t ignored[16];
  if (is_v6 && address_literal_parse(*ret_host, ignored) != 16)
    return definition_fail(err, "", "host", "host is a name or an address; its port stands in \"port\"");
  char *p = (char *)(uintptr_t)ret_host->p; /* our own copy */
  for (size_t i = 0; !is_v6 && i < ret_host->n; i++) {
    if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
    bool is_good =
        (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-' || p[i] == '.' || p[i] == '_';
    if (!is_good)
      return definition_fail(err, "", "host", "host is one name or address: letters, digits, \"-\" and \".\"");
  }
  return ERR_NONE;
}

/* As a number, or as its digits: forms send texts. */
static enum err_code read_number(yyjson_val *settings, const char *name, uint64_t least, uint64_t most,
                                 uint64_t fallback, uint64_t *ret_number, struct err *err) {
  yyjson_val *value = json_get(settings, name);
  uint64_t number = fallback;
  bool is_good = !value || (yyjson_is_str(value) && str_to_u64(json_str(value), &number));
  if (yyjson_is_uint(value)) {
    number = yyjson_get_uint(value);
    is_good = true;
  }
  if (!is_good || number < least || number > most)
    return definition_fail(err, "", name, "%s must be a whole number from %llu to %llu", name,
                           (unsigned long long)least, (unsigned long long)most);
  *ret_number = number;
  return ERR_NONE;
}

static enum err_code read_tls(yyjson_val *settings, enum postgres_tls *ret_tls, struct err *err) {
  static const char *const words[] = {
      [POSTGRES_TLS_VERIFIED] = "verify-full", [POSTGRES_TLS_REQUIRED] = "require", [POSTGRES_TLS_NONE] = "disable"};
  yyjson_val *value = json_get(settings, "tls");
  *ret_tls = POSTGRES_TLS_DEFAULT;
  if (!value) return ERR_NONE;
  for (enum postgres_tls tls = POSTGRES_TLS_VERIFIED; tls <= POSTGRES_TLS_NONE; tls++) {
    if (!str_eq_c(json_str(value), words[tls])) continue;
    *ret_tls = tls;
    return ERR_NONE;
  }
  return definition_fail(err, "", "tls", "tls must be \"verify-full\", \"require\" or \"disable\"");
}

static enum err_code read_ca(struct arena *arena, yyjson_val *settings, struct str *ret_ca, struct err *err) {
  yyjson_val *value = json_get(settings, "ca");
  *ret_ca = STR("");
  if (!value) return ERR_NONE;
  struct str text = json_str(value);
  if (text.n > CA_MAX || !memmem(text.p ? text.p : "", text.n, "-----BEGIN CERTIFICATE-----", 27))
    return definition_fail(err, "", "ca", "ca must be certificates in PEM, at most %d KiB", CA_MAX / KIB);
  *ret_ca = arena_str(arena, text);
  return ret_ca->p ? ERR_NONE : err_no_memory(err);
}

static enum err_code read_access(yyjson_val *settings, bool *ret_may_write, struct err *err) {
  yyjson_val *value = json_get(settings, "access");
  *ret_may_write = str_eq(json_str(value), STR("write"));
  if (!value || *ret_may_write || str_eq(json_str(value), STR("read"))) return ERR_NONE;
  return definition_fail(err, "", "access", "access must be \"read\" or \"write\"");
}

static enum err_code postgres_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                                      const void **ret_state, struct err *err) {
  static const char *const names[] = {"host", "port",   "database", "user",      "tls",
                                      "ca",   "access", "sessions", "timeout_ms"};
  static const struct definition_members known = {names, 9, NULL, 0};
  struct postgres_target *target = arena_new(arena, struct postgres_target);
  uint64_t port = 0, sessions = 0, timeout_ms = 0;
  enum err_code code = target ? definition_check_members(settings, NULL, &known, "", err) : err_no_memory(err);
  if (code == ERR_NONE) code = read_host(arena, settings, &target->host, err);
  if (code == ERR_NONE) code = read_number(settings, "port", 1, UINT16_MAX, 5432, &port, err);
  if (code == ERR_NONE) code = read_name(arena, settings, "database", ROLE_MAX, &target->database, err);
  if (code == ERR_NONE) code = read_name(arena, settings, "user", ROLE_MAX, &target->user, err);
  if (code == ERR_NONE) code = read_tls(settings, &target->tls, err);
  if (code == ERR_NONE) code = read_ca(arena, settings, &target->ca, err);
  if (code == ERR_NONE) code = read_access(settings, &target->may_write, err);
  if (code == ERR_NONE) code = read_number(settings, "sessions", 1, SESSIONS_MAX, SESSIONS, &sessions, err);
  if (code == ERR_NONE) code = read_number(settings, "timeout_ms", 100, LIMIT_CALL_MS, LIMIT_SQL_MS, &timeout_ms, err);
  if (code != ERR_NONE) return code;
  target->port = (uint16_t)port;
  target->n_sessions = (unsigned)sessions;
  target->timeout_us = (int64_t)timeout_ms * 1000;
  *ret_state = target;
  return ERR_NONE;
}

static enum err_code postgres_check_credential(const struct connector *connector, yyjson_val *credential,
                                               struct err *err) {
  static const char *const names[] = {"password"};
  static const struct definition_members known = {names, 1, NULL, 0};
  struct str password = json_get_str(credential, "password");
  enum err_code code = definition_check_members(credential, NULL, &known, "", err);
  if (code != ERR_NONE) return code;
  if (password.n == 0) return definition_fail(err, "", "password", "the credential needs the member \"password\"");
  if (password.n > PASSWORD_MAX || memchr(password.p, '\0', password.n))
    return definition_fail(err, "", "password", "password must be a text of at most %d bytes", PASSWORD_MAX);
  return ERR_NONE;
}

/* How it is secured as well: who may change that could have the password sent to themselves. */
static void postgres_destination(const struct connector *connector, const void *state, struct buf *out) {
  const struct postgres_target *target = state;
  buf_printf(out, "postgres://%.*s:%u %d ", STR_ARG(target->host), target->port, (int)target->tls);
  buf_append_str(out, target->ca);
}

/* ---- the end of a call ---- */

static void job_free(struct postgres_job *job) {
  buf_release(&job->out);
  arena_release(&job->arena);
  free(job);
}

/* The job is no longer the call's. */
static struct connector_call *part(struct postgres_job *job) {
  struct connector_call *call = job->call;
  job->call = NULL;
  call->state = NULL;
  if (call->host->timers) timers_cancel(call->host->timers, &job->patience);
  return call;
}

static void on_answer(struct loop_task *task) {
  struct postgres_job *job = (struct postgres_job *)(void *)((char *)task - offsetof(struct postgres_job, task));
  if (!job->call) { /* answered before */
    job_free(job);
    return;
  }
  struct connector_call *call = part(job);
  if (job->code == ERR_NONE) {
    struct str text = arena_str(call->arena, buf_str(&job->out));
    call->result = (struct connector_result){.text = text, .structured = text};
    if (!text.p) connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
  } else {
    connector_fail(call, job->code, "%.*s: %s", STR_ARG(call->connection->policy.name), job->err.text);
    call->result.is_unknown = job->is_unknown;
    call->result.is_refused = job->is_refused;
    call->result.detail = arena_str(call->arena, str_of(job->err.detail));
  }
  call->result.notice = arena_str(call->arena, str_of(job->notice));
  job_free(job);
  call->done(call);
}

/* What its session will say, nobody hears. */
static void abandon(struct postgres_job *job) {
  struct connector_call *call = part(job);
  bool is_cancelled = atomic_load(&job->is_cancelled);
  connector_fail(call, is_cancelled ? ERR_CANCELLED : ERR_TIMEOUT, "%.*s: %s", STR_ARG(call->connection->policy.name),
                 is_cancelled ? "the call was cancelled" : "the database server did not answer in time");
  call->result.is_unknown = job->operation == SQL_EXECUTE;
  call->done(call);
}

static void on_patience(struct timer *timer) {
  struct postgres_job *job = (struct postgres_job *)(void *)((char *)timer - offsetof(struct postgres_job, patience));
  struct connector_call *call = job->call;
  enum postgres_state state = postgres_pools_withdraw(call->host->postgres, job);
  int64_t last_us = job->deadline_us + LIMIT_POSTGRES_STOP_MS * 1000LL;
  if (state == POSTGRES_ENDED) return; /* its answer is on its way */
  if (state == POSTGRES_RUNS && !atomic_load(&job->is_cancelled) && loop_now_us(job->loop) < last_us) {
    timers_set(call->host->timers, timer, last_us);
    return;
  }
  if (state == POSTGRES_RUNS) {
    abandon(job);
    return;
  }
  bool is_cancelled = atomic_load(&job->is_cancelled);
  (void)part(job);
  connector_fail(call, is_cancelled ? ERR_CANCELLED : ERR_UNAVAILABLE, "%.*s: %s",
                 STR_ARG(call->connection->policy.name),
                 is_cancelled ? "the call was cancelled"
                              : "all sessions of the connection were in use, and none came free in time");
  job_free(job);
  call->done(call);
}

/* ---- its beginning ---- */

static enum err_code fill(struct postgres_job *job, const struct connector_call *call, struct err *err) {
  yyjson_val *arguments = call->arguments;
  job->sql = arena_str(&job->arena, json_get_str(arguments, "sql"));
  job->table = arena_str(&job->arena, json_get_str(arguments, "table"));
  if (!job->sql.p || !job->table.p) return err_no_memory(err);
  if (memchr(job->table.p, '\0', job->table.n)) return err_set(err, ERR_NOT_FOUND, "there is no such table");
  return postgres_params_read(&job->arena, json_get(arguments, "params"), &job->params, &job->n_params, err);
}

static struct postgres_job *job_new(struct connector_call *call, int64_t now_us, struct err *err) {
  const struct postgres_target *target = call->connection->state;
  const struct sql_tool *tool = call->tool->state;
  struct postgres_job *job = calloc(1, sizeof(*job));
  if (!job) {
    (void)err_no_memory(err);
    return NULL;
  }
  int64_t latest_us = now_us + target->timeout_us;
  job->task.run = on_answer;
  job->loop = call->host->loop;
  job->patience.run = on_patience;
  job->call = call;
  job->operation = tool->operation;
  job->deadline_us = call->deadline_us < latest_us ? call->deadline_us : latest_us;
  job->max_result = call->max_result;
  arena_init(&job->arena, 0);
  buf_init(&job->out, NULL, LIMIT_SQL_BYTES);
  if (fill(job, call, err) == ERR_NONE) return job;
  job_free(job);
  return NULL;
}

static enum err_code check(const struct connector_call *call, struct err *err) {
  const struct postgres_target *target = call->connection->state;
  const struct sql_tool *tool = call->tool->state;
  if (tool->operation == SQL_EXECUTE && !target->may_write)
    return err_set(err, ERR_DENIED,
                   "this connection is for reading alone: an administrator can set its access to \"write\"");
  if (tool->operation != SQL_EXECUTE && tool->operation != SQL_QUERY) return ERR_NONE;
  return postgres_statement_check(tool->operation, json_get_str(call->arguments, "sql"), err);
}

static void postgres_invoke(struct connector_call *call) {
  struct loop *loop = call->host->loop;
  struct postgres_job *job = NULL;
  struct err err = {0};
  call->state = NULL;
  enum err_code code = call->host->postgres ? check(call, &err) : err_set(&err, ERR_INTERNAL, "there are no sessions");
  if (code == ERR_NONE) job = job_new(call, loop_now_us(loop), &err);
  if (job && postgres_pools_submit(call->host->postgres, call, call->connection->state, job, &err)) {
    call->state = job;
    if (call->host->timers) timers_set(call->host->timers, &job->patience, job->deadline_us);
    return;
  }
  if (job) job_free(job);
  connector_fail(call, err.code, "%.*s: %s", STR_ARG(call->connection->policy.name), err.text);
  call->done(call);
}

static void postgres_cancel(struct connector_call *call) {
  struct postgres_job *job = call->state;
  if (!job) return;
  atomic_store(&job->is_cancelled, true);
  int64_t now_us = loop_now_us(call->host->loop);
  /* Never from within: the timer says that it is over, at once where it waited. */
  bool waits = postgres_pools_wake(call->host->postgres, job) == POSTGRES_WAITS;
  if (call->host->timers)
    timers_set(call->host->timers, &job->patience, waits ? now_us : now_us + LIMIT_POSTGRES_STOP_MS * 1000LL);
}

const struct connector_kind connector_postgres = {
    .name = "postgres",
    .needs_rule = true,
    .compile = postgres_compile,
    .connect = postgres_connect,
    .check_credential = postgres_check_credential,
    .destination = postgres_destination,
    .invoke = postgres_invoke,
    .cancel = postgres_cancel,
};
