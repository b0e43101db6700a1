-- Since when a cell could not be looked at completely, whatever the reason was meanwhile.
ALTER TABLE coverage ADD COLUMN blind_since TIMESTAMP;
UPDATE coverage SET blind_since = since WHERE state <> 'complete';

-- A person has seen to a document that was set aside.
ALTER TABLE set_aside ADD COLUMN dismissed_at TIMESTAMP;
ALTER TABLE set_aside ADD COLUMN dismissed_by TEXT;
ALTER TABLE set_aside ADD COLUMN dismissed_why TEXT;
