//! What is known of documents beforehand: how they reached us, and whose they are where they do not say so.

use poamd_contract::finding::Channel;
use poamd_contract::ids::{AccountId, Region};

/// What holds for every document of a file or reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub channel: Channel,
    /// The account of documents that name none.
    pub account: Option<AccountId>,
    /// The region of documents that name none.
    pub region: Option<Region>,
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
