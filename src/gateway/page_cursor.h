/* Cursors of tools that answer in pages. What stands sealed in one: the connection, the call's other arguments, and
 * where the connector goes on. So the guard judges, and the record holds, the whole call, not a token in its place. */
#ifndef CONNEK_GATEWAY_PAGE_CURSOR_H
#define CONNEK_GATEWAY_PAGE_CURSOR_H

#include "gateway/call.h"

/* Before anything looks at the arguments. Where they have a cursor of ours, the others are restored: those that were
 * left out come back, those that were repeated must be the same. Fills call->arguments and call->page. ERR_INVALID: an
 * unknown cursor, or another call's. */
enum err_code page_cursor_open(struct call *call, struct err *err) MUST_CHECK;
/* Once the connection is known: is it the one that the cursor is for? */
enum err_code page_cursor_check(const struct call *call, struct err *err) MUST_CHECK;
/* connector_call.seal_page */
struct str page_cursor_seal(struct connector_call *invocation, struct str state);

#endif
