/* The constant table of operations, and how a path finds its row. */
#include "api/route.h"

#include "api/handlers.h"

#define ORGANISATION "/organisations/{organisation}"

const struct api_route api_routes[] = {
    {"GET", "/openapi.json", API_ANYONE, API_READ, 200, document_get, NULL},
    {"GET", "/session", API_PERSON, API_READ, 200, session_get, NULL},
    {"DELETE", "/session", API_PERSON, API_WRITE, 204, session_end, NULL},
    {"GET", "/sessions", API_PERSON, API_READ, 200, sessions_list, NULL},
    {"DELETE", "/sessions/{session}", API_PERSON, API_WRITE, 204, sessions_end, NULL},
    {"GET", "/operator", API_OPERATOR, API_READ, 200, operator_get, NULL, .needs_facts = true},
    {"GET", "/operator/organisations", API_OPERATOR, API_READ, 200, operator_organisations, NULL, .needs_facts = true},
    {"POST", "/organisations", API_PERSON, API_WRITE, 201, organisation_create, NULL},
    {"GET", ORGANISATION, API_ORGANISATION_READ, API_READ, 200, organisation_get, NULL, .needs_facts = true},
    {"PATCH", ORGANISATION, API_ORGANISATION_WRITE, API_WRITE, 200, organisation_update, NULL},
    {"POST", ORGANISATION "/deletion", API_ORGANISATION_DELETE, API_WRITE, 204, organisation_delete, NULL},
    {"GET", ORGANISATION "/settings", API_ORGANISATION_READ, API_READ, 200, settings_get, NULL},
    {"PATCH", ORGANISATION "/settings", API_ORGANISATION_WRITE, API_WRITE, 200, settings_update, NULL},
    {"GET", ORGANISATION "/limits", API_ORGANISATION_READ, API_READ, 200, limits_list, NULL},
    {"GET", ORGANISATION "/me/calls", API_SELF, API_READ, 200, me_calls, NULL, .needs_facts = true},
    {"GET", ORGANISATION "/me", API_SELF, API_READ, 200, me_get, NULL},
    {"GET", ORGANISATION "/me/tools", API_SELF, API_READ, 200, me_tools, NULL},
    {"GET", ORGANISATION "/me/tokens", API_SELF, API_READ, 200, tokens_list, NULL},
    {"POST", ORGANISATION "/me/tokens", API_SELF, API_WRITE, 201, tokens_create, NULL},
    {"POST", ORGANISATION "/me/tokens/{token}/rotation", API_SELF, API_WRITE, 201, tokens_rotate, NULL},
    {"DELETE", ORGANISATION "/me/tokens/{token}", API_SELF, API_WRITE, 204, tokens_revoke, NULL},
    {"GET", ORGANISATION "/me/clients", API_SELF, API_READ, 200, clients_list, NULL},
    {"DELETE", ORGANISATION "/me/clients/{client}", API_SELF, API_WRITE, 204, clients_end, NULL},
    {"GET", ORGANISATION "/me/switches", API_SELF, API_READ, 200, switches_list, NULL},
    {"PUT", ORGANISATION "/me/switches/{connector}", API_SELF, API_WRITE, 200, switches_set, NULL},
    {"GET", ORGANISATION "/me/connectors", API_SELF, API_READ, 200, me_connectors, NULL},
    {"GET", ORGANISATION "/me/connections", API_SELF, API_READ, 200, connections_list, NULL, .needs_facts = true},
    {"POST", ORGANISATION "/me/connections", API_SELF, API_WRITE, 201, connections_create, NULL},
    {"GET", ORGANISATION "/me/connections/{connection}", API_SELF, API_READ, 200, connections_get, NULL},
    {"DELETE", ORGANISATION "/me/connections/{connection}", API_SELF, API_WRITE, 204, connections_delete, NULL},
    {"PUT", ORGANISATION "/me/connections/{connection}/credential", API_SELF, API_WRITE, 200,
     connections_set_credential, NULL},
    {"POST", ORGANISATION "/me/connections/{connection}/link", API_SELF, API_WRITE, 201, connections_link, NULL},
    {"POST", ORGANISATION "/me/connections/{connection}/check", API_SELF, API_READ, 200, check_begin, check_then},
    {"POST", ORGANISATION "/me/connections/{connection}/disconnect", API_SELF, API_WRITE, 200, connections_disconnect,
     connections_disconnect_then},
    {"GET", ORGANISATION "/me/connections/{connection}/events", API_SELF, API_READ, 200, connections_events, NULL},
    {"GET", ORGANISATION "/users", API_USERS_READ, API_READ, 200, users_list, NULL, .needs_facts = true},
    {"POST", ORGANISATION "/users", API_USERS_WRITE, API_WRITE, 201, users_invite, NULL},
    {"GET", ORGANISATION "/users/{user}", API_USERS_READ, API_READ, 200, users_get, NULL},
    {"PATCH", ORGANISATION "/users/{user}", API_USERS_WRITE, API_WRITE, 200, users_update, NULL},
    {"DELETE", ORGANISATION "/users/{user}", API_USERS_WRITE, API_WRITE, 204, users_delete, NULL},
    {"POST", ORGANISATION "/users/{user}/invitation", API_USERS_WRITE, API_WRITE, 201, users_reinvite, NULL},
    {"GET", ORGANISATION "/users/{user}/sessions", API_USERS_READ, API_READ, 200, users_sessions, NULL},
    {"DELETE", ORGANISATION "/users/{user}/sessions/{session}", API_USERS_WRITE, API_WRITE, 204, users_end_session,
     NULL},
    {"GET", ORGANISATION "/users/{user}/tools", API_ROLES_READ, API_READ, 200, users_tools, NULL},
    {"GET", ORGANISATION "/roles", API_ROLES_READ, API_READ, 200, roles_list, NULL},
    {"POST", ORGANISATION "/roles", API_ROLES_WRITE, API_WRITE, 201, roles_create, NULL},
    {"GET", ORGANISATION "/roles/{role}", API_ROLES_READ, API_READ, 200, roles_get, NULL},
    {"PUT", ORGANISATION "/roles/{role}", API_ROLES_WRITE, API_WRITE, 200, roles_update, NULL},
    {"DELETE", ORGANISATION "/roles/{role}", API_ROLES_WRITE, API_WRITE, 204, roles_delete, NULL},
    {"GET", ORGANISATION "/roles/{role}/tools", API_ROLES_READ, API_READ, 200, roles_tools, NULL},
    {"GET", ORGANISATION "/connectors", API_CONNECTORS_READ, API_READ, 200, connectors_list, NULL},
    {"POST", ORGANISATION "/connectors", API_CONNECTORS_WRITE, API_WRITE, 201, connectors_create, NULL},
    {"GET", ORGANISATION "/connectors/{connector}", API_CONNECTORS_READ, API_READ, 200, connectors_get, NULL},
    {"DELETE", ORGANISATION "/connectors/{connector}", API_CONNECTORS_WRITE, API_WRITE, 204, connectors_delete, NULL},
    {"PUT", ORGANISATION "/connectors/{connector}/client-app", API_CONNECTORS_WRITE, API_WRITE, 204, client_app_set,
     NULL},
    {"DELETE", ORGANISATION "/connectors/{connector}/client-app", API_CONNECTORS_WRITE, API_WRITE, 204,
     client_app_delete, NULL},
    {"PUT", ORGANISATION "/connectors/{connector}/personal", API_CONNECTORS_WRITE, API_WRITE, 204,
     connectors_set_personal, NULL},
    {"GET", ORGANISATION "/connections", API_CONNECTIONS_READ, API_READ, 200, connections_list, NULL,
     .needs_facts = true},
    {"POST", ORGANISATION "/connections", API_CONNECTIONS_WRITE, API_WRITE, 201, connections_create, NULL},
    {"GET", ORGANISATION "/connections/{connection}", API_CONNECTIONS_READ, API_READ, 200, connections_get, NULL},
    {"PATCH", ORGANISATION "/connections/{connection}", API_CONNECTIONS_WRITE, API_WRITE, 200, connections_update,
     NULL},
    {"DELETE", ORGANISATION "/connections/{connection}", API_CONNECTIONS_WRITE, API_WRITE, 204, connections_delete,
     NULL},
    {"PUT", ORGANISATION "/connections/{connection}/credential", API_CONNECTIONS_WRITE, API_WRITE, 200,
     connections_set_credential, NULL},
    {"POST", ORGANISATION "/connections/{connection}/link", API_CONNECTIONS_WRITE, API_WRITE, 201, connections_link,
     NULL},
    {"POST", ORGANISATION "/connections/{connection}/disconnect", API_CONNECTIONS_WRITE, API_WRITE, 200,
     connections_disconnect, connections_disconnect_then},
    {"GET", ORGANISATION "/connections/{connection}/tools", API_CONNECTIONS_READ, API_READ, 200, connections_tools,
     NULL},
    {"GET", ORGANISATION "/connections/{connection}/events", API_CONNECTIONS_READ, API_READ, 200, connections_events,
     NULL},
    {"GET", ORGANISATION "/tokens", API_TOKENS_READ, API_READ, 200, tokens_list, NULL},
    {"POST", ORGANISATION "/tokens", API_TOKENS_WRITE, API_WRITE, 201, tokens_create, NULL},
    {"GET", ORGANISATION "/tokens/{token}", API_TOKENS_READ, API_READ, 200, tokens_get, NULL},
    {"POST", ORGANISATION "/tokens/{token}/rotation", API_TOKENS_WRITE, API_WRITE, 201, tokens_rotate, NULL},
    {"DELETE", ORGANISATION "/tokens/{token}", API_TOKENS_WRITE, API_WRITE, 204, tokens_revoke, NULL},
    {"GET", ORGANISATION "/clients", API_CLIENTS_READ, API_READ, 200, clients_list, NULL},
    {"DELETE", ORGANISATION "/clients/{client}", API_CLIENTS_WRITE, API_WRITE, 204, clients_end, NULL},
    {"POST", ORGANISATION "/roles/replay", API_ROLES_READ, API_READ, 200, roles_replay, NULL, .needs_facts = true},
    {"GET", ORGANISATION "/review", API_CONNECTIONS_READ, API_READ, 200, review_list, NULL},
    {"POST", ORGANISATION "/review", API_CONNECTIONS_WRITE, API_WRITE, 200, review_decide, NULL},
    {"GET", ORGANISATION "/audit", API_AUDIT_READ, API_READ, 200, audit_list_page, NULL, .needs_facts = true},
    {"GET", ORGANISATION "/audit/{record}", API_AUDIT_READ, API_READ, 200, audit_get, NULL, .needs_facts = true},
    {"GET", ORGANISATION "/audit-export", API_AUDIT_READ, API_READ, 200, audit_export, audit_export_then,
     .needs_facts = true},
    {"GET", ORGANISATION "/audit-chains", API_AUDIT_READ, API_READ, 200, audit_chains, NULL},
    {"GET", ORGANISATION "/usage", API_USAGE_READ, API_READ, 200, usage_get, NULL, .needs_facts = true},
    {"GET", ORGANISATION "/events", API_EVENTS_READ, API_READ, 200, events_begin, events_then},
    {"POST", ORGANISATION "/me/call", API_SELF, API_READ, 200, playground_begin, playground_then},
    {"POST", ORGANISATION "/playground/call", API_PLAYGROUND_CALL, API_READ, 200, playground_begin, playground_then},
    {"POST", ORGANISATION "/connections/{connection}/check", API_CONNECTIONS_WRITE, API_READ, 200, check_begin,
     check_then},
    {"GET", ORGANISATION "/keys", API_KEYS_READ, API_READ, 200, keys_list, NULL},
    {"POST", ORGANISATION "/keys", API_KEYS_WRITE, API_WRITE, 201, keys_create, NULL},
    {"DELETE", ORGANISATION "/keys/{key}", API_KEYS_WRITE, API_WRITE, 204, keys_revoke, NULL},
    {"GET", ORGANISATION "/me/requests", API_SELF, API_READ, 200, requests_list, NULL},
    {"POST", ORGANISATION "/me/requests", API_SELF, API_WRITE, 201, requests_create, NULL},
    {"GET", ORGANISATION "/requests", API_CONNECTORS_READ, API_READ, 200, requests_list, NULL},
    {"POST", ORGANISATION "/requests/{request}/answer", API_CONNECTORS_WRITE, API_WRITE, 200, requests_answer, NULL},
    {"GET", ORGANISATION "/webhooks", API_WEBHOOKS_READ, API_READ, 200, webhooks_list, NULL},
    {"POST", ORGANISATION "/webhooks", API_WEBHOOKS_WRITE, API_WRITE, 201, webhooks_create, NULL},
    {"GET", ORGANISATION "/webhooks/{webhook}", API_WEBHOOKS_READ, API_READ, 200, webhooks_get, NULL},
    {"PATCH", ORGANISATION "/webhooks/{webhook}", API_WEBHOOKS_WRITE, API_WRITE, 200, webhooks_update, NULL},
    {"DELETE", ORGANISATION "/webhooks/{webhook}", API_WEBHOOKS_WRITE, API_WRITE, 204, webhooks_delete, NULL},
    {"POST", ORGANISATION "/webhooks/{webhook}/rotation", API_WEBHOOKS_WRITE, API_WRITE, 201, webhooks_rotate, NULL},
    {"POST", ORGANISATION "/webhooks/{webhook}/test", API_WEBHOOKS_WRITE, API_WRITE, 201, webhooks_test, NULL},
    {"GET", ORGANISATION "/webhooks/{webhook}/deliveries", API_WEBHOOKS_READ, API_READ, 200, webhook_deliveries_list,
     NULL},
    {"GET", ORGANISATION "/webhooks/{webhook}/deliveries/{delivery}", API_WEBHOOKS_READ, API_READ, 200,
     webhook_deliveries_get, NULL},
    {"POST", ORGANISATION "/webhooks/{webhook}/deliveries/{delivery}/repetition", API_WEBHOOKS_WRITE, API_WRITE, 200,
     webhook_deliveries_repeat, NULL},
    {"GET", ORGANISATION "/config", API_CONFIG_READ, API_READ, 200, config_read_out, NULL},
    {"POST", ORGANISATION "/config", API_CONFIG_WRITE, API_WRITE, 200, config_write_in, NULL},
};
const size_t api_routes_n = sizeof(api_routes) / sizeof(api_routes[0]);

/* Does the path fit the pattern, segment by segment? */
static bool fits(const char *pattern, struct str path, struct str ret_values[API_PATH_VALUES]) {
  struct str expected = str_of(pattern);
  size_t n = 0;
  if (path.n == 0 || path.p[0] != '/') return false;
  (void)str_cut(&expected, '/');
  (void)str_cut(&path, '/');
  while (expected.p && path.p) {
    struct str wanted = str_cut(&expected, '/'), found = str_cut(&path, '/');
    if (wanted.n > 0 && wanted.p[0] == '{') {
      if (found.n == 0 || n == API_PATH_VALUES) return false;
      ret_values[n++] = found;
    } else if (!str_eq(wanted, found)) {
      return false;
    }
  }
  return !expected.p && !path.p;
}

const struct api_route *api_route_find(struct str method, struct str path, struct str ret_values[API_PATH_VALUES],
                                       bool *ret_is_path) {
  *ret_is_path = false;
  for (size_t i = 0; i < api_routes_n; i++) {
    struct str values[API_PATH_VALUES] = {STR_NONE};
    if (!fits(api_routes[i].path, path, values)) continue;
    *ret_is_path = true;
    if (!str_eq_c(method, api_routes[i].method)) continue;
    memcpy(ret_values, values, sizeof(values));
    return &api_routes[i];
  }
  return NULL;
}
