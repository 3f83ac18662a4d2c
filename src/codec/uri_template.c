/* Matches URIs against templates, by trying: what each expression may stand for, shortest first for a path's part,
 * within a fixed number of steps. */
#include "codec/uri_template.h"

#include "codec/url.h"

enum { STEPS_MAX = 20 * 1000 };

struct match {
  struct str text, uri;
  unsigned steps;
  size_t n;
  struct str found[URI_TEMPLATE_EXPRESSIONS];
};

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_.%,*:-", c));
}

static bool is_operator(char c) {
  return c && strchr("+#./;?&", c);
}

/* The end of the expression that begins at `i` (a brace), behind its closing brace; 0: there is none. */
static size_t expression_end(struct str text, size_t i) {
  size_t at = i + 1;
  if (at < text.n && is_operator(text.p[at])) at++;
  size_t first = at;
  while (at < text.n && is_name_char(text.p[at]))
    at++;
  return at > first && at < text.n && text.p[at] == '}' ? at + 1 : 0;
}

bool uri_template_is_valid(struct str text) {
  size_t n = 0;
  for (size_t i = 0; i < text.n;) {
    if (text.p[i] == '}') return false;
    if (text.p[i] != '{') {
      i++;
      continue;
    }
    i = expression_end(text, i);
    if (i == 0 || ++n > URI_TEMPLATE_EXPRESSIONS) return false;
  }
  return true;
}

struct str uri_template_prefix(struct str text) {
  const char *brace = text.n ? memchr(text.p, '{', text.n) : NULL;
  return brace ? str_make(text.p, (size_t)(brace - text.p)) : text;
}

/* How far an expression may reach from `u`, and how little it may be. */
static void reach(const struct match *match, char operator, size_t u, size_t *ret_min, size_t *ret_max) {
  struct str uri = match->uri;
  size_t end = u;
  *ret_min = *ret_max = 0;
  switch (operator) {
    case '+':
    case '#':
      *ret_min = 1;
      *ret_max = uri.n - u;
      return;
    case '?':
    case '&':
    case ';':
    case '/':
    case '.': /* all of them may be missing; else they begin with their sign */
      if (u >= uri.n || uri.p[u] != operator) return;
      end++;
      while (end < uri.n && (operator== '?' || operator== '&' || operator== '/' || uri.p[end] != '/'))
        end++;
      *ret_max = end - u;
      return;
    default:
      while (end < uri.n && uri.p[end] != '/')
        end++;
      *ret_min = 1;
      *ret_max = end - u;
  }
}

/* Depth is bounded by the number of expressions: literals are walked in a loop. */
static bool match_from(struct match *match, size_t t, size_t u) {
  struct str text = match->text, uri = match->uri;
  while (t < text.n && text.p[t] != '{') {
    if (u >= uri.n || text.p[t] != uri.p[u] || ++match->steps > STEPS_MAX) return false;
    t++;
    u++;
  }
  if (t >= text.n) return u == uri.n;
  size_t end = expression_end(text, t);
  if (end == 0 || match->n >= URI_TEMPLATE_EXPRESSIONS) return false;
  size_t min, max;
  reach(match, text.p[t + 1], u, &min, &max);
  for (size_t length = min; length <= max; length++) {
    if (++match->steps > STEPS_MAX) return false;
    match->found[match->n++] = str_make(uri.p + u, length);
    if (match_from(match, end, u + length)) return true;
    match->n--;
  }
  return false;
}

bool uri_template_fits(struct str text, struct str uri) {
  struct match match = {.text = text, .uri = uri};
  return match_from(&match, 0, 0);
}

struct str uri_template_move(struct arena *arena, struct str from, struct str to, struct str uri) {
  struct match match = {.text = from, .uri = uri};
  if (!match_from(&match, 0, 0)) return STR_NONE;
  struct buf out;
  buf_init(&out, arena, to.n + uri.n + 1);
  size_t n = 0;
  for (size_t i = 0; i < to.n;) {
    if (to.p[i] != '{') {
      buf_append_byte(&out, to.p[i++]);
      continue;
    }
    i = expression_end(to, i);
    if (i == 0 || n >= match.n) return STR_NONE;
    buf_append_str(&out, match.found[n++]);
  }
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

void uri_template_write_encoded(struct buf *out, struct str text) {
  for (size_t i = 0; i < text.n;) {
    size_t end = text.p[i] == '{' ? expression_end(text, i) : 0;
    if (end > 0) {
      buf_append(out, text.p + i, end - i);
    } else {
      for (end = i + 1; end < text.n && text.p[end] != '{';)
        end++;
      url_write_encoded(out, str_make(text.p + i, end - i));
    }
    i = end;
  }
}
