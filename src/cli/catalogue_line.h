/* Items of catalogues as commands show them. */
#ifndef CONNEK_CLI_CATALOGUE_LINE_H
#define CONNEK_CLI_CATALOGUE_LINE_H

#include "base/buf.h"
#include "store/store.h"

/* What went wrong when the server was last asked; `head` may be NULL. 1: something was written. */
size_t catalogue_line_head(struct buf *out, const struct connection_record *connection,
                           const struct catalogue_record *head, bool is_json);
/* A line, what a reviewer should know of it, and how it differs from what was accepted. */
enum err_code catalogue_line_text(struct arena *arena, struct buf *out, const struct connection_record *connection,
                                  const struct catalogue_item_record *item, struct err *err) MUST_CHECK;
enum err_code catalogue_line_json(struct arena *arena, struct buf *out, const struct connection_record *connection,
                                  const struct catalogue_item_record *item, struct err *err) MUST_CHECK;
/* "accepted crm tool search (read)" */
void catalogue_line_verdict(struct buf *out, const struct connection_record *connection,
                            const struct catalogue_item_record *item);

#endif
