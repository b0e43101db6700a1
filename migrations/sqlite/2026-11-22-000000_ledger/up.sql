-- What this deployment is: its name, the schema's birth.
CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    partition TEXT NOT NULL,
    label TEXT NOT NULL,
    role TEXT,
    external_id TEXT,
    regions TEXT NOT NULL,
    canonical_id TEXT,
    canonical_name TEXT,
    contacts TEXT NOT NULL,
    notes TEXT NOT NULL,
    weight INTEGER NOT NULL,
    active INTEGER NOT NULL,
    declared INTEGER NOT NULL,
    baseline_at TEXT,
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    removed_at TEXT
) STRICT;

-- Resources. revision 0: known only because a finding names it.
CREATE TABLE items (
    account TEXT NOT NULL,
    arn TEXT NOT NULL,
    region TEXT NOT NULL,
    technology TEXT NOT NULL,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    config_hash TEXT NOT NULL,
    absent INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    PRIMARY KEY (account, arn)
) STRICT;
CREATE INDEX items_technology ON items (account, technology, region);

CREATE TABLE item_revisions (
    account TEXT NOT NULL,
    arn TEXT NOT NULL,
    number INTEGER NOT NULL,
    seen_at TEXT NOT NULL,
    config TEXT NOT NULL,
    PRIMARY KEY (account, arn, number),
    FOREIGN KEY (account, arn) REFERENCES items (account, arn)
) STRICT;

CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account TEXT NOT NULL,
    group_key TEXT NOT NULL,
    weakness_id TEXT NOT NULL,
    weakness_kind TEXT NOT NULL,
    title TEXT NOT NULL,
    original_severity TEXT NOT NULL,
    severity TEXT,
    rating TEXT,
    score INTEGER NOT NULL,
    unjustified_score INTEGER NOT NULL,
    status TEXT NOT NULL,
    detected_at TEXT NOT NULL,
    due TEXT,
    due_rule TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    changed_at TEXT NOT NULL,
    previous INTEGER,
    superseded_by INTEGER,
    claimed_at TEXT
) STRICT;
-- A weakness has one live record in an account.
CREATE UNIQUE INDEX records_one_live ON records (account, group_key) WHERE status NOT IN ('closed', 'superseded');
CREATE INDEX records_group ON records (account, group_key);

-- id: in the order they came, so that what is written together lies together; fingerprints fall anywhere. Other tables
-- that outlive a ledger's move name the fingerprint.
CREATE TABLE findings (
    id INTEGER PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    region TEXT NOT NULL,
    source TEXT NOT NULL,
    weakness_id TEXT NOT NULL,
    weakness_kind TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    remediation TEXT NOT NULL,
    severity TEXT,
    score INTEGER NOT NULL,
    status TEXT NOT NULL,
    at_source TEXT,
    marks TEXT NOT NULL,
    sample INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    justified INTEGER NOT NULL,
    requirements TEXT NOT NULL,
    arn TEXT NOT NULL,
    resources TEXT NOT NULL,
    detail TEXT NOT NULL,
    record_id INTEGER,
    detected_at TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    closed_at TEXT,
    changed_at TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    joined_at TEXT,
    UNIQUE (account, fingerprint)
) STRICT;
CREATE INDEX findings_record ON findings (record_id);
CREATE INDEX findings_item ON findings (account, arn);
CREATE INDEX findings_weakness ON findings (account, weakness_id);

-- What each native id said through each cell; the finding is the fold of these.
-- report_key: a hash of native id and cell, so that the key stays short and rows stand in the order they came.
CREATE TABLE finding_reports (
    finding_id INTEGER NOT NULL REFERENCES findings (id),
    account TEXT NOT NULL,
    report_key INTEGER NOT NULL,
    native_id TEXT NOT NULL,
    cell TEXT NOT NULL,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    signal TEXT NOT NULL,
    updated_at TEXT,
    severity TEXT,
    rated_at TEXT,
    stated TEXT,
    stated_at TEXT,
    content_hash INTEGER NOT NULL,
    absent INTEGER NOT NULL,
    pack_id INTEGER,
    pack_at INTEGER,
    region TEXT NOT NULL,
    document BLOB,
    PRIMARY KEY (finding_id, report_key)
) STRICT;
CREATE INDEX finding_reports_cell ON finding_reports (cell);

-- Weaknesses whose findings changed since their record was last planned; written with the change, so that a crash
-- between the two loses nothing.
CREATE TABLE planner_queue (
    account TEXT NOT NULL,
    weakness_id TEXT NOT NULL,
    PRIMARY KEY (account, weakness_id)
) STRICT;

CREATE TABLE justifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    desk TEXT NOT NULL,
    ticket_key TEXT NOT NULL,
    comment_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    verbatim TEXT NOT NULL,
    verbatim_sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    commented_at TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX justifications_record ON justifications (record_id);

CREATE TABLE justified_findings (
    justification_id INTEGER NOT NULL REFERENCES justifications (id),
    account TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (justification_id, account, fingerprint)
) STRICT;

CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    desk TEXT NOT NULL,
    generation INTEGER NOT NULL,
    marker_key TEXT NOT NULL,
    marker_label TEXT NOT NULL,
    link TEXT NOT NULL,
    remote_id TEXT,
    remote_key TEXT,
    url TEXT,
    state TEXT,
    status TEXT,
    version TEXT,
    comments_version TEXT,
    comments_read_at TEXT,
    probe_after TEXT,
    written TEXT NOT NULL,
    seen TEXT NOT NULL,
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX tickets_marker ON tickets (desk, marker_key);
CREATE UNIQUE INDEX tickets_record ON tickets (record_id, desk, generation);

-- Every effect on a desk, written in the transaction that wants it. idempotency: the same effect is wanted once.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    desk TEXT NOT NULL,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    kind TEXT NOT NULL,
    idempotency TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    unclear INTEGER NOT NULL,
    not_before TEXT NOT NULL,
    lease_holder TEXT,
    lease_until TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE UNIQUE INDEX outbox_idempotency ON outbox (idempotency);
CREATE INDEX outbox_due ON outbox (state, not_before);
CREATE INDEX outbox_ticket ON outbox (ticket_id, id);

CREATE TABLE inbox_comments (
    desk TEXT NOT NULL,
    comment_id TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    author_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    detail TEXT NOT NULL,
    commented_at TEXT NOT NULL,
    read_at TEXT NOT NULL,
    PRIMARY KEY (desk, comment_id, content_hash)
) STRICT;

-- Mails with their frozen bytes. queued_event: the audit event that queued it; the next report tells of what came behind.
CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    report TEXT NOT NULL,
    period TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    bytes BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    queued_event INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    not_before TEXT NOT NULL,
    lease_holder TEXT,
    lease_until TEXT,
    error TEXT,
    answer TEXT,
    created_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE UNIQUE INDEX mails_message ON mails (message_id);
CREATE INDEX mails_due ON mails (state, not_before);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    job TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    outcome TEXT,
    counts TEXT NOT NULL
) STRICT;

-- The last look at each cell, and since when it has been like this.
CREATE TABLE coverage (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    since TEXT NOT NULL,
    last_run INTEGER NOT NULL,
    last_complete TEXT,
    previous_complete TEXT,
    PRIMARY KEY (account, region, service)
) STRICT;

CREATE TABLE set_aside (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    run_id INTEGER NOT NULL,
    place TEXT NOT NULL,
    reason TEXT NOT NULL,
    excerpt TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    content_hash TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX set_aside_content ON set_aside (content_hash);

CREATE TABLE schedule (
    job TEXT PRIMARY KEY NOT NULL,
    expression TEXT NOT NULL,
    next_due TEXT NOT NULL,
    last_started TEXT,
    last_finished TEXT,
    last_outcome TEXT
) STRICT;

CREATE TABLE leases (
    shard TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;

-- Who did what to what, append only; each hash covers the one before.
CREATE TABLE audit (
    n INTEGER PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- Long change lists stand beside their event, which holds their SHA-256.
CREATE TABLE audit_changes (
    n INTEGER PRIMARY KEY NOT NULL,
    changes TEXT NOT NULL
) STRICT;

-- One row; locking it puts writers in a line.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY NOT NULL,
    n INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, n, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
CREATE TRIGGER audit_keeps_text BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
CREATE TRIGGER audit_changes_keeps_rows BEFORE DELETE ON audit_changes BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
CREATE TRIGGER audit_changes_keeps_text BEFORE UPDATE ON audit_changes BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
