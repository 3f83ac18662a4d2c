-- Connectors that people may connect accounts of their own to.
CREATE TABLE personal_connector (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,
  PRIMARY KEY (organisation_id, connector_id)
);

-- Its owner made it: no file speaks of it, and nobody else changes it.
ALTER TABLE connection ADD COLUMN is_made_by_owner BIGINT NOT NULL DEFAULT 0;
