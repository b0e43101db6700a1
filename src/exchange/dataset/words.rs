//! Words of the ledger as forms spell them.

/// What people call a detector; a source of somebody else's goes by its own name.
pub fn detector(source: &str) -> &str {
    match source {
        "securityhub" => "AWS Security Hub",
        "guardduty" => "Amazon GuardDuty",
        "inspector" => "Amazon Inspector",
        "inspector-classic" => "Amazon Inspector Classic",
        "macie" => "Amazon Macie",
        "config" => "AWS Config",
        "access-analyzer" => "IAM Access Analyzer",
        "policy" => "poamd policy scan",
        "suricata" => "Suricata",
        other => other,
    }
}
