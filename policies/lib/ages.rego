# How old something is, measured against the time of the evaluation (`input.now`), never against the machine's clock.
package lib.ages

ns_per_day := ((24 * 60) * 60) * 1000000000

# True when more than `days` whole days of 24 hours lie between the two RFC 3339 times.
older_than_days(created, now, days) if {
	time.parse_rfc3339_ns(now) - time.parse_rfc3339_ns(created) > days * ns_per_day
}

# The day of an RFC 3339 time, for messages: it does not change from one evaluation to the next.
day(created) := substring(created, 0, 10)
