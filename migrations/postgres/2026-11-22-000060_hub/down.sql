ALTER TABLE accounts DROP COLUMN found_by;
DROP TABLE writebacks;
