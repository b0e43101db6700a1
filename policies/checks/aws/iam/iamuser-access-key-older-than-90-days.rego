package checks.aws.iam.iamuser_access_key_older_than_90_days

import data.lib.ages

meta := {
	"id": "iamuser-access-key-older-than-90-days",
	"title": "IAM user has an active access key older than 90 days",
	"technology": "iamuser",
	"severity": "medium",
	"score": 5,
	"rationale": concat(" ", [
		"A long-lived key has had long to leak into logs, images and laptops, and stays good until somebody changes",
		"it. Rotation bounds how long a leaked one is of use.",
	]),
	"remediation": concat(" ", [
		"Make a new key, move its users over, set the old one inactive, watch that nothing breaks, delete it. Better,",
		"replace the key by a role.",
	]),
	"controls": ["AC-2(1)", "AC-2(3)", "AC-3(15)"],
	"references": ["https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"],
	"equivalent": ["IAM.3"],
}

days := 90

# One finding per key; the message names the day it was made, not its age, which would change daily.
findings contains finding if {
	some key in active_keys
	ages.older_than_days(key.CreateDate, input.now, days)
	finding := {
		"evidence": key.AccessKeyId,
		"message": sprintf(
			"Access key %s is active and was made on %s, more than %d days ago.",
			[key.AccessKeyId, ages.day(key.CreateDate), days],
		),
	}
}

findings contains finding if {
	some key in active_keys
	not key.CreateDate
	finding := {
		"evidence": key.AccessKeyId,
		"message": sprintf("Access key %s is active and AWS did not say when it was made.", [key.AccessKeyId]),
	}
}

active_keys contains key if {
	some key in input.config.AccessKeys
	not key.Status in {"Inactive", "Expired"}
}
