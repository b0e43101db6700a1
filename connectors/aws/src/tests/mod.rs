//! The crate against a scripted service (`behaviour`) and against an emulator (`moto`), and what must
//! agree with the repository (`repository`).

mod behaviour;
pub(crate) mod fake;
mod hub;
mod hub_v2;
mod inspector;
mod moto;
mod organization;
mod repository;
mod roles;

use std::sync::Arc;

use async_trait::async_trait;
use poamd_contract::account::AccountAccess;
use poamd_contract::chance::Chance;
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::ids::Region;
use poamd_contract::source::{Page, PageSink, Pulled, Request};
use poamd_contract::watch::Seen;

use crate::pace::fake::FakePace;
use crate::session::Session;
use crate::{AwsConfig, StaticKeys, sources, watches};

pub(crate) const ACCOUNT: &str = "123456789012";

/// Always the middle.
struct Middle;

impl Chance for Middle {
    fn next_u64(&self) -> u64 {
        u64::MAX / 2
    }
}

pub(crate) fn config(endpoint: &str) -> AwsConfig {
    AwsConfig {
        endpoint_url: Some(endpoint.to_owned()),
        keys: Some(StaticKeys {
            access_key_id: "testing".to_owned(),
            secret_access_key: "testing".into(),
        }),
        attempts: 3,
        // One chain: what is asked comes in order.
        chains: 1,
        ..AwsConfig::default()
    }
}

/// A session that never really waits.
pub(crate) fn session(config: AwsConfig) -> Arc<Session> {
    let pace = Arc::new(FakePace::default());
    Arc::new(Session::new(config, Arc::new(SystemClock), Arc::new(Middle), pace).unwrap())
}

pub(crate) fn account(id: &str, role: Option<&str>, regions: &[&str]) -> AccountAccess {
    AccountAccess {
        id: id.parse().unwrap(),
        name: "prod".to_owned(),
        partition: poamd_contract::ids::Partition::of_region(&regions[0].parse().unwrap()),
        role: role.map(str::to_owned),
        external_id: role.map(|_| "poamd".to_owned()),
        regions: regions
            .iter()
            .map(|region| region.parse().unwrap())
            .collect(),
    }
}

/// Keeps what it is given.
#[derive(Default)]
struct Kept {
    pages: Vec<Page>,
}

impl Kept {
    /// Documents taken or set aside, page by page.
    fn documents(&self) -> Vec<usize> {
        self.pages
            .iter()
            .map(|page| page.reports.len() + page.set_aside.len())
            .collect()
    }
}

#[async_trait]
impl PageSink for Kept {
    async fn page(&mut self, page: Page) -> Result<()> {
        self.pages.push(page);
        Ok(())
    }
}

/// Pulls all of one source of one cell.
async fn pull(
    session: &Arc<Session>,
    source: &str,
    account: &AccountAccess,
    region: &str,
) -> (Kept, Coverage) {
    let request = Request::full(SystemClock.now());
    let (kept, pulled) = ask(session, source, account, region, &request).await;
    (kept, pulled.coverage)
}

/// Asks one source of one cell.
async fn ask(
    session: &Arc<Session>,
    source: &str,
    account: &AccountAccess,
    region: &str,
    request: &Request,
) -> (Kept, Pulled) {
    let region: Region = region.parse().unwrap();
    let source = sources::all(session)
        .into_iter()
        .find(|s| s.name() == source)
        .unwrap();
    let mut kept = Kept::default();
    let pulled = source
        .pull(account, &region, request, &mut kept)
        .await
        .unwrap();
    (kept, pulled)
}

/// Looks at one technology.
async fn observe(
    session: &Arc<Session>,
    technology: &str,
    account: &AccountAccess,
    region: &str,
) -> Seen {
    let watch = watches::all(session)
        .into_iter()
        .find(|w| w.technology() == technology)
        .unwrap();
    watch.observe(account, &region.parse().unwrap()).await
}
