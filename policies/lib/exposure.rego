# Questions to a rule of `input.exposure` (see policies/README.md): what traffic does it let in?
package lib.exposure

# The rule lets in `protocol` on `port`. A rule for all protocols has no ports and covers every one.
covers(rule, protocol, port) if {
	rule.protocol in {protocol, "all"}
	rule.from_port <= port
	port <= rule.to_port
}
