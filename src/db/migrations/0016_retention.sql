-- How long an organisation keeps its audit records. Without a row: for ever.
CREATE TABLE audit_retention (
  organisation_id BYTEA PRIMARY KEY REFERENCES organisation (id) ON DELETE CASCADE,
  days BIGINT NOT NULL,
  set_at BIGINT NOT NULL,
  mac BYTEA NOT NULL                   -- keyed: over organisation, days and set_at
) {{without_rowid}};

-- What stands in place of a chain's beginning, which retention has removed; see src/audit/tombstone.h.
CREATE TABLE audit_tombstone (
  organisation_id BYTEA NOT NULL,
  writer TEXT NOT NULL,
  seq BIGINT NOT NULL,                 -- of the last record removed; so many are gone
  mac BYTEA NOT NULL,                  -- of that record: the next one's covers it
  first_time BIGINT NOT NULL,          -- of those removed: the first one's, and the latest
  last_time BIGINT NOT NULL,
  days BIGINT NOT NULL,                -- the retention by which the last of them went
  removed_at BIGINT NOT NULL,
  tombstone_mac BYTEA NOT NULL,        -- keyed: over all of it
  PRIMARY KEY (organisation_id, writer)
) {{without_rowid}};
