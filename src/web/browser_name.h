/* What a person would call a browser: "Firefox on Windows". From what it says of itself, which anybody may write. Pure.
 */
#ifndef CONNEK_WEB_BROWSER_NAME_H
#define CONNEK_WEB_BROWSER_NAME_H

#include "base/arena.h"

/* Of a User-Agent field; "A program" for what no browser says. */
struct str browser_name(struct arena *arena, struct str agent);

#endif
