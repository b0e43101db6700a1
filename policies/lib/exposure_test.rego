package lib.exposure_test

import data.lib.exposure

rule(protocol, from, to) := {"protocol": protocol, "from_port": from, "to_port": to}

test_a_range_covers_its_ends if {
	exposure.covers(rule("tcp", 22, 25), "tcp", 22)
	exposure.covers(rule("tcp", 22, 25), "tcp", 25)
}

test_a_range_ends if {
	not exposure.covers(rule("tcp", 22, 25), "tcp", 21)
	not exposure.covers(rule("tcp", 22, 25), "tcp", 26)
}

test_all_protocols_cover_each if exposure.covers(rule("all", 0, 65535), "udp", 53)

test_another_protocol_is_another_thing if not exposure.covers(rule("udp", 22, 22), "tcp", 22)
