/* How a request waits for other threads, and how it ends. Knows no page. */
#include "signin/request.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/secret.h"

enum {
  PAGE_MAX = 512 * KIB,
  HASHING_MAX = 32, /* waiting for a thread for passwords; beyond: 503 */
};

static void free_request(void *context) {
  struct request *request = context;
  form_wipe(&request->form);
  arena_release(&request->arena);
  free(request);
}

/* The body may have held a password. It is the server's buffer, which nobody reads after the reply. */
void request_reply(struct request *request, struct http_reply *reply) {
  struct signin_worker *worker = request->worker;
  struct http_exchange *http = request->http;
  reply->release = free_request;
  reply->release_context = request;
  if (http->body.n) secret_wipe((char *)(uintptr_t)http->body.p, http->body.n);
  http_reply(http, reply);
  worker->ended(worker->context);
}

static void reply_out_of_memory(struct request *request) {
  request_reply(request,
                &(struct http_reply){.status = 503, .content_type = STR("text/plain"), .body = STR("Out of memory\n")});
}

static void add_cookies(const struct request *request, struct http_field *fields, size_t *n) {
  for (size_t i = 0; i < request->n_set_cookies; i++)
    fields[(*n)++] = (struct http_field){STR("Set-Cookie"), request->set_cookies[i]};
}

void request_reply_page(struct request *request, int status, struct str form_target) {
  size_t n = 0;
  struct http_field *fields = page_fields(&request->arena, form_target, &n);
  page_end(&request->page);
  if (!fields || buf_failed(&request->page)) {
    reply_out_of_memory(request);
    return;
  }
  add_cookies(request, fields, &n);
  request_reply(request, &(struct http_reply){.status = status,
                                              .content_type = STR("text/html; charset=utf-8"),
                                              .fields = fields,
                                              .n_fields = n,
                                              .body = buf_str(&request->page)});
}

void request_redirect(struct request *request, struct str location) {
  struct http_field *fields = arena_new_n(&request->arena, struct http_field, PAGE_FIELDS);
  size_t n = 0;
  bool is_path = location.n && location.p[0] == '/';
  if (is_path) location = arena_printf(&request->arena, "%.*s%.*s", STR_ARG(request->base), STR_ARG(location));
  if (!fields || !location.p) {
    reply_out_of_memory(request);
    return;
  }
  fields[n++] = (struct http_field){STR("Location"), location};
  fields[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
  fields[n++] = (struct http_field){STR("Referrer-Policy"), STR("no-referrer")};
  add_cookies(request, fields, &n);
  /* 303: whatever follows is a GET, and no password travels on (RFC 9700, 4.12). */
  request_reply(request, &(struct http_reply){.status = 303, .fields = fields, .n_fields = n});
}

void request_reply_json(struct request *request, int status, struct str body) {
  struct http_field *fields = arena_new_n(&request->arena, struct http_field, 6);
  size_t n = 0;
  if (!fields || !body.p) {
    reply_out_of_memory(request);
    return;
  }
  fields[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
  fields[n++] = (struct http_field){STR("X-Content-Type-Options"), STR("nosniff")};
  /* Any web page may speak to these as a client does: no cookie is looked at here. */
  fields[n++] = (struct http_field){STR("Access-Control-Allow-Origin"), STR("*")};
  if (status == 401) fields[n++] = (struct http_field){STR("WWW-Authenticate"), STR("Basic realm=\"connek\"")};
  if (status == 429) fields[n++] = (struct http_field){STR("Retry-After"), STR("60")};
  request_reply(
      request,
      &(struct http_reply){
          .status = status, .content_type = STR("application/json"), .fields = fields, .n_fields = n, .body = body});
}

struct buf *request_page(struct request *request, const char *title, struct str lead) {
  buf_init(&request->page, &request->arena, PAGE_MAX);
  page_begin(&request->page, str_of(title), lead);
  page_problem(&request->page, request->problem);
  return &request->page;
}

void request_form(struct request *request, const char *action) {
  char token[COOKIE_SIZE];
  visitor_form_token(request, token);
  HTML(&request->page, "<form method=\"post\" action=\"{}\">", str_of(action));
  page_hidden(&request->page, "csrf", str_of(token));
}

bool request_form_is_genuine(struct request *request) {
  char token[COOKIE_SIZE];
  visitor_form_token(request, token);
  struct str shown = form_get(&request->form, "csrf");
  return !request->visitor.is_form_cookie_new && str_eq_constant_time(shown, str_of(token));
}

void request_reply_notice(struct request *request, int status, const char *title, struct str text) {
  request->problem = STR_NONE;
  (void)request_page(request, title, text);
  request_reply_page(request, status, STR_NONE);
}

void request_tell(struct request *request, const char *what) {
  if (request->signin->options.on_problem) request->signin->options.on_problem(what, &request->err);
}

void request_reply_failure(struct request *request) {
  switch (request->code) {
    case ERR_INVALID:
    case ERR_CONFLICT:
      request_reply_notice(request, 400, "That did not work", str_of(request->err.text));
      break;
    case ERR_NOT_FOUND:
      request_reply_notice(request, 404, "Nothing is here", str_of(request->err.text));
      break;
    case ERR_DENIED:
      request_reply_notice(request, 403, "Not allowed", str_of(request->err.text));
      break;
    default:
      request_tell(request, "sign_in_failed");
      request_reply_notice(
          request, 503, "Not now",
          STR("The server could not do this at the moment. Try again; if it goes on, tell your admin."));
  }
}

/* --- waiting --- */

static enum err_code run_work(struct db_tx *tx, void *context, struct err *err) {
  struct request *request = context;
  return request->work(request, tx, err);
}

static void on_db_done(struct db_job *job) {
  struct request *request = job->context;
  request->code = job->code;
  request->err = job->err;
  request->then(request);
}

static void submit(struct request *request, bool is_write, request_work work, request_then then) {
  request->work = work;
  request->then = then;
  request->db = (struct db_job){.db = request->signin->options.db,
                                .work = run_work,
                                .context = request,
                                .is_write = is_write,
                                .done = on_db_done};
  if (db_submit(request->signin->options.db, request->worker->loop, &request->db)) return;
  request->code = err_set(&request->err, ERR_UNAVAILABLE, "the database has too much to do");
  then(request);
}

void request_write(struct request *request, request_work work, request_then then) {
  submit(request, true, work, then);
}

void request_read(struct request *request, request_work work, request_then then) {
  submit(request, false, work, then);
}

static void run_compute(struct executor_job *job, unsigned thread) {
  struct request *request = (struct request *)((char *)job - offsetof(struct request, job));
  request->compute(request);
}

static void on_computed(struct executor_job *job) {
  struct request *request = (struct request *)((char *)job - offsetof(struct request, job));
  atomic_fetch_sub(&request->signin->n_hashing, 1);
  request->then(request);
}

bool request_compute(struct request *request, void (*compute)(struct request *request), request_then then) {
  struct signin *signin = request->signin;
  request->compute = compute;
  request->then = then;
  request->job = (struct executor_job){.run = run_compute, .done = on_computed, .loop = request->worker->loop};
  if (atomic_fetch_add(&signin->n_hashing, 1) < HASHING_MAX && executor_submit(signin->passwords, &request->job))
    return true;
  atomic_fetch_sub(&signin->n_hashing, 1);
  request_reply_notice(request, 503, "Not now", STR("Too many people are signing in at once. Try again in a minute."));
  return false;
}

static void on_synced(struct coherence_wait *wait) {
  struct request *request = (struct request *)((char *)wait - offsetof(struct request, wait));
  request->code = wait->code;
  if (wait->code != ERR_NONE) (void)err_set(&request->err, wait->code, "the change could not be taken by all workers");
  request->then(request);
}

void request_sync(struct request *request, request_then then) {
  request->then = then;
  request->wait = (struct coherence_wait){.loop = request->worker->loop, .done = on_synced};
  coherence_await(request->signin->coherence, &request->wait);
}
