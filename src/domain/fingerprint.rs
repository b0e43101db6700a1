//! What makes two reports the same finding (`design.md`, Fingerprint). No text, score, order or channel
//! goes in.

use data_encoding::HEXLOWER;
use poamd_contract::finding::Identity;
use sha2::{Digest, Sha256};

/// `fnd_` and 128 bits in hex.
pub fn fingerprint(identity: &Identity) -> String {
    let mut hash = Sha256::new();
    let parts: Vec<&str> = match identity {
        Identity::Control {
            account,
            region,
            control,
            resource,
        } => {
            vec![
                "control",
                account.as_str(),
                region.as_str(),
                control,
                resource,
            ]
        }
        Identity::Native { arn } => vec!["native", arn],
        Identity::Policy {
            account,
            region,
            technology,
            item,
            policy,
            evidence,
        } => {
            vec![
                "policy",
                account.as_str(),
                region.as_str(),
                technology,
                item,
                policy,
                evidence,
            ]
        }
        Identity::Product { product_arn, id } => vec!["product", product_arn, id],
    };
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("fnd_{}", HEXLOWER.encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let product = |a: &str, b: &str| Identity::Product {
            product_arn: a.into(),
            id: b.into(),
        };
        assert_ne!(
            fingerprint(&product("ab", "c")),
            fingerprint(&product("a", "bc"))
        );
        assert_ne!(
            fingerprint(&product("x", "y")),
            fingerprint(&Identity::Native { arn: "xy".into() })
        );
    }

    #[test]
    fn it_never_changes_between_releases() {
        let arn = "arn:aws:guardduty:us-east-1:123456789012:detector/d/finding/f";
        assert_eq!(
            fingerprint(&Identity::Native { arn: arn.into() }),
            "fnd_9770bcfbe802aadfb6eba64ccf1386c3",
            "a changed fingerprint opens every finding anew"
        );
    }
}
