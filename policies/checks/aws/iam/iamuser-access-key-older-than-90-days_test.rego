package checks.aws.iam.iamuser_access_key_older_than_90_days_test

import data.checks.aws.iam.iamuser_access_key_older_than_90_days as policy

now := "2026-11-22T00:00:00Z"

key(id, status, created) := {"AccessKeyId": id, "Status": status, "CreateDate": created}

user(keys) := {"now": now, "config": {"UserName": "svc", "AccessKeys": keys}}

test_an_old_active_key_is_a_finding if {
	found := policy.findings with input as user([key("AKIAOLD", "Active", "2026-01-02T03:04:05Z")])
	found == {{
		"evidence": "AKIAOLD",
		"message": "Access key AKIAOLD is active and was made on 2026-01-02, more than 90 days ago.",
	}}
}

test_each_old_key_is_a_finding_of_its_own if {
	keys := [key("AKIA1", "Active", "2025-01-01T00:00:00Z"), key("AKIA2", "Active", "2025-01-01T00:00:00Z")]
	found := policy.findings with input as user(keys)
	{finding.evidence | some finding in found} == {"AKIA1", "AKIA2"}
}

test_an_old_inactive_key_is_not_an_old_key if {
	count(policy.findings) == 0 with input as user([key("AKIAOLD", "Inactive", "2020-01-01T00:00:00Z")])
}

test_a_young_key_is_fine if {
	count(policy.findings) == 0 with input as user([key("AKIANEW", "Active", "2026-11-01T00:00:00Z")])
}

test_ninety_days_to_the_second_are_fine if {
	count(policy.findings) == 0 with input as user([key("AKIA90", "Active", "2026-08-24T00:00:00Z")])
}

test_an_active_key_without_a_date_is_a_finding if {
	count(policy.findings) == 1 with input as user([{"AccessKeyId": "AKIAX", "Status": "Active"}])
}

test_no_keys_no_finding if count(policy.findings) == 0 with input as user([])
