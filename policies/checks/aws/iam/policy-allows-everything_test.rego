package checks.aws.iam.policy_allows_everything_test

import data.checks.aws.iam.policy_allows_everything as policy

statement(effect, all_actions, all_resources) := {
	"label": "statement 1", "effect": effect, "all_actions": all_actions, "all_resources": all_resources,
}

document(statements) := {"access": {"statements": statements}}

test_allow_everything_is_a_finding if {
	found := policy.findings with input as document([statement("allow", true, true)])
	found == {{
		"evidence": "allow * on *",
		"message": "The default version allows Action * on Resource * by: statement 1.",
	}}
}

test_two_such_statements_are_one_finding if {
	second := object.union(statement("allow", true, true), {"label": "statement Admin"})
	count(policy.findings) == 1 with input as document([statement("allow", true, true), second])
}

test_deny_everything_is_fine if count(policy.findings) == 0 with input as document([statement("deny", true, true)])

test_everything_on_one_bucket_is_another_thing if {
	count(policy.findings) == 0 with input as document([statement("allow", true, false)])
}

test_one_service_on_everything_is_another_thing if {
	count(policy.findings) == 0 with input as document([statement("allow", false, true)])
}

test_halves_in_two_statements_do_not_add_up if {
	halves := [statement("allow", true, false), statement("allow", false, true)]
	count(policy.findings) == 0 with input as document(halves)
}

test_no_statements_no_finding if count(policy.findings) == 0 with input as document([])
