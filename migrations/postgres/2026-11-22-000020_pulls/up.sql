-- How far each cell has been read, and the look at it that is under way.
CREATE TABLE pulls (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    watermark TIMESTAMP,
    full_at TIMESTAMP,
    cuts TEXT NOT NULL,
    look TEXT,
    PRIMARY KEY (account, region, source)
);

-- What a full look that is under way has shown so far: eight bytes a report, in parts as they were noted.
CREATE TABLE pull_shown (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    source TEXT NOT NULL,
    part BIGINT NOT NULL,
    prints BYTEA NOT NULL,
    PRIMARY KEY (account, region, source, part)
);

-- A look at what changed proves that a cell can be read; absence is concluded from looks at everything alone.
ALTER TABLE coverage ADD COLUMN last_full TIMESTAMP;
ALTER TABLE coverage RENAME COLUMN previous_complete TO previous_full;
