//! The list of finding sources. A new one is a file here and a word in the list.

mod health;
mod inspector_details;
mod inspector_scans;
mod look;
mod paging;
mod shards;

use std::sync::Arc;

use poamd_contract::source::FindingSource;

use crate::session::Session;

pub(crate) use security_hub::GET_FINDINGS as GET_HUB_FINDINGS;

macro_rules! sources {
    ($($file:ident: $source:ident,)*) => {
        $(mod $file;)*

        /// Every source of this crate.
        pub(crate) fn all(session: &Arc<Session>) -> Vec<Arc<dyn FindingSource>> {
            vec![$(Arc::new($file::$source::new(Arc::clone(session)))),*]
        }

        #[cfg(test)]
        pub(crate) const FILES: &[&str] = &[$(stringify!($file)),*];
    };
}

sources! {
    security_hub: SecurityHub,
    security_hub_v2: SecurityHubV2,
    guardduty: GuardDuty,
    inspector: Inspector,
    inspector_classic: InspectorClassic,
}
