-- Data keys come in rings: each organisation has one, and the installation has its own. A change of keys that was under
-- way when this table was made anew is begun once more by the next one.
DROP TABLE key_rotation;
CREATE TABLE key_rotation (
  ring TEXT NOT NULL,                  -- organisation, installation, sign_in
  organisation_id BYTEA NOT NULL,      -- sixteen zero bytes: the installation's
  version BIGINT NOT NULL,             -- the data key that everything is brought to
  position TEXT NOT NULL DEFAULT '',   -- the column under way
  last_id BYTEA NOT NULL,              -- and the last row of it that is done
  n_done BIGINT NOT NULL DEFAULT 0,
  begun_at BIGINT NOT NULL,
  finished_at BIGINT,
  PRIMARY KEY (ring, organisation_id)
);
