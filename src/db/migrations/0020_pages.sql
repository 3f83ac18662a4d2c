-- A page of each list is found by an index, however long the list is and whatever it is filtered by.
DROP INDEX access_token_by_user;
CREATE INDEX access_token_by_user ON access_token (user_id, organisation_id, id);
CREATE INDEX access_token_by_organisation ON access_token (organisation_id, id);
DROP INDEX oauth_grant_by_user;
CREATE INDEX oauth_grant_by_user ON oauth_grant (user_id, organisation_id, id);
CREATE INDEX oauth_grant_by_organisation ON oauth_grant (organisation_id, id);
DROP INDEX api_key_by_organisation;
CREATE INDEX api_key_by_organisation ON api_key (organisation_id, id);
CREATE INDEX connector_request_by_status ON connector_request (organisation_id, status, id);
DROP INDEX webhook_delivery_by_status;
CREATE INDEX webhook_delivery_by_status ON webhook_delivery (webhook_id, status, id);
CREATE INDEX webhook_delivery_by_tried ON webhook_delivery (webhook_id, status, tried_at);
CREATE INDEX org_user_by_kind ON org_user (organisation_id, kind);
-- With the kind behind all that they are in order of, so that the last call of somebody, or to a connection, is found here
-- and not among all calls.
DROP INDEX call_fact_by_user;
CREATE INDEX call_fact_by_user ON call_fact (organisation_id, user_id, time, writer, seq, kind);
DROP INDEX call_fact_by_connection;
CREATE INDEX call_fact_by_connection ON call_fact (organisation_id, connection, time, writer, seq, kind);
