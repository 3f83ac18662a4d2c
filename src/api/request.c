/* A request's way: head and body checked, one transaction on a store thread, the wait for all workers where something
 * changed, the reply. Knows no resource. */
#include "api/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/document.h"
#include "audit/fact.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "signin/session.h"
#include "store/api.h"

#define API_PREFIX "/api/v1"
#define BUSY "the database has too much to do: try again in a moment"

/* Of making facts for one request: what it answers may be behind by what is more. */
enum { FACT_TURNS = 40 };

enum { KEY_NOTED_US = 60 * 1000000 };

enum { BODY_MAX = 2 * MIB, ANSWER_MAX = 64 * MIB, ARENA_MAX = 256 * MIB, FIELDS_MAX = 10 };

/* ---- the end ---- */

void api_free(void *context) {
  struct api_request *request = context;
  form_wipe(&request->query);
  vault_keys_free(request->keys);
  if (request->out.p) secret_wipe(request->out.p, request->out.n);
  arena_wipe(&request->arena);
  free(request);
}

static void add(struct http_field *fields, size_t *n, struct str name, struct str value) {
  if (value.n) fields[(*n)++] = (struct http_field){name, value};
}

static void reply(struct api_request *request) {
  struct api_worker *worker = request->worker;
  struct http_exchange *http = request->http;
  struct http_field *fields = arena_new_n(&request->arena, struct http_field, FIELDS_MAX);
  struct http_reply reply = {.release = api_free, .release_context = request};
  size_t n = 0;
  bool is_problem = request->code != ERR_NONE;
  reply.status = is_problem ? api_problem_status(request) : request->status;
  reply.body = is_problem ? api_problem(request) : request->out.n ? buf_str(&request->out) : STR_NONE;
  if (is_problem)
    reply.content_type = STR("application/problem+json");
  else if (reply.body.n)
    reply.content_type = request->content_type.n ? request->content_type : STR("application/json");
  if (fields) {
    add(fields, &n, STR("Cache-Control"), STR("no-store"));
    add(fields, &n, STR("X-Content-Type-Options"), STR("nosniff"));
    add(fields, &n, STR("Content-Security-Policy"), STR("default-src 'none'; frame-ancestors 'none'"));
    if (!is_problem) {
      add(fields, &n, STR("ETag"), request->etag);
      add(fields, &n, STR("Location"), request->location);
      add(fields, &n, STR("Set-Cookie"), request->cookie_to_set);
      add(fields, &n, STR("Idempotency-Replayed"), request->is_repeated ? STR("true") : STR_NONE);
    }
    if (reply.status == 401) add(fields, &n, STR("WWW-Authenticate"), STR("Bearer realm=\"connek api\""));
    if (reply.status == 429 || reply.status == 503) add(fields, &n, STR("Retry-After"), STR("5"));
  }
  reply.fields = fields;
  reply.n_fields = n;
  org_snapshot_unref(request->snapshot);
  request->snapshot = NULL;
  /* It may have held a credential. It is the server's buffer, which nobody reads after the reply. */
  if (http->body.n) secret_wipe((char *)(uintptr_t)http->body.p, http->body.n);
  http_reply(http, &reply);
  worker->ended(worker->context);
}

void api_reply(struct api_request *request) {
  if (request->code == ERR_NONE && buf_failed(&request->out))
    request->code = err_set(&request->err, ERR_TOO_LARGE, "the answer is too large: ask for less at once");
  if (request->operation)
    api_operation_end(request);
  else
    reply(request);
}

void api_end(struct api_request *request) {
  struct api_worker *worker = request->worker;
  org_snapshot_unref(request->snapshot);
  api_free(request);
  worker->ended(worker->context);
}

static void fail(struct api_request *request, enum err_code code, const char *text) {
  request->code = err_set(&request->err, code, "%s", text);
  api_reply(request);
}

/* ---- the transaction ---- */

static enum err_code run(struct db_tx *tx, void *context, struct err *err) {
  struct api_request *request = context;
  bool is_answered = false;
  enum err_code code = api_authenticate(request, tx, err);
  if (code == ERR_NONE && request->route->mode == API_WRITE) code = api_repeat_find(request, tx, &is_answered, err);
  if (code != ERR_NONE || is_answered) return code;
  if (request->route->needs_facts && request->n_turns < FACT_TURNS) {
    code = facts_are_behind(tx, request->organisation.id, &request->is_behind, err);
    if (code != ERR_NONE || request->is_behind) return code;
  }
  code = request->route->work(request, tx, err);
  if (code == ERR_NONE && request->route->mode == API_WRITE) code = api_repeat_keep(request, tx, err);
  return code;
}

static enum err_code touch(struct db_tx *tx, void *context, struct err *err) {
  const struct api_request *request = context;
  const struct api_principal *principal = &request->principal;
  int64_t now = clock_utc_us();
  return uuid_is_nil(principal->key_id) ? store_browser_session_seen(tx, principal->session.id, now, err)
                                        : store_api_key_used(tx, principal->key_id, now, err);
}

static void finish(struct api_request *request) {
  if (request->code == ERR_NONE && request->route->then && !request->is_repeated)
    request->route->then(request);
  else
    api_reply(request);
}

static void on_touched(struct db_job *job) {
  finish(job->context); /* whether it was noted that they were here matters to nobody */
}

static bool submit(struct api_request *request, bool is_write, db_work work, void (*done)(struct db_job *job)) {
  request->db = (struct db_job){
      .db = request->api->options.db, .work = work, .context = request, .is_write = is_write, .done = done};
  return db_submit(request->api->options.db, request->worker->loop, &request->db);
}

/* A session that is used stays open; of a key it is shown, and what it was refused is a use too. Not each one is noted:
 * that would make a write of every read. */
static bool is_worth_noting(const struct api_request *request) {
  const struct api_principal *principal = &request->principal;
  int64_t now = clock_utc_us();
  if (!uuid_is_nil(principal->key_id)) return now - principal->key_used_at > KEY_NOTED_US;
  return request->code == ERR_NONE && !uuid_is_nil(principal->session.id) && request->cookie_to_set.n == 0 &&
         signin_session_is_stale(&principal->session, now);
}

static void finish_seen(struct api_request *request) {
  if (!is_worth_noting(request) || !submit(request, true, touch, on_touched)) finish(request);
}

static void on_synced(struct coherence_wait *wait) {
  struct api_request *request = (struct api_request *)((char *)wait - offsetof(struct api_request, wait));
  if (wait->code != ERR_NONE)
    request->code = err_set(&request->err, ERR_UNAVAILABLE,
                            "it is saved, but not every worker has confirmed it yet; that takes some seconds");
  finish_seen(request);
}

static void on_done(struct db_job *job);

static void on_caught_up(struct db_job *job) {
  struct api_request *request = job->context;
  if (!submit(request, false, run, on_done)) fail(request, ERR_UNAVAILABLE, BUSY);
}

static enum err_code catch_up(struct db_tx *tx, void *context, struct err *err) {
  const struct api_request *request = context;
  bool are_behind;
  db_scope(tx, request->organisation.id);
  return facts_catch_up(tx, request->organisation.id, &are_behind, err);
}

static void on_done(struct db_job *job) {
  struct api_request *request = job->context;
  request->code = job->code;
  request->err = job->err;
  if (request->code == ERR_NONE && request->is_behind) {
    request->is_behind = false;
    request->n_turns++;
    if (!submit(request, true, catch_up, on_caught_up)) fail(request, ERR_UNAVAILABLE, BUSY);
    return;
  }
  if (request->code == ERR_CANCELLED && request->is_undone) {
    request->code = ERR_NONE;
    request->has_changed = false;
  }
  if (request->code != ERR_NONE || !request->has_changed) {
    finish_seen(request);
    return;
  }
  request->wait = (struct coherence_wait){.loop = request->worker->loop, .done = on_synced};
  coherence_await(request->api->coherence, &request->wait);
}

/* ---- what is asked ---- */

static bool has_json_type(const struct http_exchange *http) {
  struct str type;
  if (!http_field_once(http, "Content-Type", &type)) return false;
  struct str kind = str_cut(&type, ';');
  return str_eq_fold(str_trim(kind), STR("application/json"));
}

static bool read_body(struct api_request *request) {
  const struct schema *schema = api_document_body(request->api->document, request->route);
  yyjson_doc *doc;
  if (!schema) return true;
  if (!has_json_type(request->http)) {
    request->status = 415;
    request->code = err_set(&request->err, ERR_INVALID, "send JSON, with Content-Type: application/json");
    return false;
  }
  request->code = json_read(&request->arena, request->http->body, &doc, &request->err);
  if (request->code == ERR_INVALID) request->status = 400;
  if (request->code != ERR_NONE) return false;
  request->body = yyjson_doc_get_root(doc);
  request->code = schema_check(schema, request->body, &request->err);
  return request->code == ERR_NONE;
}

void api_submit(struct api_request *request) {
  if (!submit(request, request->route->mode == API_WRITE, run, on_done)) fail(request, ERR_UNAVAILABLE, BUSY);
}

static bool read_query(struct api_request *request) {
  request->status = 400;
  if (!form_read(&request->arena, request->http->query, &request->query)) {
    request->code = err_set(&request->err, ERR_INVALID, "the query cannot be read");
    return false;
  }
  request->code =
      api_document_check_query(request->api->document, request->route, &request->arena, &request->query, &request->err);
  if (request->code != ERR_NONE) return false;
  request->status = request->route->status;
  return true;
}

void api_take_snapshot(struct api_request *request) {
  struct uuid id;
  if (api_path_id(request, "organisation", &id, NULL) != ERR_NONE) return;
  struct org_slot *slot = coherence_find(request->api->coherence, id);
  if (slot) request->snapshot = org_slot_take(slot);
}

static void serve(struct api_request *request) {
  bool is_path;
  struct http_exchange *http = request->http;
  struct str path = str_make(http->path.p + sizeof(API_PREFIX) - 1, http->path.n - (sizeof(API_PREFIX) - 1));
  request->route = api_route_find(http->method, path, request->values, &is_path);
  if (!request->route) {
    request->status = is_path ? 405 : 404;
    fail(request, ERR_NOT_FOUND, is_path ? "not by this method" : "nothing is here: /api/v1/openapi.json says what is");
    return;
  }
  request->status = request->route->status;
  if (!api_read_credentials(request) || !read_query(request) || !read_body(request)) {
    api_reply(request);
    return;
  }
  api_take_snapshot(request);
  api_submit(request);
}

bool api_serves(struct str path) {
  const struct str prefix = STR(API_PREFIX);
  return str_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

bool api_on_head(struct http_exchange *http, struct http_reply *ret_refusal) {
  if (signin_body_fits(http, BODY_MAX)) return true;
  ret_refusal->status = 413;
  ret_refusal->content_type = STR("application/problem+json");
  ret_refusal->body =
      STR("{\"type\":\"urn:connek:problem:too_large\",\"title\":\"Too large\",\"status\":413,"
          "\"detail\":\"A body has a length, of 2 MiB at most.\"}");
  return false;
}

void api_serve(struct api_worker *worker, struct http_exchange *http) {
  struct api_request *request = calloc(1, sizeof(*request));
  if (!request) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  arena_init(&request->arena, ARENA_MAX);
  request->worker = worker;
  request->api = worker->api;
  request->http = http;
  buf_init(&request->out, &request->arena, ANSWER_MAX);
  request->base = signin_base(worker->api->options.signin, http, &request->arena);
  worker->begun(worker->context);
  serve(request);
}

/* ---- what handlers use ---- */

struct str api_path_text(const struct api_request *request, const char *name) {
  struct str pattern = str_of(request->route->path), wanted = str_of(name);
  size_t n = 0;
  while (pattern.p) {
    struct str segment = str_cut(&pattern, '/');
    if (segment.n < 2 || segment.p[0] != '{') continue;
    if (str_eq(str_make(segment.p + 1, segment.n - 2), wanted)) return request->values[n];
    n++;
  }
  return STR_NONE;
}

enum err_code api_path_id(const struct api_request *request, const char *name, struct uuid *ret_id, struct err *err) {
  if (uuid_parse(api_path_text(request, name), ret_id)) return ERR_NONE;
  return err_set(err, ERR_NOT_FOUND, "there is no such %s", name);
}

struct str api_query(const struct api_request *request, const char *name) {
  return form_get(&request->query, name);
}

bool api_query_id(const struct api_request *request, const char *name, struct uuid *ret_id) {
  return uuid_parse(api_query(request, name), ret_id);
}

bool api_query_flag(const struct api_request *request, const char *name) {
  return str_eq(api_query(request, name), STR("true"));
}

enum err_code api_query_time(const struct api_request *request, const char *name, int64_t *ret_us, struct err *err) {
  struct str text = api_query(request, name);
  *ret_us = 0;
  if (!text.p || clock_parse(text, ret_us)) return ERR_NONE;
  (void)err_set(err, ERR_INVALID, "the parameter %s must be a time in UTC, such as 2026-11-20T09:30:00Z", name);
  err_place(err, "%s", name);
  return ERR_INVALID;
}

enum err_code api_keys(struct api_request *request, const struct vault_keys **ret_keys, struct err *err) {
  enum err_code code = ERR_NONE;
  if (!request->keys)
    code = vault_keys_open(request->api->options.vault, request->organisation.id, request->organisation.data_key,
                           &request->keys, err);
  if (code == ERR_NONE) *ret_keys = request->keys;
  return code;
}

enum err_code api_wrong(struct err *err, const char *pointer, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  (void)err_set(err, ERR_INVALID, "%s", text);
  err_place(err, "%s", pointer);
  return ERR_INVALID;
}

enum err_code api_etag(struct api_request *request, struct str editable, struct str *ret_etag, struct err *err) {
  uint8_t digest[32];
  char text[65];
  vault_sha256(editable, digest);
  for (size_t i = 0; i < 8; i++)
    (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
  struct str etag = arena_printf(&request->arena, "\"%.16s\"", text);
  if (!etag.p) return err_no_memory(err);
  request->etag = etag;
  if (ret_etag) *ret_etag = etag;
  return ERR_NONE;
}

enum err_code api_check_match(struct api_request *request, struct str etag, struct err *err) {
  struct str shown;
  if (!http_field_once(request->http, "If-Match", &shown) || !shown.p) {
    request->status = 428;
    return err_set(err, ERR_CONFLICT, "say in If-Match which version this edits: the ETag of what was read");
  }
  if (str_eq(shown, etag)) return ERR_NONE;
  request->status = 412;
  return err_set(err, ERR_CONFLICT, "somebody has changed it meanwhile: read it again, then edit that");
}

enum err_code api_changed(struct api_request *request, struct db_tx *tx, struct err *err) {
  request->has_changed = true;
  return store_change_log(tx, request->organisation.id, CHANGE_ORGANISATION, request->organisation.id, err);
}

/* ---- a server's ---- */

enum err_code api_start(struct api *api, const struct api_options *options, struct err *err) {
  api->options = *options;
  arena_init(&api->arena, 0);
  return api_document_open(&api->arena, &api->document, err);
}

void api_stop(struct api *api) {
  arena_release(&api->arena);
}
