ALTER TABLE records DROP COLUMN held_rule;
ALTER TABLE records DROP COLUMN held_due;
