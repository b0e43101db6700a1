-- How far each file that grows has been read: the file by its own marks, and the place behind its last taken line.
CREATE TABLE feeds (
    name TEXT PRIMARY KEY NOT NULL,
    path TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    position INTEGER NOT NULL,
    head TEXT NOT NULL
) STRICT;
