//! AWS: finding sources, watches and the account probe, over assumed roles. SDK types end here.
//!
//! In reading order: `config` (what the application sets), `operation` (one declaration per call),
//! `session` (account to credentials), `cell` (the one place every call goes through), `sources`,
//! `watches`, `probe`. Not in it: what findings mean (`poamd-formats`), and every judgement.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cell;
mod codes;
mod config;
mod credentials;
mod error;
mod fips;
mod http;
mod hub_writer;
mod json;
mod operation;
mod organization;
mod pace;
mod permissions;
mod probe;
mod role;
mod session;
mod sources;
mod tape;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod watches;

use std::sync::Arc;

use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::error::Result;
use poamd_contract::hub::HubWriter;
use poamd_contract::organization::Organization;
use poamd_contract::source::FindingSource;
use poamd_contract::watch::{AccountProbe, AccountWatch};

pub use crate::config::{AwsConfig, StaticKeys};

/// AWS, ready to be asked; accounts and regions are named with each question.
pub struct Aws {
    session: Arc<session::Session>,
}

impl Aws {
    /// Touches no network; base credentials are looked for when first needed.
    ///
    /// # Errors
    /// The CA file cannot be read or holds no certificate.
    pub fn new(config: AwsConfig, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Result<Self> {
        Self::compressed(config, clock, chance, 1.0)
    }

    /// The same against a stand-in whose rates and answers are so many times faster than AWS's: half an hour of
    /// pulling is measured in a minute.
    ///
    /// # Errors
    /// As [`Aws::new`].
    pub fn compressed(
        config: AwsConfig,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        factor: f64,
    ) -> Result<Self> {
        let pace = Arc::new(pace::RealPace::start(factor));
        Ok(Self {
            session: Arc::new(session::Session::new(config, clock, chance, pace)?),
        })
    }

    /// `securityhub`, `securityhub-v2`, `guardduty`, `inspector`, `inspector-classic`.
    pub fn sources(&self) -> Vec<Arc<dyn FindingSource>> {
        sources::all(&self.session)
    }

    /// `iamuser`, `policy`, `s3`, `securitygroup`.
    pub fn watches(&self) -> Vec<Arc<dyn AccountWatch>> {
        watches::all(&self.session)
    }

    /// Security Hub as something to write to. Whoever does not ask for it writes nothing.
    pub fn hub_writer(&self) -> Arc<dyn HubWriter> {
        Arc::new(hub_writer::HubWriteBack::new(Arc::clone(&self.session)))
    }

    /// What the role needs beside that once `[writeback]` is switched on (`docs/aws-writeback-permissions.json`).
    pub fn writeback_permissions(&self) -> serde_json::Value {
        permissions::writing(self.hub_writer().actions().iter().copied())
    }

    /// The organization whose accounts are to be found.
    pub fn organization(&self) -> Arc<dyn Organization> {
        Arc::new(organization::AwsOrganization::new(Arc::clone(
            &self.session,
        )))
    }

    /// What the role that asks an organization needs (`docs/aws-organization-permissions.json`).
    pub fn organization_permissions(&self) -> serde_json::Value {
        permissions::reading(self.organization().actions().iter().copied())
    }

    pub fn probe(&self) -> Arc<dyn AccountProbe> {
        Arc::new(probe::Probe::new(Arc::clone(&self.session)))
    }

    /// The IAM policy a watched account's role needs (`docs/aws-permissions.json`).
    pub fn permissions(&self) -> serde_json::Value {
        let sources = self.sources();
        let watches = self.watches();
        let actions = sources
            .iter()
            .map(|s| s.actions())
            .chain(watches.iter().map(|w| w.actions()));
        permissions::document(actions.flatten().copied())
    }
}
