-- What people laid down beside what was detected: contact, plan, resources, controls, service, exposure, evaluation …
-- The newest row of a name holds; nothing is taken back but by a newer one.
CREATE TABLE record_facts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    why TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX record_facts_record ON record_facts (record_id, id);

-- Dated steps of the plan; never rewritten, only followed by changes.
CREATE TABLE milestones (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    number INTEGER NOT NULL,
    description TEXT NOT NULL,
    due TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX milestones_number ON milestones (record_id, number);

CREATE TABLE milestone_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    due TEXT,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX milestone_changes_record ON milestone_changes (record_id, id);

-- A request to treat a record otherwise. A record has at most one that is not ended.
CREATE TABLE deviations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    live INTEGER NOT NULL,
    severity TEXT,
    rationale TEXT NOT NULL,
    mitigations TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    decided_at TEXT,
    expires TEXT
) STRICT;
CREATE UNIQUE INDEX deviations_one_live ON deviations (record_id) WHERE live = 1;
CREATE INDEX deviations_record ON deviations (record_id, id);

-- Each state a deviation came into, by whom, and why.
CREATE TABLE deviation_steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    deviation_id INTEGER NOT NULL REFERENCES deviations (id),
    state TEXT NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX deviation_steps_deviation ON deviation_steps (deviation_id, id);

-- A fix that only a vendor can ship.
CREATE TABLE vendor_dependencies (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    product TEXT NOT NULL,
    vendor TEXT NOT NULL,
    live INTEGER NOT NULL,
    actor TEXT NOT NULL,
    since TEXT NOT NULL,
    released TEXT,
    ended_at TEXT
) STRICT;
CREATE UNIQUE INDEX vendor_dependencies_one_live ON vendor_dependencies (record_id) WHERE live = 1;
CREATE INDEX vendor_dependencies_record ON vendor_dependencies (record_id, id);

CREATE TABLE vendor_checkins (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    dependency_id INTEGER NOT NULL REFERENCES vendor_dependencies (id),
    day TEXT NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX vendor_checkins_dependency ON vendor_checkins (dependency_id, id);

CREATE TABLE record_comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX record_comments_record ON record_comments (record_id, id);

-- Files, kept once by what is in them.
CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    zstd BLOB NOT NULL
) STRICT;

-- Documents that support a record or its deviation.
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    deviation_id INTEGER REFERENCES deviations (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_record ON evidence (record_id, id);

-- What a record was until it changed: the row as JSON, and the first moment it was otherwise.
CREATE TABLE record_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX record_versions_record ON record_versions (record_id, until);

-- What a finding was until it changed: what is shown of it as JSON, and the first moment it was otherwise. Joining its
-- first record makes no row: findings.joined_at says when.
CREATE TABLE finding_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX finding_versions_finding ON finding_versions (account, fingerprint, until);
