/* Names and e-mail addresses: what may be one. Knows nothing of files or of the database. */
#include "config/words.h"

#include "base/limits.h"
#include "codec/utf8.h"

static bool is_control(uint32_t c) {
  /* C0, DEL, C1, and the line and paragraph separators: all would break a line of a list or a log. */
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

enum err_code config_name_check(struct str name, struct err *err) {
  if (name.n == 0) return err_set(err, ERR_INVALID, "a name must not be empty");
  size_t characters = 0;
  for (size_t i = 0; i < name.n;) {
    uint32_t c = utf8_next(name, &i);
    if (c == UINT32_MAX) return err_set(err, ERR_INVALID, "a name must be UTF-8");
    if (is_control(c)) return err_set(err, ERR_INVALID, "a name must not hold control characters");
    if (++characters > LIMIT_NAME) {
      return err_set(err, ERR_INVALID, "a name has at most %d characters", LIMIT_NAME);
    }
  }
  if (name.p[0] == ' ' || name.p[name.n - 1] == ' ') {
    return err_set(err, ERR_INVALID, "a name must not begin or end with a space");
  }
  return ERR_NONE;
}

/* What RFC 5322 lets stand unquoted before the @ ("atext"), and the dot. */
static bool is_local_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL;
}

static bool is_domain(struct str domain) {
  if (domain.n == 0 || domain.n > 253) return false;
  while (domain.p) {
    struct str label = str_cut(&domain, '.');
    if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-') return false;
    for (size_t i = 0; i < label.n; i++) {
      char c = label.p[i];
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
    }
  }
  return true;
}

static bool is_local(struct str local) {
  if (local.n == 0 || local.n > 64 || local.p[0] == '.' || local.p[local.n - 1] == '.') return false;
  for (size_t i = 0; i < local.n; i++) {
    if (!is_local_char(local.p[i]) || (local.p[i] == '.' && local.p[i - 1] == '.')) return false;
  }
  return true;
}

enum err_code config_email_read(struct arena *arena, struct str text, struct str *ret_email, struct err *err) {
  if (text.n > LIMIT_EMAIL)
    return err_set(err, ERR_INVALID, "an e-mail address has at most %d characters", LIMIT_EMAIL);
  char *email = arena_memdup(arena, text.n ? text.p : "", text.n ? text.n : 1);
  if (!email) return err_no_memory(err);
  size_t at = text.n;
  for (size_t i = 0; i < text.n; i++) {
    if (email[i] >= 'A' && email[i] <= 'Z') email[i] = (char)(email[i] - 'A' + 'a');
    if (email[i] == '@') at = i;
  }
  if (at == text.n || !is_local(str_make(email, at)) || !is_domain(str_make(email + at + 1, text.n - at - 1))) {
    return err_set(err, ERR_INVALID, "not an e-mail address (name@example.org)");
  }
  *ret_email = str_make(email, text.n);
  return ERR_NONE;
}
