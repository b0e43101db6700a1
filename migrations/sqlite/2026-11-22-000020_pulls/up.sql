-- How far each cell has been read, and the look at it that is under way.
CREATE TABLE pulls (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    watermark TEXT,
    full_at TEXT,
    cuts TEXT NOT NULL,
    look TEXT,
    PRIMARY KEY (account, region, source)
) STRICT;

-- What a full look that is under way has shown so far: eight bytes a report, in parts as they were noted.
CREATE TABLE pull_shown (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    prints BLOB NOT NULL,
    PRIMARY KEY (account, region, source, part)
) STRICT;

-- A look at what changed proves that a cell can be read; absence is concluded from looks at everything alone.
ALTER TABLE coverage ADD COLUMN last_full TEXT;
ALTER TABLE coverage RENAME COLUMN previous_complete TO previous_full;
