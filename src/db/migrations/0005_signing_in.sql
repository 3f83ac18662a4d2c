-- Signing in: persons' passwords and browsers, and the clients that they let in (OAuth 2.1). Whatever is handed out is
-- kept as SHA-256; times are UTC microseconds.

CREATE TABLE login_password (
  login_id BYTEA PRIMARY KEY REFERENCES login (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,                  -- argon2id, encoded with its parameters
  changed_at BIGINT NOT NULL
);

CREATE TABLE login_totp (
  login_id BYTEA PRIMARY KEY REFERENCES login (id) ON DELETE CASCADE,
  secret BYTEA NOT NULL,               -- sealed under the installation's own data key
  last_step BIGINT NOT NULL DEFAULT 0, -- no code counts twice
  confirmed_at BIGINT,                 -- NULL: shown, not yet proven
  created_at BIGINT NOT NULL
);

CREATE TABLE recovery_code (
  hash BYTEA PRIMARY KEY,
  login_id BYTEA NOT NULL REFERENCES login (id) ON DELETE CASCADE
);
CREATE INDEX recovery_code_by_login ON recovery_code (login_id);

CREATE TABLE browser_session (
  id BYTEA PRIMARY KEY,
  login_id BYTEA NOT NULL REFERENCES login (id) ON DELETE CASCADE,
  hash BYTEA NOT NULL UNIQUE,
  needs_code BIGINT NOT NULL DEFAULT 0, -- the password was right, the second step is still to come
  agent TEXT NOT NULL,                  -- what the browser says it is
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX browser_session_by_login ON browser_session (login_id);

CREATE TABLE single_use_link (
  id BYTEA PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('setup', 'invitation', 'reset')),
  hash BYTEA NOT NULL UNIQUE,
  user_id BYTEA REFERENCES org_user (id) ON DELETE CASCADE, -- invitation
  login_id BYTEA REFERENCES login (id) ON DELETE CASCADE,   -- invitation, reset
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);

-- When the person took the membership by a link of that organisation's: until then their login opens nothing of it, however
-- they came to have one.
ALTER TABLE org_user ADD COLUMN accepted_at BIGINT;

CREATE TABLE oauth_client (
  id BYTEA PRIMARY KEY,
  client_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('registered', 'document')),
  name TEXT NOT NULL,
  redirect_uris TEXT NOT NULL,         -- JSON array
  secret_hash BYTEA,                   -- NULL: a public client
  may_refresh BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  fetched_at BIGINT,                   -- of a document
  used_at BIGINT                       -- when it was last let in; NULL: never
);

-- What a person let a client do: it goes on through refreshes until it is revoked or not used for too long.
CREATE TABLE oauth_grant (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  oauth_client_id BYTEA NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
  scopes BIGINT NOT NULL,              -- bits: 1 read, 2 write, 4 destroy
  resource TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT,                      -- the last token given; NULL: the code was not used yet
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX oauth_grant_by_user ON oauth_grant (user_id);
CREATE INDEX oauth_grant_by_client ON oauth_grant (oauth_client_id);

CREATE TABLE oauth_code (
  hash BYTEA PRIMARY KEY,
  grant_id BYTEA NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,             -- RFC 7636, S256
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX oauth_code_by_grant ON oauth_code (grant_id);

CREATE TABLE oauth_refresh (
  hash BYTEA PRIMARY KEY,
  grant_id BYTEA NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  replaced_at BIGINT                   -- NULL: the newest
);
CREATE INDEX oauth_refresh_by_grant ON oauth_refresh (grant_id);

-- A third kind of access token.
CREATE TABLE access_token_new (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('url', 'key', 'oauth')),
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,          -- SHA-256 of the token
  expires_at BIGINT,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL,
  grant_id BYTEA REFERENCES oauth_grant (id) ON DELETE CASCADE,
  scopes BIGINT,                       -- NULL: not limited
  audience TEXT                        -- NULL: whoever serves this database
);
INSERT INTO access_token_new (id, organisation_id, user_id, kind, name, hash, expires_at, revoked_at, created_at)
  SELECT id, organisation_id, user_id, kind, name, hash, expires_at, revoked_at, created_at FROM access_token;
DROP TABLE access_token;
ALTER TABLE access_token_new RENAME TO access_token;
CREATE INDEX access_token_by_user ON access_token (user_id);
CREATE INDEX access_token_by_grant ON access_token (grant_id);
