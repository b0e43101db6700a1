DROP INDEX records_superseded_by;
DROP INDEX records_weakness;
ALTER TABLE records DROP COLUMN adjusted_severity;
ALTER TABLE deviations DROP COLUMN decided_by;
ALTER TABLE deviations DROP COLUMN from_severity;
