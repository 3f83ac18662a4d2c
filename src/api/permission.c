/* The table of permissions. Must not know any operation. */
#include "api/permission.h"

#define MANAGE (API_OWNER | API_ADMIN)
#define LOOK (MANAGE | API_AUDITOR)
#define ALL (LOOK | API_MEMBER)

static const struct api_permission_row rows[API_PERMISSIONS] = {
    [API_ANYONE] = {"anyone", 0, false},
    [API_PERSON] = {"person", 0, false},
    [API_OPERATOR] = {"operator", 0, false},
    [API_SELF] = {"self", ALL, false},
    [API_ORGANISATION_READ] = {"organisation:read", ALL, true},
    [API_ORGANISATION_WRITE] = {"organisation:write", MANAGE, true},
    [API_ORGANISATION_DELETE] = {"organisation:delete", API_OWNER, false},
    [API_USERS_READ] = {"users:read", LOOK, true},
    [API_USERS_WRITE] = {"users:write", MANAGE, true},
    [API_ROLES_READ] = {"roles:read", LOOK, true},
    [API_ROLES_WRITE] = {"roles:write", MANAGE, true},
    [API_CONNECTORS_READ] = {"connectors:read", LOOK, true},
    [API_CONNECTORS_WRITE] = {"connectors:write", MANAGE, true},
    [API_CONNECTIONS_READ] = {"connections:read", LOOK, true},
    [API_CONNECTIONS_WRITE] = {"connections:write", MANAGE, true},
    [API_TOKENS_READ] = {"tokens:read", LOOK, true},
    [API_TOKENS_WRITE] = {"tokens:write", MANAGE, true},
    [API_CLIENTS_READ] = {"clients:read", LOOK, true},
    [API_CLIENTS_WRITE] = {"clients:write", MANAGE, true},
    [API_AUDIT_READ] = {"audit:read", LOOK, true},
    [API_USAGE_READ] = {"usage:read", LOOK, true},
    [API_CONFIG_READ] = {"config:read", MANAGE, true},
    [API_CONFIG_WRITE] = {"config:write", MANAGE, true},
    [API_PLAYGROUND_CALL] = {"playground:call", MANAGE, false},
    [API_EVENTS_READ] = {"events:read", ALL, true},
    [API_KEYS_READ] = {"keys:read", LOOK, false},
    [API_KEYS_WRITE] = {"keys:write", MANAGE, false},
    [API_WEBHOOKS_READ] = {"webhooks:read", LOOK, true},
    [API_WEBHOOKS_WRITE] = {"webhooks:write", MANAGE, true},
};

const struct api_permission_row *api_permission_row(enum api_permission permission) {
  return &rows[permission];
}

bool api_permission_find(struct str word, enum api_permission *ret_permission) {
  for (unsigned i = 0; i < API_PERMISSIONS; i++) {
    if (!str_eq_c(word, rows[i].word)) continue;
    *ret_permission = (enum api_permission)i;
    return true;
  }
  return false;
}

static const struct {
  const char *word;
  enum api_kind kind;
} kinds[] = {{"owner", API_OWNER}, {"admin", API_ADMIN}, {"auditor", API_AUDITOR}, {"member", API_MEMBER}};

unsigned api_kind_of(struct str word) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (str_eq_c(word, kinds[i].word)) return kinds[i].kind;
  }
  return 0;
}

const char *api_kind_word(unsigned kind) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (kinds[i].kind == kind) return kinds[i].word;
  }
  return "";
}
