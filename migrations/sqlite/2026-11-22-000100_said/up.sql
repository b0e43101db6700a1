-- Why a step was changed; what it says anew stands in description.
ALTER TABLE milestone_changes ADD COLUMN why TEXT NOT NULL DEFAULT '';
-- When it was written down that the vendor shipped: a past day is shown without what was learnt later.
ALTER TABLE vendor_dependencies ADD COLUMN released_at TEXT;
