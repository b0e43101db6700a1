-- The nearer due day that an approved adjustment moved later, and its rule: they stand again when it counts no more.
ALTER TABLE records ADD COLUMN held_due DATE;
ALTER TABLE records ADD COLUMN held_rule TEXT;
