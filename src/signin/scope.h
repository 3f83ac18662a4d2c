/* Scopes: what a client may do at most, whatever its user's roles allow. Bits as policy_does has them. */
#ifndef CONNEK_SIGNIN_SCOPE_H
#define CONNEK_SIGNIN_SCOPE_H

#include "base/buf.h"
#include "base/str.h"
#include "policy/policy.h"

/* Words that are not ours say nothing (RFC 6749, 3.3 lets us); where none is, all are meant. */
unsigned scope_read(struct str text);
/* "tools:read tools:write" */
void scope_write(struct buf *out, unsigned scopes);
/* Of one bit: "tools:read". */
struct str scope_word(unsigned bit);

#endif
