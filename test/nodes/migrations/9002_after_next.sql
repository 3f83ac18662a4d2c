-- And the one after that: what two versions have gone without is taken away.
-- narrows: next_note and its columns are used by no version since 9001
DROP TABLE next_note;
-- narrows: as above
ALTER TABLE connection DROP COLUMN next_note;
