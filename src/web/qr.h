/* A QR code as a part of a page. */
#ifndef CONNEK_WEB_QR_H
#define CONNEK_WEB_QR_H

#include "web/html.h"

/* `text` as a picture for a camera, within the page itself (SVG: no script, no style, no other address), with `label`
 * for who cannot see it. False: nothing is written, since it is too long (beyond some 2,300 bytes) or there is no
 * memory. */
bool page_qr(struct buf *out, struct str text, struct str label) MUST_CHECK;

#endif
