//! A look: its shards read beside each other, their pages handed on one by one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use futures::future::try_join;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::source::{Cursor, Page, PageSink, Request};
use tokio::sync::mpsc;

use super::paging::{Book, Chain, Turn};
use super::shards::{Plan, Sample, Slice};

/// A look under way.
pub(super) struct Look<'a> {
    book: &'a dyn Book,
    pages: AtomicUsize,
    sample: Mutex<Sample>,
}

impl<'a> Look<'a> {
    pub fn new(book: &'a dyn Book) -> Self {
        Self {
            book,
            pages: AtomicUsize::new(0),
            sample: Mutex::default(),
        }
    }

    /// Reads all of a plan, or what an interrupted look left of it.
    pub async fn read(
        &self,
        plan: &Plan,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Coverage> {
        let left = left_of(plan, &request.resume);
        let resumed = left.is_some();
        let chains = match left {
            Some(chains) => chains,
            None => match self.first(plan, sink).await? {
                First::Ended(coverage) => return Ok(coverage),
                First::More(chains) => chains,
            },
        };
        let sharded = !plan.parts.is_empty();
        let mut read = self.all(chains, plan.chains, sink).await?;
        if resumed && request.resume.iter().any(|c| c.done && c.damaged) {
            read = worst([read, damaged_before()]);
        }
        if let Some(closing) = plan
            .closing
            .as_ref()
            .filter(|_| sharded && read.is_complete())
        {
            let cursor = request.resume.iter().find(|c| c.shard == closing.name());
            if cursor.is_none_or(|c| !c.done) {
                let chain = match cursor {
                    Some(cursor) => Chain::resumed(closing.clone(), cursor),
                    None => Chain::new(closing.clone()),
                };
                read = self.all(vec![chain], 1, sink).await?;
            }
        }
        Ok(read)
    }

    /// Dates that cut what was read into equal parts.
    pub fn cuts(&self) -> Vec<chrono::DateTime<chrono::Utc>> {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.cuts()
    }

    /// The first page of all, which is all for most: only what is larger is cut.
    async fn first(&self, plan: &Plan, sink: &mut dyn PageSink) -> Result<First> {
        let mut whole = Chain::new(plan.whole.clone());
        let (mut page, end) = loop {
            match self.turn(&mut whole).await {
                Turn::Page(page, end) => break (page, end),
                Turn::Again => {}
                Turn::Trouble(trouble) => return Ok(First::Ended(trouble.coverage(0))),
            }
        };
        if let Some(coverage) = end {
            page.cursors.clear();
            sink.page(page).await?;
            return Ok(First::Ended(coverage));
        }
        let chains: Vec<Chain> = if plan.parts.is_empty() {
            vec![whole]
        } else {
            plan.parts.iter().cloned().map(Chain::new).collect()
        };
        page.cursors = chains.iter().map(Chain::cursor).collect();
        sink.page(page).await?;
        Ok(First::More(chains))
    }

    async fn turn(&self, chain: &mut Chain) -> Turn {
        let turn = chain.turn(self.book).await;
        if let Turn::Page(page, _) = &turn {
            self.pages.fetch_add(1, Ordering::Relaxed);
            let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
            let made = page
                .reports
                .iter()
                .filter_map(|r| r.created.or(r.first_observed));
            made.for_each(|date| sample.see(date));
        }
        turn
    }

    /// Some chains at a time; while a page is taken in, the next are on their way.
    async fn all(
        &self,
        chains: Vec<Chain>,
        beside: usize,
        sink: &mut dyn PageSink,
    ) -> Result<Coverage> {
        let (pages, mut taken) = mpsc::channel(beside);
        let reading = async move {
            let ends = futures::stream::iter(chains)
                .map(|chain| self.one(chain, pages.clone()))
                .buffer_unordered(beside.max(1));
            let ends: Vec<Coverage> = ends.collect().await;
            Ok(worst(ends))
        };
        let taking = async move {
            while let Some(page) = taken.recv().await {
                sink.page(page).await?;
            }
            Ok(())
        };
        try_join(reading, taking)
            .await
            .map(|(coverage, ())| coverage)
    }

    async fn one(&self, mut chain: Chain, pages: mpsc::Sender<Page>) -> Coverage {
        loop {
            match self.turn(&mut chain).await {
                Turn::Page(page, end) => {
                    // Where nobody listens any more the sink has failed, and says so itself.
                    if pages.send(page).await.is_err() {
                        return damaged_before();
                    }
                    if let Some(coverage) = end {
                        return coverage;
                    }
                }
                Turn::Again => {}
                Turn::Trouble(trouble) => {
                    return trouble.coverage(self.pages.load(Ordering::Relaxed));
                }
            }
        }
    }
}

enum First {
    Ended(Coverage),
    More(Vec<Chain>),
}

/// What an interrupted look left of this plan; `None`: it never got to it.
fn left_of(plan: &Plan, resume: &[Cursor]) -> Option<Vec<Chain>> {
    let closing = plan.closing.as_ref().map(Slice::name);
    let known: Vec<(Slice, &Cursor)> = resume
        .iter()
        .filter(|cursor| Some(&cursor.shard) != closing.as_ref())
        .filter_map(|cursor| Some((Slice::named(&cursor.shard)?, cursor)))
        .filter(|(slice, _)| slice.detector == plan.whole.detector)
        .collect();
    if known.is_empty() {
        return None;
    }
    let left = known.into_iter().filter(|(_, cursor)| !cursor.done);
    Some(
        left.map(|(slice, cursor)| Chain::resumed(slice, cursor))
            .collect(),
    )
}

fn damaged_before() -> Coverage {
    Coverage::Partial {
        reason: "a page read before the look was interrupted could not be read whole; see those set aside".to_owned(),
    }
}

/// Of several endings the one that says most of what is wrong.
pub(super) fn worst(ends: impl IntoIterator<Item = Coverage>) -> Coverage {
    let weight = |coverage: &Coverage| match coverage {
        Coverage::Complete => 0,
        Coverage::Partial { .. } => 1,
        Coverage::Failed { .. } => 2,
        Coverage::Ended { .. } => 3,
        Coverage::Denied { .. } => 4,
        Coverage::Off { .. } => 5,
    };
    let heaviest = |a: Coverage, b| if weight(&b) > weight(&a) { b } else { a };
    ends.into_iter().fold(Coverage::Complete, heaviest)
}
