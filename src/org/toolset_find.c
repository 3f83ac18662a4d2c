/* Finding prompts and resources in a user's set, by the names and URIs that the user's assistant knows. */
#include <stdlib.h>

#include "codec/uri_template.h"
#include "codec/url.h"
#include "org/toolset_making.h"

static int by_prompt_name(const void *key, const void *item) {
  return str_cmp(*(const struct str *)key, ((const struct toolset_prompt *)item)->prompt->public_name);
}

const struct toolset_prompt *toolset_find_prompt(const struct toolset *toolset, struct str public_name) {
  if (toolset->n_prompts == 0) return NULL;
  return bsearch(&public_name, toolset->prompts, toolset->n_prompts, sizeof(toolset->prompts[0]), by_prompt_name);
}

static int by_public_uri(const void *key, const void *item) {
  return str_cmp(*(const struct str *)key, ((const struct toolset_resource *)item)->public_uri);
}

static const struct toolset_resource *find(const struct toolset_resource *list, size_t n, struct str uri) {
  return n > 0 ? bsearch(&uri, list, n, sizeof(list[0]), by_public_uri) : NULL;
}

const struct toolset_resource *toolset_find_template(const struct toolset *toolset, struct str public_template) {
  return find(toolset->templates, toolset->n_templates, public_template);
}

/* ---- URIs that nobody has listed ---- */

static bool is_unreserved(char c) { /* RFC 3986, 2.3 */
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* "." and "..", between slashes of any kind. */
static bool has_dot_segment(struct str path) {
  for (size_t start = 0; start <= path.n;) {
    size_t end = start;
    while (end < path.n && path.p[end] != '/' && path.p[end] != '\\' && path.p[end] != '?' && path.p[end] != '#')
      end++;
    struct str segment = str_make(path.p + start, end - start);
    if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) return true;
    start = end + 1;
  }
  return false;
}

/* Rules compare URIs byte for byte: one that could be spelt otherwise (RFC 3986, 6.2.2) might slip past them. */
static bool is_plain_uri(struct arena *arena, struct str uri) {
  for (size_t i = 0; i < uri.n; i++) {
    char c = uri.p[i];
    if (c <= ' ' || c > '~' || strchr("{}\"<>\\^`|", c)) return false;
    if (c != '%') continue;
    struct str raw;
    if (i + 2 >= uri.n || !url_decode(arena, str_make(uri.p + i, 3), &raw)) return false;
    if (raw.n == 1 && is_unreserved(raw.p[0])) return false;
  }
  struct str decoded;
  return url_decode(arena, uri, &decoded) && !has_dot_segment(decoded);
}

bool toolset_uri_fits(struct arena *arena, struct str template, struct str uri) {
  return uri_template_fits(template, uri) && is_plain_uri(arena, uri);
}

bool toolset_find_resource(const struct toolset *toolset, struct arena *arena, struct str public_uri,
                           const struct connector_connection **ret_connection, struct str *ret_uri) {
  const struct toolset_resource *listed = find(toolset->resources, toolset->n_resources, public_uri);
  if (listed) {
    *ret_connection = listed->connection;
    *ret_uri = listed->resource->uri;
    return true;
  }
  for (size_t i = 0; i < toolset->n_templates; i++) {
    const struct toolset_resource *item = &toolset->templates[i];
    struct str uri = public_uri;
    if (!uri_template_fits(item->public_uri, public_uri)) continue;
    if (!str_eq(item->public_uri, item->resource->uri))
      uri = uri_template_move(arena, item->public_uri, item->resource->uri, public_uri);
    if (!uri.p || !is_plain_uri(arena, uri)) continue;
    *ret_connection = item->connection;
    *ret_uri = uri;
    return true;
  }
  return false;
}

struct str toolset_public_uri(const struct toolset *toolset, struct arena *arena,
                              const struct connector_connection *connection, struct str uri) {
  const struct toolset_resource *listed = find(toolset->resources, toolset->n_resources, uri);
  if (listed && listed->connection == connection) return uri;
  if (!listed) {
    struct str own = toolset_own_uri(arena, connection, uri);
    if (own.p && find(toolset->resources, toolset->n_resources, own)) return own;
    for (size_t i = 0; i < toolset->n_templates; i++) {
      const struct toolset_resource *item = &toolset->templates[i];
      if (item->connection != connection || !uri_template_fits(item->resource->uri, uri)) continue;
      struct str moved = uri_template_move(arena, item->resource->uri, item->public_uri, uri);
      return moved.p ? moved : uri;
    }
    return uri;
  }
  /* Another connection's resource has this URI: this one must not lead there. */
  struct str own = toolset_own_uri(arena, connection, uri);
  return own.p ? own : uri;
}

static bool is_among(const struct connector_connection *const *connections, size_t n, struct uuid id) {
  for (size_t i = 0; i < n; i++) {
    if (uuid_eq(connections[i]->policy.id, id)) return true;
  }
  return false;
}

static bool has_resource_of(const struct toolset_resource *items, size_t n, struct uuid id) {
  for (size_t i = 0; i < n; i++) {
    if (uuid_eq(items[i].connection->policy.id, id)) return true;
  }
  return false;
}

bool toolset_has_connection(const struct toolset *set, struct uuid id) {
  for (size_t i = 0; i < set->n_tools; i++) {
    if (is_among(set->tools[i].connections, set->tools[i].n_connections, id)) return true;
  }
  for (size_t i = 0; i < set->n_prompts; i++) {
    if (is_among(set->prompts[i].connections, set->prompts[i].n_connections, id)) return true;
  }
  return has_resource_of(set->resources, set->n_resources, id) || has_resource_of(set->templates, set->n_templates, id);
}
