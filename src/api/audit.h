/* Records of the trail as the API shows them. */
#ifndef CONNEK_API_AUDIT_H
#define CONNEK_API_AUDIT_H

#include "api/request.h"
#include "audit/audit.h"
#include "audit/page.h"

/* One, as an AuditRecord. */
void audit_write(struct buf *out, const struct audit_entry *entry);
/* The filter that the query names. ERR_INVALID: a time that is none. */
enum err_code audit_read_filter(const struct api_request *request, struct call_fact_filter *ret_filter,
                                struct err *err) MUST_CHECK;

#endif
