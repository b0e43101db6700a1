//! How far a cell has been read: decided when a look begins, kept while it is under way, settled when it ends. A process
//! that is killed in the middle goes on with the pages that are left, and with what it had seen.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::error::Result;
use poamd_contract::source::{Cursor, Extent, Page, PageSink, Pulled, Request, Scope};
use serde::{Deserialize, Serialize};

use super::pull::blocking;
use crate::domain::pulling::{self, Looks, Next, Rules};
use crate::intake::{Intake, IntakeSink, Places};
use crate::store::pulls::{self, PullRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Store, StoreError, to_json};

/// Pages between two notes: what a crash costs to read again. A look of fewer pages notes nothing.
const PAGES: u32 = 10;

/// A look that is under way, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Look {
    #[serde(flatten)]
    extent: Extent,
    began: DateTime<Utc>,
    cursors: Vec<Cursor>,
    places: Places,
}

/// How far a cell is read.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    row: PullRow,
    look: Look,
    /// Parts of what was shown that are noted.
    parts: i64,
    /// What was shown and could not be noted.
    unnoted: Vec<u8>,
    /// It goes on with a look whose beginning nobody remembers: looks at changes keep no note of what they showed.
    headless: bool,
}

impl Progress {
    /// Decides what is looked at, and takes up what an interrupted look left.
    pub fn begin(
        store: &Store,
        cell: &Cell,
        scope: Scope,
        intake: &mut Intake,
        now: DateTime<Utc>,
        rules: Rules,
        full: bool,
    ) -> std::result::Result<Self, StoreError> {
        let known = store.read_here(|conn| pulls::of(conn, cell))?;
        let known = known.filter(|row| row.scope == scope.as_str());
        let row = known.unwrap_or_else(|| PullRow::new(cell, scope.as_str()));
        // A look that another version noted in other words is not gone on with.
        let begun: Option<Look> = row
            .look
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        let looks = Looks {
            watermark: row.watermark.map(|t| t.and_utc()),
            full: row.full_at.map(|t| t.and_utc()),
            begun: begun.as_ref().map(|l| (l.extent, l.began)),
        };
        let name = format!("{}/{}/{}", cell.account, cell.region, cell.service);
        let next = if full {
            Next::Begin(Extent::Full)
        } else {
            pulling::next(&looks, &name, now, rules)
        };
        let mut progress = Self {
            row,
            look: Look {
                extent: Extent::Full,
                began: now,
                cursors: Vec::new(),
                places: Places::new(),
            },
            parts: 0,
            unnoted: Vec::new(),
            headless: matches!(next, Next::Resume(extent, _) if !extent.is_full()),
        };
        let (Next::Begin(extent) | Next::Resume(extent, _)) = next;
        if extent.is_full() {
            intake.know_all()?;
            intake.remember();
        }
        match (next, begun) {
            (Next::Resume(..), Some(look)) => {
                store.read_here(|conn| progress.resume(conn, look, intake))?;
            }
            (Next::Begin(extent) | Next::Resume(extent, _), begun) => {
                progress.look.extent = extent;
                if begun.is_some() {
                    progress.row.look = None;
                    store.write_here(|conn| {
                        pulls::forget_shown(conn, &progress.row)?;
                        pulls::save(conn, &progress.row)
                    })?;
                }
            }
        }
        Ok(progress)
    }

    fn resume(
        &mut self,
        conn: &mut AnyConnection,
        look: Look,
        intake: &mut Intake,
    ) -> std::result::Result<(), StoreError> {
        tracing::info!(
            account = self.row.account, region = self.row.region, source = self.row.source,
            began = %look.began, "going on with a look that was interrupted"
        );
        for (part, prints) in pulls::shown(conn, &self.row)? {
            intake.recall(&prints);
            self.parts = part + 1;
        }
        intake.recall_places(look.places.clone());
        self.look = look;
        Ok(())
    }

    /// All that this look has shown is known, so that what it did not show can be told.
    pub fn knows_its_beginning(&self) -> bool {
        !self.headless
    }

    /// What the source is asked.
    pub fn request(&self, scope: Scope) -> Request {
        let accounts = self.look.places.keys();
        Request {
            extent: self.look.extent,
            scope,
            began: self.look.began,
            cuts: serde_json::from_str(&self.row.cuts).unwrap_or_default(),
            resume: self.look.cursors.clone(),
            shown: accounts
                .filter_map(|id| id.parse().ok())
                .collect::<BTreeSet<_>>(),
        }
    }

    fn advance(&mut self, cursors: Vec<Cursor>) {
        for cursor in cursors {
            let known = &mut self.look.cursors;
            match known.iter_mut().find(|c| c.shard == cursor.shard) {
                Some(there) => *there = cursor,
                None => known.push(cursor),
            }
        }
    }

    /// Notes how far it is; the pages up to there are durable.
    fn save(
        &mut self,
        conn: &mut AnyConnection,
        prints: &[u8],
    ) -> std::result::Result<(), StoreError> {
        self.row.look = Some(to_json(&self.look)?);
        pulls::save(conn, &self.row)?;
        if !prints.is_empty() {
            pulls::add_shown(conn, &self.row, self.parts, prints)?;
            self.parts += 1;
        }
        Ok(())
    }

    /// Settles it: how far the cell is read now, or what is left for the next time.
    pub fn end(
        mut self,
        conn: &mut AnyConnection,
        pulled: &Pulled,
        seen: &Coverage,
        intake: &mut Intake,
    ) -> std::result::Result<(), StoreError> {
        let left = self.look.cursors.iter().any(|c| !c.done);
        if !pulled.coverage.is_complete() && left {
            let (fresh, places) = intake.progress();
            self.look.places = places;
            let mut prints = std::mem::take(&mut self.unnoted);
            prints.extend(fresh);
            return self.save(conn, &prints);
        }
        if pulled.coverage.is_complete() {
            self.row.watermark = Some(stamp(self.look.began));
        }
        if seen.is_complete() && pulled.extent.is_full() {
            self.row.full_at = Some(stamp(self.look.began));
        }
        if !pulled.cuts.is_empty() {
            self.row.cuts = to_json(&pulled.cuts)?;
        }
        self.row.look = None;
        if self.parts > 0 {
            pulls::forget_shown(conn, &self.row)?;
        }
        pulls::save(conn, &self.row)
    }
}

/// An intake that keeps account of where each shard is.
pub(super) struct Keeper {
    sink: IntakeSink,
    store: Store,
    progress: Progress,
    pages: u32,
    /// What was shown and is not noted yet.
    prints: Vec<u8>,
}

impl Keeper {
    pub fn new(sink: IntakeSink, store: Store, progress: Progress) -> Self {
        Self {
            sink,
            store,
            progress,
            pages: 0,
            prints: Vec::new(),
        }
    }

    pub fn into_parts(self) -> std::result::Result<(Intake, Progress), StoreError> {
        let mut progress = self.progress;
        progress.unnoted = self.prints;
        Ok((self.sink.into_inner()?, progress))
    }

    /// What cannot be noted now is noted with the next, or read again after a crash.
    async fn note(&mut self) {
        let Some(intake) = self.sink.intake_mut() else {
            return;
        };
        let (prints, places) = intake.progress();
        self.prints.extend(prints);
        self.progress.look.places = places;
        let (mut progress, store) = (self.progress.clone(), self.store.clone());
        let prints = self.prints.clone();
        let noted = blocking(move || {
            store.write_here(|c| progress.save(c, &prints))?;
            Ok::<_, StoreError>(progress)
        });
        match noted.await {
            Ok(Ok(progress)) => {
                self.progress = progress;
                self.prints.clear();
            }
            Ok(Err(error)) => tracing::warn!(%error, "how far the pull is could not be noted"),
            Err(error) => tracing::warn!(%error, "how far the pull is could not be noted"),
        }
    }
}

#[async_trait]
impl PageSink for Keeper {
    async fn page(&mut self, mut page: Page) -> Result<()> {
        let cursors = std::mem::take(&mut page.cursors);
        self.sink.page(page).await?;
        self.progress.advance(cursors);
        self.pages += 1;
        if self.pages.is_multiple_of(PAGES) {
            self.note().await;
        }
        Ok(())
    }
}
