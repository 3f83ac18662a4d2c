/* What an operation asks of its caller. The words, and who has them, stand in schema/api.json as well (x-permission,
 * x-permissions); a unit test holds the two against each other. Pure. */
#ifndef CONNEK_API_PERMISSION_H
#define CONNEK_API_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* In the order of the table. The first three are of no organisation. */
enum api_permission {
  API_ANYONE,   /* nobody has to be known */
  API_PERSON,   /* somebody signed in */
  API_OPERATOR, /* the operator's key */
  API_SELF,     /* a user, about themselves */
  API_ORGANISATION_READ,
  API_ORGANISATION_WRITE,
  API_ORGANISATION_DELETE,
  API_USERS_READ,
  API_USERS_WRITE,
  API_ROLES_READ,
  API_ROLES_WRITE,
  API_CONNECTORS_READ,
  API_CONNECTORS_WRITE,
  API_CONNECTIONS_READ,
  API_CONNECTIONS_WRITE,
  API_TOKENS_READ,
  API_TOKENS_WRITE,
  API_CLIENTS_READ,
  API_CLIENTS_WRITE,
  API_AUDIT_READ,
  API_USAGE_READ,
  API_CONFIG_READ,
  API_CONFIG_WRITE,
  API_PLAYGROUND_CALL,
  API_EVENTS_READ,
  API_KEYS_READ,
  API_KEYS_WRITE,
  API_WEBHOOKS_READ,
  API_WEBHOOKS_WRITE,
  API_PERMISSIONS
};

enum api_kind { API_OWNER = 1, API_ADMIN = 2, API_AUDITOR = 4, API_MEMBER = 8 };

struct api_permission_row {
  const char *word; /* "users:read" */
  unsigned kinds;   /* who has it: a mask of api_kind */
  bool is_scope;    /* an API key can have it */
};
const struct api_permission_row *api_permission_row(enum api_permission permission);
/* False: no such word. */
bool api_permission_find(struct str word, enum api_permission *ret_permission);
/* "owner" -> API_OWNER; 0: no such word. */
unsigned api_kind_of(struct str word);
const char *api_kind_word(unsigned kind); /* "": none */

#endif
