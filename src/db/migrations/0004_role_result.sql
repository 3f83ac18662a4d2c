-- The most bytes that a result may have which a role's rules allow; NULL: as much as its tool gives.
ALTER TABLE role ADD COLUMN max_result BIGINT;
