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
        let mut read = self.all(chains, plan.chains, sink).await?;
        if resumed && request.resume.iter().any(|c| c.done && c.damaged) {
            read = worst([read, damaged_before()]);
        }
        if let Some(closing) = plan.closing.as_ref().filter(|_| read.is_complete()) {
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
        // What bears no date lies in no shard: it is met only where nothing is cut. A service that may give such findings
        // is never cut at all (`Plan::in_one`); this is for one that broke its word.
        let made = self.book.reading().made;
        let undated = page.reports.iter().any(|r| made(r).is_none());
        let chains: Vec<Chain> = if plan.parts.is_empty() || undated {
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
            let made = self.book.reading().made;
            page.reports
                .iter()
                .filter_map(made)
                .for_each(|date| sample.see(date));
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
        // Shards of a look that was cut otherwise are not all of this one.
        .filter(|(slice, _)| plan.has(slice))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::{BTreeMap, BTreeSet};

    use async_trait::async_trait;
    use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
    use poamd_contract::error::{ConnectorError, Retry};
    use poamd_contract::finding::Channel;
    use poamd_contract::source::Extent;
    use poamd_formats::Format;
    use serde_json::json;

    use super::*;
    use crate::cell::Cell;
    use crate::error::{Kind, Trouble};
    use crate::operation::{Operation, Rate};
    use crate::sources::paging::{Leaf, Reading};
    use crate::tests::fake::{Fake, ok};
    use crate::tests::{ACCOUNT, account, config, session};

    static CALL: Operation = Operation::new(
        "securityhub",
        "GetFindings",
        "securityhub:GetFindings",
        Rate::new(3, 6),
    );
    const PAGE: usize = 10;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    #[derive(Clone)]
    struct Held {
        created: Option<DateTime<Utc>>,
        updated: DateTime<Utc>,
        severity: i64,
    }

    /// What happens to a finding of the service before a call is answered.
    type Happens = Box<dyn Fn(usize, &mut BTreeMap<String, Held>) + Send + Sync>;

    /// A hub in memory: tokens are bound to the filter.
    struct Hub {
        cell: Cell,
        held: Mutex<BTreeMap<String, Held>>,
        calls: AtomicUsize,
        happens: Happens,
        /// The wrong design: the end of the window is "now" at each call.
        drifting: bool,
        /// The service forgets every token given before this call.
        forgets: usize,
    }

    impl Hub {
        async fn with(count: usize, happens: Happens) -> Self {
            let fake = Fake::start(|_, _| ok("")).await;
            let place = account(ACCOUNT, None, &["us-east-1"]);
            let region = "us-east-1".parse().unwrap();
            let held = (0..count).map(|n| {
                let made = at(-(n as i64) * 9_973);
                let one = Held {
                    created: Some(made),
                    updated: made.max(at(-86_400)),
                    severity: n as i64 % 10,
                };
                (format!("f{n:05}"), one)
            });
            Self {
                cell: session(config(&fake.url))
                    .cell(&place, &region)
                    .await
                    .unwrap(),
                held: Mutex::new(held.collect()),
                calls: AtomicUsize::new(0),
                happens,
                drifting: false,
                forgets: 0,
            }
        }

        async fn still(count: usize) -> Self {
            Self::with(count, Box::new(|_, _| ())).await
        }
    }

    #[async_trait]
    impl Book for Hub {
        fn cell(&self) -> &Cell {
            &self.cell
        }

        fn reading(&self) -> Reading {
            Reading {
                operation: &CALL,
                format: Format::Asff,
                channel: Channel::Hub,
                token: "NextToken",
                made: |report| report.created,
            }
        }

        async fn leaf(&self, slice: &Slice, token: Option<String>) -> Result<Leaf, Trouble> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let mut held = self.held.lock().unwrap();
            (self.happens)(call, &mut held);
            let within = |span: &Option<(DateTime<Utc>, DateTime<Utc>)>, time: DateTime<Utc>| {
                span.is_none_or(|(from, to)| from <= time && time <= to)
            };
            let graded = |severity: i64| {
                let (from, below) = slice.severity.unwrap_or_default();
                from.is_none_or(|f| severity >= f) && below.is_none_or(|b| severity < b)
            };
            let shown: Vec<&String> = held
                .iter()
                .filter(|(_, h)| {
                    let made = h
                        .created
                        .map_or(slice.created.is_none(), |t| within(&slice.created, t));
                    made && within(&slice.updated, h.updated)
                })
                .filter(|(_, h)| graded(h.severity))
                .map(|(id, _)| id)
                .collect();
            let moment = if self.drifting { call } else { 0 };
            let filter = format!("{} to {moment}", slice.name());
            let start = match token {
                None => 0,
                Some(token) => {
                    let rejected = || Trouble::new(Kind::TokenRejected, "the token is not valid");
                    let (of, rest) = token.split_once('|').ok_or_else(rejected)?;
                    let (given, start) = rest.split_once('|').ok_or_else(rejected)?;
                    if of != filter || given.parse::<usize>().unwrap() < self.forgets {
                        return Err(rejected());
                    }
                    start.parse().unwrap()
                }
            };
            let end = (start + PAGE).min(shown.len());
            let findings: Vec<_> = shown[start.min(end)..end]
                .iter()
                .map(|id| json!({
                    "Id": id, "AwsAccountId": ACCOUNT, "ProductArn": "arn:aws:securityhub:us-east-1::product/x/y",
                    "CreatedAt": held[*id].created.map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true)),
                }))
                .collect();
            let next = (end < shown.len()).then(|| format!("{filter}|{call}|{end}"));
            let body = json!({ "Findings": findings, "NextToken": next }).to_string();
            Ok(Leaf {
                bodies: vec![body.into_bytes().into()],
                listing: None,
            })
        }
    }

    /// Keeps what it saw and where each shard is; is full after some pages.
    #[derive(Default)]
    struct Seen {
        ids: BTreeSet<String>,
        cursors: BTreeMap<String, Cursor>,
        pages: usize,
        full_after: Option<usize>,
    }

    #[async_trait]
    impl PageSink for Seen {
        async fn page(&mut self, page: Page) -> Result<()> {
            if self.full_after.is_some_and(|after| self.pages >= after) {
                return Err(ConnectorError::new(Retry::Never, "killed"));
            }
            self.pages += 1;
            self.ids
                .extend(page.reports.into_iter().map(|r| r.native_id));
            for cursor in page.cursors {
                self.cursors.insert(cursor.shard.clone(), cursor);
            }
            Ok(())
        }
    }

    async fn read(hub: &Hub, plan: &Plan, request: &Request) -> (Seen, Coverage) {
        let mut seen = Seen::default();
        let coverage = Look::new(hub).read(plan, request, &mut seen).await.unwrap();
        (seen, coverage)
    }

    fn missed(hub: &Hub, seen: &Seen) -> Vec<String> {
        let held = hub.held.lock().unwrap();
        held.keys()
            .filter(|id| !seen.ids.contains(*id))
            .cloned()
            .collect()
    }

    #[tokio::test]
    async fn all_shards_together_are_everything_and_one_page_is_one_call() {
        let request = Request::full(at(0));
        let hub = Hub::still(500).await;
        let (seen, coverage) = read(&hub, &Plan::by_time(&request, 4), &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        let hub = Hub::still(PAGE).await;
        let (seen, coverage) = read(&hub, &Plan::by_time(&request, 4), &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        assert_eq!(hub.calls.load(Ordering::SeqCst), 1);
    }

    /// A finding without a time of making, behind the first page: no shard by that time holds it.
    #[tokio::test]
    async fn what_bears_no_date_is_seen_where_nothing_is_cut() {
        let request = Request::full(at(0));
        let undated =
            |hub: &Hub| hub.held.lock().unwrap().get_mut("f00250").unwrap().created = None;
        let hub = Hub::still(500).await;
        undated(&hub);
        let (seen, coverage) = read(&hub, &Plan::in_one(&request), &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        // Nor is a look gone on with that was cut: the shards it has left are not all there is.
        let mut cut = Seen {
            full_after: Some(5),
            ..Seen::default()
        };
        let by_time = Plan::by_time(&request, 4);
        assert!(
            Look::new(&hub)
                .read(&by_time, &request, &mut cut)
                .await
                .is_err()
        );
        let resumed = Request {
            resume: cut.cursors.values().cloned().collect(),
            ..request.clone()
        };
        let (seen, coverage) = read(&hub, &Plan::in_one(&request), &resumed).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        let (seen, _) = read(&hub, &by_time, &request).await;
        assert_eq!(
            missed(&hub, &seen),
            ["f00250"],
            "the wrong design passes: the test shows nothing"
        );
    }

    /// A finding whose severity changes while the look is under way: the first shards are read when it comes to them.
    #[tokio::test]
    async fn a_severity_that_changes_meanwhile_hides_nothing() {
        let request = Request::full(at(0));
        let moves = || -> Happens {
            Box::new(|call, held| {
                if call == 20 {
                    for one in held.values_mut() {
                        one.severity = 9 - one.severity;
                    }
                }
            })
        };
        let hub = Hub::with(500, moves()).await;
        let (seen, coverage) = read(&hub, &Plan::by_time(&request, 4), &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        // Shards by severity miss what moves behind them, and call it complete.
        let hub = Hub::with(500, moves()).await;
        let by_severity = Plan {
            chains: 1,
            ..Plan::by_severity(&request, "d", 3)
        };
        let (seen, coverage) = read(&hub, &by_severity, &request).await;
        assert_eq!(coverage, Coverage::Complete);
        assert!(
            !missed(&hub, &seen).is_empty(),
            "the wrong design passes: the test shows nothing"
        );
    }

    /// A finding that goes away moves all behind it one place up, over the edge of a page that has been read.
    #[tokio::test]
    async fn the_end_of_a_full_look_reads_again_what_changed_meanwhile() {
        let request = Request::full(at(0));
        let happens: Happens = Box::new(|call, held| {
            if call == 12 {
                // Made again with another date of making, which is in a shard that has been read.
                let one = held.get_mut("f00499").unwrap();
                (one.created, one.updated) = (Some(at(-1_800)), at(30));
            }
        });
        let hub = Hub::with(500, happens).await;
        let mut plan = Plan::by_time(&request, 4);
        plan.chains = 1;
        plan.parts.reverse();
        let (seen, coverage) = read(&hub, &plan, &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        let hub_without = Hub::with(
            500,
            Box::new(|call, held| {
                if call == 12 {
                    let one = held.get_mut("f00499").unwrap();
                    (one.created, one.updated) = (Some(at(-1_800)), at(30));
                }
            }),
        )
        .await;
        plan.closing = None;
        let (seen, _) = read(&hub_without, &plan, &request).await;
        assert_eq!(
            missed(&hub_without, &seen),
            ["f00499"],
            "without it the finding is missed"
        );
    }

    #[tokio::test]
    async fn a_killed_look_goes_on_where_it_was() {
        let mut request = Request::full(at(0));
        for forgets in [false, true] {
            let mut hub = Hub::still(500).await;
            let plan = Plan::by_time(&request, 4);
            let mut seen = Seen {
                full_after: Some(31),
                ..Seen::default()
            };
            let killed = Look::new(&hub).read(&plan, &request, &mut seen).await;
            assert!(killed.is_err());
            let before = hub.calls.load(Ordering::SeqCst);
            assert!(before < 45, "{before}");
            // A token that is still good goes on; one that is not starts its shard again.
            hub.forgets = if forgets { before } else { 0 };
            request.resume = seen.cursors.values().cloned().collect();
            seen.full_after = None;
            let coverage = Look::new(&hub)
                .read(&plan, &request, &mut seen)
                .await
                .unwrap();
            assert_eq!(
                (coverage, missed(&hub, &seen)),
                (Coverage::Complete, vec![])
            );
            let after = hub.calls.load(Ordering::SeqCst) - before;
            assert!(after < 75, "{after} calls for what was left");
            request.resume.clear();
        }
    }

    #[tokio::test]
    async fn a_window_that_moves_loses_its_tokens() {
        let extent = Extent::Window {
            from: at(0) - TimeDelta::days(900),
            to: at(0),
        };
        let request = Request {
            extent,
            ..Request::full(at(0))
        };
        let mut hub = Hub::still(200).await;
        let (seen, coverage) = read(&hub, &Plan::by_time(&request, 4), &request).await;
        assert_eq!(
            (coverage, missed(&hub, &seen)),
            (Coverage::Complete, vec![])
        );
        hub.drifting = true;
        let (seen, coverage) = read(&hub, &Plan::by_time(&request, 4), &request).await;
        assert_eq!(coverage.state(), "partial");
        assert!(
            !missed(&hub, &seen).is_empty(),
            "the wrong design passes: the test shows nothing"
        );
        assert!(hub.calls.load(Ordering::SeqCst) < 100, "and it ends");
    }
}
