/* The URL of a call: base, path and query from the manifest's templates and the arguments. An argument never leaves its
 * place: it is percent-encoded, a path's must be there and not empty, and none may make a segment "." or "..". */
#include "codec/url.h"
#include "base/limits.h"
#include "connector/http/body.h"

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
static enum err_code check_path_values(const struct template *path, const struct template_scope *scope,
                                       struct err *err) {
  for (size_t i = 0; i < path->n_pieces; i++) {
    const struct template_piece *piece = &path->pieces[i];
    if (piece->source == TEMPLATE_LITERAL || piece->source == TEMPLATE_CREDENTIAL) continue;
    yyjson_val *value = template_value(piece, scope);
    if (!value) return err_set(err, ERR_INVALID, "%.*s is missing", STR_ARG(piece->text));
    if (yyjson_is_str(value) && yyjson_get_len(value) == 0)
      return err_set(err, ERR_INVALID, "%.*s must not be empty", STR_ARG(piece->text));
  }
  return ERR_NONE;
}

void http_url_write_key(struct buf *out, struct str key) {
  while (key.n > 0) {
    size_t n = 0;
    while (n < key.n && (key.p[n] == '\0' || !strchr("!$&'()*+,;=:@", key.p[n])))
      n++;
    url_write_encoded(out, str_make(key.p, n));
    if (n == key.n) return;
    buf_append_byte(out, key.p[n]);
    key = str_make(key.p + n + 1, key.n - n - 1);
  }
}

/* A template, or the connection's base, with the key where "{key}" stands. */
static enum err_code write_template(struct buf *out, const struct template *template,
                                    const struct template_scope *scope, const struct http_secret *secret,
                                    struct err *err) {
  for (size_t i = 0; i < template->n_pieces; i++) {
    if (template->pieces[i].source == TEMPLATE_CREDENTIAL) {
      http_url_write_key(out, secret->value);
      continue;
    }
    const struct template one = {&template->pieces[i], 1};
    bool is_absent;
    enum err_code code = template_write(out, &one, TEMPLATE_IN_PATH, scope, &is_absent, err);
    if (code != ERR_NONE) return code;
    if (is_absent) return err_set(err, ERR_INVALID, "an argument of the path is missing");
  }
  return ERR_NONE;
}

static enum err_code write_path(struct buf *out, const struct http_tool *tool, const struct template_scope *scope,
                                const struct http_secret *secret, struct err *err) {
  enum err_code code = check_path_values(&tool->path, scope, err);
  if (code != ERR_NONE) return code;
  size_t from = out->n;
  code = write_template(out, &tool->path, scope, secret, err);
  if (code != ERR_NONE) return code;
  if (!buf_failed(out) && http_path_has_dot_segment(str_make(out->p + from, out->n - from)))
    return err_set(err, ERR_INVALID, "\".\" and \"..\" cannot stand alone in a path");
  return ERR_NONE;
}

static void write_base(struct buf *out, const struct http_connection *connection, const struct http_secret *secret) {
  for (size_t i = 0; i < connection->n_base; i++) {
    if (i > 0) http_url_write_key(out, secret->value);
    buf_append_str(out, connection->base_parts[i]);
  }
}

enum err_code http_url_write(struct buf *out, const struct connector_call *call, const struct template_scope *scope,
                             const struct http_secret *secret, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  write_base(out, call->connection->state, secret);
  enum err_code code = write_path(out, tool, scope, secret, err);
  if (code != ERR_NONE) return code;
  struct http_form form;
  http_form_begin(&form, out, call->arena, tool->lists, scope, '?');
  for (size_t i = 0; i < tool->n_query; i++) {
    code = http_form_write_parameter(&form, &tool->query[i], err);
    if (code != ERR_NONE) return code;
  }
  if (buf_failed(out)) return err_set(err, ERR_TOO_LARGE, "the arguments make a URL that is too long");
  return ERR_NONE;
}
