-- How far each file that grows has been read: the file by its own marks, and the place behind its last taken line.
CREATE TABLE feeds (
    name TEXT PRIMARY KEY NOT NULL,
    path TEXT NOT NULL,
    device BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    position BIGINT NOT NULL,
    head TEXT NOT NULL
);
