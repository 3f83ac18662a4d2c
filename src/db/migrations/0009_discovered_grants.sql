-- Grants whose server says itself, when it refuses, who grants access to it (RFC 9728): what it last said.
ALTER TABLE connection_grant ADD COLUMN challenge TEXT NOT NULL DEFAULT '{}'; -- JSON object: resource_metadata, scope

-- The authorization server that a client is registered with: its id and secret are for no other. '': not said.
ALTER TABLE client_app ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
