//! Everything that differs between SQLite and PostgreSQL, and nothing else.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;
use super::connection::AnyConnection;
use super::schema::audit_head;
use super::time::Stamp;

pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Begins a transaction that will write, with the write lock: what it reads then stays true until it commits. SQLite
/// would refuse a reader that is upgraded later without waiting; on PostgreSQL two nodes would read the same row and the
/// later one write the earlier one's change away.
pub fn begin_write(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(c) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
        }
        AnyConnection::Postgres(c) => {
            AnsiTransactionManager::begin_transaction(c)?;
            lock_head(c).inspect_err(|_| {
                // The first error is the one to tell; a failed rollback closes the connection.
                let _ = AnsiTransactionManager::rollback_transaction(c);
            })
        }
    }
}

/// The row that every event's number comes from, rather than an advisory lock: whoever appends to the log locks it
/// anyway, also a node of an older version, and a second lock could be taken in another order.
fn lock_head(conn: &mut PgConnection) -> QueryResult<()> {
    audit_head::table
        .select(audit_head::n)
        .for_update()
        .execute(conn)
        .map(|_| ())
}

/// Begins a transaction that reads everything as it was at one moment, and writes nothing. False inside one that is on
/// already, which goes on as it is. PostgreSQL's usual level would give each statement a moment of its own.
pub fn begin_read(conn: &mut AnyConnection) -> QueryResult<bool> {
    type Ansi = AnsiTransactionManager;
    let status = match conn {
        AnyConnection::Sqlite(c) => Ansi::transaction_manager_status_mut(c),
        AnyConnection::Postgres(c) => Ansi::transaction_manager_status_mut(c),
    };
    let outside = status.transaction_depth()?.is_none();
    if outside {
        match conn {
            AnyConnection::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")?,
            AnyConnection::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?,
        }
    }
    Ok(outside)
}

pub fn commit(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        AnyConnection::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
    }
}

pub fn rollback(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        AnyConnection::Postgres(c) => AnsiTransactionManager::rollback_transaction(c),
    }
}

/// Applies what is pending, each migration in a transaction of its own. A schema newer than this binary is refused.
pub fn migrate(conn: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    match conn {
        AnyConnection::Sqlite(c) => migrate_one(c, SQLITE),
        AnyConnection::Postgres(c) => migrate_one(c, POSTGRES),
    }
}

/// Whether the schema is not that of this binary yet. A newer one is refused, and nothing is written.
pub fn is_behind(conn: &mut AnyConnection) -> Result<bool, StoreError> {
    // Asking an empty database for its migrations would make their table.
    if !has_ledger(conn)? {
        return Ok(true);
    }
    match conn {
        AnyConnection::Sqlite(c) => is_one_behind(c, SQLITE),
        AnyConnection::Postgres(c) => is_one_behind(c, POSTGRES),
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    tables: i64,
}

/// Whether the first migration was applied.
#[allow(
    clippy::disallowed_methods,
    reason = "the lists of tables have no typed form"
)]
fn has_ledger(conn: &mut AnyConnection) -> QueryResult<bool> {
    let count: Count = match conn {
        AnyConnection::Sqlite(c) => diesel::sql_query(
            "SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table' AND name = 'audit_head'",
        )
        .get_result(c)?,
        AnyConnection::Postgres(c) => diesel::sql_query(
            "SELECT count(*) AS tables FROM pg_catalog.pg_class WHERE oid = to_regclass('audit_head')",
        )
        .get_result(c)?,
    };
    Ok(count.tables > 0)
}

fn is_one_behind<C, DB>(conn: &mut C, set: EmbeddedMigrations) -> Result<bool, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    refuse_newer(conn, &set)?;
    let pending = conn.has_pending_migration(set);
    pending.map_err(|source| StoreError::Migration { source })
}

fn refuse_newer<C, DB>(conn: &mut C, set: &EmbeddedMigrations) -> Result<(), StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let trouble = |source| StoreError::Migration { source };
    let known: Vec<String> = MigrationSource::<DB>::migrations(set)
        .map_err(trouble)?
        .iter()
        .map(|m| m.name().version().to_string())
        .collect();
    let newer = conn
        .applied_migrations()
        .map_err(trouble)?
        .iter()
        .map(ToString::to_string)
        .find(|v| !known.contains(v));
    newer.map_or(Ok(()), |version| Err(StoreError::NewerSchema { version }))
}

fn migrate_one<C, DB>(conn: &mut C, set: EmbeddedMigrations) -> Result<Vec<String>, StoreError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    refuse_newer(conn, &set)?;
    let trouble = |source| StoreError::Migration { source };
    let done = conn.run_pending_migrations(set).map_err(trouble)?;
    Ok(done.iter().map(ToString::to_string).collect())
}

/// The newest migration that was applied.
pub fn schema_version(conn: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let trouble = |source| StoreError::Migration { source };
    let versions = match conn {
        AnyConnection::Sqlite(c) => c.applied_migrations().map_err(trouble)?,
        AnyConnection::Postgres(c) => c.applied_migrations().map_err(trouble)?,
    };
    Ok(versions.iter().map(ToString::to_string).max())
}

/// The SQLite that is part of this program.
pub fn bundled_sqlite() -> String {
    libsqlite3_sys::SQLITE_VERSION
        .to_string_lossy()
        .into_owned()
}

/// Reverts everything; for the test that each migration goes back.
pub fn revert_all(conn: &mut AnyConnection) -> Result<(), StoreError> {
    let trouble = |source| StoreError::Migration { source };
    match conn {
        AnyConnection::Sqlite(c) => c.revert_all_migrations(SQLITE).map(|_| ()).map_err(trouble),
        AnyConnection::Postgres(c) => c
            .revert_all_migrations(POSTGRES)
            .map(|_| ())
            .map_err(trouble),
    }
}

/// Folds what it can of the write-ahead log back into the file and waits for nobody, so that a writer may go on beside it.
/// PostgreSQL sees to its own.
pub fn fold_log(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(c) => c.batch_execute("PRAGMA wal_checkpoint(PASSIVE)"),
        AnyConnection::Postgres(_) => Ok(()),
    }
}

/// Folds the write-ahead log back into the file. PostgreSQL sees to its own.
pub fn checkpoint(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(c) => c.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)"),
        AnyConnection::Postgres(_) => Ok(()),
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = diesel::sql_types::Text)]
    answer: String,
}

#[derive(QueryableByName)]
struct Instant {
    #[diesel(sql_type = diesel::sql_types::Timestamp)]
    instant: Stamp,
}

/// The database's clock, which all nodes share. Not PostgreSQL's `now()`: that is when the transaction began, and it may
/// have waited for another's writer since.
#[allow(clippy::disallowed_methods, reason = "a clock has no typed form")]
pub fn now(conn: &mut AnyConnection) -> QueryResult<Stamp> {
    let row: Instant = match conn {
        AnyConnection::Sqlite(c) => {
            diesel::sql_query("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') AS instant")
                .get_result(c)?
        }
        AnyConnection::Postgres(c) => {
            diesel::sql_query("SELECT clock_timestamp() AT TIME ZONE 'UTC' AS instant")
                .get_result(c)?
        }
    };
    Ok(row.instant)
}

/// `ok`, or what SQLite found broken. PostgreSQL checks its pages itself.
#[allow(clippy::disallowed_methods, reason = "a pragma has no typed form")]
pub fn quick_check(conn: &mut AnyConnection) -> QueryResult<String> {
    match conn {
        AnyConnection::Sqlite(c) => {
            let rows: Vec<Answer> =
                diesel::sql_query("SELECT quick_check AS answer FROM pragma_quick_check")
                    .load(c)?;
            Ok(rows
                .into_iter()
                .map(|r| r.answer)
                .collect::<Vec<_>>()
                .join("; "))
        }
        AnyConnection::Postgres(_) => Ok("ok".to_owned()),
    }
}

/// Name and version of the database, for `--version --verbose`.
#[allow(clippy::disallowed_methods, reason = "version() has no typed form")]
pub fn version(conn: &mut AnyConnection) -> QueryResult<String> {
    match conn {
        AnyConnection::Sqlite(c) => {
            let row: Answer =
                diesel::sql_query("SELECT sqlite_version() AS answer").get_result(c)?;
            Ok(format!("SQLite {} (bundled)", row.answer))
        }
        AnyConnection::Postgres(c) => {
            let row: Answer =
                diesel::sql_query("SELECT current_setting('server_version') AS answer")
                    .get_result(c)?;
            Ok(format!("PostgreSQL {}", row.answer))
        }
    }
}

/// Inserts many rows in one statement: diesel's enum of connections has no form of it, each database has.
macro_rules! insert_many {
    ($conn:expr, $table:expr, $rows:expr) => {
        match $conn {
            $crate::store::connection::AnyConnection::Sqlite(c) => {
                diesel::RunQueryDsl::execute(diesel::insert_into($table).values($rows), c)
            }
            $crate::store::connection::AnyConnection::Postgres(c) => {
                diesel::RunQueryDsl::execute(diesel::insert_into($table).values($rows), c)
            }
        }
    };
}
pub(crate) use insert_many;

/// Inserts a slice of rows. On SQLite one by one, by a statement that is prepared once: one of many rows is guarded page by
/// page, so that it can be taken back alone, which costs more than what it spares.
macro_rules! insert_rows {
    ($conn:expr, $table:expr, $rows:expr, $most:expr) => {{
        let rows: &[_] = $rows;
        match $conn {
            $crate::store::connection::AnyConnection::Sqlite(c) => {
                rows.iter().try_for_each(|row| {
                    let insert = diesel::insert_into($table).values(row);
                    diesel::RunQueryDsl::execute(insert, &mut *c).map(|_| ())
                })
            }
            $crate::store::connection::AnyConnection::Postgres(c) => {
                rows.chunks($most).try_for_each(|chunk| {
                    let insert = diesel::insert_into($table).values(chunk);
                    diesel::RunQueryDsl::execute(insert, &mut *c).map(|_| ())
                })
            }
        }
    }};
}
pub(crate) use insert_rows;
