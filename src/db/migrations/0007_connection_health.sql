-- How a connection was found when it was last checked, and since when it has its own credential.
ALTER TABLE connection ADD COLUMN credential_at BIGINT;
UPDATE connection SET credential_at = updated_at WHERE credential IS NOT NULL;

-- The last check of each connection that was ever checked.
CREATE TABLE connection_check (
  connection_id BYTEA PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  checked_at BIGINT NOT NULL,
  is_ok BIGINT NOT NULL,
  text TEXT NOT NULL                    -- what was found, or why it failed: for people
);
CREATE INDEX connection_check_by_organisation ON connection_check (organisation_id);
