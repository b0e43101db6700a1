//! A whole context over AWS at an address: the emulator's seeded estate, or the sandbox's stand-in.

#![cfg(feature = "aws")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poamd::cli::load::declare_accounts;
use poamd::config;
use poamd::jobs::{Context, Quiet};
use poamd::store::Store;
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_aws::{Aws, AwsConfig, StaticKeys};
use poamd_contract::clock::{Clock, SystemClock};
use serde_json::Value;

use super::skips::skipped;

/// How to reach one account.
pub struct Reach {
    pub id: String,
    pub role: Option<String>,
    pub external_id: Option<String>,
    pub regions: Vec<String>,
}

impl Reach {
    /// An account of the stand-in's bundled estate.
    pub fn bundled(id: &str, regions: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            role: Some("poamd-audit".to_owned()),
            external_id: Some(format!("poamd-{id}")),
            regions: regions.iter().map(|r| (*r).to_owned()).collect(),
        }
    }
}

/// A context as `poamd pull` would have it, over a ledger that is open already.
pub fn context(store: Store, url: &str, keys: (&str, &str), accounts: &[Reach]) -> Context {
    context_with(store, url, keys, accounts, "")
}

/// The same with further lines of `[aws]`.
pub fn context_with(
    store: Store,
    url: &str,
    keys: (&str, &str),
    accounts: &[Reach],
    more: &str,
) -> Context {
    let mut text = format!(
        "[database]\nurl = \"sqlite:///not/used.db\"\n[aws]\n{more}\nendpoint_url = \"{url}\"\nbudget = 1.0\n\
         access_key_id = {{ env = \"KEY_ID\" }}\nsecret_access_key = {{ env = \"KEY\" }}\n"
    );
    for account in accounts {
        let (id, regions) = (&account.id, &account.regions);
        let _ = write!(
            text,
            "[[accounts]]\nid = {id:?}\nname = \"a{id}\"\nlabel = \"Prod\"\nregions = {regions:?}\n"
        );
        for (key, value) in [
            ("role", &account.role),
            ("external_id", &account.external_id),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {value:?}");
            }
        }
    }
    let env = BTreeMap::from([
        ("KEY_ID".to_owned(), keys.0.to_owned()),
        ("KEY".to_owned(), keys.1.to_owned()),
    ]);
    let config = config::parse(Path::new("poamd.toml"), &text, &env).unwrap();
    declare_accounts(&config, &store, "test", SystemClock.now()).unwrap();
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        env: Arc::new(env),
        progress: Arc::new(Quiet),
    };
    context_over(Arc::new(config), &around, store).unwrap()
}

/// Has AWS read on a clock so many times as fast, by so many chains of pages beside each other.
pub fn hasten(ctx: &mut Context, url: &str, keys: (&str, &str), factor: f64, chains: usize) {
    let config = AwsConfig {
        endpoint_url: Some(url.to_owned()),
        keys: Some(StaticKeys {
            access_key_id: keys.0.to_owned(),
            secret_access_key: keys.1.into(),
        }),
        budget: 1.0,
        chains,
        ..AwsConfig::default()
    };
    let aws = Aws::compressed(config, ctx.clock.clone(), ctx.chance.clone(), factor).unwrap();
    let wanted: BTreeSet<&str> = ctx.sources.iter().map(|source| source.name()).collect();
    let sources = aws.sources().into_iter();
    ctx.sources = sources.filter(|s| wanted.contains(s.name())).collect();
}

/// The emulator that `scripts/moto seed` has filled.
pub struct Emulator {
    pub url: String,
    key: PathBuf,
}

impl Emulator {
    /// `None`, said out loud, where there is none.
    pub fn seeded(test: &str) -> Option<Self> {
        let (url, key) = (
            std::env::var("POAMD_TEST_MOTO_SEEDED"),
            std::env::var_os("POAMD_TEST_MOTO_KEY"),
        );
        let (Ok(url), Some(key)) = (url, key) else {
            skipped(
                test,
                "POAMD_TEST_MOTO_SEEDED and POAMD_TEST_MOTO_KEY are not set",
            );
            return None;
        };
        Some(Self {
            url,
            key: key.into(),
        })
    }

    /// A file of the key: `answers.json`, `findings.json`, `fixtures/…`.
    pub fn read(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.key.join(name)).unwrap()).unwrap()
    }

    /// Its accounts, the one that holds the findings first.
    pub fn accounts(&self) -> Vec<Reach> {
        let answers = self.read("answers.json");
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let regions: Vec<String> = list(&answers["made_with"]["regions"])
            .iter()
            .filter_map(text)
            .collect();
        list(&answers["accounts"])
            .iter()
            .map(|a| Reach {
                id: text(&a["id"]).unwrap(),
                role: text(&a["role_arn"]),
                external_id: text(&a["external_id"]),
                regions: regions.clone(),
            })
            .collect()
    }

    pub fn context(&self, store: Store) -> Context {
        context(store, &self.url, ("testing", "testing"), &self.accounts())
    }
}

/// The elements of an array.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
