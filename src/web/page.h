/* The frame of every page that this server writes itself: one narrow column, a title, no script. */
#ifndef CONNEK_WEB_PAGE_H
#define CONNEK_WEB_PAGE_H

#include "base/arena.h"
#include "net/http_server.h"
#include "web/html.h"

enum { PAGE_FIELDS = 12 };

/* Everything up to the content: "TITLE · Connek". `lead`: one sentence under the title, or empty. */
void page_begin(struct buf *out, struct str title, struct str lead);
void page_end(struct buf *out);
/* What went wrong with what was typed, so that screen readers say it first; nothing where it is empty. */
void page_problem(struct buf *out, struct str problem);

/* A labelled field; `hint` under it, or empty. `autocomplete` as in HTML ("username", "new-password" ...). */
struct page_input {
  const char *name, *label, *type, *autocomplete;
  struct str value, hint;
  bool is_optional, has_focus;
  bool is_digits; /* a phone shows its digits */
};
void page_input(struct buf *out, const struct page_input *input);
/* "password" and "again". */
void page_new_password(struct buf *out, bool has_focus);
void page_hidden(struct buf *out, const char *name, struct str value);
/* The form's own button; `name` and `value` NULL where it says nothing of its own. `kind`: "primary", "quiet",
 * "danger". */
void page_button(struct buf *out, const char *label, const char *kind, const char *name, const char *value);

/* "3 hours ago", with the exact time for who points at it; "never" for 0. */
void page_time(struct buf *out, int64_t utc_us, int64_t now_us);

/* The fields of a page's answer: no cache, no frame, no script, forms to ourselves and (after a redirect) to
 * `form_target` alone: a CSP source such as "https://example.org", or empty. NULL: no memory. Room for more is left up
 * to PAGE_FIELDS. */
struct http_field *page_fields(struct arena *arena, struct str form_target, size_t *ret_n);

/* The one style sheet, at PAGE_STYLE_PATH. */
#define PAGE_STYLE_PATH "/assets/page.css"
struct str page_style(void);

#endif
