/* Escaping. Knows no page. */
#include "web/html.h"

#include "codec/utf8.h"

static const char *entity_of(uint32_t c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return NULL;
  }
}

/* Besides controls what turns the direction of a line: a name could pass for another (UTR #36). */
static bool is_hidden(uint32_t c) {
  return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == UINT32_MAX;
}

void html_text(struct buf *out, struct str text) {
  for (size_t i = 0; i < text.n;) {
    size_t start = i;
    uint32_t c = utf8_next(text, &i);
    if (i == start) i++; /* whatever the reader says of invalid bytes, this ends */
    const char *entity = entity_of(c);
    if (is_hidden(c))
      buf_append_c(out, "\xef\xbf\xbd");
    else if (entity)
      buf_append_c(out, entity);
    else
      buf_append(out, text.p + start, i - start);
  }
}

void html_raw(struct buf *out, const char *markup) {
  buf_append_c(out, markup);
}

void html_write(struct buf *out, const char *format, const struct str *texts, size_t n) {
  size_t used = 0;
  const char *place;
  for (; (place = strstr(format, "{}")); format = place + 2) {
    buf_append(out, format, (size_t)(place - format));
    if (used == n) break;
    html_text(out, texts[used++]);
  }
  if (place || used != n)
    out->has_failed = true; /* a mistake of ours: no half page leaves */
  else
    buf_append_c(out, format);
}
