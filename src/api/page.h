/* Lists page by page. A cursor is where the page before ended: the sort key of its last item, which means the same
 * whatever was added or taken away since. */
#ifndef CONNEK_API_PAGE_H
#define CONNEK_API_PAGE_H

#include "api/request.h"

struct api_page {
  size_t limit;     /* how many the answer may have; ask the store for one more: it tells whether there are others */
  struct str after; /* the cursor, decoded; empty: from the start */
};
/* From `limit` and `cursor`. ERR_INVALID: that is no cursor of ours. */
enum err_code api_page_read(struct api_request *request, struct api_page *ret_page, struct err *err) MUST_CHECK;

/* {"items":[ */
void api_page_open(struct api_request *request);
/* ],"next_cursor":...}. `n`: how many the store found; `last`: the sort key of the last one shown. */
void api_page_close(struct api_request *request, const struct api_page *page, size_t n, struct str last);

#endif
