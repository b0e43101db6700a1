//! Every store test runs on SQLite, and on PostgreSQL where `POAMD_TEST_POSTGRES_URL` names a server on which
//! databases may be made.

use std::future::Future;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use poamd::store::{DatabaseUrl, Store};

use super::skips::skipped;

const SERVER: &str = "POAMD_TEST_POSTGRES_URL";

/// Runs a test with an empty, migrated database of each kind. Each is gone afterwards, also when the test fails.
pub fn for_each_database(test: impl Fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(&sqlite(&folder));
    if let Some(database) = Fresh::make() {
        test(&database.store);
    }
}

/// The same for a test that waits for things.
pub async fn for_each_database_async<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    let folder = tempfile::tempdir().unwrap();
    test(sqlite(&folder)).await;
    if let Some(database) = Fresh::make() {
        test(database.store.clone()).await;
    }
}

fn sqlite(folder: &tempfile::TempDir) -> Store {
    Store::open(DatabaseUrl::Sqlite(folder.path().join("poamd.db")), 4).unwrap()
}

/// A database of its own on the server of the tests.
struct Fresh {
    store: Store,
    server: String,
    name: String,
}

impl Fresh {
    fn make() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(SERVER) else {
            // Once is enough: it is the same for every test.
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                skipped(
                    "everything on PostgreSQL",
                    "POAMD_TEST_POSTGRES_URL is not set",
                )
            });
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("poamd_test_{}_{count}", std::process::id());
        execute(
            &server,
            &[
                &format!("DROP DATABASE IF EXISTS {name}"),
                &format!("CREATE DATABASE {name}"),
            ],
        );
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        let store = Store::open(DatabaseUrl::Postgres(url.into()), 4).unwrap();
        Some(Self {
            store,
            server,
            name,
        })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // FORCE: the pool still holds connections.
        execute(
            &self.server,
            &[&format!(
                "DROP DATABASE IF EXISTS {} WITH (FORCE)",
                self.name
            )],
        );
    }
}

/// Each statement alone: databases are made outside of transactions.
fn execute(server: &str, statements: &[&str]) {
    let mut conn = PgConnection::establish(server).unwrap();
    for statement in statements {
        conn.batch_execute(statement).unwrap();
    }
}
