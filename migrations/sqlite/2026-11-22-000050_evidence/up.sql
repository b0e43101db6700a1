-- What a ticket was until it changed, in what is shown of it: as JSON, and the first moment it was otherwise.
CREATE TABLE ticket_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX ticket_versions_ticket ON ticket_versions (ticket_id, until);

-- Documents as they came, many in one zstd frame: their lengths (u32, little endian), then the documents themselves. A
-- report says in which pack its document is, and which of it. sha256 is over the SHA-256 of each document; the audit
-- event that took them names it.
CREATE TABLE evidence_packs (
    id INTEGER PRIMARY KEY NOT NULL,
    run_id INTEGER NOT NULL,
    door TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    event INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    zstd BLOB NOT NULL
) STRICT;

-- Where the document of a report was until another took its place.
CREATE TABLE report_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    finding_id INTEGER NOT NULL,
    report_key INTEGER NOT NULL,
    until TEXT NOT NULL,
    pack_id INTEGER NOT NULL,
    pack_at INTEGER NOT NULL
) STRICT;
CREATE INDEX report_versions_report ON report_versions (finding_id, until);

-- What a run read through one door. sha256 is over the SHA-256 of each document in the order it came, known or not.
CREATE TABLE manifests (
    run_id INTEGER NOT NULL,
    door TEXT NOT NULL,
    asked TEXT NOT NULL,
    pages INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    set_aside INTEGER NOT NULL,
    first_request TEXT,
    last_request TEXT,
    began_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (run_id, door)
) STRICT;
