/* URLs (RFC 3986), read more strictly than browsers do: whatever two readers could take differently is refused, since
 * one of them may be the guard and the other the one who connects. Must not resolve names. */
#include "codec/url.h"

#include <arpa/inet.h>

#include "base/limits.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 };

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_one_of(char c, const char *set) {
  return c != '\0' && strchr(set, c);
}

/* Section 3.3 and 3.4: pchar, "/" and for a query "?". */
static bool is_written_well(struct str text, const char *more) {
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '%') {
      if (text.n - i < 3 || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2])) return false;
      i += 2;
    } else if (!is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=:@/") && !is_one_of(c, more)) {
      return false;
    }
  }
  return true;
}

static bool is_ipv4(struct str host) {
  char text[16];
  struct in_addr address;
  if (host.n == 0 || host.n >= sizeof(text)) return false;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(struct str host) {
  char text[46];
  struct in6_addr address;
  if (host.n == 0 || host.n >= sizeof(text) || memchr(host.p, '\0', host.n)) return false;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  return inet_pton(AF_INET6, text, &address) == 1;
}

/* "127.1", "0x7f.0.0.1" and "2130706433" are addresses to some resolvers (inet_aton) and names to others. */
static bool looks_numeric(struct str label) {
  bool is_all_digits = true;
  for (size_t i = 0; i < label.n; i++)
    is_all_digits = is_all_digits && is_digit(label.p[i]);
  return is_all_digits || (label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x');
}

static bool is_name(struct str host) {
  if (host.n == 0 || host.n > HOST_MAX || host.p[host.n - 1] == '.') return false;
  struct str rest = host, label = STR_NONE;
  while (rest.n > 0) {
    label = str_cut(&rest, '.');
    if (label.n == 0 || label.n > LABEL_MAX) return false;
    for (size_t i = 0; i < label.n; i++) {
      if (!is_alphanumeric(label.p[i]) && label.p[i] != '-' && label.p[i] != '_') return false;
    }
  }
  return !looks_numeric(label) || is_ipv4(host);
}

/* Cuts "HOST", "HOST:PORT", "[V6]" and "[V6]:PORT" apart; `ret_port` is empty where there is none. */
static enum err_code authority_cut(struct str text, struct str *ret_host, bool *ret_is_ipv6, struct str *ret_port,
                                   bool *ret_has_port, struct err *err) {
  if (text.n == 0) return err_set(err, ERR_INVALID, "the host is missing");
  struct str host, rest;
  bool is_bracketed = text.p[0] == '[';
  if (is_bracketed) {
    const char *end = memchr(text.p, ']', text.n);
    if (!end) return err_set(err, ERR_INVALID, "a \"[\" without its \"]\"");
    host = str_make(text.p + 1, (size_t)(end - text.p) - 1);
    rest = str_make(end + 1, text.n - host.n - 2);
    if (!is_ipv6(host)) return err_set(err, ERR_INVALID, "not an IPv6 address");
  } else {
    const char *colon = memchr(text.p, ':', text.n);
    host = colon ? str_make(text.p, (size_t)(colon - text.p)) : text;
    rest = str_make(text.p + host.n, text.n - host.n);
    if (host.n == 0) return err_set(err, ERR_INVALID, "the host is missing");
    if (!is_name(host)) return err_set(err, ERR_INVALID, "not a host name or address");
  }
  if (rest.n > 0 && rest.p[0] != ':') return err_set(err, ERR_INVALID, "nothing but a port may follow the host");
  *ret_host = host;
  *ret_is_ipv6 = is_bracketed;
  *ret_has_port = rest.n > 0;
  *ret_port = rest.n > 0 ? str_make(rest.p + 1, rest.n - 1) : STR_NONE;
  return ERR_NONE;
}

static enum err_code port_read(struct str text, uint16_t *ret_port, struct err *err) {
  uint64_t port;
  bool is_odd = text.n > 5 || (text.n > 1 && text.p[0] == '0') || !str_to_u64(text, &port) || port > UINT16_MAX;
  if (is_odd) return err_set(err, ERR_INVALID, "not a port");
  *ret_port = (uint16_t)port;
  return ERR_NONE;
}

enum err_code url_parse_authority(struct str text, struct str *ret_host, uint16_t *ret_port, struct err *err) {
  struct str host, port_text;
  bool is_ipv6_address, has_port;
  uint16_t port = 0;
  enum err_code code = authority_cut(text, &host, &is_ipv6_address, &port_text, &has_port, err);
  if (code != ERR_NONE) return code;
  if (has_port) {
    code = port_read(port_text, &port, err);
    if (code != ERR_NONE) return code;
  }
  *ret_host = host;
  *ret_port = port;
  return ERR_NONE;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static enum err_code scheme_cut(struct str *rest, struct str *ret_scheme, struct err *err) {
  static const struct str http = {"http", 4}, https = {"https", 5};
  const struct str *const known[] = {&https, &http};
  for (size_t i = 0; i < 2; i++) {
    size_t n = known[i]->n;
    if (rest->n < n + 3 || !str_eq_fold(str_make(rest->p, n), *known[i])) continue;
    if (memcmp(rest->p + n, "://", 3) != 0) continue;
    *ret_scheme = *known[i];
    *rest = str_make(rest->p + n + 3, rest->n - n - 3);
    return ERR_NONE;
  }
  return err_set(err, ERR_INVALID, "must begin with http:// or https://");
}

static size_t authority_length(struct str rest) {
  size_t n = 0;
  while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
    n++;
  return n;
}

/* Everything behind the authority. `after` is a slice of the arena. */
static enum err_code target_cut(struct str after, struct url *url, struct err *err) {
  if (after.n > 0 && memchr(after.p, '#', after.n))
    return err_set(err, ERR_INVALID, "a URL with a fragment (\"#\") is not allowed here");
  struct str path = str_cut(&after, '?');
  url->path = path.n > 0 ? path : STR("/");
  url->query = after.n > 0 ? after : STR("");
  if (!is_written_well(url->path, "") || !is_written_well(url->query, "?"))
    return err_set(err, ERR_INVALID, "a character that must be percent-encoded, or a bad escape");
  return ERR_NONE;
}

enum err_code url_parse(struct arena *arena, struct str text, struct url *ret_url, struct err *err) {
  if (text.n > LIMIT_HTTP_TARGET) return err_set(err, ERR_TOO_LARGE, "longer than %d characters", LIMIT_HTTP_TARGET);
  struct url url = {.scheme = STR_NONE};
  struct str copy = arena_str(arena, text);
  if (!copy.p) return err_no_memory(err);
  struct str rest = copy;
  enum err_code code = scheme_cut(&rest, &url.scheme, err);
  if (code != ERR_NONE) return code;

  struct str authority = str_make(rest.p, authority_length(rest));
  if (authority.n > 0 && memchr(authority.p, '@', authority.n))
    return err_set(err, ERR_INVALID, "a user name or password in a URL is not allowed");
  struct str port_text;
  bool has_port;
  code = authority_cut(authority, &url.host, &url.is_ipv6, &port_text, &has_port, err);
  if (code != ERR_NONE) return code;
  url.port = url.scheme.n == 5 ? 443 : 80;
  if (has_port) {
    code = port_read(port_text, &url.port, err);
    if (code != ERR_NONE) return code;
    if (url.port == 0) return err_set(err, ERR_INVALID, "not a port");
  }
  code = target_cut(str_make(rest.p + authority.n, rest.n - authority.n), &url, err);
  if (code != ERR_NONE) return code;

  char *host = copy.p ? arena_memdup(arena, url.host.p, url.host.n) : NULL;
  if (!host) return err_no_memory(err);
  for (size_t i = 0; i < url.host.n; i++)
    host[i] = lower(host[i]);
  url.host.p = host;
  *ret_url = url;
  return ERR_NONE;
}

bool url_is_loopback(const struct url *url) {
  bool is_number = str_starts(url->host, STR("127."));
  for (size_t i = 0; i < url->host.n && is_number; i++)
    is_number = url->host.p[i] == '.' || is_digit(url->host.p[i]);
  return is_number || str_eq(url->host, url->is_ipv6 ? STR("::1") : STR("localhost"));
}

void url_write_encoded(struct buf *out, struct str raw) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < raw.n; i++) {
    unsigned char c = (unsigned char)raw.p[i];
    if (is_unreserved(raw.p[i])) {
      buf_append_byte(out, raw.p[i]);
    } else {
      buf_append(out, (char[]){'%', digits[c >> 4], digits[c & 0x0F]}, 3);
    }
  }
}

static unsigned hex_value(char c) {
  return (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

bool url_decode(struct arena *arena, struct str encoded, struct str *ret_raw) {
  char *raw = arena_alloc(arena, encoded.n + 1);
  if (!raw) return false;
  size_t n = 0;
  for (size_t i = 0; i < encoded.n; i++) {
    char c = encoded.p[i];
    if (c == '%') {
      if (encoded.n - i < 3 || !is_hex(encoded.p[i + 1]) || !is_hex(encoded.p[i + 2])) return false;
      c = (char)(hex_value(encoded.p[i + 1]) << 4 | hex_value(encoded.p[i + 2]));
      if (c == '\0') return false;
      i += 2;
    }
    raw[n++] = c;
  }
  raw[n] = '\0';
  *ret_raw = str_make(raw, n);
  return true;
}
