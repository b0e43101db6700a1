-- What detection said when a deviation was asked for: an approval covers nothing worse than that.
ALTER TABLE deviations ADD COLUMN from_severity TEXT;
-- Who decided: the AO, by name.
ALTER TABLE deviations ADD COLUMN decided_by TEXT;
-- The severity that an approved deviation gives a record; what detection says stands in severity.
ALTER TABLE records ADD COLUMN adjusted_severity TEXT;

CREATE INDEX records_weakness ON records (account, weakness_id);
CREATE INDEX records_superseded_by ON records (superseded_by) WHERE superseded_by IS NOT NULL;
