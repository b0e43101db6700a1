-- The outbox of the hubs: what shall stand with each finding there, and how far that got. One row a native id; the
-- newest wish replaces an older one that was not carried out yet.
CREATE TABLE writebacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account TEXT NOT NULL,
    native_id TEXT NOT NULL,
    cell TEXT NOT NULL,
    record_id INTEGER NOT NULL REFERENCES records (id),
    wanted TEXT NOT NULL,
    seen_hash INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    not_before TEXT NOT NULL,
    sent TEXT,
    written TEXT NOT NULL,
    error TEXT,
    changed_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX writebacks_finding ON writebacks (account, native_id);
CREATE INDEX writebacks_due ON writebacks (state, cell, id);

-- Where an account came from that nobody wrote down: the account whose organization it was found in.
ALTER TABLE accounts ADD COLUMN found_by TEXT;
