//! History, faults, and the server's way of not answering.

use std::time::Duration;

use poamd_sandbox::faults::{Act, Canned, Class, Faults, Matcher, Scripted};
use poamd_sandbox::history::{Entry, History, Record, Reply};
use poamd_sandbox::jira::{JiraOptions, JiraStandIn};
use serde_json::json;

use crate::common::{Client, MARKER, clock, draft, jira, until};

#[test]
fn history_is_kept_in_memory_and_as_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let history = History::to_file(clock(), &path).unwrap();
    history.record(
        Record::new("jira", "issue.created")
            .id("1")
            .key("POAM-1")
            .marker(Some("m".to_owned())),
    );
    history.record(Record::new("smtp", "mail.accepted").detail(json!({ "to": "a@example.com" })));
    let lines = std::fs::read_to_string(&path).unwrap();
    let read: Vec<Entry> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(read, history.entries());
    assert_eq!((read[0].seq, read[1].seq), (1, 2));
    assert_eq!(history.failure(), None);
}

#[tokio::test]
async fn a_lost_reply_leaves_the_issue_there() {
    let t = jira(JiraOptions::default()).await;
    t.jira.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::LoseReply,
    ));
    let lost = t
        .client
        .try_send("POST", "/rest/api/3/issue", Some(&draft(MARKER)))
        .await;
    assert!(
        lost.is_err(),
        "the connection must be closed without an answer"
    );
    assert_eq!(t.jira.issues().len(), 1);
    let made = t.jira.history.of_kind("jira", "issue.created");
    assert_eq!((made.len(), made[0].reply), (1, Reply::Dropped));
    assert_eq!(made[0].marker.as_deref(), Some(MARKER));
}

#[tokio::test]
async fn a_dropped_call_leaves_nothing() {
    let t = jira(JiraOptions::default()).await;
    t.jira
        .script(Scripted::once(Matcher::class(Class::Create), Act::DropCall));
    assert!(
        t.client
            .try_send("POST", "/rest/api/3/issue", Some(&draft(MARKER)))
            .await
            .is_err()
    );
    assert!(t.jira.issues().is_empty());
}

#[tokio::test]
async fn a_late_create_lands_although_the_caller_gave_up() {
    let t = jira(JiraOptions::default()).await;
    t.jira.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::Late(Duration::from_millis(500)),
    ));
    let body = draft(MARKER);
    let call = t.client.try_send("POST", "/rest/api/3/issue", Some(&body));
    let taken = until(|| t.jira.faults.tallies().contains_key("late"));
    // The caller goes away as soon as its call has come in.
    tokio::select! {
        _ = call => panic!("answered although the work is late"),
        () = taken => {}
    }
    until(|| t.jira.history.count("jira", "issue.created") == 1).await;
    assert_eq!(t.jira.issues().len(), 1);
    assert_eq!(
        t.jira.history.of_kind("jira", "issue.created")[0].reply,
        Reply::Late
    );
}

#[tokio::test]
async fn duplicates_are_seen_even_if_one_is_deleted() {
    let t = jira(JiraOptions::default()).await;
    let first = t.create(MARKER).await;
    t.create("poamd-ffffffffffffffff").await;
    assert!(t.jira.duplicates().is_empty());
    let second = t.create(MARKER).await;
    t.jira.delete(&second, "anyone").unwrap();
    assert_eq!(t.jira.duplicates().get(MARKER), Some(&vec![first, second]));
}

#[tokio::test]
async fn chance_repeats_with_its_seed_and_is_counted() {
    let mut runs = vec![];
    for _ in 0..2 {
        let faults = Faults {
            seed: 7,
            lost_reply: 0.3,
            ..Faults::default()
        };
        let t = jira(JiraOptions {
            faults,
            ..JiraOptions::default()
        })
        .await;
        let mut lost = vec![];
        for i in 0..40 {
            let body = draft(&format!("poamd-{i:016}"));
            lost.push(
                t.client
                    .try_send("POST", "/rest/api/3/issue", Some(&body))
                    .await
                    .is_err(),
            );
        }
        let tally = t.jira.faults.tallies()["lose-reply"];
        assert_eq!(tally.opportunities, 40);
        assert_eq!(tally.happened as usize, lost.iter().filter(|l| **l).count());
        assert!((4..=24).contains(&tally.happened), "{tally:?}");
        assert_eq!(t.jira.issues().len(), 40);
        runs.push(lost);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn scripted_answers_come_in_order_and_do_no_work() {
    let t = jira(JiraOptions::default()).await;
    let limited = Canned::rate_limited("jira-burst-based", 3);
    t.jira.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::Answer(limited),
    ));
    t.jira.script(Scripted::times(
        Matcher::class(Class::Create),
        2,
        Act::Answer(Canned::status(503)),
    ));
    let first = t.client.post("/rest/api/3/issue", draft(MARKER)).await;
    assert_eq!(
        (first.status, first.header("retry-after")),
        (429, Some("3"))
    );
    assert_eq!(first.header("ratelimit-reason"), Some("jira-burst-based"));
    assert_eq!(
        t.client
            .post("/rest/api/3/issue", draft(MARKER))
            .await
            .status,
        503
    );
    assert_eq!(
        t.client
            .post("/rest/api/3/issue", draft(MARKER))
            .await
            .status,
        503
    );
    assert!(t.jira.issues().is_empty());
    assert_eq!(
        t.client
            .post("/rest/api/3/issue", draft(MARKER))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn garbage_and_truncated_answers_follow_the_work() {
    let t = jira(JiraOptions::default()).await;
    t.jira
        .script(Scripted::once(Matcher::class(Class::Create), Act::Garbage));
    let got = t.client.post("/rest/api/3/issue", draft(MARKER)).await;
    assert_eq!((got.status, got.body.is_null()), (200, true));
    t.jira.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::Truncated,
    ));
    assert!(
        t.client
            .try_send("POST", "/rest/api/3/issue", Some(&draft(MARKER)))
            .await
            .is_err()
    );
    assert_eq!(t.jira.issues().len(), 2);
}

#[tokio::test]
async fn a_stopped_server_answers_no_more() {
    let jira = JiraStandIn::start(JiraOptions::default(), History::new(clock()))
        .await
        .unwrap();
    let client = Client::new(&jira.url, &jira.email, &jira.token);
    assert_eq!(client.get("/rest/api/3/myself").await.status, 200);
    jira.stop().await;
    assert!(
        client
            .try_send("GET", "/rest/api/3/myself", None)
            .await
            .is_err()
    );
}
