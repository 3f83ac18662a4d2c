-- What MCP servers behind Connek offer, and what of it was accepted.

-- How the names of a connection's tools are made, and what of its server's offers is accepted unseen.
ALTER TABLE connection ADD COLUMN names TEXT NOT NULL DEFAULT 'prefixed' CHECK (names IN ('prefixed', 'plain'));
ALTER TABLE connection ADD COLUMN trust TEXT NOT NULL DEFAULT 'review' CHECK (trust IN ('review', 'accept', 'accept-read'));

-- The secret variables of a definition's "environment": a sealed JSON object.
ALTER TABLE connector ADD COLUMN environment BYTEA;

-- Names that a rule is limited to: JSON arrays; NULL: not limited by it.
ALTER TABLE access_rule ADD COLUMN resources TEXT;
ALTER TABLE access_rule ADD COLUMN prompts TEXT;

-- One row a connection of an MCP server: what the server last said of itself.
CREATE TABLE catalogue (
  connection_id BYTEA PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  protocol TEXT NOT NULL DEFAULT '',       -- its version of MCP
  server_info TEXT NOT NULL DEFAULT '{}',  -- JSON object
  capabilities TEXT NOT NULL DEFAULT '{}', -- JSON object
  listed_at BIGINT,                        -- when it last answered
  error TEXT,                              -- why it did not, the last time; NULL: it did
  left_out TEXT                            -- what of its answer was not taken at all; NULL: nothing
);
CREATE INDEX catalogue_by_organisation ON catalogue (organisation_id);

-- What it offers, item by item. A definition stands as it is shown; its hash is that of what the server sent.
CREATE TABLE catalogue_item (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  connection_id BYTEA NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('tool', 'resource', 'template', 'prompt', 'instructions')),
  name TEXT NOT NULL,                      -- a tool's or prompt's name, a URI, a template; '' for instructions
  status TEXT NOT NULL CHECK (status IN ('pending', 'accepted', 'quarantined', 'rejected', 'refused')),
  does TEXT NOT NULL CHECK (does IN ('read', 'write', 'destroy')),
  hint TEXT NOT NULL CHECK (hint IN ('read', 'write', 'destroy')), -- what the server says that it does
  definition TEXT NOT NULL,                -- the latest
  hash BYTEA NOT NULL,                     -- SHA-256 of its canonical form (RFC 8785)
  accepted_definition TEXT,                -- the pinned one; NULL: none was accepted
  accepted_hash BYTEA,
  notes TEXT NOT NULL DEFAULT '',          -- what a reviewer should know, a line each; why it is refused
  gone_at BIGINT,                          -- the server offers it no more
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (connection_id, kind, name)
);
CREATE INDEX catalogue_item_by_organisation ON catalogue_item (organisation_id, status);
