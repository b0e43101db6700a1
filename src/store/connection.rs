//! The enum of the two databases; the URL chooses. How a connection is made ready stands here, how
//! statements differ stands in [`super::dialect`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use libsqlite3_sys::SQLITE_VERSION_NUMBER;

use super::StoreError;

/// SQLite before this version can corrupt a database in WAL mode (WAL-reset bug, fixed in 3.51.3).
const SQLITE_FLOOR: i32 = 3_051_003;

#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Where the ledger lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// A libpq URL; may hold a password, so it is never printed.
    Postgres(String),
}

impl DatabaseUrl {
    /// `sqlite:///absolute/path.db`, `sqlite://relative.db`, or `postgres://…`/`postgresql://…`.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url.to_owned())),
            _ => Err(StoreError::BadUrl),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The database file, for what stands beside it (lock, ballast).
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// Makes connections for the pool, each with the settings that durability rests on.
#[derive(Debug)]
pub(super) struct Manager {
    pub url: DatabaseUrl,
    /// Pages that SQLite keeps in memory, in KiB.
    pub cache: u32,
}

/// Bytes of a page of a new SQLite file, four times the usual: what an import writes goes to most leaves of its indexes, and
/// each page is a call. A file that is there keeps its own.
pub const PAGE: u32 = 16_384;
/// Bytes that a log of such pages may grow to before the writer folds it back itself.
const LOG: u32 = 250 << 20;
/// What is read is mostly read once.
pub(super) const READER_CACHE: u32 = 16_384;
/// Rows of an import go everywhere in the indexes: what a transaction of it touches should fit.
pub(super) const WRITER_CACHE: u32 = 81_920;

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        match &self.url {
            DatabaseUrl::Sqlite(path) => connect_sqlite(path, self.cache),
            DatabaseUrl::Postgres(url) => connect_postgres(url),
        }
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        Ok(conn.batch_execute("SELECT 1")?)
    }

    /// A panic leaves its transaction open: the next write would begin inside it.
    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

fn connect_sqlite(path: &Path, cache: u32) -> Result<AnyConnection, StoreError> {
    if SQLITE_VERSION_NUMBER < SQLITE_FLOOR {
        return Err(StoreError::OldSqlite {
            found: SQLITE_VERSION_NUMBER,
        });
    }
    super::place::refuse_network(path)?;
    super::place::make_private(path);
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).map_err(|source| {
        StoreError::Connect {
            place: path.display().to_string(),
            source,
        }
    })?;
    // FULL: a power cut after a commit must not lose it (WAL with NORMAL does).
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000;
         PRAGMA page_size = {PAGE};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = {};
         PRAGMA cache_size = -{cache};",
        LOG / PAGE
    ))?;
    Ok(AnyConnection::Sqlite(conn))
}

fn connect_postgres(url: &str) -> Result<AnyConnection, StoreError> {
    let mut conn = PgConnection::establish(url).map_err(|source| StoreError::Connect {
        place: place_of(url),
        source,
    })?;
    conn.batch_execute(
        "SET synchronous_commit = on;
         SET statement_timeout = '15s';
         SET idle_in_transaction_session_timeout = '30s';
         SET lock_timeout = '3s';
         SET TIME ZONE 'UTC';",
    )?;
    Ok(AnyConnection::Postgres(conn))
}

/// Host and database of a URL, without its user and password.
fn place_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| "the PostgreSQL server".to_owned(),
        |u| {
            format!(
                "postgres://{}{}",
                u.host_str().unwrap_or("(socket)"),
                u.path()
            )
        },
    )
}

pub(super) const POOL_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_chooses() {
        assert_eq!(
            DatabaseUrl::parse("sqlite:///var/lib/poamd/poamd.db").unwrap(),
            DatabaseUrl::Sqlite("/var/lib/poamd/poamd.db".into())
        );
        assert!(matches!(
            DatabaseUrl::parse("postgres://h/db").unwrap(),
            DatabaseUrl::Postgres(_)
        ));
        for bad in ["", "mysql://x/y", "/plain/path", "sqlite://"] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_part_of_a_place() {
        assert_eq!(
            place_of("postgres://u:secret@db.example/poamd"),
            "postgres://db.example/poamd"
        );
    }
}
