-- What the version after this one might bring, for test/nodes/upgrade.test.js: it widens tables that are used meanwhile, and
-- a server of this version goes on beside it.
CREATE TABLE next_note (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  note TEXT NOT NULL
);
CREATE INDEX next_note_by_organisation ON next_note (organisation_id, id);
ALTER TABLE access_token ADD COLUMN next_note TEXT;
ALTER TABLE connection ADD COLUMN next_note TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN next_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_head ADD COLUMN next_number BIGINT;
CREATE INDEX access_token_by_next_note ON access_token (next_note);

-- A built-in connector with what this version cannot read. Its hash is left: the test's server would put its own back.
INSERT INTO connector (organisation_id, id, version, hash, status, kind, source, definition, created_at)
  SELECT organisation_id, id, version + 1, hash, status, kind, source, '{"of_the_next_version":1}', created_at FROM connector c
  WHERE id = 'sqlite' AND source = 'builtin' AND NOT EXISTS (SELECT 1 FROM connector n WHERE n.id = c.id AND n.version > c.version);
