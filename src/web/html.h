/* Text into HTML: the one way by which anything that is not our own literal gets onto a page. */
#ifndef CONNEK_WEB_HTML_H
#define CONNEK_WEB_HTML_H

#include "base/buf.h"
#include "base/str.h"

/* Writes `format`, our own markup, with each "{}" replaced by the next text, escaped for elements and for attributes in
 * double quotes. As many texts as places, or the buffer fails. `format` must be a literal. */
void html_write(struct buf *out, const char *format, const struct str *texts, size_t n);
#define HTML(out, format, ...)                                   \
  html_write((out), (format), (const struct str[]){__VA_ARGS__}, \
             sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
/* Markup without places. */
void html_raw(struct buf *out, const char *markup);
/* One text, escaped. Invalid UTF-8 and control characters become U+FFFD. */
void html_text(struct buf *out, struct str text);

#endif
