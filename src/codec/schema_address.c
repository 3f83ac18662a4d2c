/* Judges addresses; resolves nothing. */
#include "codec/schema_address.h"

#include "codec/schema_char.h"

enum { HOST_MAX = 253, LABEL_MAX = 63, LOCAL_MAX = 64, IPV6_GROUPS = 8 };

bool schema_is_ipv4(struct str text) {
  size_t i = 0;
  for (int part = 0; part < 4; part++) {
    if (part > 0) {
      if (i == text.n || text.p[i] != '.') return false;
      i++;
    }
    size_t start = i;
    unsigned value = 0;
    while (i < text.n && i - start < 3 && char_is_digit(text.p[i]))
      value = value * 10 + (unsigned)(text.p[i++] - '0');
    if (i == start || value > 255 || (i - start > 1 && text.p[start] == '0')) return false;
  }
  return i == text.n;
}

/* RFC 4291, 2.2 */
bool schema_is_ipv6(struct str text) {
  int groups = 0;
  bool has_gap = false;
  size_t i = 0;
  if (str_starts(text, STR("::"))) {
    has_gap = true;
    i = 2;
    if (text.n == 2) return true;
  }
  for (;;) {
    size_t start = i;
    while (i < text.n && i - start < 4 && char_is_hex(text.p[i]))
      i++;
    if (i < text.n && text.p[i] == '.')
      return (has_gap ? groups < IPV6_GROUPS - 2 : groups == IPV6_GROUPS - 2) &&
             schema_is_ipv4(str_make(text.p + start, text.n - start));
    if (i == start) return false;
    groups++;
    if (i == text.n) break;
    if (text.p[i] != ':' || i + 1 == text.n) return false;
    i++;
    if (text.p[i] != ':') continue;
    if (has_gap) return false;
    has_gap = true;
    if (++i == text.n) break;
  }
  return has_gap ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

bool schema_is_hostname(struct str text) {
  if (text.n == 0 || text.n > HOST_MAX) return false;
  size_t start = 0;
  for (size_t i = 0; i <= text.n; i++) {
    if (i < text.n && text.p[i] != '.') {
      if (!char_is_alnum(text.p[i]) && text.p[i] != '-') return false;
      continue;
    }
    struct str label = str_make(text.p + start, i - start);
    if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-') return false;
    start = i + 1;
  }
  return true;
}

/* RFC 5321, 4.1.2: a dot-string, or a quoted one. Beyond ASCII as RFC 6531 has it. */
static bool is_local_part(struct str local, bool is_international) {
  if (local.n == 0 || local.n > LOCAL_MAX) return false;
  bool is_quoted = local.n > 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
  struct str inner = is_quoted ? str_make(local.p + 1, local.n - 2) : local;
  for (size_t i = 0; i < inner.n; i++) {
    char c = inner.p[i];
    if ((unsigned char)c >= 0x80) {
      if (!is_international) return false;
    } else if (is_quoted) {
      if (c == '\\') i++;
      if (i == inner.n || (unsigned char)inner.p[i] < ' ' || inner.p[i] == 0x7F || c == '"') return false;
    } else if (c == '.') {
      if (i == 0 || i == inner.n - 1 || inner.p[i - 1] == '.') return false;
    } else if (!char_is_alnum(c) && !(c && strchr("!#$%&'*+-/=?^_`{|}~", c))) {
      return false;
    }
  }
  return true;
}

static bool is_literal(struct str domain) {
  if (domain.n < 2 || domain.p[domain.n - 1] != ']') return false;
  struct str inner = str_make(domain.p + 1, domain.n - 2);
  if (str_starts(inner, STR("IPv6:"))) return schema_is_ipv6(str_make(inner.p + 5, inner.n - 5));
  return schema_is_ipv4(inner);
}

static bool has_only_hosts_characters(struct str domain) {
  if (domain.n == 0 || domain.n > HOST_MAX) return false;
  for (size_t i = 0; i < domain.n; i++) {
    char c = domain.p[i];
    if ((unsigned char)c < 0x80 && !char_is_alnum(c) && c != '-' && c != '.') return false;
  }
  return true;
}

bool schema_is_email(struct str text, bool is_international) {
  size_t at = text.n;
  while (at > 0 && text.p[at - 1] != '@')
    at--;
  if (at == 0) return false;
  struct str domain = str_make(text.p + at, text.n - at);
  if (!is_local_part(str_make(text.p, at - 1), is_international)) return false;
  if (str_starts(domain, STR("["))) return is_literal(domain);
  return is_international ? has_only_hosts_characters(domain) : schema_is_hostname(domain);
}
