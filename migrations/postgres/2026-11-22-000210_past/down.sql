DELETE FROM meta WHERE key = 'texts-kept-since';
DROP TABLE item_versions;
DROP TABLE finding_text_versions;
