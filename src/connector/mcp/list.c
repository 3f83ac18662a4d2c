/* Asking an upstream for all it has: what it says of itself, then every page of each of its lists. Must not judge what
 * is in them. */
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

enum { KINDS = 4 };

struct listing_job {
  struct loop_task task;
  struct mcp_home *home;
  struct mcp_target *target;
  struct secret *credential;
  mcp_listed done;
  void *context;

  struct mcp_listing *listing;
  struct mcp_upstream *upstream; /* while a request of it is under way */
  int kind;
  struct buf items; /* of this kind, so far: without brackets */
  size_t n_items, n_pages;
  char cursor[LIMIT_MCP_CURSOR];
};

static const struct {
  const char *method, *member;
} kinds[KINDS] = {{"tools/list", "tools"},
                  {"resources/list", "resources"},
                  {"resources/templates/list", "resourceTemplates"},
                  {"prompts/list", "prompts"}};

void mcp_listing_free(struct mcp_listing *listing) {
  if (!listing) return;
  arena_release(&listing->arena);
  free(listing);
}

static void job_end(struct listing_job *job, const struct err *err) {
  struct mcp_listing *listing = err ? NULL : job->listing;
  if (err) mcp_listing_free(job->listing);
  buf_release(&job->items);
  job->done(job->context, listing, err);
  mcp_target_unref(job->target);
  secret_free(job->credential);
  free(job);
}

static void job_fail(struct listing_job *job, enum err_code code, const char *text) {
  struct err err;
  err_set(&err, code, "%s", text);
  job_end(job, &err);
}

static void next_page(struct listing_job *job);

/* ---- what comes ---- */

static bool take_items(struct listing_job *job, yyjson_val *result) {
  size_t i, n;
  yyjson_val *item, *items = json_get(result, kinds[job->kind].member);
  if (!yyjson_is_arr(items)) return true;
  yyjson_arr_foreach(items, i, n, item) {
    if (job->items.n > 0) buf_append_byte(&job->items, ',');
    json_write_value(&job->items, item);
    if (++job->n_items > LIMIT_MCP_LIST_ITEMS) return false;
  }
  return !buf_failed(&job->items);
}

static bool keep_kind(struct listing_job *job) {
  struct mcp_listing *listing = job->listing;
  struct str *const kept[KINDS] = {&listing->tools, &listing->resources, &listing->templates, &listing->prompts};
  *kept[job->kind] = arena_printf(&listing->arena, "[%.*s]", STR_ARG(buf_str(&job->items)));
  buf_clear(&job->items);
  job->n_items = job->n_pages = 0;
  job->cursor[0] = '\0';
  return kept[job->kind]->p != NULL;
}

/* ERR_TOO_LARGE and such: `text` says it. */
static const char *take_page(struct listing_job *job, yyjson_val *result) {
  struct str cursor = json_get_str(result, "nextCursor");
  if (!take_items(job, result) || ++job->n_pages > LIMIT_MCP_LIST_PAGES)
    return "lists more than is taken from one server";
  if (cursor.n >= sizeof(job->cursor)) return "gave a cursor that is too long";
  if (cursor.n > 0 && str_eq_c(cursor, job->cursor)) return "gives the same page again and again";
  if (cursor.n > 0) {
    snprintf(job->cursor, sizeof(job->cursor), "%.*s", STR_ARG(cursor));
    return NULL;
  }
  if (!keep_kind(job)) return "lists more than there is memory for";
  job->kind++;
  return NULL;
}

static void on_page(struct mcp_request *request, const struct mcp_reply *reply) {
  struct listing_job *job = request->context;
  struct str name = job->target->connection_name;
  char text[ERR_TEXT_SIZE];
  bool has_none = mcp_error_code(reply->error) == JSONRPC_METHOD_NOT_FOUND;
  if (reply->code != ERR_NONE) {
    snprintf(text, sizeof(text), "%s", reply->text);
    job_fail(job, reply->code, text);
  } else if (reply->error && !has_none) {
    snprintf(text, sizeof(text), "%.*s answered %s with an error: %.*s", STR_ARG(name), kinds[job->kind].method,
             STR_ARG(json_get_str(reply->error, "message")));
    job_fail(job, ERR_UPSTREAM, text);
  } else {
    const char *problem = take_page(job, reply->result);
    if (!problem) {
      next_page(job);
      return;
    }
    snprintf(text, sizeof(text), "%.*s %s", STR_ARG(name), problem);
    job_fail(job, ERR_TOO_LARGE, text);
  }
}

/* ---- what is asked ---- */

static bool has_kind(const struct mcp_upstream *upstream, int kind) {
  const bool has[KINDS] = {upstream->has_tools, upstream->has_resources, upstream->has_resources,
                           upstream->has_prompts};
  return has[kind];
}

static bool keep_about(struct listing_job *job, const struct mcp_upstream *upstream) {
  struct mcp_listing *listing = job->listing;
  const struct str texts[] = {upstream->protocol_version, upstream->server_info, upstream->capabilities,
                              upstream->instructions};
  struct str *const kept[] = {&listing->protocol_version, &listing->server_info, &listing->capabilities,
                              &listing->instructions};
  listing->is_modern = upstream->era == MCP_ERA_MODERN;
  for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
    *kept[i] = arena_str(&listing->arena, texts[i]);
    if (!kept[i]->p) return false;
  }
  return true;
}

static struct mcp_request *request_new(struct listing_job *job, const char *method,
                                       void (*done)(struct mcp_request *, const struct mcp_reply *)) {
  struct mcp_upstream *upstream;
  struct err err;
  enum err_code code = mcp_upstream_find(job->home, job->target, &upstream, &err);
  struct mcp_request *request = code == ERR_NONE ? mcp_request_new(upstream) : NULL;
  if (!request) {
    job_fail(job, code != ERR_NONE ? code : ERR_NO_MEMORY, code != ERR_NONE ? err.text : "out of memory");
    return NULL;
  }
  mcp_upstream_keep(upstream, job->credential);
  request->method = str_of(method);
  request->credential = job->credential;
  request->may_be_sent_again = true;
  request->done = done;
  request->context = job;
  return request;
}

static void next_page(struct listing_job *job) {
  struct mcp_request *request = request_new(job, job->kind < KINDS ? kinds[job->kind].method : "", on_page);
  if (!request) return;
  /* What it can is known: the first request was answered. */
  while (job->kind < KINDS && !has_kind(request->upstream, job->kind))
    job->kind++;
  if (job->kind == KINDS) {
    bool is_kept = keep_about(job, request->upstream);
    mcp_request_drop(request);
    if (is_kept)
      job_end(job, NULL);
    else
      job_fail(job, ERR_NO_MEMORY, "out of memory");
    return;
  }
  struct buf members;
  buf_init(&members, &request->arena, 2 * LIMIT_MCP_CURSOR);
  if (job->cursor[0]) {
    buf_append_c(&members, "\"cursor\":");
    json_write_str(&members, str_of(job->cursor));
  }
  int64_t timeout_ms = job->target->timeout_ms > 0 ? job->target->timeout_ms : LIMIT_MCP_LIST_MS;
  request->method = str_of(kinds[job->kind].method);
  request->members = buf_str(&members);
  request->timeout_us = timeout_ms * 1000;
  mcp_request_begin(request);
}

/* Any answer will do: it stands for a connection that works. */
static void on_greeted(struct mcp_request *request, const struct mcp_reply *reply) {
  struct listing_job *job = request->context;
  char text[ERR_TEXT_SIZE];
  if (reply->code == ERR_NONE) {
    next_page(job);
    return;
  }
  snprintf(text, sizeof(text), "%s", reply->text);
  job_fail(job, reply->code, text);
}

static void on_begin(struct loop_task *task) {
  struct listing_job *job = (struct listing_job *)(void *)task;
  struct mcp_request *request = request_new(job, "", on_greeted);
  if (!request) return;
  request->is_greeting = true;
  mcp_request_begin(request);
}

enum err_code mcp_list(struct mcp_upstreams *upstreams, struct mcp_target *target, const struct secret *credential,
                       mcp_listed done, void *context, struct err *err) {
  struct listing_job *job = calloc(1, sizeof(*job));
  struct str opened = credential ? secret_open(credential) : STR_NONE;
  if (!job) return err_no_memory(err);
  job->listing = calloc(1, sizeof(*job->listing));
  job->credential = credential ? secret_new(opened.p, opened.n) : NULL;
  if (!job->listing || (credential && !job->credential)) {
    free(job->listing);
    secret_free(job->credential);
    free(job);
    return err_no_memory(err);
  }
  job->home = mcp_home_of(upstreams, target->connection_id);
  job->target = mcp_target_ref(target);
  job->done = done;
  job->context = context;
  arena_init(&job->listing->arena, 0);
  buf_init(&job->items, NULL, LIMIT_MCP_LIST_BYTES);
  job->task.run = on_begin;
  loop_post(job->home->host->loop, &job->task);
  return ERR_NONE;
}
