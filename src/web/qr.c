/* Draws what libqrencode makes of a text (ISO/IEC 18004). Must not know what the text is for: it may be a secret. */
#include "web/qr.h"

#include <limits.h>
#include <qrencode.h>

#include "base/secret.h"

enum { QUIET = 4 }; /* modules of white around it (ISO/IEC 18004, 6.3.8) */

static void draw_row(struct buf *out, const unsigned char *row, int width, int y) {
  for (int x = 0; x < width;) {
    int n = 0;
    while (x + n < width && (row[x + n] & 1) != 0)
      n++;
    if (n > 0) buf_printf(out, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, n, n);
    x += n + 1;
  }
}

bool page_qr(struct buf *out, struct str text, struct str label) {
  QRcode *code = text.n > 0 && text.n < INT_MAX
                     ? QRcode_encodeData((int)text.n, (const unsigned char *)text.p, 0, QR_ECLEVEL_M)
                     : NULL;
  if (!code) return false;
  int width = code->width, whole = width + 2 * QUIET;
  HTML(out, "<svg class=\"qr\" role=\"img\" aria-label=\"{}\"", label);
  buf_printf(out,
             " viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\"><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>"
             "<path d=\"",
             whole, whole, whole, whole);
  for (int y = 0; y < width; y++)
    draw_row(out, code->data + (size_t)y * (size_t)width, width, y);
  html_raw(out, "\"/></svg>");
  secret_wipe(code->data, (size_t)width * (size_t)width);
  QRcode_free(code);
  return true;
}
