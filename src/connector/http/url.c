/* The URL of a call: base, path and query from the manifest's templates and the arguments. An argument never leaves its
 * place: it is percent-encoded, a path's must be there and not empty, and none may make a segment "." or "..". */
#include "codec/url.h"
#include "base/limits.h"
#include "connector/http/http.h"

static bool is_dot(struct str rest, size_t *ret_n) {
  if (rest.n >= 1 && rest.p[0] == '.') {
    *ret_n = 1;
    return true;
  }
  *ret_n = 3;
  return rest.n >= 3 && rest.p[0] == '%' && rest.p[1] == '2' && (rest.p[2] == 'e' || rest.p[2] == 'E');
}

static bool is_dot_segment(struct str segment) {
  size_t n, count = 0;
  while (is_dot(segment, &n)) {
    segment = str_make(segment.p + n, segment.n - n);
    count++;
  }
  return segment.n == 0 && (count == 1 || count == 2);
}

bool http_path_has_dot_segment(struct str path) {
  while (path.n > 0)
    if (is_dot_segment(str_cut(&path, '/'))) return true;
  return false;
}

/* A segment that an empty value would make vanish: "/orders/{id}" must not become the list of all orders. */
static enum err_code check_path_values(const struct template *path, yyjson_val *arguments, struct err *err) {
  for (size_t i = 0; i < path->n_pieces; i++) {
    struct str name = path->pieces[i].text;
    if (path->pieces[i].source != TEMPLATE_ARGUMENT) continue;
    yyjson_val *value = yyjson_obj_getn(arguments, name.p, name.n);
    if (!value || yyjson_is_null(value)) return err_set(err, ERR_INVALID, "%.*s is missing", STR_ARG(name));
    if (yyjson_is_str(value) && yyjson_get_len(value) == 0)
      return err_set(err, ERR_INVALID, "%.*s must not be empty", STR_ARG(name));
  }
  return ERR_NONE;
}

static enum err_code write_path(struct buf *out, const struct http_tool *tool, yyjson_val *arguments, struct err *err) {
  enum err_code code = check_path_values(&tool->path, arguments, err);
  if (code != ERR_NONE) return code;
  size_t from = out->n;
  bool is_absent;
  code = template_write(out, &tool->path, arguments, &is_absent, err);
  if (code != ERR_NONE) return code;
  if (is_absent) return err_set(err, ERR_INVALID, "an argument of the path is missing");
  if (!buf_failed(out) && http_path_has_dot_segment(str_make(out->p + from, out->n - from)))
    return err_set(err, ERR_INVALID, "\".\" and \"..\" cannot stand alone in a path");
  return ERR_NONE;
}

static enum err_code write_query(struct buf *out, const struct http_tool *tool, yyjson_val *arguments,
                                 struct err *err) {
  bool is_first = true;
  for (size_t i = 0; i < tool->n_query; i++) {
    size_t before = out->n;
    buf_append_byte(out, is_first ? '?' : '&');
    buf_append_str(out, tool->query[i].key);
    bool is_absent;
    enum err_code code = template_write(out, &tool->query[i].value, arguments, &is_absent, err);
    if (code != ERR_NONE) return code;
    if (is_absent) {
      out->n = before;
    } else {
      is_first = false;
    }
  }
  return ERR_NONE;
}

enum err_code http_call_url(struct connector_call *call, struct str *ret_url, struct err *err) {
  const struct http_connection *connection = call->connection->state;
  const struct http_tool *tool = call->tool->state;
  struct buf out;
  buf_init(&out, call->arena, LIMIT_HTTP_TARGET);
  buf_append_str(&out, connection->base);
  enum err_code code = write_path(&out, tool, call->arguments, err);
  if (code == ERR_NONE) code = write_query(&out, tool, call->arguments, err);
  if (code != ERR_NONE) return code;
  if (buf_failed(&out)) return err_set(err, ERR_TOO_LARGE, "the arguments make a URL that is too long");
  *ret_url = buf_str(&out);
  return ERR_NONE;
}
