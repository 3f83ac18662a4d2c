/* ECMA-262 to PCRE2, both with Unicode. They differ in what \s, \v, \Z, "." and a brace mean, in escapes, in classes,
 * and in all the syntax that PCRE2 has besides: what is not known here is refused, so that none of it gets through. */
#include <stdio.h>

#include "codec/schema_char.h"
#include "codec/schema_pattern.h"
#include "codec/utf8.h"

/* White space and line ends, ECMA-262, 12.2 and 12.3, as the inside of a class, and all else. */
#define SPACES "\\x{9}-\\x{d} \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                                  \
  "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}" \
  "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NO_LINE_END "[^\\n\\r\\x{2028}\\x{2029}]"
#define NOTHING "\\P{Any}"
#define ANYTHING "\\p{Any}"

struct reader {
  struct str text;
  size_t i;
  bool is_strict;
  bool may_repeat; /* a quantifier may follow */
  bool is_single;  /* what it would repeat is one character, so PCRE2 counts its repeats as one step */
  unsigned sets;   /* in the class under way: bits of set_letters */
  size_t ranges;   /* there, beyond U+00FF */
  struct buf *out;
  struct schema_ecma found;
};

static const char set_letters[] = "dDwWsSpP";
enum { REPEATS_FEW = 16, SET_RANGES = 12 };

static bool refuse(struct reader *reader, const char *why) {
  reader->found.why = why;
  return false;
}

static bool is_next(const struct reader *reader, const char *text) {
  return str_starts(str_make(reader->text.p + reader->i, reader->text.n - reader->i), str_of(text));
}

static bool take(struct reader *reader, const char *text) {
  if (!is_next(reader, text)) return false;
  reader->i += strlen(text);
  return true;
}

static char peek(const struct reader *reader) {
  return reader->i < reader->text.n ? reader->text.p[reader->i] : '\0';
}

static void put_code_point(struct reader *reader, uint32_t c) {
  if (c < 0x80 && char_is_alnum((char)c))
    buf_append_byte(reader->out, (char)c);
  else
    buf_printf(reader->out, "\\x{%x}", (unsigned)c);
}

/* `n` hexadecimal digits. */
static bool read_hex(struct reader *reader, size_t n, uint32_t *ret_value) {
  uint32_t value = 0;
  if (reader->text.n - reader->i < n) return false;
  for (size_t k = 0; k < n; k++) {
    char c = reader->text.p[reader->i + k];
    if (!char_is_hex(c)) return false;
    value = value * 16 + char_hex_value(c);
  }
  reader->i += n;
  *ret_value = value;
  return true;
}

/* What follows \u: {H...}, HHHH, or two of these that make a surrogate pair. */
static bool read_u(struct reader *reader, uint32_t *ret_c) {
  uint32_t high, low;
  if (take(reader, "{")) {
    size_t n = 0;
    while (reader->i + n < reader->text.n && char_is_hex(reader->text.p[reader->i + n]))
      n++;
    if (n == 0 || n > 8 || !read_hex(reader, n, ret_c) || *ret_c > 0x10FFFF || !take(reader, "}"))
      return refuse(reader, "\\u{} needs a code point");
    return true;
  }
  if (!read_hex(reader, 4, &high)) return refuse(reader, "\\u needs four hexadecimal digits");
  *ret_c = high;
  size_t after = reader->i;
  if (high < 0xD800 || high > 0xDBFF || !take(reader, "\\u")) return true;
  if (read_hex(reader, 4, &low) && low >= 0xDC00 && low <= 0xDFFF)
    *ret_c = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  else
    reader->i = after;
  return true;
}

/* An escape that stands for one character, its letter taken already; the same within a class and without. */
static bool read_character_escape(struct reader *reader, char c, uint32_t *ret_c) {
  static const char letters[] = "fnrtv", controls[] = "\f\n\r\t\v";
  const char *letter = c ? strchr(letters, c) : NULL;
  if (letter) {
    *ret_c = (unsigned char)controls[letter - letters];
    return true;
  }
  if (c == 'u') return read_u(reader, ret_c);
  if (c == 'x') return read_hex(reader, 2, ret_c) || refuse(reader, "\\x needs two hexadecimal digits");
  if (c == 'c') {
    char control = peek(reader);
    if (!char_is_alpha(control)) return refuse(reader, "\\c needs a letter");
    reader->i++;
    *ret_c = (unsigned char)control % 32;
    return true;
  }
  if (c == '0') {
    *ret_c = 0;
    return !char_is_digit(peek(reader)) || refuse(reader, "an octal escape");
  }
  if (char_is_alnum(c)) return refuse(reader, "an escape that ECMA-262 does not have");
  if (reader->is_strict && !(c && strchr("^$\\.*+?()[]{}|/", c)))
    return refuse(reader, "an escape that ECMA-262 does not have");
  reader->i--; /* a character that only stands for itself: perhaps of several bytes */
  *ret_c = utf8_next(reader->text, &reader->i);
  return true;
}

/* ECMA-262's long names of general categories; PCRE2 knows the short ones, scripts and binary properties. */
static const char *short_category(struct str name) {
  static const struct {
    const char *name, *category;
  } categories[] = {
      {"Letter", "L"},
      {"Cased_Letter", "L&"},
      {"LC", "L&"},
      {"Uppercase_Letter", "Lu"},
      {"Lowercase_Letter", "Ll"},
      {"Titlecase_Letter", "Lt"},
      {"Modifier_Letter", "Lm"},
      {"Other_Letter", "Lo"},
      {"Mark", "M"},
      {"Combining_Mark", "M"},
      {"Nonspacing_Mark", "Mn"},
      {"Spacing_Mark", "Mc"},
      {"Enclosing_Mark", "Me"},
      {"Number", "N"},
      {"Decimal_Number", "Nd"},
      {"digit", "Nd"},
      {"Letter_Number", "Nl"},
      {"Other_Number", "No"},
      {"Punctuation", "P"},
      {"punct", "P"},
      {"Connector_Punctuation", "Pc"},
      {"Dash_Punctuation", "Pd"},
      {"Open_Punctuation", "Ps"},
      {"Close_Punctuation", "Pe"},
      {"Initial_Punctuation", "Pi"},
      {"Final_Punctuation", "Pf"},
      {"Other_Punctuation", "Po"},
      {"Symbol", "S"},
      {"Math_Symbol", "Sm"},
      {"Currency_Symbol", "Sc"},
      {"Modifier_Symbol", "Sk"},
      {"Other_Symbol", "So"},
      {"Separator", "Z"},
      {"Space_Separator", "Zs"},
      {"Line_Separator", "Zl"},
      {"Paragraph_Separator", "Zp"},
      {"Other", "C"},
      {"Control", "Cc"},
      {"cntrl", "Cc"},
      {"Format", "Cf"},
      {"Surrogate", "Cs"},
      {"Private_Use", "Co"},
      {"Unassigned", "Cn"},
  };
  for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
    if (str_eq_c(name, categories[i].name)) return categories[i].category;
  }
  return NULL;
}

/* What follows \p or \P. */
static bool put_property(struct reader *reader, char p) {
  struct str name = str_make(reader->text.p + reader->i, 0);
  if (!take(reader, "{")) {
    if (reader->is_strict || !char_is_alpha(peek(reader))) return refuse(reader, "\\p needs a name in braces");
    reader->i++;
    buf_printf(reader->out, "\\%c{%c}", p, name.p[0]);
    return true;
  }
  name.p++;
  while (name.n < reader->text.n - reader->i && (char_is_alnum(name.p[name.n]) || name.p[name.n] == '_'))
    name.n++;
  reader->i += name.n;
  struct str value = name;
  if (take(reader, "=")) {
    value = str_make(reader->text.p + reader->i, 0);
    while (value.n < reader->text.n - reader->i && (char_is_alnum(value.p[value.n]) || value.p[value.n] == '_'))
      value.n++;
    reader->i += value.n;
  }
  if (value.n == 0 || !take(reader, "}")) return refuse(reader, "\\p needs a name in braces");
  const char *kind = "";
  if (value.p != name.p && (str_eq(name, STR("Script")) || str_eq(name, STR("sc"))))
    kind = "sc:";
  else if (value.p != name.p && (str_eq(name, STR("Script_Extensions")) || str_eq(name, STR("scx"))))
    kind = "scx:";
  else if (value.p != name.p && !str_eq(name, STR("General_Category")) && !str_eq(name, STR("gc")))
    return refuse(reader, "a property that is not known");
  const char *category = *kind ? NULL : short_category(value);
  if (category)
    buf_printf(reader->out, "\\%c{%s}", p, category);
  else
    buf_printf(reader->out, "\\%c{%s%.*s}", p, kind, STR_ARG(value));
  return true;
}

/* One member of a class: a set, which is written at once, or a character, which may begin or end a range. */
static bool read_class_atom(struct reader *reader, bool *ret_is_set, uint32_t *ret_c) {
  *ret_is_set = false;
  if (!take(reader, "\\")) {
    *ret_c = utf8_next(reader->text, &reader->i);
    return true;
  }
  if (reader->i == reader->text.n) return refuse(reader, "it ends in a backslash");
  char c = reader->text.p[reader->i++];
  const char *set = c ? strchr(set_letters, c) : NULL;
  *ret_is_set = set;
  if (set) reader->sets |= 1U << (set - set_letters);
  if (set && !strchr("dw", c)) reader->ranges += SET_RANGES;
  if (c == 's' || c == 'S') {
    buf_append_c(reader->out, c == 's' ? SPACES : NO_SPACES);
  } else if (c == 'p' || c == 'P') {
    return put_property(reader, c);
  } else if (*ret_is_set) {
    buf_append_byte(reader->out, '\\');
    buf_append_byte(reader->out, c);
  } else if (c == 'b') {
    *ret_c = '\b';
  } else if (c == '-') {
    *ret_c = '-';
  } else {
    return read_character_escape(reader, c, ret_c);
  }
  return true;
}

static bool put_class_member(struct reader *reader) {
  bool is_set, is_last_set;
  uint32_t first = 0, last = 0;
  if (!read_class_atom(reader, &is_set, &first)) return false;
  bool has_dash = peek(reader) == '-' && !is_next(reader, "-]") && reader->i + 1 < reader->text.n;
  if (!is_set) put_code_point(reader, first);
  if (!is_set && first > 0xFF) reader->ranges++;
  if (!has_dash) return true;
  if (is_set) return !reader->is_strict || refuse(reader, "a range that begins with a set");
  reader->i++;
  if (!read_class_atom(reader, &is_last_set, &last)) return false;
  if (is_last_set) { /* [a-\d]: the dash stands for itself */
    buf_append_c(reader->out, "\\x{2d}");
    return !reader->is_strict || refuse(reader, "a range that ends in a set");
  }
  buf_append_byte(reader->out, '-');
  put_code_point(reader, last);
  if (last > 0xFF && first <= 0xFF) reader->ranges++;
  return first <= last || refuse(reader, "a range whose end comes before its start");
}

static bool put_class(struct reader *reader) {
  static const unsigned opposites[] = {3, 3 << 2, 3 << 4}; /* [\s\S] */
  bool is_negated = take(reader, "^"), is_all = false;
  size_t start = reader->out->n;
  reader->may_repeat = reader->is_single = true;
  reader->sets = 0;
  reader->ranges = 0;
  if (take(reader, "]")) {
    buf_append_c(reader->out, is_negated ? ANYTHING : NOTHING);
    return true;
  }
  buf_append_c(reader->out, is_negated ? "[^" : "[");
  while (!take(reader, "]")) {
    if (reader->i == reader->text.n) return refuse(reader, "a class that does not end");
    if (!put_class_member(reader)) return false;
  }
  for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++)
    is_all |= (reader->sets & opposites[i]) == opposites[i];
  if (is_all && !buf_failed(reader->out)) {
    reader->out->n = start;
    buf_append_c(reader->out, is_negated ? NOTHING : ANYTHING);
    return true;
  }
  buf_append_byte(reader->out, ']');
  if (reader->found.class_ranges < reader->ranges) reader->found.class_ranges = reader->ranges;
  return true;
}

static bool put_escape(struct reader *reader) {
  if (reader->i == reader->text.n) return refuse(reader, "it ends in a backslash");
  char c = reader->text.p[reader->i++];
  reader->may_repeat = reader->is_single = true;
  if (c && strchr("dDwWbB", c)) {
    reader->may_repeat = c != 'b' && c != 'B';
    buf_append_byte(reader->out, '\\');
    buf_append_byte(reader->out, c);
    return true;
  }
  if (c == 's' || c == 'S') {
    buf_append_c(reader->out, c == 's' ? "[" SPACES "]" : "[^" SPACES "]");
    return true;
  }
  if (c == 'p' || c == 'P') return put_property(reader, c);
  if (!reader->is_strict && c && strchr("AZz", c)) {
    reader->may_repeat = false;
    buf_append_c(reader->out, c == 'A' ? "\\A" : "\\z");
    return true;
  }
  if (c >= '1' && c <= '9') {
    reader->found.may_scan = true;
    buf_append_c(reader->out, "\\g{");
    buf_append_byte(reader->out, c);
    for (; char_is_digit(peek(reader)); reader->i++)
      buf_append_byte(reader->out, peek(reader));
    buf_append_byte(reader->out, '}');
    return true;
  }
  if (c == 'k') {
    reader->found.may_scan = true;
    if (peek(reader) != '<') return refuse(reader, "\\k needs a name");
    buf_append_c(reader->out, "\\k");
    for (; peek(reader) != '>'; reader->i++) {
      if (reader->i == reader->text.n) return refuse(reader, "\\k needs a name");
      buf_append_byte(reader->out, peek(reader));
    }
    return true; /* the '>' follows as it is */
  }
  uint32_t code_point;
  if (!read_character_escape(reader, c, &code_point)) return false;
  put_code_point(reader, code_point);
  return true;
}

static bool put_group(struct reader *reader) {
  static const char *const known[] = {"?:", "?=", "?!", "?<=", "?<!"};
  reader->may_repeat = false;
  buf_append_byte(reader->out, '(');
  if (peek(reader) != '?') return true;
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    if (!take(reader, known[i])) continue;
    buf_append_c(reader->out, known[i]);
    return true;
  }
  if (take(reader, "?<") || (!reader->is_strict && take(reader, "?P<"))) {
    buf_append_c(reader->out, "?<"); /* PCRE2 judges the name */
    return true;
  }
  if (!reader->is_strict && (take(reader, "?i)") || take(reader, "?i:"))) {
    buf_append_c(reader->out, "?i");
    buf_append_byte(reader->out, reader->text.p[reader->i - 1]);
    return true;
  }
  return refuse(reader, "a group that ECMA-262 does not have");
}

/* "{2}", "{2,}" or "{2,5}" at i: its length, else 0. */
static size_t counted_length(const struct reader *reader, bool *ret_is_many) {
  struct str rest = str_make(reader->text.p + reader->i, reader->text.n - reader->i);
  size_t i = 1, last = 1;
  while (i < rest.n && char_is_digit(rest.p[i]))
    i++;
  if (i == 1 || i == rest.n) return 0;
  if (rest.p[i] == ',') {
    for (last = ++i; i < rest.n && char_is_digit(rest.p[i]);)
      i++;
  }
  if (i == rest.n || rest.p[i] != '}') return 0;
  uint64_t most;
  *ret_is_many = !str_to_u64(str_make(rest.p + last, i - last), &most) || most > REPEATS_FEW;
  return i + 1;
}

static bool put_quantifier(struct reader *reader, size_t n, bool is_many) {
  if (!reader->may_repeat) return refuse(reader, "there is nothing to repeat");
  buf_append(reader->out, reader->text.p + reader->i, n);
  reader->i += n;
  if (take(reader, "?")) buf_append_byte(reader->out, '?');
  reader->may_repeat = false;
  if (is_many && reader->is_single) reader->found.may_scan = true;
  return true;
}

static bool put_next(struct reader *reader) {
  char c = peek(reader);
  bool is_many = c == '*' || c == '+';
  size_t n_quantifier = is_many || c == '?' ? 1 : c == '{' ? counted_length(reader, &is_many) : 0;
  if (n_quantifier) return put_quantifier(reader, n_quantifier, is_many);
  if (c && strchr("{}]", c) && reader->is_strict) return refuse(reader, "a bracket that stands alone");
  reader->i++;
  switch (c) {
    case '\\':
      return put_escape(reader);
    case '[':
      return put_class(reader);
    case '(':
      return put_group(reader);
    case '.':
      buf_append_c(reader->out, NO_LINE_END);
      break;
    case '^':
    case '$':
    case '|':
      buf_append_byte(reader->out, c);
      reader->may_repeat = false;
      return true;
    case '{':
    case '}':
    case ']':
    case '\0':
      put_code_point(reader, (unsigned char)c);
      break;
    default:
      buf_append_byte(reader->out, c); /* ")" too */
  }
  reader->may_repeat = true;
  reader->is_single = c != ')';
  return true;
}

bool schema_ecma_translate(struct str text, bool is_strict, struct buf *out, struct schema_ecma *ret_found) {
  struct reader reader = {.text = text, .is_strict = is_strict, .out = out};
  while (reader.i < text.n && !reader.found.why)
    (void)put_next(&reader);
  *ret_found = reader.found;
  return !reader.found.why;
}
