/* RFC 3986 in small: split, resolve, judge. Must not know what lies behind a URI. */
#include "codec/schema_uri.h"

#include <string.h>

#include "base/buf.h"
#include "codec/schema_address.h"
#include "codec/schema_char.h"

enum { URI_MAX = 8 * 1024 };

/* Up to the first of `stops`; what follows stays in *rest. */
static struct str cut_before(struct str *rest, const char *stops) {
  size_t n = 0;
  while (n < rest->n && !(rest->p[n] && strchr(stops, rest->p[n])))
    n++;
  struct str part = str_make(rest->p, n);
  *rest = str_make(rest->p + n, rest->n - n);
  return part;
}

static void skip(struct str *rest, size_t n) {
  *rest = str_make(rest->p + n, rest->n - n);
}

void schema_uri_split(struct str text, struct schema_uri *ret_uri) {
  struct schema_uri uri = {0};
  struct str rest = text.p ? text : STR(""), scheme = rest;
  scheme = cut_before(&scheme, ":/?#");
  if (scheme.n > 0 && scheme.n < rest.n && rest.p[scheme.n] == ':') {
    uri.scheme = scheme;
    skip(&rest, scheme.n + 1);
  }
  if (str_starts(rest, STR("//"))) {
    skip(&rest, 2);
    uri.authority = cut_before(&rest, "/?#");
  }
  uri.path = cut_before(&rest, "?#");
  if (str_starts(rest, STR("?"))) {
    skip(&rest, 1);
    uri.query = cut_before(&rest, "#");
  }
  if (rest.n > 0) uri.fragment = str_make(rest.p + 1, rest.n - 1);
  *ret_uri = uri;
}

/* RFC 3986, 5.2.4: appends the path to `out` without "." and ".." segments. */
static void append_clean_path(struct buf *out, struct str path) {
  size_t start = out->n;
  while (path.n > 0) {
    bool is_absolute = path.p[0] == '/';
    if (is_absolute) skip(&path, 1);
    struct str segment = cut_before(&path, "/");
    bool is_last = path.n == 0;
    if (str_eq(segment, STR("..")) || str_eq(segment, STR("."))) {
      if (segment.n == 2) {
        while (out->n > start && out->p[out->n - 1] != '/')
          out->n--;
        if (out->n > start) out->n--;
      }
      if (is_last && is_absolute) buf_append_byte(out, '/');
      continue;
    }
    if (is_absolute) buf_append_byte(out, '/');
    buf_append_str(out, segment);
  }
}

/* 5.2.3: the base's path up to its last slash, then the reference's. */
static void append_merged_path(struct buf *out, const struct schema_uri *base, struct str path, struct arena *arena) {
  struct buf merged;
  buf_init(&merged, arena, URI_MAX);
  if (base->authority.p && base->path.n == 0) {
    buf_append_byte(&merged, '/');
  } else {
    size_t n = base->path.n;
    while (n > 0 && base->path.p[n - 1] != '/')
      n--;
    buf_append_str(&merged, str_make(base->path.p, n));
  }
  buf_append_str(&merged, path);
  if (buf_failed(&merged)) out->has_failed = true;
  append_clean_path(out, buf_str(&merged));
}

static void append_scheme(struct buf *out, struct str scheme) {
  if (!scheme.p) return;
  buf_append_str(out, scheme);
  buf_append_byte(out, ':');
}

static void append_authority(struct buf *out, struct str authority) {
  if (!authority.p) return;
  buf_append_c(out, "//");
  buf_append_str(out, authority);
}

struct str schema_uri_resolve(struct arena *arena, struct str base_text, struct str reference_text) {
  struct schema_uri base, reference;
  struct buf out;
  schema_uri_split(base_text, &base);
  schema_uri_split(reference_text, &reference);
  buf_init(&out, arena, URI_MAX);
  struct str query = reference.query;
  if (reference.scheme.p) {
    append_scheme(&out, reference.scheme);
    append_authority(&out, reference.authority);
    append_clean_path(&out, reference.path);
  } else {
    append_scheme(&out, base.scheme);
    append_authority(&out, reference.authority.p ? reference.authority : base.authority);
    if (reference.authority.p || str_starts(reference.path, STR("/"))) {
      append_clean_path(&out, reference.path);
    } else if (reference.path.n > 0) {
      append_merged_path(&out, &base, reference.path, arena);
    } else {
      buf_append_str(&out, base.path);
      if (!query.p) query = base.query;
    }
  }
  if (query.p) {
    buf_append_byte(&out, '?');
    buf_append_str(&out, query);
  }
  buf_append_byte(&out, '\0'); /* so that an empty one is not STR_NONE */
  if (buf_failed(&out)) return STR_NONE;
  return str_make(out.p, out.n - 1);
}

/* Unreserved characters, sub-delims, those of `more`, escapes, and in IRIs whatever is not ASCII (RFC 3987). */
static bool is_made_of(struct str text, const char *more, bool is_international) {
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '%') {
      if (text.n - i < 3 || !char_is_hex(text.p[i + 1]) || !char_is_hex(text.p[i + 2])) return false;
      i += 2;
      continue;
    }
    if (char_is_alnum(c) || (c && strchr("-._~!$&'()*+,;=", c)) || (c && strchr(more, c))) continue;
    if (!is_international || (unsigned char)c < 0x80) return false;
  }
  return true;
}

static bool is_scheme(struct str scheme) {
  if (!char_is_alpha(scheme.p[0])) return false;
  for (size_t i = 1; i < scheme.n; i++) {
    if (!char_is_alnum(scheme.p[i]) && !(scheme.p[i] && strchr("+-.", scheme.p[i]))) return false;
  }
  return true;
}

static bool is_authority(struct str authority, bool is_international) {
  const char *at = authority.n ? memchr(authority.p, '@', authority.n) : NULL;
  if (at) {
    size_t n = (size_t)(at - authority.p);
    if (!is_made_of(str_make(authority.p, n), ":", is_international)) return false;
    skip(&authority, n + 1);
  }
  struct str host;
  if (str_starts(authority, STR("["))) {
    host = cut_before(&authority, "]");
    if (authority.n == 0) return false;
    skip(&authority, 1);
    skip(&host, 1);
    bool is_future = str_starts(host, STR("v")) || str_starts(host, STR("V"));
    if (is_future ? !is_made_of(host, ":", false) : !schema_is_ipv6(host)) return false;
  } else {
    host = cut_before(&authority, ":");
    if (!is_made_of(host, "", is_international)) return false;
  }
  if (authority.n == 0) return true;
  if (authority.p[0] != ':') return false;
  for (size_t i = 1; i < authority.n; i++) {
    if (!char_is_digit(authority.p[i])) return false;
  }
  return true;
}

bool schema_uri_is_valid(struct str text, enum schema_uri_kind kind) {
  bool is_international = kind == SCHEMA_IRI || kind == SCHEMA_IRI_REFERENCE;
  struct schema_uri uri;
  schema_uri_split(text, &uri);
  if (uri.scheme.p ? !is_scheme(uri.scheme) : kind == SCHEMA_URI || kind == SCHEMA_IRI) return false;
  /* 4.2: else its first segment would be a scheme. */
  if (!uri.scheme.p && !uri.authority.p && str_starts(uri.path, STR(":"))) return false;
  if (uri.authority.p && !is_authority(uri.authority, is_international)) return false;
  return is_made_of(uri.path, ":@/", is_international) && is_made_of(uri.query, ":@/?", is_international) &&
         is_made_of(uri.fragment, ":@/?", is_international);
}
