-- Types are PostgreSQL's names; SQLite takes them by affinity. Ids are UUIDv7 (16 bytes), times UTC microseconds.
-- Every row but those of `installation`, `login` and the built-in connectors belongs to one organisation.

CREATE TABLE installation (
  name TEXT PRIMARY KEY,
  value BYTEA NOT NULL
);

CREATE TABLE organisation (
  id BYTEA PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  data_key BYTEA NOT NULL,             -- sealed under the master key
  version BIGINT NOT NULL DEFAULT 1,   -- of its policy: grows with every change that decides anything
  created_at BIGINT NOT NULL
);

CREATE TABLE login (
  id BYTEA PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,          -- lower case
  created_at BIGINT NOT NULL
);

CREATE TABLE org_user (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  login_id BYTEA NOT NULL REFERENCES login (id),
  kind TEXT NOT NULL DEFAULT 'member' CHECK (kind IN ('owner', 'admin', 'member', 'auditor')),
  disabled_at BIGINT,
  created_at BIGINT NOT NULL,
  UNIQUE (organisation_id, login_id)
);

CREATE TABLE role (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (organisation_id, name)
);

CREATE TABLE user_role (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  role_id BYTEA NOT NULL REFERENCES role (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_role_by_role ON user_role (role_id);

CREATE TABLE access_rule (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  role_id BYTEA NOT NULL REFERENCES role (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,            -- order within the role, for people
  effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny', 'ask')),
  target_kind TEXT NOT NULL CHECK (target_kind IN ('connection', 'connector', 'label')),
  target TEXT NOT NULL,                -- a connection's name, a connector's id, or label=value
  does TEXT,                           -- JSON array of read, write, destroy; NULL: not limited by it
  tools TEXT,                          -- JSON array of local names or "*"; NULL: not limited by it
  UNIQUE (role_id, position)
);

-- organisation_id is sixteen zero bytes for what belongs to the installation (the built-in ones).
CREATE TABLE connector (
  organisation_id BYTEA NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  hash BYTEA NOT NULL,                 -- SHA-256 of the canonical definition
  status TEXT NOT NULL CHECK (status IN ('available', 'beta', 'coming_soon', 'deprecated')),
  kind TEXT NOT NULL CHECK (kind IN ('http', 'mcp', 'sqlite', 'self')),
  source TEXT NOT NULL CHECK (source IN ('builtin', 'built', 'custom')),
  definition TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, id, version)
);

CREATE TABLE connection (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  connector_id TEXT NOT NULL,
  labels TEXT NOT NULL DEFAULT '{}',   -- JSON object of strings
  owner_user_id BYTEA REFERENCES org_user (id) ON DELETE CASCADE, -- a personal connection
  settings TEXT NOT NULL DEFAULT '{}', -- JSON object
  credential BYTEA,                    -- sealed JSON object
  version BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (organisation_id, name)
);

CREATE TABLE access_token (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('url', 'key')),
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,          -- SHA-256 of the token
  expires_at BIGINT,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX access_token_by_user ON access_token (user_id);

CREATE TABLE call_limit (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  scope TEXT NOT NULL CHECK (scope IN ('token', 'user', 'organisation', 'connection')),
  scope_key BYTEA NOT NULL,            -- the id it is about; empty: the default for every one of that scope
  window_us BIGINT NOT NULL,
  cap BIGINT NOT NULL,
  UNIQUE (organisation_id, scope, scope_key, window_us)
);

-- One chain per organisation and writer; see src/audit/chain.h. Not WITHOUT ROWID: rows over a quarter of a page would
-- each take an overflow page of their own there (measured: 14 against 5 microseconds a row).
CREATE TABLE audit_record (
  organisation_id BYTEA NOT NULL,
  writer TEXT NOT NULL,
  seq BIGINT NOT NULL,
  time BIGINT NOT NULL,
  record TEXT NOT NULL,                -- canonical JSON (RFC 8785): what the chain covers
  mac BYTEA NOT NULL,
  personal BYTEA,                      -- sealed JSON whose digest the record holds; erased by setting it to NULL
  PRIMARY KEY (organisation_id, writer, seq)
);

CREATE TABLE audit_head (
  organisation_id BYTEA NOT NULL,
  writer TEXT NOT NULL,
  seq BIGINT NOT NULL,
  mac BYTEA NOT NULL,                  -- of the record with that seq
  head_mac BYTEA NOT NULL,             -- keyed: over organisation, writer, seq and mac
  PRIMARY KEY (organisation_id, writer)
) {{without_rowid}};

CREATE TABLE change_log (
  seq BIGINT PRIMARY KEY,
  organisation_id BYTEA NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('organisation', 'access_token')),
  object_id BYTEA NOT NULL,
  time BIGINT NOT NULL
);
