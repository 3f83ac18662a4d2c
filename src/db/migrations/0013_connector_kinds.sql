-- Which kinds of connectors there are is known to the binary, and checked where a definition is read: a list of them here
-- would have to change with each new one.
ALTER TABLE connector RENAME COLUMN kind TO kind_of_old;
ALTER TABLE connector ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE connector SET kind = kind_of_old;
ALTER TABLE connector DROP COLUMN kind_of_old;
