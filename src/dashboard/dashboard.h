/* The dashboard: its files, and the one HTML page that stands at every address of a page. What it shows comes from the
 * REST API, so there is nothing here that anybody must not see. */
#ifndef CONNEK_DASHBOARD_DASHBOARD_H
#define CONNEK_DASHBOARD_DASHBOARD_H

#include "dashboard/asset.h"
#include "net/http_server.h"

/* The word in index.html in whose place each response's nonce is put (web/vite.config.ts). */
#define DASHBOARD_NONCE "CONNEK-NONCE"

/* Is it the address of a page, or of a file? */
bool dashboard_serves(struct str path);
/* Answers GET and HEAD; anything else is 405. */
void dashboard_serve(struct http_exchange *http);

/* The template with `nonce` at each of its places. STR_NONE: no memory. */
struct str dashboard_page(struct arena *arena, struct str template, struct str nonce) MUST_CHECK;

#endif
