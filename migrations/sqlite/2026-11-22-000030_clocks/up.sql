-- Intelligence on CVEs, from files that were handed over; each kind is replaced whole.
CREATE TABLE intel_files (
    kind TEXT PRIMARY KEY NOT NULL,
    as_of TEXT NOT NULL,
    imported_at TEXT NOT NULL,
    entries INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    actor TEXT NOT NULL
) STRICT;

-- What the KEV catalog says and said: an entry holds from the import that brought it (since) to the one that changed it or
-- took it out (until), so that a past day is shown with the catalog of that day.
CREATE TABLE intel_kev (
    cve TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT,
    added TEXT NOT NULL,
    due TEXT NOT NULL,
    name TEXT NOT NULL,
    ransomware INTEGER NOT NULL,
    triage TEXT,
    PRIMARY KEY (cve, since)
) STRICT;

-- Probability and percentile in millionths.
CREATE TABLE intel_epss (
    cve TEXT PRIMARY KEY NOT NULL,
    epss INTEGER NOT NULL,
    percentile INTEGER NOT NULL
) STRICT;

CREATE TABLE intel_ssvc (
    cve TEXT PRIMARY KEY NOT NULL,
    exploitation TEXT,
    automatable INTEGER,
    impact TEXT,
    at TEXT
) STRICT;

-- What findings count with, laid down by people; removed ones are kept.
CREATE TABLE overrides (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    weakness TEXT,
    technology TEXT,
    account_pattern TEXT,
    score INTEGER,
    severity TEXT,
    disabled INTEGER NOT NULL,
    why TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL,
    removed_at TEXT,
    removed_by TEXT,
    removed_why TEXT
) STRICT;
