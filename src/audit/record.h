/* The canonical record of an event: one JSON object (RFC 8785) that the chain covers, and beside it the personal
 * content whose digests it holds.
 *
 *   {"arguments_digest":HEX,"call":ID,"client_digest":HEX,"connection":NAME,"connection_id":ID,"connector":ID,
 *    "connector_version":N,"decision":"allowed","does":"read","duration_us":N,"error":CODE,"kind":"call","org":ID,
 *    "outcome":"ok","policy":N,"reason":TEXT,"roles":[...],"seq":N,"time":N,"token":ID,"tool":NAME,"trace":HEX,
 *    "user":ID,"user_digest":HEX,"v":1,"writer":NAME}
 *
 * What is empty is left out. An outcome holds only what is new: its intent, found by "call", says the rest. A digest is
 * HMAC-SHA-256 with the key "audit-digest": of user and client over the value as JSON string, of arguments over their
 * canonical form. */
#ifndef CONNEK_AUDIT_RECORD_H
#define CONNEK_AUDIT_RECORD_H

#include "audit/audit.h"

enum {
  AUDIT_MAC_SIZE = VAULT_MAC_SIZE,
  AUDIT_TEXT_MAX = 256,          /* bytes of a text that a client chose (tool, client), or of a reason */
  AUDIT_RECORD_MAX = 256 * 1024, /* a record with the personal content: a role list may be long */
};

/* Work space, used for one record after the other. */
struct audit_draft {
  struct buf text;     /* the mac before, then the record: what the mac covers */
  struct buf personal; /* JSON; empty where there is nothing personal */
};

void audit_draft_init(struct audit_draft *draft);
void audit_draft_release(struct audit_draft *draft); /* wipes */

/* Writes event number `seq` of that writer, after a record whose mac was `before`. */
enum err_code audit_draft_write(struct audit_draft *draft, const struct audit_event *event, struct str writer,
                                int64_t seq, const uint8_t before[AUDIT_MAC_SIZE], struct err *err) MUST_CHECK;
static inline struct str audit_draft_record(const struct audit_draft *draft) {
  return str_make(draft->text.p + AUDIT_MAC_SIZE, draft->text.n - AUDIT_MAC_SIZE);
}

/* Where a record's personal content is sealed: bound to its chain and number. The row's name is put into `space`. */
enum { AUDIT_PLACE_SIZE = UUID_TEXT_SIZE + 64 * 4 + 32 };
struct vault_place audit_personal_place(struct uuid organisation_id, struct str writer, int64_t seq,
                                        char space[AUDIT_PLACE_SIZE]);

/* Digests, as hex. `json` is the value as JSON string, with its quotes. */
enum { AUDIT_DIGEST_SIZE = 2 * AUDIT_MAC_SIZE + 1 };
void audit_digest(const struct vault_keys *keys, struct str bytes, char ret_hex[AUDIT_DIGEST_SIZE]);

#endif
