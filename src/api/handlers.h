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
API_WORK(users_sessions);
API_WORK(users_end_session);
/* me.c */
API_WORK(me_get);
/* switches.c */
API_WORK(switches_list);
API_WORK(switches_set);
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
/* personal.c */
API_WORK(me_connectors);
API_WORK(connectors_set_personal);

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
/* audit.c, export.c, usage.c, events.c */
API_WORK(audit_list_page);
API_WORK(audit_get);
API_WORK(audit_chains);
API_WORK(me_calls);
API_WORK(audit_export);
void audit_export_then(struct api_request *request);
API_WORK(usage_get);
API_WORK(events_begin);
void events_then(struct api_request *request);
/* settings.c */
API_WORK(organisation_create);
API_WORK(organisation_get);
API_WORK(organisation_update);
API_WORK(organisation_delete);
API_WORK(settings_get);
API_WORK(settings_update);
API_WORK(limits_list);
/* config.c */
API_WORK(config_read_out);
API_WORK(config_write_in);
/* keys.c */
API_WORK(keys_list);
API_WORK(keys_create);
API_WORK(keys_revoke);
/* review.c */
API_WORK(review_list);
API_WORK(review_decide);
/* playground.c */
API_WORK(playground_begin);
void playground_then(struct api_request *request);
/* check.c */
API_WORK(check_begin);
void check_then(struct api_request *request);
/* operator.c */
API_WORK(operator_get);
API_WORK(operator_organisations);
/* replay.c */
API_WORK(roles_replay);
/* requests.c */
API_WORK(requests_list);
API_WORK(requests_create);
API_WORK(requests_answer);
/* webhooks.c, webhook_deliveries.c */
API_WORK(webhooks_list);
API_WORK(webhooks_get);
API_WORK(webhooks_create);
API_WORK(webhooks_update);
API_WORK(webhooks_delete);
API_WORK(webhooks_rotate);
API_WORK(webhooks_test);
API_WORK(webhook_deliveries_list);
API_WORK(webhook_deliveries_get);
API_WORK(webhook_deliveries_repeat);
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
