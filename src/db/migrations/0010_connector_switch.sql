-- Connectors that people have switched off for themselves: a row says off.
CREATE TABLE connector_switch (
  organisation_id BYTEA NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  user_id BYTEA NOT NULL REFERENCES org_user (id) ON DELETE CASCADE,
  connector TEXT NOT NULL,             -- its id
  switched_at BIGINT NOT NULL,
  PRIMARY KEY (organisation_id, user_id, connector)
) {{without_rowid}};
CREATE INDEX connector_switch_by_user ON connector_switch (user_id);
