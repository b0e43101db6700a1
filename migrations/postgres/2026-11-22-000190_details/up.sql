-- What a source told of a finding beside its listing: put to the finding's detail, and for which version of its report
-- (content_hash) it was asked. Rows are only added; the newest holds. Without a pack: the source knows nothing more.
CREATE TABLE finding_details (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    cell TEXT NOT NULL,
    native_id TEXT NOT NULL,
    for_hash BIGINT NOT NULL,
    detail TEXT NOT NULL,
    taken_at TIMESTAMP NOT NULL,
    pack_id BIGINT,
    pack_at BIGINT
);
CREATE INDEX finding_details_finding ON finding_details (account, fingerprint);

-- How the last round of asking went, by cell.
CREATE TABLE detail_rounds (
    cell TEXT PRIMARY KEY NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    waiting BIGINT NOT NULL,
    trouble TEXT
);
