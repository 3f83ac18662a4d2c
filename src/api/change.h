/* Changes: the same transactions as `connek apply` makes, for one thing at a time. */
#ifndef CONNEK_API_CHANGE_H
#define CONNEK_API_CHANGE_H

#include "api/request.h"

/* Who makes this request's changes. */
struct audit_author api_author(const struct api_request *request);
/* Begins a file about the caller's organisation: {"organisation":NAME, and what the caller adds after it. */
void api_change_open(struct api_request *request, struct buf *out);
/* Ends it and applies it. Errors' places lose what stands before the thing itself ("/roles/0"). The reply will wait for
 * the workers. */
enum err_code api_change_apply(struct api_request *request, struct db_tx *tx, struct buf *text,
                               const struct config_edit *edit, struct err *err) MUST_CHECK;
/* Nothing beside what the text says. */
#define API_EDIT (&(struct config_edit){.kept_settings = STR_NONE})
/* ": /roles/0/rules/1" -> "/rules/1". */
void api_change_shorten(struct err *err);
enum err_code api_change_remove(struct api_request *request, struct db_tx *tx, enum config_part part, struct str name,
                                struct err *err) MUST_CHECK;
enum err_code api_change_rename(struct api_request *request, struct db_tx *tx, enum config_part part, struct str from,
                                struct str to, struct err *err) MUST_CHECK;

#endif
