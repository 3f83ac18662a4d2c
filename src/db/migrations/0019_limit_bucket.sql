-- What access tokens have used of their rates, where several servers share the database (src/limit/share.h). A row
-- whose bucket is full again says nothing, and is taken away.
CREATE TABLE limit_bucket (
  token_id BYTEA PRIMARY KEY,
  organisation_id BYTEA NOT NULL,
  full_at BIGINT NOT NULL,             -- when it is full again: by the database's clock, as all times here
  asked_at BIGINT NOT NULL,            -- the last ask: when,
  cap BIGINT NOT NULL,                 -- of which rate: so many at once,
  cost BIGINT NOT NULL,                -- and one in so many microseconds;
  wanted BIGINT NOT NULL,              -- how many were asked for,
  granted BIGINT NOT NULL              -- and how many there were
);
