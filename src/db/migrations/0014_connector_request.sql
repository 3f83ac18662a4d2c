-- Connectors that people miss, and what became of it.
CREATE TABLE connector_request (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  reason TEXT NOT NULL,
  status TEXT NOT NULL,                -- open done declined
  answer TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  answered_at BIGINT
);
CREATE INDEX connector_request_by_organisation ON connector_request (organisation_id, id);
CREATE INDEX connector_request_by_user ON connector_request (user_id, id);
