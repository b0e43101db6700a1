DROP TABLE ticket_versions;
