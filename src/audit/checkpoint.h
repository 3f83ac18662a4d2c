/* Checkpoints: where every chain stood at a time. One JSON object a line:
 *
 *   {"connek_checkpoint":1,"time":"2026-...Z","chains":[{"organisation":ID,"writer":NAME,"seq":N,"mac":HEX,"check":HEX}]}
 *
 * "check" is keyed over the other members and the time: a line that somebody made up is found out. */
#ifndef CONNEK_AUDIT_CHECKPOINT_H
#define CONNEK_AUDIT_CHECKPOINT_H

#include "audit/chain.h"

struct checkpoint_chain {
  struct audit_chain chain; /* its writer lies in the arena */
  int64_t time;
  uint8_t check[AUDIT_MAC_SIZE];
};

/* All chains of all lines of `text`, by organisation, writer, seq. ERR_INVALID, with the place, where it is not what
 * audit_checkpoint wrote; whether "check" fits is for whoever has the keys. */
enum err_code checkpoint_read(struct arena *arena, struct str text, struct checkpoint_chain **ret_chains, size_t *ret_n,
                              struct err *err) MUST_CHECK;
/* By organisation, then writer: the database's order. <0, 0, >0. */
int audit_chain_order(const struct audit_chain *a, const struct audit_chain *b);

#endif
