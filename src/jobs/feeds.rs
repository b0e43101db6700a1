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

const PACKED: &str = "it was rotated more than once since the last pull and what came between is packed, so its lines are lost: pull \
     more often than logrotate turns, or let it pack later (delaycompress)";
/// How a packed file begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What the feeds brought.
#[derive(Debug, Default)]
pub(super) struct Fed {
    pub cells: u64,
    pub counts: Counts,
    pub gaps: Vec<Gap>,
    /// The first that the ledger did not take.
    pub failed: Option<StoreError>,
}

/// Reads every feed of the selection.
pub(super) async fn read(ctx: &Context, selection: &Selection, run: i64) -> Result<Fed> {
    let mut fed = Fed::default();
    let mut failed = None;
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
        let name = feed.name.clone();
        let (coverage, counts) = match pull::blocking(move || read_one(&this, &feed, &place, run))
            .await?
        {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(feed = name, %error, "a feed could not be taken into the ledger; the others are read first");
                failed.get_or_insert(error);
                continue;
            }
        };
        fed.cells += 1;
        fed.counts += counts;
        if !coverage.is_complete() {
            fed.gaps.push(Gap { cell, coverage });
        }
    }
    fed.failed = failed;
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
                Some(old) => {
                    let (between, packed) = between(&feed.path, &old, (device, inode))?;
                    pieces.push(old);
                    pieces.extend(between);
                    lost = packed.then_some(PACKED);
                }
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

/// What logrotate puts behind a name: `.1`, `-20261122`, and `.gz` behind that.
fn is_turn(rest: &[u8]) -> bool {
    let rest = rest.strip_suffix(b".gz").unwrap_or(rest);
    !rest.is_empty()
        && rest
            .iter()
            .all(|b| b.is_ascii_digit() || b"._-".contains(b))
}

/// The files that had the name after the one that was read and before the one that has it now, oldest first, whole; and
/// whether one of them is packed, so that its lines are lost.
fn between(path: &Path, old: &Piece, now: (i64, i64)) -> io::Result<(Vec<Piece>, bool)> {
    let own = path.file_name().unwrap_or_default().as_encoded_bytes();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let was = old.file.metadata()?;
    let (mut found, mut packed) = (Vec::new(), false);
    for entry in std::fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else {
            continue;
        };
        let place = (meta.dev().cast_signed(), meta.ino().cast_signed());
        let is_old = (meta.dev(), meta.ino()) == (was.dev(), was.ino());
        let name = entry.file_name();
        let turn = name.as_encoded_bytes().strip_prefix(own);
        let is_ours = turn.is_some_and(is_turn);
        if !meta.is_file() || !is_ours || is_old || place == now {
            continue;
        }
        let written = meta.modified()?;
        if written < was.modified()? {
            continue;
        }
        let mut file = File::open(entry.path())?;
        if head(&mut file, 2)? == audit::sha256_hex(GZIP) {
            packed = true;
            continue;
        }
        let (path, to) = (entry.path(), meta.len());
        let piece = Piece {
            file,
            path,
            from: 0,
            to,
        };
        found.push((written, piece));
    }
    found.sort_by_key(|(written, _)| *written);
    Ok((found.into_iter().map(|(_, piece)| piece).collect(), packed))
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
