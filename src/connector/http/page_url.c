/* Pages that a service names by their URL. Where a URL leads is the service's word alone: it is followed only within
 * the origin (RFC 6454, 4) that the connection was made for, since the credential goes with it. */
#include "base/limits.h"
#include "codec/blot.h"
#include "codec/url.h"
#include "connector/http/call.h"

/* "https://host:port" of an absolute URL, whatever stands behind it. */
static struct str origin_text(struct str url) {
  size_t i = 0;
  while (i + 2 < url.n && memcmp(url.p + i, "://", 3) != 0)
    i++;
  for (i += 3; i < url.n && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#'; i++) {
  }
  return str_make(url.p, i < url.n ? i : url.n);
}

static bool has_scheme(struct str reference) {
  for (size_t i = 0; i < reference.n && reference.p[i] != '/' && reference.p[i] != '?'; i++)
    if (reference.p[i] == ':') return true;
  return false;
}

/* Up to the query. */
static struct str without_query(struct str url) {
  struct str rest = url;
  return str_cut(&rest, '?');
}

/* Up to the last '/' of the path, with it. */
static struct str folder_of(struct str url) {
  size_t least = origin_text(url).n;
  struct str folder = without_query(url);
  while (folder.n > least && folder.p[folder.n - 1] != '/')
    folder.n--;
  return folder;
}

/* Dot segments are not taken out: http_page_url_check refuses them. */
struct str http_reference_resolve(struct arena *arena, struct str from, struct str reference) {
  if (has_scheme(reference)) return reference;
  struct str base, rest = from;
  if (str_starts(reference, STR("//"))) {
    base = str_cut(&rest, '/');
  } else if (str_starts(reference, STR("/"))) {
    base = origin_text(from);
  } else if (str_starts(reference, STR("?"))) {
    base = without_query(from);
  } else {
    base = folder_of(from);
    if (!str_ends(base, STR("/"))) return arena_printf(arena, "%.*s/%.*s", STR_ARG(base), STR_ARG(reference));
  }
  return arena_printf(arena, "%.*s%.*s", STR_ARG(base), STR_ARG(reference));
}

/* Services repeat the key in the links they give: it goes in anew. */
static void write_without(struct buf *out, struct str url, struct str secret_name) {
  struct str query = url;
  buf_append_str(out, str_cut(&query, '?'));
  bool is_first = true;
  while (query.n > 0) {
    struct str parameter = str_cut(&query, '&'), rest = parameter;
    if (secret_name.n > 0 && str_eq(str_cut(&rest, '='), secret_name)) continue;
    buf_append_byte(out, is_first ? '?' : '&');
    buf_append_str(out, parameter);
    is_first = false;
  }
}

/* As it stands in a query. */
static struct str secret_parameter(struct connector_call *call) {
  const struct http_definition *http = call->connection->connector->state;
  struct buf name;
  buf_init(&name, call->arena, LIMIT_HTTP_TARGET);
  for (size_t i = 0; i < http->n_auths; i++) {
    if (http->auths[i].type != HTTP_AUTH_KEY_QUERY) continue;
    url_write_encoded(&name, http->auths[i].name);
    break;
  }
  return buf_str(&name);
}

enum err_code http_page_url_check(struct connector_call *call, struct str text, struct str *ret_url, struct err *err) {
  const struct http_connection *connection = call->connection->state;
  struct url url, own;
  struct buf out;
  buf_init(&out, call->arena, LIMIT_HTTP_TARGET);
  write_without(&out, text, secret_parameter(call));
  if (!buf_failed(&out) && out.n > 0 && memmem(out.p, out.n, BLOT, sizeof(BLOT) - 1))
    return err_set(err, ERR_DENIED, "the address of its next page has the connection's credential in it: not followed");
  if (buf_failed(&out) || url_parse(call->arena, buf_str(&out), &url, err) != ERR_NONE)
    return err_set(err, ERR_UPSTREAM, "what it names as the next page is no URL that can be followed");
  enum err_code code = url_parse(call->arena, origin_text(connection->base), &own, err);
  if (code != ERR_NONE) return code;
  if (!str_eq(url.scheme, own.scheme) || !str_eq(url.host, own.host) || url.port != own.port)
    return err_set(err, ERR_DENIED,
                   "it says that the next page is at %.*s://%.*s:%u, which is not followed: pages of "
                   "%.*s alone are",
                   STR_ARG(url.scheme), STR_ARG(url.host), url.port, STR_ARG(own.host));
  if (http_path_has_dot_segment(url.path))
    return err_set(err, ERR_UPSTREAM, "what it names as the next page has \".\" or \"..\" in its path");
  struct buf whole;
  buf_init(&whole, call->arena, 2 * LIMIT_HTTP_TARGET);
  buf_append_str(&whole, origin_text(connection->base));
  buf_append_str(&whole, url.path);
  if (url.query.n > 0) buf_append_byte(&whole, '?');
  buf_append_str(&whole, url.query);
  if (buf_failed(&whole)) return err_no_memory(err);
  *ret_url = buf_str(&whole);
  return ERR_NONE;
}
