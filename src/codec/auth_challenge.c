/* Reads WWW-Authenticate: challenges of several schemes in one list, whose commas also stand between the parameters of
 * each (RFC 9110, 11.6.1). Must not know what is done about one. */
#include "codec/auth_challenge.h"

#include <string.h>

static bool is_token_char(char c) {
  bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_alphanumeric || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip(struct str *rest, const char *set) {
  while (rest->n > 0 && rest->p[0] != '\0' && strchr(set, rest->p[0]))
    *rest = str_make(rest->p + 1, rest->n - 1);
}

static struct str take_token(struct str *rest) {
  size_t n = 0;
  while (n < rest->n && is_token_char(rest->p[n]))
    n++;
  struct str token = str_make(rest->p, n);
  *rest = str_make(rest->p + n, rest->n - n);
  return token;
}

/* The opening quote was seen. False: it has no end. */
static bool take_quoted(struct arena *arena, struct str *rest, struct str *ret_text) {
  char *copy = arena_alloc(arena, rest->n + 1);
  size_t n = 0;
  for (size_t i = 1; i < rest->n; i++) {
    char c = rest->p[i];
    if (c == '"') {
      *ret_text = copy ? str_make(copy, n) : STR_NONE;
      *rest = str_make(rest->p + i + 1, rest->n - i - 1);
      return true;
    }
    if (c == '\\' && ++i == rest->n) return false;
    if (copy) copy[n++] = rest->p[i];
  }
  return false;
}

static bool take_value(struct arena *arena, struct str *rest, struct str *ret_text) {
  skip(rest, " \t");
  if (rest->n > 0 && rest->p[0] == '"') return take_quoted(arena, rest, ret_text);
  struct str token = take_token(rest);
  *ret_text = token.n > 0 ? arena_str(arena, token) : STR_NONE;
  return token.n > 0;
}

static void keep(struct auth_challenge *challenge, struct str name, struct str value) {
  struct str *const members[] = {&challenge->resource_metadata, &challenge->scope, &challenge->error};
  static const char *const names[] = {"resource_metadata", "scope", "error"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (str_eq_fold(name, str_of(names[i])) && !members[i]->p) *members[i] = value;
}

/* "Basic dXNlcg==" and "Negotiate abc=": what follows a scheme in place of parameters. */
static bool skip_token68(struct str *rest) {
  struct str at = *rest;
  skip(&at, " \t");
  size_t before = at.n;
  while (at.n > 0 && (is_token_char(at.p[0]) || at.p[0] == '/'))
    at = str_make(at.p + 1, at.n - 1);
  bool has_any = at.n < before;
  while (at.n > 0 && at.p[0] == '=')
    at = str_make(at.p + 1, at.n - 1);
  struct str after = at;
  skip(&after, " \t");
  if (!has_any || (after.n > 0 && after.p[0] != ',')) return false;
  *rest = after;
  return true;
}

void auth_challenge_read(struct arena *arena, struct str field, struct auth_challenge *challenge) {
  struct str rest = field;
  bool is_ours = false;
  for (;;) {
    skip(&rest, " \t,");
    struct str name = take_token(&rest), value;
    if (name.n == 0) return;
    struct str after = rest;
    skip(&after, " \t");
    if (after.n > 0 && after.p[0] == '=') {
      rest = str_make(after.p + 1, after.n - 1);
      if (!take_value(arena, &rest, &value)) return;
      if (is_ours) keep(challenge, name, value);
      continue;
    }
    is_ours = !challenge->is_bearer && str_eq_fold(name, STR("Bearer"));
    challenge->is_bearer |= is_ours;
    (void)skip_token68(&rest);
  }
}
