-- What the long texts of a finding on a record were until they changed: as JSON, only those that did, and the first moment
-- they were otherwise.
CREATE TABLE finding_text_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX finding_text_versions_until ON finding_text_versions (until);

-- How an item was called until that changed: as JSON, and the first moment it was otherwise.
CREATE TABLE item_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account TEXT NOT NULL,
    arn TEXT NOT NULL,
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX item_versions_until ON item_versions (until);

-- A ledger that had findings before texts were kept cannot tell what they said earlier than this.
INSERT INTO meta (key, value)
SELECT 'texts-kept-since', strftime('%Y-%m-%dT%H:%M:%S', 'now')
WHERE EXISTS (SELECT 1 FROM findings);
