/* What in somebody's snippet is a secret? When in doubt it is one: a reference too many costs a variable, a secret too
 * many in a file is found by everyone who reads it. */
#include <ctype.h>
#include <string.h>

#include "cli/import.h"

enum { TOKEN_MIN = 20 };

static bool contains_fold(struct str text, struct str word) {
  for (size_t i = 0; i + word.n <= text.n; i++) {
    if (str_eq_fold(str_make(text.p + i, word.n), word)) return true;
  }
  return false;
}

bool import_is_secret_name(struct str name) {
  static const char *const words[] = {"key",    "token", "secret", "passw", "pwd",    "credential",
                                      "bearer", "auth",  "cookie", "dsn",   "private"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (contains_fold(name, str_of(words[i]))) return true;
  }
  return false;
}

/* Long, without spaces, of letters and digits mixed: what machines make, and people do not. */
static bool is_random(struct str value) {
  size_t n_digits = 0, n_letters = 0;
  if (value.n < TOKEN_MIN) return false;
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if (isdigit(c))
      n_digits++;
    else if (isalpha(c))
      n_letters++;
    else if (!strchr("-_.=+", c) || c == '\0')
      return false;
  }
  return n_digits >= 3 && n_letters >= 3;
}

bool import_is_secret_value(struct str value) {
  static const char *const prefixes[] = {
      "sk-",  "sk_",  "pk_", "rk_",  "ghp_", "gho_", "github_pat_", "glpat-", "xox", "AKIA",   "AIza",    "ntn_",
      "lin_", "pat_", "hf_", "npm_", "key-", "ck_",  "Bearer ",     "Basic ", "eyJ", "shpat_", "secret_", "whsec_"};
  for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
    if (str_starts(value, str_of(prefixes[i])) && value.n > strlen(prefixes[i])) return true;
  }
  const char *scheme = memmem(value.p ? value.p : "", value.n, "://", 3);
  if (!scheme) return is_random(value);
  struct str rest = {scheme + 3, value.n - (size_t)(scheme + 3 - value.p)};
  struct str host = str_cut(&rest, '/');
  return host.n > 0 && memchr(host.p, '@', host.n) && memchr(host.p, ':', host.n); /* user:password@host */
}

bool import_is_harmless(struct str name, struct str value) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "debug", "info", "warn", "error"};
  if (import_is_secret_name(name) || value.n == 0) return false;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (str_eq_fold(value, str_of(words[i]))) return true;
  }
  size_t n_digits = 0;
  while (n_digits < value.n && isdigit((unsigned char)value.p[n_digits]))
    n_digits++;
  return n_digits == value.n && value.n <= 5;
}

static struct str inside(struct str text, const char *open, const char *close) {
  struct str before = str_of(open), after = str_of(close);
  if (text.n <= before.n + after.n || !str_starts(text, before) || !str_ends(text, after)) return STR_NONE;
  return str_make(text.p + before.n, text.n - before.n - after.n);
}

struct str import_placeholder(struct str value) {
  static const char *const forms[][2] = {{"${input:", "}"}, {"${env:", "}"}, {"${", "}"}, {"{", "}"}, {"<", ">"}};
  for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
    struct str name = inside(value, forms[i][0], forms[i][1]);
    if (name.n > 0) return name;
  }
  return STR_NONE;
}
