-- The servers that use this database, where several do: each has a row while it may serve (src/cluster/membership.h).
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  run_id BYTEA NOT NULL,               -- of this life of it: 16 random bytes
  address TEXT NOT NULL,               -- where the others forward to; '': nowhere
  beat BIGINT NOT NULL,                -- grows with each renewal of its lease
  applied BIGINT NOT NULL,             -- the last change that all of its workers have taken; -1: it does not serve yet
  started_at BIGINT NOT NULL
);
