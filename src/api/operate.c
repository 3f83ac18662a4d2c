/* Operations that are asked for by calls of Connek's own tools: the same handlers, with the caller's own permissions as
 * they are now. Must not know how a call came, nor which tools there are. */
#include <stdlib.h>

#include "api/document.h"
#include "api/request.h"
#include "base/limits.h"
#include "codec/url.h"

enum { ARENA_MAX = 64 * MIB };

static void write_argument(struct buf *out, yyjson_val *value) {
  if (yyjson_is_str(value))
    url_write_encoded(out, json_str(value));
  else
    json_write_value(out, value); /* numbers, true and false */
}

/* "/organisations/ID" and the path, with arguments where it has names; which those are is what `path` says. */
static struct str write_path(struct api_request *request) {
  const struct connector_operation *operation = request->operation;
  struct str rest = operation->path;
  struct buf out;
  char id[UUID_TEXT_SIZE];
  uuid_format(operation->caller->organisation_id, id);
  buf_init(&out, &request->arena, 4 * KIB);
  buf_printf(&out, "/organisations/%s", id);
  (void)str_cut(&rest, '/');
  while (rest.p) {
    struct str segment = str_cut(&rest, '/');
    buf_append_byte(&out, '/');
    if (segment.n > 2 && segment.p[0] == '{')
      write_argument(&out, yyjson_obj_getn(operation->arguments, segment.p + 1, segment.n - 2));
    else
      buf_append_str(&out, segment);
  }
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static bool is_in_path(struct str path, struct str name) {
  (void)str_cut(&path, '/');
  while (path.p) {
    struct str segment = str_cut(&path, '/');
    if (segment.n > 2 && segment.p[0] == '{' && str_eq(str_make(segment.p + 1, segment.n - 2), name)) return true;
  }
  return false;
}

static bool read_query(struct api_request *request) {
  const struct connector_operation *operation = request->operation;
  yyjson_obj_iter iter = yyjson_obj_iter_with(operation->arguments);
  struct buf text;
  buf_init(&text, &request->arena, 16 * KIB);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter));) {
    if (is_in_path(operation->path, json_str(key))) continue;
    if (text.n > 0) buf_append_byte(&text, '&');
    url_write_encoded(&text, json_str(key));
    buf_append_byte(&text, '=');
    write_argument(&text, yyjson_obj_iter_get_val(key));
  }
  if (buf_failed(&text) || !form_read(&request->arena, buf_str(&text), &request->query)) {
    request->code = err_set(&request->err, ERR_INVALID, "the arguments cannot be read");
    return false;
  }
  request->code =
      api_document_check_query(request->api->document, request->route, &request->arena, &request->query, &request->err);
  return request->code == ERR_NONE;
}

static bool read_arguments(struct api_request *request) {
  const struct schema *schema = api_document_body(request->api->document, request->route);
  if (!schema) return read_query(request);
  request->body = request->operation->arguments;
  request->code = schema_check(schema, request->body, &request->err);
  return request->code == ERR_NONE;
}

/* Only what reads: nothing here says that a repeated call would not do it twice, and nobody was asked. */
static bool find_route(struct api_request *request) {
  bool is_path;
  struct str path = write_path(request);
  if (path.p) request->route = api_route_find(request->operation->method, path, request->values, &is_path);
  if (request->route && request->route->mode == API_READ && !request->route->then) return true;
  request->code = err_set(&request->err, ERR_INTERNAL, "there is no such operation");
  return false;
}

void api_operation_end(struct api_request *request) {
  struct api_worker *worker = request->worker;
  struct connector_operation *operation = request->operation;
  struct str text = request->code == ERR_NONE ? buf_str(&request->out) : str_of(request->err.text);
  operation->code = request->code;
  operation->body = arena_str(operation->arena, text);
  if (!operation->body.p) operation->code = ERR_NO_MEMORY;
  org_snapshot_unref(request->snapshot);
  api_free(request);
  worker->ended(worker->context);
  operation->done(operation);
}

void api_operate(void *context, struct connector_operation *operation) {
  struct api_worker *worker = context;
  struct api_request *request = calloc(1, sizeof(*request));
  if (!request) {
    operation->code = ERR_NO_MEMORY;
    operation->body = STR("Out of memory");
    operation->done(operation);
    return;
  }
  arena_init(&request->arena, ARENA_MAX);
  request->worker = worker;
  request->api = worker->api;
  request->operation = operation;
  request->base = worker->api->options.public_url;
  buf_init(&request->out, &request->arena, ARENA_MAX);
  worker->begun(worker->context);
  if (!find_route(request) || !read_arguments(request)) {
    api_operation_end(request);
    return;
  }
  request->status = request->route->status;
  api_take_snapshot(request);
  api_submit(request);
}
