//! Many pages through one door: the next are read and prepared, each on a thread of its own and in order, while these
//! are written.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvError, TryRecvError, sync_channel};

use poamd_contract::source::Page;
use poamd_formats::{Given, read_documents};

use super::{Intake, Prepared};

/// Documents that are looked at together.
const BITE: usize = 4_000;
/// Bites of one transaction, where the next are ready: while one is under way nobody else writes. A file's own pages gain
/// by long ones; to a server each row takes its time, and other nodes wait.
const BITES_OF_FILE: usize = 8;
const BITES_OF_SERVER: usize = 2;
/// Pages that wait between two threads: a bite of them while another is written.
const READ_AHEAD: usize = 2;
const PREPARED_AHEAD: usize = 8;

/// Takes all documents of a reader; what is known byte for byte is only counted and marked as seen. `place` names the
/// reader where one of them is set aside; `saw` and errors as in [`feed`].
pub fn feed_documents(
    intake: &mut Intake,
    given: &Given,
    place: &str,
    reader: impl Read + Send,
    saw: impl FnMut(&Prepared),
) -> io::Result<()> {
    let documents = read_documents(given.clone(), place, reader);
    match intake.give(given) {
        Some(recogniser) => {
            let documents = documents.recognising(move |sha256| recogniser.knows(sha256));
            feed(intake, documents, saw)
        }
        None => feed(intake, documents, saw),
    }
}

/// Takes all pages; `saw` is shown them before they are written. An error of the store comes back inside the `io::Error`; what was
/// taken before an error stays taken.
pub fn feed(
    intake: &mut Intake,
    pages: impl Iterator<Item = io::Result<Page>> + Send,
    mut saw: impl FnMut(&Prepared),
) -> io::Result<()> {
    let preparer = intake.preparer();
    std::thread::scope(|scope| {
        let (to_prepare, read) = sync_channel::<io::Result<Page>>(READ_AHEAD);
        let (to_take, prepared) = sync_channel::<io::Result<Prepared>>(PREPARED_AHEAD);
        // Who can no longer hand on stops: the writer gave up, and says why.
        scope.spawn(move || {
            for page in pages {
                if to_prepare.send(page).is_err() {
                    return;
                }
            }
        });
        scope.spawn(move || {
            for page in read {
                if to_take.send(page.map(|p| preparer.prepare(p))).is_err() {
                    return;
                }
            }
        });
        let (to_fold, written) = sync_channel::<()>(1);
        let store = intake.store.clone();
        scope.spawn(move || {
            for () in written {
                // The writer folds it back itself once it has grown too long.
                let _ = store.fold_log();
            }
        });
        let most = match intake.store.url().is_sqlite() {
            true => BITES_OF_FILE,
            false => BITES_OF_SERVER,
        };
        let mut bites = Bites::of(prepared);
        while let Some(first) = bites.next() {
            saw(&first);
            let mut rest = most - 1;
            let more = || {
                let bite = if rest > 0 { bites.ready() } else { None }?;
                rest -= 1;
                saw(&bite);
                Some(bite)
            };
            intake.take_all(first, more).map_err(io::Error::other)?;
            let _ = to_fold.try_send(());
        }
        bites.error.map_or(Ok(()), Err)
    })
}

/// Pages put together into bites, up to an error.
struct Bites {
    pages: Receiver<io::Result<Prepared>>,
    bite: Prepared,
    error: Option<io::Error>,
}

impl Bites {
    fn of(pages: Receiver<io::Result<Prepared>>) -> Self {
        Self {
            pages,
            bite: Prepared::default(),
            error: None,
        }
    }

    /// The next bite; `None` at the end.
    fn next(&mut self) -> Option<Prepared> {
        while self.wants() {
            match self.pages.recv() {
                Ok(page) => self.put(page),
                Err(RecvError) => break,
            }
        }
        self.bite()
    }

    /// The same, if it is there by now.
    fn ready(&mut self) -> Option<Prepared> {
        while self.wants() {
            match self.pages.try_recv() {
                Ok(page) => self.put(page),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        self.bite()
    }

    fn wants(&self) -> bool {
        self.error.is_none() && self.bite.documents() < BITE
    }

    fn put(&mut self, page: io::Result<Prepared>) {
        match page {
            Ok(page) => self.bite.append(page),
            Err(error) => self.error = Some(error),
        }
    }

    fn bite(&mut self) -> Option<Prepared> {
        (self.bite.pages > 0).then(|| std::mem::take(&mut self.bite))
    }
}
