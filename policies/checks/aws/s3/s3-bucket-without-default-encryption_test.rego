package checks.aws.s3.s3_bucket_without_default_encryption_test

import data.checks.aws.s3.s3_bucket_without_default_encryption as policy

bucket(encryption) := {"config": {"Name": "data", "ServerSideEncryptionConfiguration": encryption}}

encrypted_by(algorithm) := {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}

test_no_configuration_is_a_finding if {
	some finding in policy.findings with input as bucket(null)
	finding.evidence == "no default encryption"
}

test_no_rule_is_a_finding if count(policy.findings) == 1 with input as bucket({"Rules": []})

test_a_rule_without_algorithm_is_a_finding if {
	count(policy.findings) == 1 with input as bucket({"Rules": [{"BucketKeyEnabled": false}]})
}

test_a_watch_that_did_not_say_is_a_finding if count(policy.findings) == 1 with input as {"config": {"Name": "data"}}

test_sse_s3_is_fine if count(policy.findings) == 0 with input as bucket(encrypted_by("AES256"))

test_sse_kms_is_fine if count(policy.findings) == 0 with input as bucket(encrypted_by("aws:kms"))
