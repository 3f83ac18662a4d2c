/* A call as the trail's benches record it: of usual size, its arguments kept. */
#ifndef CONNEK_BENCH_AUDIT_EVENT_H
#define CONNEK_BENCH_AUDIT_EVENT_H

#include "audit/audit.h"

static inline struct audit_event usual_event(struct uuid organisation_id, const struct vault_keys *keys, int64_t time) {
  return (struct audit_event){.kind = AUDIT_CALL,
                              .organisation_id = organisation_id,
                              .keys = keys,
                              .time = time,
                              .call_id = uuid_new(),
                              .user_id = uuid_new(),
                              .token_id = uuid_new(),
                              .user_email = STR("finance@acme.example"),
                              .client = STR("claude-code 2.0.1"),
                              .roles = STR("[\"finance\"]"),
                              .policy_version = 3,
                              .connector = STR("sqlite"),
                              .connector_version = 1,
                              .connection_id = uuid_new(),
                              .connection = STR("ledger"),
                              .tool = STR("sqlite_query"),
                              .does = STR("read"),
                              .arguments = STR("{\"sql\":\"SELECT id, total FROM invoices WHERE customer_id = 7\"}"),
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .reason = STR("rule 019a9c1e-7f00-7000-8000-000000000001 of role finance"),
                              .outcome = AUDIT_OK,
                              .duration_us = 1234,
                              .trace_id = "0af7651916cd43dd8448eb211c80319c"};
}

#endif
