//! Many pages through one door: the next are read and prepared, each on a thread of its own and in order, while these
//! are written.

use std::io::{self, Read};
use std::sync::mpsc::sync_channel;

use poamd_contract::source::Page;
use poamd_formats::{Given, read_documents};

use super::{Intake, Prepared};

/// Documents of one transaction. Rows of many pages share the leaves of an index, and one sync to the disk.
const BITE: usize = 8_000;
/// Pages that wait between two threads.
const AHEAD: usize = 2;

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
        let (to_prepare, read) = sync_channel::<io::Result<Page>>(AHEAD);
        let (to_take, prepared) = sync_channel::<io::Result<Prepared>>(AHEAD);
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
        let mut bite = Prepared::default();
        for page in prepared {
            match page {
                Ok(page) => bite.append(page),
                Err(error) => {
                    saw(&bite);
                    intake.take(bite).map_err(io::Error::other)?;
                    return Err(error);
                }
            }
            if bite.documents() >= BITE {
                saw(&bite);
                intake
                    .take(std::mem::take(&mut bite))
                    .map_err(io::Error::other)?;
                let _ = to_fold.try_send(());
            }
        }
        saw(&bite);
        intake.take(bite).map_err(io::Error::other)
    })
}
