//! ServiceNow (Table API) as a desk.
//!
//! In reading order: `config`, `wire` (shapes), `plain` (text and its sinks), `mapping`, `client` (pages), `users`,
//! `tickets`, `journal` (comments), `health`. Not in it: import sets, webhooks, retries, and every rule of the application.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod config;
mod health;
mod journal;
mod mapping;
mod plain;
mod tickets;
mod users;
mod wire;

use async_trait::async_trait;
use poamd_contract::desk::{
    Author, Comment, CommentDraft, Desk, DeskTraits, Marker, TicketDraft, TicketRef,
    TicketSnapshot, TicketState, TicketUpdate,
};
use poamd_contract::error::Result;
use poamd_contract::health::Check;

pub use config::ServiceNowConfig;
/// What an entry of a journal says: for comments, and for those who try hostile ones on it.
pub use plain::{Tail, lines as read_entry, tail as read_tail};
pub use poamd_http::Endpoint;

use client::Api;
use tickets::MarkerLost;
use users::Users;

/// One table of a ServiceNow instance.
pub struct ServiceNow {
    config: ServiceNowConfig,
    api: Api,
    users: Users,
    marker_lost: MarkerLost,
}

impl ServiceNow {
    /// Connects to nothing yet. Errors are `Never`: address, certificates, credentials or names are unusable.
    pub fn new(config: ServiceNowConfig) -> Result<Self> {
        let names = [&config.table, &config.comment_element]
            .into_iter()
            .chain(config.fields.keys());
        for name in names.chain(&config.accept_elements) {
            client::check_table(name)?;
        }
        let api = Api::new(&config)?;
        Ok(Self {
            config,
            api,
            users: Users::default(),
            marker_lost: MarkerLost::default(),
        })
    }
}

#[cfg(test)]
mod paging_tests;

#[async_trait]
impl Desk for ServiceNow {
    fn traits(&self) -> DeskTraits {
        DeskTraits {
            system: "servicenow",
            settle: self.config.settle,
        }
    }

    async fn identity(&self) -> Result<Author> {
        users::me(&self.api, &self.config.user)
            .await
            .map(|(me, _)| me)
    }

    async fn health(&self) -> Vec<Check> {
        health::checks(&self.api, &self.config).await
    }

    async fn find(
        &self,
        marker: &Marker,
        _probe_after: Option<&str>,
    ) -> Result<Vec<TicketSnapshot>> {
        tickets::find(&self.api, &self.config, marker).await
    }

    /// Look-ups are plain database queries without an index that lags, so nothing is needed.
    async fn high_water(&self) -> Result<Option<String>> {
        Ok(None)
    }

    async fn create(&self, draft: &TicketDraft) -> Result<TicketRef> {
        tickets::create(&self.api, &self.config, &self.marker_lost, draft).await
    }

    async fn update(&self, ticket: &TicketRef, update: &TicketUpdate) -> Result<()> {
        tickets::update(&self.api, &self.config, ticket, update).await
    }

    async fn transition(&self, ticket: &TicketRef, to: TicketState, note: &str) -> Result<()> {
        tickets::transition(&self.api, &self.config, ticket, to, note).await
    }

    async fn comment(&self, ticket: &TicketRef, draft: &CommentDraft) -> Result<String> {
        journal::add(&self.api, &self.config, ticket, draft).await
    }

    async fn read(&self, ids: &[String]) -> Result<Vec<TicketSnapshot>> {
        tickets::read(&self.api, &self.config, ids).await
    }

    async fn comments(&self, ticket: &TicketRef) -> Result<Vec<Comment>> {
        let seen = journal::list(&self.api, &self.config, &self.users, ticket).await?;
        Ok(seen.into_iter().map(|seen| seen.comment).collect())
    }

    async fn own_comment_keys(&self, ticket: &TicketRef) -> Result<Vec<(String, String)>> {
        let seen = journal::list(&self.api, &self.config, &self.users, ticket).await?;
        Ok(seen
            .into_iter()
            .filter_map(|seen| Some((seen.key?, seen.comment.id)))
            .collect())
    }
}
