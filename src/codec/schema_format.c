/* Judges texts by their format; one function a format, and the table of them. */
#include "codec/schema_format.h"

#include "codec/schema_address.h"
#include "codec/schema_char.h"
#include "codec/schema_pattern.h"
#include "codec/schema_uri.h"

static bool is_at(struct str text, size_t i, char c) {
  return i < text.n && text.p[i] == c;
}

/* Exactly n digits at i. */
static bool read_digits(struct str text, size_t i, size_t n, unsigned *ret_value) {
  unsigned value = 0;
  if (i > text.n || text.n - i < n) return false;
  for (size_t k = i; k < i + n; k++) {
    if (!char_is_digit(text.p[k])) return false;
    value = value * 10 + (unsigned)(text.p[k] - '0');
  }
  *ret_value = value;
  return true;
}

static bool is_date(struct str text) {
  static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  unsigned year, month, day;
  if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' || !read_digits(text, 0, 4, &year) ||
      !read_digits(text, 5, 2, &month) || !read_digits(text, 8, 2, &day) || month < 1 || month > 12)
    return false;
  bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day >= 1 && day <= days[month - 1] && (month != 2 || day < 29 || is_leap);
}

/* RFC 3339, 5.6: full-time. A second 60 only where it is 23:59 in UTC. */
static bool is_time(struct str text) {
  unsigned hour, minute, second, zone_hour = 0, zone_minute = 0;
  if (!read_digits(text, 0, 2, &hour) || !is_at(text, 2, ':') || !read_digits(text, 3, 2, &minute) ||
      !is_at(text, 5, ':') || !read_digits(text, 6, 2, &second) || hour > 23 || minute > 59 || second > 60)
    return false;
  size_t i = 8;
  if (is_at(text, i, '.')) {
    size_t start = ++i;
    while (i < text.n && char_is_digit(text.p[i]))
      i++;
    if (i == start) return false;
  }
  bool is_west = is_at(text, i, '-');
  if (is_at(text, i, 'Z') || is_at(text, i, 'z')) {
    i++;
  } else {
    if (!(is_west || is_at(text, i, '+')) || !read_digits(text, i + 1, 2, &zone_hour) || !is_at(text, i + 3, ':') ||
        !read_digits(text, i + 4, 2, &zone_minute) || zone_hour > 23 || zone_minute > 59)
      return false;
    i += 6;
  }
  if (i != text.n) return false;
  int zone = (int)(zone_hour * 60 + zone_minute) * (is_west ? -1 : 1);
  int utc = ((int)(hour * 60 + minute) - zone + 2 * 24 * 60) % (24 * 60);
  return second < 60 || utc == 23 * 60 + 59;
}

static bool is_date_time(struct str text) {
  if (text.n < 11 || (text.p[10] != 'T' && text.p[10] != 't')) return false;
  return is_date(str_make(text.p, 10)) && is_time(str_make(text.p + 11, text.n - 11));
}

/* RFC 3339, appendix A: each unit's number is of whole digits; weeks stand alone, and no unit between two is left out.
 */
static bool is_duration_part(struct str text, size_t *i, const char *units) {
  const char *last = NULL;
  size_t start = *i;
  while (*i < text.n && char_is_digit(text.p[*i])) {
    while (*i < text.n && char_is_digit(text.p[*i]))
      ++*i;
    const char *unit = *i < text.n && text.p[*i] ? strchr(units, text.p[*i]) : NULL;
    if (!unit || (last && unit != last + 1)) return false;
    last = unit;
    ++*i;
  }
  return *i > start;
}

static bool is_duration(struct str text) {
  size_t i = 1;
  if (!is_at(text, 0, 'P') || text.n < 2) return false;
  if (text.p[text.n - 1] == 'W') return is_duration_part(text, &i, "W") && i == text.n;
  if (text.p[i] != 'T' && !is_duration_part(text, &i, "YMD")) return false;
  if (i == text.n) return true;
  if (text.p[i++] != 'T') return false;
  return is_duration_part(text, &i, "HMS") && i == text.n;
}

static bool is_email(struct str text) {
  return schema_is_email(text, false);
}

static bool is_idn_email(struct str text) {
  return schema_is_email(text, true);
}

static bool is_uri(struct str text) {
  return schema_uri_is_valid(text, SCHEMA_URI);
}

static bool is_uri_reference(struct str text) {
  return schema_uri_is_valid(text, SCHEMA_URI_REFERENCE);
}

static bool is_iri(struct str text) {
  return schema_uri_is_valid(text, SCHEMA_IRI);
}

static bool is_iri_reference(struct str text) {
  return schema_uri_is_valid(text, SCHEMA_IRI_REFERENCE);
}

/* RFC 6570: expressions in braces, each of an operator and variables. What stands between them is not judged beyond
 * what no URI may hold. */
static bool is_uri_template(struct str text) {
  bool is_open = false;
  size_t start = 0;
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == '{') {
      if (is_open) return false;
      is_open = true;
      start = i + 1;
      if (start < text.n && text.p[start] && strchr("+#./;?&=,!@|", text.p[start])) start++;
    } else if (c == '}') {
      if (!is_open || i <= start) return false;
      is_open = false;
    } else if (is_open ? i >= start && !char_is_alnum(c) && !(c && strchr("_.,%:*", c))
                       : (unsigned char)c <= ' ' || strchr("\"'<>\\^`|", c) || c == 0x7F) {
      return false;
    }
  }
  return !is_open;
}

static bool is_uuid(struct str text) {
  if (text.n != 36) return false;
  for (size_t i = 0; i < text.n; i++) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text.p[i] != '-' : !char_is_hex(text.p[i])) return false;
  }
  return true;
}

/* RFC 6901 */
static bool is_json_pointer(struct str text) {
  if (text.n > 0 && text.p[0] != '/') return false;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '~' && !is_at(text, i + 1, '0') && !is_at(text, i + 1, '1')) return false;
  }
  return true;
}

static bool is_relative_json_pointer(struct str text) {
  size_t i = 0;
  while (i < text.n && char_is_digit(text.p[i]))
    i++;
  if (i == 0 || (i > 1 && text.p[0] == '0')) return false;
  struct str rest = str_make(text.p + i, text.n - i);
  return str_eq(rest, STR("#")) || is_json_pointer(rest);
}

const struct schema_format *schema_format_find(struct str name) {
  static const struct schema_format formats[] = {
      {"date-time", is_date_time, "must be a time such as 2026-03-31T09:30:00Z", 1},
      {"date", is_date, "must be a date such as 2026-03-31", 1},
      {"time", is_time, "must be a time such as 09:30:00Z", 1},
      {"duration", is_duration, "must be a duration such as P3DT12H", 1},
      {"email", is_email, "must be an email address", 1},
      {"idn-email", is_idn_email, "must be an email address", 1},
      {"hostname", schema_is_hostname, "must be a host name", 1},
      {"ipv4", schema_is_ipv4, "must be an IPv4 address", 1},
      {"ipv6", schema_is_ipv6, "must be an IPv6 address", 1},
      {"uri", is_uri, "must be a URI such as https://example.com/", 1},
      {"uri-reference", is_uri_reference, "must be a URI or a reference relative to one", 1},
      {"iri", is_iri, "must be an IRI such as https://example.com/", 1},
      {"iri-reference", is_iri_reference, "must be an IRI or a reference relative to one", 1},
      {"uri-template", is_uri_template, "must be a URI template", 1},
      {"uuid", is_uuid, "must be a UUID", 1},
      {"json-pointer", is_json_pointer, "must be a JSON pointer", 1},
      {"relative-json-pointer", is_relative_json_pointer, "must be a relative JSON pointer", 1},
      {"regex", schema_pattern_is_strict, "must be a regular expression", 10 * 1000},
  };
  for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
    if (str_eq_c(name, formats[i].name)) return &formats[i];
  }
  return NULL;
}
