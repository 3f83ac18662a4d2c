-- Answers that were kept for requests that are repeated had links in them, where operations take no Idempotency-Key.
DELETE FROM api_answer;

-- Wrong codes in a row, counted here so that neither a restart nor another server gives more tries.
ALTER TABLE login_totp ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login_totp ADD COLUMN failed_at BIGINT;
