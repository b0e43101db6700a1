# The world is the literal 0.0.0.0/0 or ::/0, as Security Hub's EC2.13 reads it. Large networks short of that
# (0.0.0.0/1 and 128.0.0.0/1 among them) are another weakness.
package checks.aws.ec2.securitygroup_ssh_open_to_world

import data.lib.exposure

meta := {
	"id": "securitygroup-ssh-open-to-world",
	"title": "Security group lets the whole internet reach SSH",
	"technology": "securitygroup",
	"severity": "high",
	"score": 9,
	"rationale": concat(" ", [
		"Anybody on the internet may try passwords, stolen keys and flaws of the SSH server on every machine behind",
		"this group. Scanners find an open port 22 within minutes.",
	]),
	"remediation": concat(" ", [
		"Remove the rule, or narrow its source to the networks that administer these machines. Better, use Session",
		"Manager or EC2 Instance Connect Endpoint and open no port at all.",
	]),
	"controls": ["AC-4", "AC-4(21)", "CM-7", "SC-7", "SC-7(4)", "SC-7(5)", "SC-7(11)", "SC-7(16)", "SC-7(21)"],
	"references": ["https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"],
	"equivalent": ["EC2.13"],
	"exposes": true,
}

# One finding for each of the two worlds (IPv4, IPv6), however many rules open it: closing SSH to that world is one
# thing to do, and a changed port range does not make it another.
findings contains finding if {
	some source in {rule.source | some rule in open_rules}
	rules := sort({rule.rule | some rule in open_rules; rule.source == source})
	finding := {
		"evidence": sprintf("tcp/22 from %s", [source]),
		"message": sprintf("TCP port 22 is open to %s by: %s.", [source, concat(", ", rules)]),
	}
}

open_rules contains rule if {
	some rule in input.exposure.ingress
	rule.world
	exposure.covers(rule, "tcp", 22)
}
