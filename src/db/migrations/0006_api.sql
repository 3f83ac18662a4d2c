-- The REST API: its keys, answers that may be asked for again, and the trail in a form that is searched and counted.

CREATE TABLE api_key (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE, -- who made it: it never may more than they
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,          -- SHA-256 of the key
  scopes TEXT NOT NULL,                -- words, spaces between
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT
);
CREATE INDEX api_key_by_organisation ON api_key (organisation_id, created_at);
CREATE INDEX api_key_by_user ON api_key (user_id);

-- What a request with an Idempotency-Key was answered, without what is shown once.
CREATE TABLE api_answer (
  asker BYTEA NOT NULL,                -- a user's id, or an API key's
  key_hash BYTEA NOT NULL,
  request_hash BYTEA NOT NULL,         -- of method, path and body
  status BIGINT NOT NULL,
  location TEXT,
  body TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (asker, key_hash)
);
CREATE INDEX api_answer_by_time ON api_answer (created_at);

-- A call or a change, a row: what of the trail is looked for. Made from audit_record, which alone is evidence, and made
-- again from it where it is lost. An intent and its outcome are one row.
CREATE TABLE call_fact (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  time BIGINT NOT NULL,
  writer TEXT NOT NULL,
  seq BIGINT NOT NULL,
  call_id BYTEA NOT NULL,
  kind TEXT NOT NULL,                  -- call change
  user_id BYTEA,
  token_id BYTEA,
  tool TEXT NOT NULL,
  does TEXT,
  connector TEXT,
  connection TEXT,                     -- its name
  decision TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error TEXT,
  duration_us BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, time, writer, seq)
) {{without_rowid}};
CREATE INDEX call_fact_by_call ON call_fact (organisation_id, call_id);
CREATE INDEX call_fact_by_user ON call_fact (organisation_id, user_id, time);
CREATE INDEX call_fact_by_tool ON call_fact (organisation_id, tool, time);
CREATE INDEX call_fact_by_connection ON call_fact (organisation_id, connection, time);
CREATE INDEX call_fact_by_token ON call_fact (organisation_id, token_id, time);
CREATE INDEX call_fact_by_outcome ON call_fact (organisation_id, decision, outcome, time);

-- Up to which record of a chain there are facts.
CREATE TABLE call_fact_mark (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  writer TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, writer)
) {{without_rowid}};

-- Calls of a day, counted.
CREATE TABLE usage_day (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  day BIGINT NOT NULL,                 -- since 1970, UTC
  user_id BYTEA NOT NULL,              -- sixteen zero bytes: nobody's
  tool TEXT NOT NULL,
  connection TEXT NOT NULL,            -- its name, or empty
  connector TEXT NOT NULL,
  ok BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  denied BIGINT NOT NULL,
  limited BIGINT NOT NULL,             -- of the denied: for a limit
  durations BYTEA NOT NULL,            -- of those that ran: a histogram, see src/audit/histogram.h
  PRIMARY KEY (organisation_id, day, user_id, tool, connection)
) {{without_rowid}};
