//! The intake as a source sees it: pages handed over one by one, each durable before the next is asked for.

use async_trait::async_trait;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::source::{Page, PageSink};

use super::Intake;
use crate::store::StoreError;

/// An intake behind the contract's trait. The first store error is kept for the caller.
pub struct IntakeSink {
    intake: Option<Intake>,
    failure: Option<StoreError>,
}

impl IntakeSink {
    pub fn new(intake: Intake) -> Self {
        Self {
            intake: Some(intake),
            failure: None,
        }
    }

    /// The intake between two pages.
    pub fn intake_mut(&mut self) -> Option<&mut Intake> {
        self.intake.as_mut()
    }

    /// The intake again, or what went wrong with the store.
    pub fn into_inner(self) -> std::result::Result<Intake, StoreError> {
        match (self.failure, self.intake) {
            (Some(error), _) => Err(error),
            (None, Some(intake)) => Ok(intake),
            (None, None) => Err(StoreError::Task("a page was cut off".to_owned())),
        }
    }
}

#[async_trait]
impl PageSink for IntakeSink {
    async fn page(&mut self, page: Page) -> Result<()> {
        let lost = || ConnectorError::new(Retry::Never, "the ledger could not take the page");
        let Some(mut intake) = self.intake.take() else {
            return Err(lost());
        };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = intake.page(page);
            (intake, outcome)
        })
        .await;
        match done {
            Ok((intake, Ok(()))) => {
                self.intake = Some(intake);
                Ok(())
            }
            Ok((intake, Err(error))) => {
                self.intake = Some(intake);
                self.failure = Some(error);
                Err(lost())
            }
            Err(error) => {
                self.failure = Some(StoreError::Task(error.to_string()));
                Err(lost())
            }
        }
    }
}
