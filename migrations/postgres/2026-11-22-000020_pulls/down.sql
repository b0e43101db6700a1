ALTER TABLE coverage RENAME COLUMN previous_full TO previous_complete;
ALTER TABLE coverage DROP COLUMN last_full;
DROP TABLE pull_shown;
DROP TABLE pulls;
