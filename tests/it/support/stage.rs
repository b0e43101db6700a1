//! AWS as a script: what each cell shows, and how far the look gets. The documents are bytes that go through the real
//! parser, and the looks are made by the real job.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use poamd::cli::load::declare_accounts;
use poamd::config;
use poamd::jobs::{Context, Quiet};
use poamd::store::Store;
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::{Coverage, Vouched};
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{FindingSource, PageSink, Pulled, Request};

/// What a cell shows at its next look.
#[derive(Debug, Clone)]
pub struct Shows {
    pub pages: Vec<Vec<u8>>,
    pub coverage: Coverage,
    pub vouched: Option<Vouched>,
}

impl Default for Shows {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            coverage: Coverage::Complete,
            vouched: None,
        }
    }
}

/// The script, by service, account and region. A cell that is not in it is complete and empty.
#[derive(Debug, Default)]
pub struct Stage(Mutex<BTreeMap<(String, String, String), Shows>>);

impl Stage {
    pub fn set(&self, service: &str, account: &str, region: &str, shows: Shows) {
        let key = (service.to_owned(), account.to_owned(), region.to_owned());
        self.0.lock().unwrap().insert(key, shows);
    }
}

struct StandIn {
    service: &'static str,
    channel: Channel,
    stage: Arc<Stage>,
}

#[async_trait]
impl FindingSource for StandIn {
    fn name(&self) -> &'static str {
        self.service
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        _: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let key = (
            self.service.to_owned(),
            account.id.to_string(),
            region.to_string(),
        );
        let shows = self.stage.0.lock().unwrap().get(&key).cloned();
        let shows = shows.unwrap_or_default();
        let mut coverage = shows.coverage;
        let mut vouched = shows.vouched;
        for bytes in &shows.pages {
            for mut page in poamd_formats::parse_documents(self.channel, self.service, bytes) {
                page.vouched = vouched.take();
                // As the real sources do: what could not be read may have held anything.
                if page.damaged && coverage.is_complete() {
                    coverage = Coverage::Partial {
                        reason: "a page could not be read".to_owned(),
                    };
                }
                sink.page(page).await?;
            }
        }
        if vouched.is_some() {
            let page = poamd_contract::source::Page {
                vouched,
                ..Default::default()
            };
            sink.page(page).await?;
        }
        // Whatever was asked, a stage shows all of itself.
        Ok(Pulled::full(coverage))
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("stage", "")
    }
}

/// A context whose three sources play the stage.
pub fn context(
    store: &Store,
    clock: &Arc<ManualClock>,
    stage: &Arc<Stage>,
    accounts: &[(&str, &[&str])],
) -> Context {
    let mut text = "[database]\nurl = \"sqlite:///not/used.db\"\n".to_owned();
    for (id, regions) in accounts {
        text += &format!(
            "[[accounts]]\nid = {id:?}\nname = \"a{id}\"\nlabel = \"Prod\"\nregions = {regions:?}\n"
        );
    }
    let env: BTreeMap<String, String> = BTreeMap::new();
    let config = config::parse(Path::new("poamd.toml"), &text, &env).unwrap();
    declare_accounts(&config, store, "test", clock.now()).unwrap();
    let around = Surroundings {
        clock: clock.clone(),
        chance: Arc::new(SystemChance),
        env: Arc::new(env),
        progress: Arc::new(Quiet),
    };
    let mut ctx = context_over(Arc::new(config), &around, store.clone()).unwrap();
    ctx.sources = [
        ("securityhub", Channel::Hub),
        ("guardduty", Channel::Pull),
        ("inspector", Channel::Pull),
    ]
    .map(|(service, channel)| {
        let stage = stage.clone();
        Arc::new(StandIn {
            service,
            channel,
            stage,
        }) as Arc<dyn FindingSource>
    })
    .to_vec();
    ctx
}
