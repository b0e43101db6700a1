//! The ledger on disk: pool, named transactions, one file an aggregate. Rules live elsewhere; here is
//! only what is read and written.

pub mod accounts;
pub mod attachments;
pub mod audit;
pub mod columns;
pub mod comments;
pub mod connection;
pub mod coverage;
pub mod details;
pub mod deviations;
pub mod dialect;
pub mod evidence;
pub mod facts;
pub mod feeds;
pub mod findings;
pub mod inbox;
pub mod intel;
pub mod items;
pub mod justifications;
pub mod leases;
pub mod mails;
pub mod milestones;
pub mod outbox;
pub mod overrides;
mod place;
pub mod pulls;
pub mod quarantine;
pub mod records;
pub mod reporting;
pub mod runs;
pub mod schedule;
pub mod schema;
pub mod settings;
pub mod shown;
pub mod signals;
pub mod tickets;
pub mod time;
pub mod vendors;
pub mod versions;
pub mod watched;
pub mod writebacks;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use diesel::r2d2::{Pool, PooledConnection};

use connection::Manager;
pub use connection::{AnyConnection, DatabaseUrl};

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the database URL is neither sqlite:///path nor postgres://…: write [database] url as one of them"
    )]
    BadUrl,
    #[error("cannot open the database {place}: {source}")]
    Connect {
        place: String,
        source: diesel::ConnectionError,
    },
    #[error(
        "this binary carries SQLite {found}, which can corrupt a WAL database; 3.51.3 is the least"
    )]
    OldSqlite { found: i32 },
    #[error(
        "the database has schema {version}, which is newer than this binary knows: run the newer poamd, or restore the backup from before the upgrade"
    )]
    NewerSchema { version: String },
    #[error("a migration failed, nothing of it was kept: {source}")]
    Migration {
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the database is damaged ({what}): stop, keep the file, restore the last backup")]
    Damaged { what: String },
    #[error(
        "the database {place} lies on a network file system ({kind}), where SQLite's WAL cannot be shared safely: put it on a local disk, or use PostgreSQL ([database] url)"
    )]
    NetworkFileSystem { kind: &'static str, place: String },
    #[error("the database disk is full: free space, then start again; nothing committed was lost")]
    DiskFull,
    #[error(
        "this user may not write the database: run poamd as the user it belongs to (sudo -u poamd …), and see that its folder is that user's too"
    )]
    ReadOnly,
    #[error("the database is busy with another writer: try again when it is done")]
    Busy,
    #[error("no connection to the database was free in time: {0}")]
    Pool(String),
    #[error("{what} in the database is not as written: {why}")]
    Row { what: String, why: String },
    #[error("database: {0}")]
    Query(diesel::result::Error),
    #[error(
        "weaknesses that could not be planned: {count} ({first}); all others were. Their records neither open nor close until that is put right: poamd doctor names them"
    )]
    Stuck { count: usize, first: String },
    #[error(
        "the clock says {now}, and the newest event of the ledger bears {newest}: days would be frozen wrong, so nothing was done; set the clock of this machine (NTP). If that event is what is wrong, note so on a record (poamd poam comment): the log goes on from there"
    )]
    ClockBehind {
        now: DateTime<Utc>,
        newest: DateTime<Utc>,
    },
    #[error("a database task was cut off: {0}")]
    Task(String),
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        let text = error.to_string();
        if text.contains("database or disk is full") || text.contains("No space left on device") {
            Self::DiskFull
        } else if text.contains("readonly database") {
            Self::ReadOnly
        } else if text.contains("database is locked") || text.contains("lock timeout") {
            Self::Busy
        } else if text.contains("malformed") || text.contains("is not a database") {
            Self::Damaged { what: text }
        } else {
            Self::Query(error)
        }
    }
}

/// How often a write waits for another process's, each time as long as the database's lock timeout (3 s on PostgreSQL,
/// 5 s on SQLite): together well below the silence after which a loop is taken to hang.
const BEGIN_TRIES: u32 = 4;

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A handle on the ledger; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Pool<Manager>,
    /// One connection that only the writer takes: readers, however many, hold up no writer.
    writers: Pool<Manager>,
    /// SQLite takes one writer at a time, and the audit chain is one everywhere: waiting here is fairer than waiting
    /// in a busy handler, and no two cells of one run put the same finding or item there at once.
    writer: Arc<Mutex<()>>,
    url: DatabaseUrl,
}

impl Store {
    /// Opens and migrates. `connections` bounds those that read.
    pub fn open(url: DatabaseUrl, connections: u32) -> Result<Self> {
        let mut first = first(&url)?;
        dialect::migrate(&mut first)?;
        drop(first);
        Self::pooled(url, connections)
    }

    /// Opens what is there and leaves its schema as it is; `None` if that is not this binary's yet. The file of a SQLite
    /// database has to be there: see [`DatabaseUrl::file`].
    pub fn open_as_is(url: DatabaseUrl, connections: u32) -> Result<Option<Self>> {
        let mut first = first(&url)?;
        if dialect::is_behind(&mut first)? {
            return Ok(None);
        }
        drop(first);
        Self::pooled(url, connections).map(Some)
    }

    fn pooled(url: DatabaseUrl, connections: u32) -> Result<Self> {
        Ok(Self {
            readers: pool(&url, connections.max(2), connection::READER_CACHE)?,
            writers: pool(&url, 1, connection::WRITER_CACHE)?,
            writer: Arc::new(Mutex::new(())),
            url,
        })
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Reads on the calling thread.
    pub fn read_here<T>(&self, read: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        read(&mut *taken(&self.readers)?)
    }

    /// Folds SQLite's write-ahead log back on the calling thread, while another writes; not doing so costs time later and
    /// loses nothing.
    pub fn fold_log(&self) -> Result<()> {
        self.read_here(|conn| Ok(dialect::fold_log(conn)?))
    }

    /// One transaction on the calling thread: all of `write`, or nothing.
    pub fn write_here<T>(&self, write: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
        let guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut conn = taken(&self.writers)?;
        begin(&mut conn)?;
        let outcome = match write(&mut conn) {
            Ok(value) => dialect::commit(&mut conn)
                .map(|()| value)
                .map_err(StoreError::from),
            Err(error) => {
                // The first error is the one to tell; a failed rollback closes the connection.
                let _ = dialect::rollback(&mut conn);
                Err(error)
            }
        };
        drop(guard);
        outcome
    }

    /// Reads on a blocking thread.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_here(read))
            .await
            .map_err(|e| StoreError::Task(e.to_string()))?
    }

    /// One transaction on a blocking thread: all of `write`, or nothing. No network call may stand inside.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.write_here(write))
            .await
            .map_err(|e| StoreError::Task(e.to_string()))?
    }
}

/// A connection without the pool, whose errors would come late and wrapped, to a database that is whole.
fn first(url: &DatabaseUrl) -> Result<AnyConnection> {
    let mut first = diesel::r2d2::ManageConnection::connect(&Manager {
        url: url.clone(),
        cache: connection::READER_CACHE,
    })?;
    let check = dialect::quick_check(&mut first)?;
    if check != "ok" {
        return Err(StoreError::Damaged { what: check });
    }
    Ok(first)
}

fn pool(url: &DatabaseUrl, connections: u32, cache: u32) -> Result<Pool<Manager>> {
    Pool::builder()
        .max_size(connections)
        .min_idle(Some(1))
        .connection_timeout(connection::POOL_WAIT)
        .build(Manager {
            url: url.clone(),
            cache,
        })
        .map_err(|e| StoreError::Pool(e.to_string()))
}

fn taken(pool: &Pool<Manager>) -> Result<PooledConnection<Manager>> {
    pool.get().map_err(|e| StoreError::Pool(e.to_string()))
}

/// Begins a write, waiting for the writer of another process. Nothing has run yet, so trying again is safe.
fn begin(conn: &mut AnyConnection) -> Result<()> {
    let mut tries = 1;
    loop {
        match dialect::begin_write(conn).map_err(StoreError::from) {
            Err(StoreError::Busy) if tries < BEGIN_TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

/// Text of a JSON column.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Row {
        what: "a value to be kept as JSON".into(),
        why: e.to_string(),
    })
}

/// Value of a JSON column.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::Row {
        what: what.to_owned(),
        why: e.to_string(),
    })
}
