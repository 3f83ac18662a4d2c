/* What serves each operation: one file a resource. Each runs within the request's transaction, on a store thread, once
 * the caller is known to be allowed; it writes request->out. For route.c alone. */
#ifndef CONNEK_API_HANDLERS_H
#define CONNEK_API_HANDLERS_H

#include "api/request.h"

#define API_WORK(name) enum err_code name(struct api_request *request, struct db_tx *tx, struct err *err) MUST_CHECK

/* session.c */
API_WORK(document_get);
API_WORK(session_get);
API_WORK(session_end);
API_WORK(sessions_list);
API_WORK(sessions_end);
/* me.c */
API_WORK(me_get);
/* users.c, users_change.c */
API_WORK(users_list);
API_WORK(users_invite);
API_WORK(users_get);
API_WORK(users_update);
API_WORK(users_delete);
API_WORK(users_reinvite);
/* effective.c */
API_WORK(me_tools);
API_WORK(users_tools);
API_WORK(roles_tools);
/* roles.c */
API_WORK(roles_list);
API_WORK(roles_get);
API_WORK(roles_create);
API_WORK(roles_update);
API_WORK(roles_delete);
/* connectors.c */
API_WORK(connectors_list);
API_WORK(connectors_get);
API_WORK(connectors_create);
API_WORK(connectors_delete);
API_WORK(client_app_set);
API_WORK(client_app_delete);
/* connections.c, connections_change.c */
API_WORK(connections_list);
API_WORK(connections_get);
API_WORK(connections_tools);
API_WORK(connections_events);
API_WORK(connections_create);
API_WORK(connections_update);
API_WORK(connections_set_credential);
API_WORK(connections_delete);
API_WORK(connections_link);
API_WORK(connections_disconnect);
void connections_disconnect_then(struct api_request *request);
/* tokens.c */
API_WORK(tokens_list);
API_WORK(tokens_get);
API_WORK(tokens_create);
API_WORK(tokens_rotate);
API_WORK(tokens_revoke);
/* clients.c */
API_WORK(clients_list);
API_WORK(clients_end);

#endif
