/* Redirect addresses. Knows nothing of clients or requests. */
#include "signin/redirect.h"

#include "codec/url.h"

static bool is_loopback(struct str host) {
  return str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1")) || str_eq_fold(host, STR("localhost"));
}

static bool is_web(struct str uri) {
  return str_starts(uri, STR("https://")) || str_starts(uri, STR("http://"));
}

static bool is_scheme_char(char c, bool is_first) {
  bool is_letter = (c >= 'a' && c <= 'z');
  return is_letter || (!is_first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

/* Lower case alone: what a browser folds need not be folded here. */
static bool read_scheme(struct str uri, struct str *ret_scheme) {
  size_t n = 0;
  while (n < uri.n && is_scheme_char(uri.p[n], n == 0))
    n++;
  if (n < 2 || n > 64 || n == uri.n || uri.p[n] != ':') return false;
  *ret_scheme = str_make(uri.p, n);
  return true;
}

static bool is_dangerous(struct str scheme) {
  static const char *const schemes[] = {"javascript",  "data",       "vbscript", "file",     "blob",   "about",
                                        "view-source", "filesystem", "ftp",      "ws",       "wss",    "mailto",
                                        "tel",         "sms",        "chrome",   "resource", "intent", "jar"};
  for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
    if (str_eq_c(scheme, schemes[i])) return true;
  return false;
}

enum err_code redirect_check(struct arena *arena, struct str uri, struct err *err) {
  struct str scheme;
  struct url url;
  if (uri.n == 0 || uri.n > REDIRECT_MAX)
    return err_set(err, ERR_INVALID, "a redirect_uri has 1 to %d characters", REDIRECT_MAX);
  for (size_t i = 0; i < uri.n; i++) {
    unsigned char c = (unsigned char)uri.p[i];
    if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}#", c))
      return err_set(err, ERR_INVALID, "a redirect_uri is an absolute URI without a fragment");
  }
  if (!read_scheme(uri, &scheme) || is_dangerous(scheme))
    return err_set(err, ERR_INVALID, "a redirect_uri must be https, http on this computer, or an app's own scheme");
  if (!is_web(uri)) {
    bool is_bare = str_eq(scheme, STR("http")) || str_eq(scheme, STR("https"));
    return is_bare ? err_set(err, ERR_INVALID, "a redirect_uri needs a host") : ERR_NONE;
  }
  enum err_code code = url_parse(arena, uri, &url, err);
  if (code != ERR_NONE) {
    err_prefix(err, "a redirect_uri");
    return code;
  }
  if (str_eq(url.scheme, STR("http")) && !is_loopback(url.host))
    return err_set(err, ERR_INVALID, "a redirect_uri over plain http is for this computer alone (127.0.0.1)");
  return ERR_NONE;
}

bool redirect_matches(struct arena *arena, struct str registered, struct str asked) {
  struct url one, other;
  if (str_eq(registered, asked)) return true;
  if (!str_starts(registered, STR("http://")) || !str_starts(asked, STR("http://"))) return false;
  if (url_parse(arena, registered, &one, NULL) != ERR_NONE || url_parse(arena, asked, &other, NULL) != ERR_NONE)
    return false;
  return is_loopback(one.host) && str_eq(one.host, other.host) && str_eq(one.path, other.path) &&
         str_eq(one.query, other.query);
}

struct str redirect_host(struct arena *arena, struct str uri) {
  struct url url;
  struct str scheme;
  if (is_web(uri) && url_parse(arena, uri, &url, NULL) == ERR_NONE) {
    if (is_loopback(url.host)) return arena_printf(arena, "a program on this computer (%.*s)", STR_ARG(url.host));
    return arena_printf(arena, url.port == 443 ? "%.*s" : "%.*s:%u", STR_ARG(url.host), url.port);
  }
  if (!read_scheme(uri, &scheme)) return STR("unknown");
  return arena_printf(arena, "an app on this computer (%.*s:)", STR_ARG(scheme));
}

struct str redirect_source(struct arena *arena, struct str uri) {
  struct url url;
  struct str scheme;
  /* CSP has no form for an IPv6 address: its scheme then. */
  if (is_web(uri) && url_parse(arena, uri, &url, NULL) == ERR_NONE && !url.is_ipv6)
    return arena_printf(arena, "%.*s://%.*s:%u", STR_ARG(url.scheme), STR_ARG(url.host), url.port);
  if (!read_scheme(uri, &scheme)) return STR_NONE;
  return arena_printf(arena, "%.*s:", STR_ARG(scheme));
}
