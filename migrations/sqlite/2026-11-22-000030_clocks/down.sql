DROP TABLE overrides;
DROP TABLE intel_ssvc;
DROP TABLE intel_epss;
DROP TABLE intel_kev;
DROP TABLE intel_files;
