DROP TABLE manifests;
DROP TABLE report_versions;
DROP TABLE evidence_packs;
DROP TABLE ticket_versions;
