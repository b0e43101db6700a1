-- What a ticket was until it changed, in what is shown of it: as JSON, and the first moment it was otherwise.
CREATE TABLE ticket_versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    until TEXT NOT NULL,
    was TEXT NOT NULL
) STRICT;
CREATE INDEX ticket_versions_ticket ON ticket_versions (ticket_id, until);
