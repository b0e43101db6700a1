ALTER TABLE set_aside DROP COLUMN dismissed_why;
ALTER TABLE set_aside DROP COLUMN dismissed_by;
ALTER TABLE set_aside DROP COLUMN dismissed_at;
ALTER TABLE coverage DROP COLUMN blind_since;
