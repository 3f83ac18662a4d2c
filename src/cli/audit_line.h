/* An entry of the audit trail as one line, in a form that other programs read. */
#ifndef CONNEK_CLI_AUDIT_LINE_H
#define CONNEK_CLI_AUDIT_LINE_H

#include "audit/audit.h"

/* JSON Lines, as `audit list --json` and, with the record's mac, `audit export` print them. */
void audit_line_json(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments);
void audit_line_json_record(struct buf *out, const struct audit_entry *entry, struct str organisation,
                            bool with_arguments);
/* RFC 5424: facility 13 (log audit); all that is said is structured data, there is no text behind it. */
void audit_line_syslog(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments);
/* ArcSight's Common Event Format, version 0. */
void audit_line_cef(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments);

#endif
