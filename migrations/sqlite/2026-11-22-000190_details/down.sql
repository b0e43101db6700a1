DROP TABLE detail_rounds;
DROP TABLE finding_details;
