package checks.aws.ec2.securitygroup_ssh_open_to_world_test

import data.checks.aws.ec2.securitygroup_ssh_open_to_world as policy

rule(protocol, from, to, source, world) := {
	"protocol": protocol, "from_port": from, "to_port": to, "source": source, "world": world,
	"rule": sprintf("%s %d-%d", [protocol, from, to]),
}

group(rules) := {"exposure": {"ingress": rules}}

test_ssh_from_everywhere_is_a_finding if {
	found := policy.findings with input as group([rule("tcp", 22, 22, "0.0.0.0/0", true)])
	found == {{
		"evidence": "tcp/22 from 0.0.0.0/0",
		"message": "TCP port 22 is open to 0.0.0.0/0 by: tcp 22-22.",
	}}
}

test_ipv6_is_a_finding_of_its_own_with_its_own_rules if {
	rules := [rule("tcp", 22, 22, "0.0.0.0/0", true), rule("tcp", 20, 25, "::/0", true)]
	found := policy.findings with input as group(rules)
	found == {
		{"evidence": "tcp/22 from 0.0.0.0/0", "message": "TCP port 22 is open to 0.0.0.0/0 by: tcp 22-22."},
		{"evidence": "tcp/22 from ::/0", "message": "TCP port 22 is open to ::/0 by: tcp 20-25."},
	}
}

test_two_rules_for_one_world_are_one_finding if {
	rules := [rule("tcp", 20, 4000, "0.0.0.0/0", true), rule("all", 0, 65535, "0.0.0.0/0", true)]
	found := policy.findings with input as group(rules)
	count(found) == 1
	some finding in found
	finding.message == "TCP port 22 is open to 0.0.0.0/0 by: all 0-65535, tcp 20-4000."
}

test_udp_22_is_not_ssh if {
	count(policy.findings) == 0 with input as group([rule("udp", 22, 22, "0.0.0.0/0", true)])
}

test_a_range_beside_22_is_fine if {
	rules := [rule("tcp", 23, 4000, "0.0.0.0/0", true), rule("tcp", 0, 21, "0.0.0.0/0", true)]
	count(policy.findings) == 0 with input as group(rules)
}

test_a_network_short_of_the_world_is_another_weakness if {
	rules := [rule("tcp", 22, 22, "0.0.0.0/1", false), rule("tcp", 22, 22, "128.0.0.0/1", false)]
	count(policy.findings) == 0 with input as group(rules)
}

test_no_rules_no_finding if count(policy.findings) == 0 with input as group([])
