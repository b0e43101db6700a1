ALTER TABLE vendor_dependencies DROP COLUMN released_at;
ALTER TABLE milestone_changes DROP COLUMN why;
