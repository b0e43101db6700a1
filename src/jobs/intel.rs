//! Intelligence on CVEs from files: what they are is told by their content, not by their names. Everything that is handed
//! over is read first; then it is taken in one transaction, or nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde::Serialize;
use serde_json::{Value, json};

use super::{JobError, Result};
use crate::domain::intel::{self, EpssEntry, IntelKind, KevEntry, Shape, SsvcEntry};
use crate::poam::{self, Planned, Rules};
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::intel::{self as stored, IntelFile};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Store, StoreError, findings};

/// Larger than any catalog or list of scores is (EPSS is 25 MiB unpacked).
const LARGEST: u64 = 512 * 1024 * 1024;
/// Larger than any CVE record is.
const LARGEST_RECORD: u64 = 32 * 1024 * 1024;
/// Folders within folders; CISA's have four.
const DEPTH: usize = 16;

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub imported: Vec<Imported>,
    /// CVE records without SSVC answers.
    pub unanswered: u64,
    /// Files in folders and archives that are no CVE records.
    pub others: u64,
    pub records: Planned,
}

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    pub kind: IntelKind,
    pub as_of: DateTime<Utc>,
    /// How many CVEs it speaks of now.
    pub entries: u64,
    /// CVEs of which it says something else than before.
    pub changed: usize,
    /// Weaknesses that are planned anew for it.
    pub weaknesses: usize,
}

/// What was read.
#[derive(Default)]
struct Gathered {
    kev: Option<(Origin, Vec<KevEntry>)>,
    epss: Option<(Origin, Vec<EpssEntry>)>,
    ssvc: BTreeMap<String, SsvcEntry>,
    /// From a folder or an archive: it stands for the whole.
    ssvc_whole: bool,
    ssvc_name: Option<String>,
    unanswered: u64,
    others: u64,
}

struct Origin {
    name: String,
    as_of: DateTime<Utc>,
    sha256: String,
}

/// Takes files, folders and archives. `older`: also what is older than what is there.
pub fn import(
    store: &Store,
    rules: &Rules,
    paths: &[PathBuf],
    older: bool,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Summary> {
    let mut read = Gathered::default();
    for path in paths {
        read.path(path)?;
    }
    if read.kev.is_none() && read.epss.is_none() && read.ssvc.is_empty() {
        return Err(refuse(
            paths.first().map_or(Path::new(""), PathBuf::as_path),
            "holds no SSVC answers; hand over CISA's KEV catalog (JSON), EPSS scores (CSV, .gz too), or CVE records with \
             SSVC answers (JSON, a folder or a .tar.gz of them)",
        ));
    }
    let taking = Taking { now, actor, older };
    let mut refused = None;
    let taken = store.write_here(|conn| {
        taking.all(conn, &read).map_err(|error| match error {
            JobError::Store(error) => error,
            other => {
                // The transaction has to be given up; what is told is the reason, not that.
                refused = Some(other);
                StoreError::Task("an import was refused".to_owned())
            }
        })
    });
    let mut summary = match (refused, taken) {
        (Some(refused), _) => return Err(refused),
        (None, taken) => taken?,
    };
    summary.records = poam::activate(store, rules, now, actor)?;
    Ok(summary)
}

fn refuse(path: &Path, what: impl std::fmt::Display) -> JobError {
    JobError::Refused(format!("{}: {what}; nothing was changed", path.display()))
}

impl Gathered {
    fn path(&mut self, path: &Path) -> Result<()> {
        if path.is_dir() {
            self.ssvc_whole = true;
            self.ssvc_name
                .get_or_insert_with(|| path.display().to_string());
            return self.folder(path, DEPTH);
        }
        let file = File::open(path).map_err(|e| refuse(path, format!("cannot be read ({e})")))?;
        let mut head = [0u8; 2];
        let mut reader = BufReader::new(file);
        let zipped = match peek(&mut reader, &mut head) {
            Ok(()) => head == [0x1f, 0x8b],
            Err(e) => return Err(refuse(path, format!("cannot be read ({e})"))),
        };
        if head == *b"PK" {
            return Err(refuse(
                path,
                "is a zip archive; unpack it and hand over the folder, or take the .tar.gz",
            ));
        }
        if zipped {
            self.stream(path, MultiGzDecoder::new(reader))
        } else {
            self.stream(path, reader)
        }
    }

    /// One file's bytes, unpacked: an archive, or one document.
    fn stream(&mut self, path: &Path, mut reader: impl Read) -> Result<()> {
        let unreadable = |e: std::io::Error| refuse(path, format!("cannot be read ({e})"));
        let mut head = Vec::new();
        reader
            .by_ref()
            .take(512)
            .read_to_end(&mut head)
            .map_err(unreadable)?;
        let whole = std::io::Cursor::new(head.clone()).chain(reader);
        if head.get(257..262) == Some(b"ustar") {
            return self.archive(path, whole);
        }
        let mut bytes = Vec::new();
        whole
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST {
            return Err(refuse(path, "is larger than any such file"));
        }
        self.document(path, &bytes)
    }

    fn document(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        let json: Option<Value> = serde_json::from_slice(bytes).ok();
        let bad = |e: intel::BadIntel| refuse(path, e);
        let origin = |as_of| Origin {
            name: path.display().to_string(),
            as_of,
            sha256: audit::sha256_hex(bytes),
        };
        let twice =
            |kind: IntelKind| refuse(path, format!("is a second {kind} file; hand over one"));
        match intel::shape(bytes, json.as_ref()) {
            Some(Shape::Kev) => {
                let (as_of, entries) = intel::kev(bytes).map_err(bad)?;
                if self.kev.replace((origin(as_of), entries)).is_some() {
                    return Err(twice(IntelKind::Kev));
                }
            }
            Some(Shape::Epss) => {
                let text = std::str::from_utf8(bytes).map_err(|_| refuse(path, "is not UTF-8"))?;
                let (as_of, entries) = intel::epss(text).map_err(bad)?;
                if self.epss.replace((origin(as_of), entries)).is_some() {
                    return Err(twice(IntelKind::Epss));
                }
            }
            Some(Shape::CveRecord) => {
                self.ssvc_name
                    .get_or_insert_with(|| path.display().to_string());
                self.record(path, json.as_ref().unwrap_or(&Value::Null))?;
            }
            None => {
                return Err(refuse(
                    path,
                    "is neither a KEV catalog (JSON), nor EPSS scores (CSV), nor a CVE record (JSON, format 5)",
                ));
            }
        }
        Ok(())
    }

    fn record(&mut self, path: &Path, record: &Value) -> Result<()> {
        match intel::ssvc(record).map_err(|e| refuse(path, e))? {
            Some(entry) => {
                let newer = |there: &SsvcEntry| there.at >= entry.at;
                if !self.ssvc.get(&entry.cve).is_some_and(newer) {
                    self.ssvc.insert(entry.cve.clone(), entry);
                }
            }
            None => self.unanswered += 1,
        }
        Ok(())
    }

    /// One of many: what is no CVE record there is passed over and counted; a broken JSON file is a broken set.
    fn one_of_many(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        let json: Value = serde_json::from_slice(bytes)
            .map_err(|e| refuse(path, format!("is not JSON ({e})")))?;
        if intel::shape(bytes, Some(&json)) == Some(Shape::CveRecord) {
            self.record(path, &json)
        } else {
            self.others += 1;
            Ok(())
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) -> Result<()> {
        let unreadable = |e: std::io::Error| refuse(folder, format!("cannot be read ({e})"));
        let mut entries = std::fs::read_dir(folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(unreadable)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
            if kind.is_dir() && depth > 0 && !hidden(&path) {
                self.folder(&path, depth - 1)?;
            } else if kind.is_file() && is_json(&path) {
                let file = File::open(&path)
                    .map_err(|e| refuse(&path, format!("cannot be read ({e})")))?;
                let bytes = record_bytes(&path, file)?;
                self.one_of_many(&path, &bytes)?;
            }
        }
        Ok(())
    }

    fn archive(&mut self, path: &Path, reader: impl Read) -> Result<()> {
        self.ssvc_whole = true;
        self.ssvc_name
            .get_or_insert_with(|| path.display().to_string());
        let unreadable =
            |e: std::io::Error| refuse(path, format!("cannot be read to its end ({e})"));
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let inside = entry.path().map_err(unreadable)?.into_owned();
            if entry.header().entry_type().is_file() && is_json(&inside) {
                let bytes = record_bytes(&inside, entry)?;
                self.one_of_many(&inside, &bytes)?;
            }
        }
        Ok(())
    }
}

/// Looks at the first bytes and goes back; fewer are no fault.
fn peek(reader: &mut BufReader<File>, head: &mut [u8; 2]) -> std::io::Result<()> {
    use std::io::BufRead;
    let there = reader.fill_buf()?;
    let count = there.len().min(head.len());
    head[..count].copy_from_slice(&there[..count]);
    Ok(())
}

fn record_bytes(path: &Path, reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST_RECORD + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| refuse(path, format!("cannot be read ({e})")))?;
    if bytes.len() as u64 > LARGEST_RECORD {
        return Err(refuse(path, "is larger than any CVE record"));
    }
    Ok(bytes)
}

fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The transaction.
struct Taking<'a> {
    now: DateTime<Utc>,
    actor: &'a str,
    older: bool,
}

impl Taking<'_> {
    fn all(&self, conn: &mut AnyConnection, read: &Gathered) -> Result<Summary> {
        let mut summary = Summary {
            unanswered: read.unanswered,
            others: read.others,
            ..Summary::default()
        };
        if let Some((origin, entries)) = &read.kev {
            let fresh = self.one(conn, IntelKind::Kev, origin, |conn| {
                Ok((
                    stored::replace_kev(conn, entries, stamp(self.now))?,
                    entries.len() as i64,
                ))
            })?;
            summary.imported.push(fresh);
        }
        if let Some((origin, entries)) = &read.epss {
            let fresh = self.one(conn, IntelKind::Epss, origin, |conn| {
                Ok((stored::replace_epss(conn, entries)?, entries.len() as i64))
            })?;
            summary.imported.push(fresh);
        }
        if !read.ssvc.is_empty() {
            let entries: Vec<SsvcEntry> = read.ssvc.values().cloned().collect();
            let origin = Origin {
                name: read.ssvc_name.clone().unwrap_or_default(),
                as_of: entries
                    .iter()
                    .filter_map(|e| e.at)
                    .max()
                    .unwrap_or(self.now),
                sha256: audit::sha256_hex(format!("{} {entries:?}", read.ssvc_whole).as_bytes()),
            };
            let fresh = self.one(conn, IntelKind::Ssvc, &origin, |conn| {
                let changed = stored::replace_ssvc(conn, &entries, read.ssvc_whole)?;
                Ok((changed, stored::ssvc_count(conn)?))
            })?;
            summary.imported.push(fresh);
        }
        Ok(summary)
    }

    fn one(
        &self,
        conn: &mut AnyConnection,
        kind: IntelKind,
        origin: &Origin,
        replace: impl FnOnce(&mut AnyConnection) -> Result<(BTreeSet<String>, i64)>,
    ) -> Result<Imported> {
        let there = stored::file(conn, kind)?;
        if let Some(there) = &there {
            if there.sha256 == origin.sha256 {
                return Ok(Imported {
                    kind,
                    as_of: origin.as_of,
                    entries: there.entries.unsigned_abs(),
                    changed: 0,
                    weaknesses: 0,
                });
            }
            if stamp(origin.as_of) < there.as_of && !self.older && kind != IntelKind::Ssvc {
                return Err(refuse(
                    Path::new(&origin.name),
                    format!(
                        "is of {}, older than what is there ({}); hand over a newer one, or say --older",
                        origin.as_of.date_naive(),
                        there.as_of.date()
                    ),
                ));
            }
        }
        let (changed, entries) = replace(conn)?;
        let touched = stored::weaknesses_naming(conn, &changed)?;
        findings::enqueue_planning(conn, touched.iter().map(|(a, w)| (a.as_str(), w.as_str())))?;
        // Records of CVEs one by one bring the newest date, never an older one.
        let as_of = there.map_or(stamp(origin.as_of), |there| {
            if kind == IntelKind::Ssvc {
                there.as_of.max(stamp(origin.as_of))
            } else {
                stamp(origin.as_of)
            }
        });
        stored::note(
            conn,
            &IntelFile {
                kind: Col(kind),
                as_of,
                imported_at: stamp(self.now),
                entries,
                sha256: origin.sha256.clone(),
                name: origin.name.clone(),
                actor: self.actor.to_owned(),
            },
        )?;
        audit::append(
            conn,
            &Event {
                at: self.now,
                actor: self.actor.to_owned(),
                kind: "intel.imported",
                subject: format!("intel:{kind}"),
                body: json!({
                    "file": origin.name, "sha256": origin.sha256, "as_of": as_of.and_utc(), "entries": entries,
                    "changed": changed.len(), "weaknesses": touched.len(),
                }),
            },
        )?;
        Ok(Imported {
            kind,
            as_of: as_of.and_utc(),
            entries: entries.unsigned_abs(),
            changed: changed.len(),
            weaknesses: touched.len(),
        })
    }
}
