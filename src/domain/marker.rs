//! What makes a ticket ours (`itsm.md` 4.2).

use data_encoding::HEXLOWER;
use poamd_contract::desk::Marker;
use sha2::{Digest, Sha256};

use super::record::RecordId;

/// Key `poamd:v1:<deployment>:<poam id>[:g<generation>]`; label `poamd-` and the first 16 hex digits of its SHA-256.
pub fn marker(deployment: &str, record: RecordId, generation: i64) -> Marker {
    let mut key = format!("poamd:v1:{deployment}:{record}");
    if generation > 1 {
        key.push_str(&format!(":g{generation}"));
    }
    let label = format!(
        "poamd-{}",
        &HEXLOWER.encode(&Sha256::digest(key.as_bytes()))[..16]
    );
    Marker { key, label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_deployment_record_and_generation() {
        let first = marker("acme", RecordId(123), 1);
        assert_eq!(first.key, "poamd:v1:acme:POAM-000123");
        assert!(first.label.starts_with("poamd-") && first.label.len() == 22);
        assert_eq!(
            marker("acme", RecordId(123), 2).key,
            "poamd:v1:acme:POAM-000123:g2"
        );
        assert_ne!(first.label, marker("other", RecordId(123), 1).label);
    }
}
