package lib.ages_test

import data.lib.ages

test_the_limit_itself_is_not_older if {
	not ages.older_than_days("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", 90)
}

test_one_second_over_the_limit_is_older if {
	ages.older_than_days("2026-01-01T00:00:00Z", "2026-04-01T00:00:01Z", 90)
}

test_offsets_and_fractions_are_read if {
	ages.older_than_days("2026-01-01T02:00:00.5+02:00", "2026-04-01T00:00:01Z", 90)
}

test_the_future_is_not_old if {
	not ages.older_than_days("2027-01-01T00:00:00Z", "2026-04-01T00:00:00Z", 90)
}

test_day_is_the_date if ages.day("2026-01-01T02:00:00Z") == "2026-01-01"
