//! Where items come from.

use async_trait::async_trait;

use crate::account::AccountAccess;
use crate::coverage::Coverage;
use crate::ids::Region;
use crate::item::SeenItem;

/// What one look at one technology in one account and region saw. Items are those read whole;
/// nothing may be concluded from the absence of an item unless `coverage` is complete.
#[derive(Debug)]
pub struct Seen {
    pub items: Vec<SeenItem>,
    pub coverage: Coverage,
}

/// One technology of an account. It reads; it never judges.
#[async_trait]
pub trait AccountWatch: Send + Sync {
    /// `securitygroup`, `s3`, `iamuser`, `policy` …
    fn technology(&self) -> &'static str;

    /// True if it is read once an account, under the region `global`.
    fn is_global(&self) -> bool;

    /// The IAM actions it needs, for the generated policy.
    fn actions(&self) -> &'static [&'static str];

    /// Reads all items. For a global technology `region` is the one whose endpoint to ask.
    async fn observe(&self, account: &AccountAccess, region: &Region) -> Seen;
}

/// Proves that an account can be reached: the identity the credentials resolve to.
#[async_trait]
pub trait AccountProbe: Send + Sync {
    /// Assumes the role with its external id and asks who it is; then, if there is an external id, that the role
    /// cannot be assumed without it (confused deputy).
    async fn probe(&self, account: &AccountAccess) -> Vec<crate::health::Check>;
}
