/* Policy: may this principal do this? Pure: no I/O, no clock, no allocation, no logging. tools/list and tools/call ask
 * this one function, so what is shown and what may be called cannot differ. Names are compared byte for byte.
 *
 * Order: a policy that could not be loaded denies all. A personal connection is nobody's but its owner's. Then every
 * rule of every role of the principal is looked at: any matching `deny` denies; else any matching `ask` asks; else any
 * matching `allow` allows; else denied: nobody said yes. What is then not denied is, where the principal has switched
 * the connector off for themselves. */
#ifndef CONNEK_POLICY_POLICY_H
#define CONNEK_POLICY_POLICY_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

enum policy_does { DOES_READ = 1, DOES_WRITE = 2, DOES_DESTROY = 4, DOES_ANY = 7 };
/* The word, or NULL where more or less than one bit is set. */
const char *policy_does_name(enum policy_does does);
bool policy_does_parse(struct str word, enum policy_does *ret_does);

enum policy_effect { POLICY_ALLOW, POLICY_DENY, POLICY_ASK };
enum policy_target_kind { POLICY_TARGET_CONNECTION, POLICY_TARGET_CONNECTOR, POLICY_TARGET_LABEL };

struct policy_rule {
  struct uuid id;
  enum policy_effect effect;
  enum policy_target_kind target_kind;
  struct str target; /* connection's name, connector's id, or "label=value" */
  unsigned does;     /* mask of policy_does */
  /* Limited by name: a rule with any of these lists speaks of the kinds that it has lists of, and of no other. Without
   * any it speaks of all kinds. */
  const struct str *tools; /* local names, "*" for any; tasks are their tools' */
  size_t n_tools;
  const struct str *resources; /* URIs; one that ends in '*' is the beginning of any */
  size_t n_resources;
  const struct str *prompts; /* local names, "*" for any */
  size_t n_prompts;
};

struct policy_role {
  struct uuid id;
  struct str name;
  const struct policy_rule *rules;
  size_t n_rules;
  size_t max_result; /* bytes of a result that its rules allow; 0: no cap */
};

struct policy_principal {
  struct uuid user_id;
  const struct policy_role *const *roles;
  size_t n_roles;
  const struct str *switched_off; /* ids of connectors */
  size_t n_switched_off;
  bool is_loaded; /* false: its policy could not be read; everything is denied */
};

struct policy_label {
  struct str name, value;
};

struct policy_connection {
  struct uuid id;
  struct str name;
  struct str connector;      /* id */
  struct uuid owner_user_id; /* nil: shared */
  const struct policy_label *labels;
  size_t n_labels;
};

enum policy_action_kind { POLICY_TOOL, POLICY_RESOURCE, POLICY_PROMPT, POLICY_TASK };

struct policy_action {
  enum policy_action_kind kind;
  const struct policy_connection *connection;
  /* Local: without the connector's slug; of a task its tool's, of a resource its URI. A URI template (RFC 6570; no URI
   * has braces) asks whether any URI of it could be allowed: an allow that overlaps with it is enough, a deny must
   * cover all of it. */
  struct str name;
  enum policy_does does;
  yyjson_val *arguments; /* NULL in lists: "could any arguments be allowed?" */
};

/* What an allowed call must still obey. Room for what comes: limits on arguments, a mask for the result. */
struct policy_obligations {
  struct str result_mask; /* empty: none */
  size_t max_result;      /* bytes; 0: no cap. Of several roles that allow the call the most generous one counts */
};

enum policy_reason {
  POLICY_BY_RULE,
  POLICY_NO_RULE,
  POLICY_NOT_OWNER,
  POLICY_NOT_LOADED,
  POLICY_SWITCHED_OFF,
  POLICY_OWN,           /* about the caller alone: no rule is needed */
  POLICY_NO_PERMISSION, /* not for users of this kind, whatever rules say */
};

struct policy_decision {
  enum policy_effect effect;
  enum policy_reason reason;
  const struct policy_rule *rule; /* the one that decided, or NULL */
  const struct policy_role *role; /* whose rule it is, or NULL */
  struct policy_obligations obligations;
};

void policy_decide(const struct policy_principal *principal, const struct policy_action *action,
                   struct policy_decision *ret_decision);
/* Could anything of this connection be allowed, whatever it has? For connecting one that is not there yet. */
bool policy_may_have(const struct policy_principal *principal, const struct policy_connection *connection);
/* For the audit: "rule <uuid> of role finance", "no_rule", "not_owner", "policy_not_loaded", "switched_off",
 * "about_the_caller", "no_permission". In the arena; STR_NONE: no memory. */
struct str policy_reason_text(struct arena *arena, const struct policy_decision *decision);

#endif
