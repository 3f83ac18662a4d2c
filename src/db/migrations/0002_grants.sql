-- What services have granted to connections, how they are asked for it, and what has to be done later.

-- A connection's grant: one row from its first connecting on.
CREATE TABLE connection_grant (
  connection_id BYTEA PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  status TEXT NOT NULL CHECK (status IN ('active', 'reconnect', 'error', 'disconnected')),
  secret BYTEA,                        -- sealed JSON object: access_token, refresh_token
  version BIGINT NOT NULL,             -- grows with every token stored: compare and swap
  scopes TEXT NOT NULL DEFAULT '',     -- as the service named them, spaces between
  captured TEXT NOT NULL DEFAULT '{}', -- JSON object: settings that the service gave
  has_refresh BIGINT NOT NULL DEFAULT 0,
  obtained_at BIGINT,                  -- the access token
  expires_at BIGINT,                   -- the access token; NULL: not known
  last_success_at BIGINT,
  last_error_at BIGINT,
  last_error TEXT,
  failures BIGINT NOT NULL DEFAULT 0,  -- in a row
  retry_at BIGINT,                     -- not asked again before
  exchange_at BIGINT,                  -- an exchange began then, and nothing is known of its outcome
  lease_owner BYTEA,                   -- who refreshes it now
  lease_version BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT
);
CREATE INDEX connection_grant_by_organisation ON connection_grant (organisation_id);

CREATE TABLE grant_event (
  connection_id BYTEA NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  time BIGINT NOT NULL,
  what TEXT NOT NULL,                  -- connected, refreshed, failed, reconnect, disconnected
  text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX grant_event_by_connection ON grant_event (connection_id, time);

-- A client registered with a service. organisation_id is sixteen zero bytes for the installation's.
CREATE TABLE client_app (
  organisation_id BYTEA NOT NULL,
  connector_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  secret BYTEA,                        -- sealed; NULL: a public client
  created_at BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, connector_id)
);

-- A link by which a person connects one account and nothing else.
CREATE TABLE connect_link (
  hash BYTEA PRIMARY KEY,              -- SHA-256 of what the link holds
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  connection_id BYTEA NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  return_path TEXT NOT NULL DEFAULT '',
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);

-- A consent that is under way at a service.
CREATE TABLE oauth_state (
  hash BYTEA PRIMARY KEY,              -- SHA-256 of `state`
  link BYTEA NOT NULL REFERENCES connect_link (hash) ON DELETE CASCADE,
  browser BYTEA NOT NULL,              -- SHA-256 of the cookie of the browser that began it
  verifier BYTEA NOT NULL,             -- sealed (RFC 7636)
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);

-- What is to be done later, whoever is there then. One row for each kind and subject.
CREATE TABLE job (
  kind TEXT NOT NULL,
  subject BYTEA NOT NULL,
  organisation_id BYTEA NOT NULL,      -- sixteen zero bytes: the installation's
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  lease_owner BYTEA,
  lease_version BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX job_by_due ON job (due_at);

-- A change of data keys that is under way, or was: where it has come to.
CREATE TABLE key_rotation (
  organisation_id BYTEA PRIMARY KEY REFERENCES organisation (id) ON DELETE CASCADE,
  version BIGINT NOT NULL,             -- the data key that everything is brought to
  position TEXT NOT NULL DEFAULT '',   -- the column under way
  last_id BYTEA NOT NULL,              -- and the last row of it that is done
  n_done BIGINT NOT NULL DEFAULT 0,
  begun_at BIGINT NOT NULL,
  finished_at BIGINT
);
