//! Files that another program appends to, read on from where the last pull stopped: a half line waits for its rest, a
//! renamed file is read to its end, and what was lost by truncation or packing is a gap. Nothing of a feed is ever
//! absent: an alert that does not come again proves nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::finding::Channel;
use poamd_contract::source::Extent;
use poamd_formats::{Given, read_documents};

use super::{Context, Gap, Result, Selection, pull};
use crate::config::Feed;
use crate::intake::{Counts, Door, Intake};
use crate::store::feeds::{self, FeedRow};
use crate::store::{StoreError, audit, evidence};

const ACTOR: &str = "job:pull";

/// Bytes of a file's beginning that tell it from another under the same inode.
const HEAD: u64 = 1024;
const BLOCK: u64 = 64 * 1024;

const TRUNCATED: &str = "it was emptied since the last pull, and what was written before that is lost: let logrotate rename it \
     instead of copytruncate";
const ROTATED: &str = "it was rotated since the last pull and the old file is not beside it, so its last lines are lost: let \
     logrotate pack it one turn later (delaycompress)";

/// What the feeds brought.
#[derive(Debug, Default)]
pub(super) struct Fed {
    pub cells: u64,
    pub counts: Counts,
    pub gaps: Vec<Gap>,
}

/// Reads every feed of the selection.
pub(super) async fn read(ctx: &Context, selection: &Selection, run: i64) -> Result<Fed> {
    let mut fed = Fed::default();
    let named = |feed: &Feed| {
        let accounts = &selection.accounts;
        (accounts.is_empty() || accounts.iter().any(|a| a == feed.account.as_str()))
            && selection.takes_region(feed.region.as_str())
            && selection.takes_service(&feed.service())
    };
    for feed in ctx.config.feeds.iter().filter(|f| named(f)).cloned() {
        let this = ctx.clone();
        let cell = Cell {
            account: feed.account.clone(),
            region: feed.region.clone(),
            service: feed.service(),
        };
        let place = cell.clone();
        let (coverage, counts) =
            pull::blocking(move || read_one(&this, &feed, &place, run)).await??;
        fed.cells += 1;
        fed.counts += counts;
        if !coverage.is_complete() {
            fed.gaps.push(Gap { cell, coverage });
        }
    }
    Ok(fed)
}

fn read_one(
    ctx: &Context,
    feed: &Feed,
    cell: &Cell,
    run: i64,
) -> Result<(Coverage, Counts), StoreError> {
    let (store, synonyms, now) = (ctx.store.clone(), ctx.synonyms.clone(), ctx.clock.now());
    let known = store.read_here(|c| feeds::find(c, &feed.name))?;
    let door = Door::Cell(cell.clone());
    let mut intake = Intake::open(store.clone(), door, run, ACTOR, now, synonyms)?;
    let (mark, coverage) = match take(&mut intake, feed, known.as_ref()) {
        Ok(ahead) => {
            let coverage = ahead
                .lost
                .map_or(Coverage::Complete, |lost| Coverage::Partial {
                    reason: format!("{}: {lost}", feed.path.display()),
                });
            (Some(ahead.mark), coverage)
        }
        Err(error) => match error.downcast::<StoreError>() {
            Ok(store) => return Err(store),
            Err(error) => (None, unreadable(&feed.path, &error)),
        },
    };
    let manifest = intake.manifest(ctx.clock.now());
    store.write_here(|c| {
        evidence::note(c, &manifest)?;
        // Behind the pages: after a crash between them the same lines come again and say what is known.
        if let Some(mark) = mark.filter(|mark| Some(mark) != known.as_ref()) {
            feeds::save(c, &mark)?;
        }
        // Whole as far as anybody can look: nothing is concluded from it, for `finish` is not asked.
        pull::note(c, cell, &coverage, Extent::Full, run, now, ACTOR)
    })?;
    Ok((coverage, intake.counts()))
}

fn unreadable(path: &Path, error: &io::Error) -> Coverage {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => format!(
            "{} is not there: does the program that writes it run, and is the path right?",
            path.display()
        ),
        io::ErrorKind::PermissionDenied => {
            let reason = format!("{}: {error}; let poamd's user read it", path.display());
            return Coverage::Denied { reason };
        }
        _ => format!("{} cannot be read: {error}", path.display()),
    };
    Coverage::Failed { reason }
}

/// What has been appended since.
struct Ahead {
    pieces: Vec<Piece>,
    /// How far it is read when they are taken.
    mark: FeedRow,
    lost: Option<&'static str>,
}

struct Piece {
    file: File,
    path: PathBuf,
    from: u64,
    to: u64,
}

/// Takes what was appended; an error of the store comes back inside the `io::Error`.
fn take(intake: &mut Intake, feed: &Feed, known: Option<&FeedRow>) -> io::Result<Ahead> {
    let mut ahead = ahead(feed, known)?;
    let given = Given {
        channel: Channel::File,
        account: Some(feed.account.clone()),
        region: Some(feed.region.clone()),
    };
    for piece in &mut ahead.pieces {
        piece.file.seek(SeekFrom::Start(piece.from))?;
        let lines = piece.file.by_ref().take(piece.to - piece.from);
        let place = format!("{} from byte {}", piece.path.display(), piece.from);
        for page in read_documents(given.clone(), &place, lines) {
            intake.page(page?).map_err(io::Error::other)?;
        }
    }
    Ok(ahead)
}

fn ahead(feed: &Feed, known: Option<&FeedRow>) -> io::Result<Ahead> {
    let mut file = File::open(&feed.path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no file; name the one that grows",
        ));
    }
    let (device, inode, size) = (
        meta.dev().cast_signed(),
        meta.ino().cast_signed(),
        meta.len(),
    );
    let path = feed.path.display().to_string();
    let (mut pieces, mut lost, mut from) = (Vec::new(), None, 0);
    if let Some(row) = known.filter(|row| row.path == path) {
        let position = row.position.cast_unsigned();
        if (row.device, row.inode) != (device, inode) {
            match renamed(&feed.path, row)? {
                Some(piece) => pieces.push(piece),
                None => lost = Some(ROTATED),
            }
        } else if size >= position && head(&mut file, position)? == row.head {
            from = position;
        } else {
            lost = Some(TRUNCATED);
        }
    }
    let to = last_line_end(&mut file, from, size)?;
    let mark = FeedRow {
        name: feed.name.clone(),
        path,
        device,
        inode,
        position: to.cast_signed(),
        head: head(&mut file, to)?,
    };
    pieces.push(Piece {
        file,
        path: feed.path.clone(),
        from,
        to,
    });
    Ok(Ahead { pieces, mark, lost })
}

/// The file that had the name before, by its own marks, from where it was read to its end.
fn renamed(path: &Path, row: &FeedRow) -> io::Result<Option<Piece>> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    for entry in std::fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else {
            continue;
        };
        if !meta.is_file()
            || (meta.dev().cast_signed(), meta.ino().cast_signed()) != (row.device, row.inode)
        {
            continue;
        }
        let mut file = File::open(entry.path())?;
        let from = row.position.cast_unsigned();
        if meta.len() < from || head(&mut file, from)? != row.head {
            return Ok(None);
        }
        return Ok(Some(Piece {
            path: entry.path(),
            file,
            from,
            to: meta.len(),
        }));
    }
    Ok(None)
}

/// The hash of what was read of a file, at most of its first [`HEAD`] bytes.
fn head(file: &mut File, read: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(read.min(HEAD)).read_to_end(&mut bytes)?;
    Ok(audit::sha256_hex(&bytes))
}

/// The place behind the last line end, at least `from`: a half line waits.
fn last_line_end(file: &mut File, from: u64, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > from {
        let begin = end.saturating_sub(BLOCK).max(from);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.by_ref().take(end - begin).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|b| *b == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(from)
}
