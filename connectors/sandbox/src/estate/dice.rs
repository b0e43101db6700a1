//! Ids and choices that look random and are the same every time: hashes of what they stand for.

use sha2::{Digest, Sha256};

/// Chance bound to a name; the same name gives the same throws, in any order.
#[derive(Debug, Clone)]
pub struct Dice([u8; 32]);

impl Dice {
    pub fn new(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self(hash.finalize().into())
    }

    /// `digits` hexadecimal digits, at most 64.
    pub fn hex(&self, digits: usize) -> String {
        let mut text = data_encoding::HEXLOWER.encode(&self.0);
        text.truncate(digits);
        text
    }

    pub fn uuid(&self) -> String {
        let hex = self.hex(32);
        format!(
            "{}-{}-4{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..32]
        )
    }

    /// A number from 0 to `end - 1`, its own for each `what`.
    pub fn below(&self, what: &str, end: i64) -> i64 {
        let hash = Sha256::new()
            .chain_update(self.0)
            .chain_update(what)
            .finalize();
        let number = hash
            .iter()
            .take(7)
            .fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
        number % end.max(1)
    }
}
