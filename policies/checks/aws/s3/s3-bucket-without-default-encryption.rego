# Security Hub's S3.4 asked the same before AWS began to encrypt every new object (January 2023) and the control was
# withdrawn; older exports still carry it. S3.17 is another weakness: it wants KMS keys.
package checks.aws.s3.s3_bucket_without_default_encryption

meta := {
	"id": "s3-bucket-without-default-encryption",
	"title": "S3 bucket has no default encryption rule",
	"technology": "s3",
	"severity": "medium",
	"score": 5,
	"rationale": concat(" ", [
		"Without a rule of its own the bucket does not say how its objects are encrypted at rest, so nobody can show",
		"which key protects them, and objects from before AWS encrypted by default may lie there in the clear.",
	]),
	"remediation": concat(" ", [
		"Set default encryption on the bucket: SSE-S3 (AES256), or SSE-KMS with a key of your own where the data asks",
		"for it. Then copy older objects in place so that they are encrypted too.",
	]),
	"controls": ["AU-9", "AU-9(2)", "AU-9(7)", "CA-9(1)", "CM-3(6)", "SC-7(10)", "SC-13", "SC-28", "SC-28(1)", "SI-7(6)"],
	"references": ["https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html"],
	"equivalent": ["S3.4"],
}

findings contains finding if {
	not has_rule
	finding := {
		"evidence": "no default encryption",
		"message": "GetBucketEncryption has no rule for this bucket.",
	}
}

has_rule if {
	some rule in input.config.ServerSideEncryptionConfiguration.Rules
	rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm != ""
}
