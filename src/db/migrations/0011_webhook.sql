-- Webhooks: who is told of what happens, their secrets, and what was sent to them.
CREATE TABLE webhook (
  id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,                -- words, spaces between; "*" is all
  is_on BIGINT NOT NULL,
  failures BIGINT NOT NULL DEFAULT 0,  -- one after the other
  retry_at BIGINT,                     -- until then nothing is sent there
  dropped BIGINT NOT NULL DEFAULT 0,   -- events for which there was no room
  created_at BIGINT NOT NULL
);
CREATE INDEX webhook_by_organisation ON webhook (organisation_id, id);

CREATE TABLE webhook_secret (
  id BYTEA PRIMARY KEY,
  webhook_id BYTEA NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  secret BYTEA NOT NULL,               -- sealed
  created_at BIGINT NOT NULL,
  expires_at BIGINT                    -- it has a successor
);
CREATE INDEX webhook_secret_by_webhook ON webhook_secret (webhook_id, id);
CREATE INDEX webhook_secret_by_organisation ON webhook_secret (organisation_id, id);

CREATE TABLE webhook_delivery (
  id BYTEA PRIMARY KEY,
  webhook_id BYTEA NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL,                -- waiting delivered failed
  attempts BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  tried_at BIGINT,
  next_at BIGINT,
  response BIGINT,                     -- the last answer's status
  text TEXT,                           -- why the last attempt failed, for people
  duration_us BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_by_status ON webhook_delivery (webhook_id, status);
CREATE INDEX webhook_delivery_by_organisation ON webhook_delivery (organisation_id);
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (created_at);
