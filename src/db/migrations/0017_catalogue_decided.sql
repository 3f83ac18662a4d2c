-- Somebody has said no to it: trust alone lets no other definition of it in, however often it is listed.
ALTER TABLE catalogue_item ADD COLUMN was_rejected BIGINT NOT NULL DEFAULT 0;
UPDATE catalogue_item SET was_rejected = 1 WHERE status = 'rejected';

-- What was decided of a definition holds for people's own connections of its connector.
CREATE INDEX catalogue_item_by_hash ON catalogue_item (organisation_id, hash);
