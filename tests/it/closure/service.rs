//! A service that does as it is asked: windows by `UpdatedAt`, shards, page tokens that are good for the filter they were given
//! for; and a process that dies in the middle of a look. It keeps a log of what each completed look showed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::{Coverage, Vouched};
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{Cursor, Extent, FindingSource, Page, PageSink, Pulled, Request};
use tokio::sync::Notify;

use super::Design;
use super::estate::{Door, Trouble};

/// Into so many lists a look divides a cell.
const SHARDS: usize = 2;

/// A document as the service holds it.
#[derive(Debug, Clone)]
pub struct Document {
    pub id: String,
    /// Which flaw of the estate it shows, and whether as open.
    pub flaw: usize,
    pub open: bool,
    pub updated: DateTime<Utc>,
    /// In the envelope of its service.
    pub bytes: Vec<u8>,
}

/// What a cell holds when it is asked.
#[derive(Debug, Clone)]
pub struct Held {
    pub documents: Vec<Document>,
    pub trouble: Option<Trouble>,
    pub vouched: Option<Vouched>,
}

/// A look that was read to its end.
#[derive(Debug, Clone)]
pub struct Looked {
    pub full: bool,
    /// When it first began.
    pub began: DateTime<Utc>,
    /// Flaws that it showed as open.
    pub open: BTreeSet<usize>,
    pub resumed: bool,
}

#[derive(Debug, Default)]
struct Inner {
    held: BTreeMap<Door, Held>,
    /// Shard and id of what the look under way has shown, and of which flaw it was if it was open.
    showing: BTreeMap<Door, BTreeMap<(usize, String), Option<usize>>>,
    looked: BTreeMap<Door, Looked>,
    asked: BTreeSet<Door>,
    /// After how many more pages of which cell the process dies.
    dies: Option<(Door, usize)>,
    /// In what kind of look it died.
    died: Option<Extent>,
    restarted: bool,
}

/// All cells, and the log of the looks at them.
#[derive(Debug, Default)]
pub struct World {
    inner: Mutex<Inner>,
    pub killed: Notify,
}

impl World {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn hold(&self, door: Door, held: Held) {
        self.inner().held.insert(door, held);
    }

    pub fn die_in(&self, door: Door, pages: usize) {
        self.inner().dies = Some((door, pages));
    }

    /// The looks completed since the last time, what was asked at all, in what the process died and whether it was started
    /// again.
    pub fn take_log(&self) -> (BTreeMap<Door, Looked>, BTreeSet<Door>, Option<Extent>, bool) {
        let mut inner = self.inner();
        inner.dies = None;
        let looked = std::mem::take(&mut inner.looked);
        let restarted = std::mem::take(&mut inner.restarted);
        let asked = std::mem::take(&mut inner.asked);
        (looked, asked, inner.died.take(), restarted)
    }

    /// It dies no more in this hour.
    pub fn restart(&self) {
        let mut inner = self.inner();
        (inner.dies, inner.restarted) = (None, true);
    }

    /// What is listed of a shard behind `after`.
    fn listed(&self, door: Door, shard: usize, extent: Extent, after: &str) -> Vec<Document> {
        let inner = self.inner();
        let fits = |d: &&Document| {
            let filter = match extent {
                Extent::Full => true,
                Extent::Window { from, to } => from <= d.updated && d.updated <= to,
            };
            filter && shard_of(&d.id) == shard && d.id.as_str() > after
        };
        let documents = inner.held[&door].documents.iter();
        let mut listed: Vec<Document> = documents.filter(fits).cloned().collect();
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        listed
    }

    fn begin(&self, door: Door, request: &Request) {
        let mut inner = self.inner();
        inner.asked.insert(door);
        let showing = inner.showing.entry(door).or_default();
        // What a look that goes on reads once more counts as it is then.
        showing.retain(|(shard, id), _| {
            let cursor = request.resume.iter().find(|c| c.shard == shard.to_string());
            cursor.is_some_and(|c| c.done || c.token.as_ref().is_some_and(|t| id <= t))
        });
    }

    fn show(&self, door: Door, shard: usize, documents: &[Document]) {
        let mut inner = self.inner();
        let showing = inner.showing.entry(door).or_default();
        for document in documents {
            let key = (shard, document.id.clone());
            showing.insert(key, document.open.then_some(document.flaw));
        }
    }

    /// Whether the process dies after this page.
    fn is_last(&self, door: Door, extent: Extent) -> bool {
        let mut inner = self.inner();
        match &mut inner.dies {
            Some((there, 0)) if *there == door => {
                inner.died = Some(extent);
                inner.asked.remove(&door);
                true
            }
            Some((there, pages)) if *there == door => {
                *pages -= 1;
                false
            }
            _ => false,
        }
    }

    fn end(&self, door: Door, request: &Request) {
        let mut inner = self.inner();
        let showing = inner.showing.remove(&door).unwrap_or_default();
        let looked = Looked {
            full: request.extent.is_full(),
            began: request.began,
            open: showing.into_values().flatten().collect(),
            resumed: !request.resume.is_empty(),
        };
        // Of two in one hour the one that proves more.
        if looked.full || !inner.looked.get(&door).is_some_and(|l| l.full) {
            inner.looked.insert(door, looked);
        }
    }
}

fn shard_of(id: &str) -> usize {
    id.bytes().map(usize::from).sum::<usize>() % SHARDS
}

/// One of the three services.
pub struct Service {
    pub name: &'static str,
    pub channel: Channel,
    pub world: Arc<World>,
    pub design: Design,
}

impl Service {
    fn page(&self, documents: &[Document]) -> Page {
        let mut page = Page::default();
        for document in documents {
            let read = poamd_formats::parse_documents(self.channel, self.name, &document.bytes);
            for one in read {
                page.reports.extend(one.reports);
                page.set_aside.extend(one.set_aside);
                page.damaged |= one.damaged;
            }
        }
        page
    }

    fn door(&self, account: &AccountAccess, region: &Region) -> Door {
        let inner = self.world.inner();
        let found = inner.held.keys().find(|d| {
            d.service == self.name
                && d.account == account.id.as_str()
                && d.region == region.as_str()
        });
        *found.unwrap()
    }

    fn ended(&self, request: &Request, coverage: Coverage) -> Pulled {
        let extent = match self.design {
            Design::WindowIsFull => Extent::Full,
            _ => request.extent,
        };
        Pulled {
            extent,
            ..Pulled::full(coverage)
        }
    }

    /// Reads one shard to its end, or to where the trouble is. `false`: it broke off.
    async fn shard(
        &self,
        door: Door,
        shard: usize,
        request: &Request,
        look: &mut Look<'_>,
    ) -> Result<bool> {
        let name = shard.to_string();
        let known = request.resume.iter().find(|c| c.shard == name);
        if known.is_some_and(|c| c.done) {
            return Ok(true);
        }
        let after = known.and_then(|c| c.token.clone()).unwrap_or_default();
        let listed = self.world.listed(door, shard, request.extent, &after);
        let size = if request.extent.is_full() { 3 } else { 1 };
        let pages: Vec<&[Document]> = listed.chunks(size).collect();
        let breaks = (look.trouble == Some(Trouble::Partial)).then_some(pages.len() / 2);
        let mut damaged = known.is_some_and(|c| c.damaged);
        for (n, documents) in pages.iter().enumerate() {
            if breaks.is_some_and(|at| n >= at) {
                return Ok(false);
            }
            let mut page = self.page(documents);
            if look.trouble == Some(Trouble::Damaged) && n == 0 {
                damaged = true;
                page = Page {
                    damaged: true,
                    ..Page::default()
                };
            } else {
                self.world.show(door, shard, documents);
            }
            // The token of a page names the last document of it; the wrong one that of the page after it.
            let next = match self.design {
                Design::TokenAhead => pages.get(n + 1).unwrap_or(documents),
                _ => documents,
            };
            page.cursors = look.opening.split_off(0);
            page.cursors.push(Cursor {
                shard: name.clone(),
                token: next.last().map(|d| d.id.clone()),
                done: n + 1 == pages.len(),
                damaged,
            });
            page.vouched = look.vouched.take();
            look.sink.page(page).await?;
            if self.world.is_last(door, request.extent) {
                self.world.killed.notify_one();
                std::future::pending::<()>().await;
            }
        }
        if pages.is_empty() {
            let done = Cursor {
                shard: name,
                token: None,
                done: true,
                damaged,
            };
            let page = Page {
                cursors: [look.opening.split_off(0), vec![done]].concat(),
                vouched: look.vouched.take(),
                ..Page::default()
            };
            look.sink.page(page).await?;
        }
        Ok(true)
    }
}

/// A look under way.
struct Look<'a> {
    sink: &'a mut dyn PageSink,
    /// All shards, not begun: with the first page, so that what was not begun is known to be left.
    opening: Vec<Cursor>,
    vouched: Option<Vouched>,
    trouble: Option<Trouble>,
}

#[async_trait]
impl FindingSource for Service {
    fn name(&self) -> &'static str {
        self.name
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let door = self.door(account, region);
        let held = self.world.inner().held[&door].clone();
        self.world.begin(door, request);
        let reason = || "as the script says".to_owned();
        match held.trouble {
            Some(Trouble::Denied) => {
                return Ok(self.ended(request, Coverage::Denied { reason: reason() }));
            }
            Some(Trouble::Off) => {
                return Ok(self.ended(request, Coverage::Off { reason: reason() }));
            }
            Some(Trouble::Failed) => {
                return Ok(self.ended(request, Coverage::Failed { reason: reason() }));
            }
            _ => {}
        }
        let fresh = request.resume.is_empty();
        let opening = (0..SHARDS).filter(|_| fresh).map(|shard| Cursor {
            shard: shard.to_string(),
            token: None,
            done: false,
            damaged: false,
        });
        let mut look = Look {
            sink,
            opening: opening.collect(),
            vouched: held.vouched,
            trouble: held.trouble,
        };
        let mut whole = true;
        for shard in 0..SHARDS {
            whole &= self.shard(door, shard, request, &mut look).await?;
        }
        // What could not be read earlier in this look may have held anything.
        let damaged = request.resume.iter().any(|c| c.damaged);
        if !whole || damaged || held.trouble.is_some() {
            return Ok(self.ended(request, Coverage::Partial { reason: reason() }));
        }
        self.world.end(door, request);
        Ok(self.ended(request, Coverage::Complete))
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("service", "")
    }
}
