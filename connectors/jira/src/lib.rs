//! Jira Cloud (REST v3) as a desk.
//!
//! In reading order: `config`, `wire` (shapes), `adf` (rich text), `mapping`, `client` (whose answer is it), `screen`,
//! `tickets`, `transitions`, `comments`, `health`. Not in it: Data Center, webhooks, retries, and every rule of the application.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adf;
mod client;
mod comments;
mod config;
mod health;
mod mapping;
mod screen;
mod tickets;
mod transitions;
mod wire;

use async_trait::async_trait;
use poamd_contract::desk::{
    Author, AuthorKind, Comment, CommentDraft, Desk, DeskTraits, Marker, TicketDraft, TicketRef,
    TicketSnapshot, TicketState, TicketUpdate,
};
use poamd_contract::error::Result;
use poamd_contract::health::Check;
use tokio::sync::OnceCell;

/// What a rich text says: for comments, and for those who try hostile ones on it.
pub use adf::{Read, read as read_document};
pub use config::{JiraConfig, StatusNames};
pub use poamd_http::Endpoint;

use client::Api;
use screen::Screen;
use tickets::HighWater;

/// One project of a Jira Cloud site.
pub struct Jira {
    config: JiraConfig,
    api: Api,
    screen: OnceCell<Screen>,
    service_desk: OnceCell<bool>,
    known: HighWater,
}

impl Jira {
    /// Connects to nothing yet. Errors are `Never`: address, certificates, credentials or project key are unusable.
    pub fn new(config: JiraConfig) -> Result<Self> {
        mapping::check_project(&config.project)?;
        let api = Api::new(&config)?;
        Ok(Self {
            config,
            api,
            screen: OnceCell::new(),
            service_desk: OnceCell::new(),
            known: HighWater::default(),
        })
    }

    /// Asked once; a failure is asked again.
    async fn screen(&self) -> Result<&Screen> {
        self.screen
            .get_or_try_init(|| Screen::load(&self.api, &self.config))
            .await
    }

    async fn service_desk(&self) -> Result<bool> {
        self.service_desk
            .get_or_try_init(|| screen::service_desk(&self.api, &self.config))
            .await
            .copied()
    }
}

#[async_trait]
impl Desk for Jira {
    fn traits(&self) -> DeskTraits {
        DeskTraits {
            system: "jira-cloud",
            settle: self.config.settle,
        }
    }

    async fn identity(&self) -> Result<Author> {
        self.api.me().await?;
        let me = self.api.ask_me().await?;
        Ok(Author {
            kind: AuthorKind::Ourselves,
            ..self.api.author(Some(&me))
        })
    }

    async fn health(&self) -> Vec<Check> {
        health::checks(&self.api, &self.config).await
    }

    async fn find(
        &self,
        marker: &Marker,
        probe_after: Option<&str>,
    ) -> Result<Vec<TicketSnapshot>> {
        tickets::find(&self.api, &self.config, marker, probe_after).await
    }

    async fn high_water(&self) -> Result<Option<String>> {
        tickets::high_water(&self.api, &self.config, &self.known)
            .await
            .map(Some)
    }

    async fn create(&self, draft: &TicketDraft) -> Result<TicketRef> {
        tickets::create(
            &self.api,
            &self.config,
            self.screen().await?,
            &self.known,
            draft,
        )
        .await
    }

    async fn update(&self, ticket: &TicketRef, update: &TicketUpdate) -> Result<()> {
        tickets::update(&self.api, &self.config, ticket, update).await
    }

    async fn transition(&self, ticket: &TicketRef, to: TicketState, note: &str) -> Result<()> {
        transitions::transition(&self.api, &self.config, ticket, to, note).await
    }

    async fn comment(&self, ticket: &TicketRef, draft: &CommentDraft) -> Result<String> {
        comments::add(&self.api, self.service_desk().await?, ticket, draft).await
    }

    async fn read(&self, ids: &[String]) -> Result<Vec<TicketSnapshot>> {
        tickets::read(&self.api, &self.config, ids).await
    }

    async fn comments(&self, ticket: &TicketRef) -> Result<Vec<Comment>> {
        let seen = comments::list(&self.api, self.service_desk().await?, ticket).await?;
        Ok(seen.into_iter().map(|seen| seen.comment).collect())
    }

    async fn own_comment_keys(&self, ticket: &TicketRef) -> Result<Vec<(String, String)>> {
        let seen = comments::list(&self.api, self.service_desk().await?, ticket).await?;
        Ok(seen
            .into_iter()
            .filter_map(|seen| Some((seen.key?, seen.comment.id)))
            .collect())
    }
}
