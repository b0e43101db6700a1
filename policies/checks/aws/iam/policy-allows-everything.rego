# Reads the default version only: an older version that allows everything grants nothing. A Deny of everything grants
# nothing either, and `NotAction` (everything but …) is another weakness.
package checks.aws.iam.policy_allows_everything

meta := {
	"id": "policy-allows-everything",
	"title": "Managed policy allows every action on every resource",
	"technology": "policy",
	"severity": "high",
	"score": 9,
	"rationale": concat(" ", [
		"Whoever holds this policy is administrator of the whole account: one stolen session is enough to read, change",
		"and delete everything, the audit trail included.",
	]),
	"remediation": concat(" ", [
		"Replace the statement by the actions and resources its holders need; IAM Access Analyzer can propose them",
		"from CloudTrail. Keep administration in a few roles that people assume with MFA.",
	]),
	"controls": ["AC-2", "AC-2(1)", "AC-3", "AC-3(7)", "AC-3(15)", "AC-5", "AC-6", "AC-6(2)", "AC-6(3)", "AC-6(10)"],
	"references": ["https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"],
	"equivalent": ["IAM.1"],
}

# One finding per policy. Positions and ids of statements stand in the message only: they move when a policy is edited.
findings contains finding if {
	labels := sort({statement.label | some statement in everything})
	count(labels) > 0
	finding := {
		"evidence": "allow * on *",
		"message": sprintf("The default version allows Action * on Resource * by: %s.", [concat(", ", labels)]),
	}
}

# A condition narrows when the grant holds, not what it grants, so a conditioned statement counts (as in IAM.1).
everything contains statement if {
	some statement in input.access.statements
	statement.effect == "allow"
	statement.all_actions
	statement.all_resources
}
