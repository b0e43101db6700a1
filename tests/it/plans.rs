//! How SQLite finds what is asked for with each page: by what the page names, not by walking all that is known of a door.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;
use poamd::store::{AnyConnection, DatabaseUrl, Store, findings, items};
use poamd_contract::finding::Signal;
use poamd_contract::source::Page;

use crate::support::findings::{hub, open, report};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The steps by which SQLite answers what `ask` asks, one line each.
#[allow(
    clippy::disallowed_methods,
    reason = "the question of how has no typed form"
)]
fn steps(store: &Store, ask: impl FnOnce(&mut AnyConnection)) -> Vec<String> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    store
        .read_here(|conn| {
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::StartQuery { query, .. } = event {
                    heard.lock().unwrap().push(query.to_string());
                }
            });
            ask(conn);
            conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
            let asked = std::mem::take(&mut *asked.lock().unwrap());
            assert!(!asked.is_empty(), "nothing was asked");
            let explain = |query: String| {
                let (sql, _) = query.split_once(" -- binds").unwrap_or((&query, ""));
                let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
                    .load(conn)
                    .unwrap();
                steps.into_iter().map(|step| step.detail)
            };
            Ok(asked.into_iter().flat_map(explain).collect())
        })
        .unwrap()
}

#[test]
fn what_a_page_asks_is_found_by_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(DatabaseUrl::Sqlite(folder.path().join("poamd.db")), 1).unwrap();
    let now = "2026-11-01T00:00:00Z".parse().unwrap();
    let reports = (0..20).map(|n| report(&format!("bucket-{n}"), now, Signal::Open));
    let page = Page {
        reports: reports.collect(),
        ..Page::default()
    };
    open(&store, hub(), now).page(page).unwrap();
    let rows = store.read_here(findings::all).unwrap();
    let prints: Vec<&str> = rows.iter().map(|row| row.fingerprint.as_str()).collect();
    let arns: Vec<&str> = rows.iter().map(|row| row.arn.as_str()).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let (account, cell) = (rows[0].account.as_str(), hub().name());
    let all = [
        steps(&store, |c| {
            let known = findings::known_of_cell(c, account, &cell, &prints).unwrap();
            assert_eq!(known.len(), rows.len());
        }),
        steps(&store, |c| {
            findings::by_fingerprints(c, account, &prints).unwrap();
        }),
        steps(&store, |c| {
            findings::reports_of(c, &ids).unwrap();
        }),
        steps(&store, |c| {
            findings::by_ids(c, &ids).unwrap();
        }),
        steps(&store, |c| {
            items::known(c, account, &arns).unwrap();
        }),
    ];
    for step in all.iter().flatten() {
        let walks = step.starts_with("SCAN") || step.contains("finding_reports_cell");
        assert!(!walks, "{step}");
        assert!(step.starts_with("SEARCH"), "{step}");
    }
    assert!(all.iter().flatten().count() >= 6, "{all:#?}");
}
