//! What is known of documents beforehand: how they reached us, and whose they are where they do not say so.

use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::ids::{AccountId, Region};
use sha2::{Digest, Sha256};

/// Goes up with every change of what is made of a document: then each is read anew once. A test holds what is made of the
/// fixtures against the number.
const READER: u32 = 3;

/// What holds for every document of a file or reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub channel: Channel,
    /// The account of documents that name none.
    pub account: Option<AccountId>,
    /// The region of documents that name none.
    pub region: Option<Region>,
}

impl Given {
    /// How documents are read: by which reader, and what was said for them. The same bytes, read the same way, say the same.
    pub fn reading(&self) -> Reading {
        self.reading_by(READER)
    }

    fn reading_by(&self, reader: u32) -> Reading {
        let account = self.account.as_ref().map_or("", AccountId::as_str);
        let region = self.region.as_ref().map_or("", Region::as_str);
        let words = format!("{reader}\n{}\n{account}\n{region}", self.channel.as_str());
        let digest: [u8; 32] = Sha256::digest(words.as_bytes()).into();
        Reading(first_half(&digest))
    }
}

/// A way of reading documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading([u8; 16]);

impl Reading {
    /// What a document is known by that was read this way: half of its SHA-256, mixed with the way.
    pub fn key(&self, sha256: &[u8; 32]) -> [u8; 16] {
        let mut key = first_half(sha256);
        key.iter_mut().zip(self.0).for_each(|(k, own)| *k ^= own);
        key
    }
}

/// True if the report says what stands in its document and nothing else: not what else was on the page (alerts that were
/// folded), nor what a repair made of it.
pub fn stands_alone(report: &FindingReport) -> bool {
    !crate::eve::is_alert(report) && !report.marks.iter().any(|mark| mark == "repaired")
}

fn first_half(digest: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| digest[at])
}

impl From<Channel> for Given {
    fn from(channel: Channel) -> Self {
        Self {
            channel,
            account: None,
            region: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_reader_and_another_word_given_are_another_reading() {
        let file = Given::from(Channel::File);
        let of_somebody = |number: &str| Given {
            account: Some(number.parse().unwrap()),
            ..file.clone()
        };
        let in_region = Given {
            region: Some("us-gov-west-1".parse().unwrap()),
            ..file.clone()
        };
        let sha256 = [7; 32];
        let mut keys: Vec<[u8; 16]> = [
            file.reading(),
            file.reading_by(READER + 1),
            Given::from(Channel::Hub).reading(),
            of_somebody("111111111111").reading(),
            of_somebody("222222222222").reading(),
            in_region.reading(),
        ]
        .iter()
        .map(|reading| reading.key(&sha256))
        .collect();
        keys.push(file.reading().key(&[8; 32]));
        let many = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), many);
    }
}
