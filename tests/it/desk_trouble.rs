//! Desks that are not what they were: another site, another's credential, rights that went, rules that changed. What
//! must not happen then is a write in the wrong place, a lost one, or silence.

use std::sync::Arc;

use chrono::TimeDelta;
use poamd::domain::record::RecordStatus;
use poamd::domain::ticket::{Link, OutboxState};
use poamd::jobs::sync;
use poamd::store::columns::Col;
use poamd::store::{outbox, tickets};
use poamd::tickets::DeskRules;
use poamd_contract::clock::Clock;
use poamd_sandbox::faults::{Act, Canned, Matcher, Scripted};
use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::JiraStandIn;
use poamd_sandbox::jira::users::{ALLOWED, STRANGER};
use poamd_sandbox::servicenow::options as sn;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::desks::{self, Bench, DESK, SIGN_IN};
use crate::tickets::{GOOD, change, events, fix, key, record, set_findings, sound, ticket};

/// Signed, as every answer to a living credential is.
fn signed(jira: &JiraStandIn, status: u16, body: &str) -> Act {
    Act::Answer(
        Canned::status(status)
            .header("X-AAccountId", &jira.own_account)
            .body(body),
    )
}

fn in_state(bench: &Bench, state: OutboxState) -> usize {
    let rows = bench.store.read_here(|conn| outbox::in_state(conn, state));
    rows.unwrap().len()
}

#[tokio::test]
async fn nothing_is_written_with_anothers_credential() {
    let (mut bench, jira) = desks::jira(2, JiraOptions::default(), &[]).await;
    let pin = |conn: &mut _| tickets::pin_identity(conn, DESK, SIGN_IN, "somebody-else");
    bench.store.write_here(pin).unwrap();
    // Wanted before anybody noticed.
    bench.plan();
    let done = sync::run(&bench.context()).await.unwrap();
    let why = done.polled[DESK].void.as_ref().unwrap();
    assert!(why.contains("whose credential it is"), "{why}");
    assert!(done.is_trouble());
    assert_eq!((done.sent.done(), bench.writes()), (0, 0));
    assert_eq!(jira.issues(), vec![]);
    assert_eq!(in_state(&bench, OutboxState::Pending), 2);

    // Nor does another desk get what this one does not take now.
    let (other, _) = desks::jira(3, JiraOptions::default(), &[]).await;
    bench.store = other.store.clone();
    bench.rules.void = [DESK.to_owned()].into();
    bench.rules.desks.push(DeskRules {
        name: "second".to_owned(),
        ..bench.rules.desks[0].clone()
    });
    assert_eq!(bench.plan().creates, 0);
}

#[tokio::test]
async fn nothing_is_written_where_most_tickets_vanished() {
    let (bench, jira) = desks::jira(8, JiraOptions::default(), &[]).await;
    sync::run(&bench.context()).await.unwrap();
    // One effect waits already, and more are wanted, on tickets that are there and on some that are not.
    change(&bench, 1, |r| r.due = "2026-11-30".parse().ok());
    assert_eq!(bench.plan().updates, 1);
    for n in [2, 8] {
        change(&bench, n, |r| r.due = "2026-11-30".parse().ok());
    }
    for n in 1..=5 {
        jira.delete(&key(&bench, n), STRANGER).unwrap();
    }
    let writes = bench.writes();
    let done = sync::run(&bench.context()).await.unwrap();
    let why = done.polled[DESK].void.as_ref().unwrap();
    assert!(why.contains("rights"), "{why}");
    assert_eq!((done.planned.updates, done.sent.missing), (0, 0));
    assert_eq!(bench.writes(), writes);
    assert!((1..=8).all(|n| ticket(&bench, n).link.0 == Link::Linked));
    assert_eq!(in_state(&bench, OutboxState::Pending), 1);
    sound(&bench);
}

#[tokio::test]
async fn anothers_tickets_are_not_taken_for_ours() {
    let (bench, _jira) = desks::jira(2, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    // The same ids on another site: another deployment's tickets, one of them moved and commented on.
    let (mut other, theirs) = desks::jira(2, JiraOptions::default(), &[]).await;
    other.rules.deployment = "elsewhere".to_owned();
    other.sync().await;
    theirs
        .person_moves(&key(&other, 1), STRANGER, "Done")
        .unwrap();
    theirs
        .person_comments(&key(&other, 2), ALLOWED, GOOD)
        .unwrap();
    let polled = bench.poll_as(&other.desk).await;
    let why = polled.void.unwrap();
    assert!(why.contains("is url another site?"), "{why}");
    assert_eq!((polled.comments, polled.accepted), (0, 0));
    assert_eq!(record(&bench, 1).status.0, RecordStatus::Open);
    assert_eq!(record(&bench, 2).unjustified_score, 90);
}

#[tokio::test]
async fn one_lost_marker_silences_nobody_and_many_void_the_poll() {
    let (bench, desk) = desks::servicenow(3, &[sn::ALLOWED]).await;
    bench.sync().await;
    let bare = json!({ "correlation_id": "" });
    desk.person_sets(&key(&bench, 1), sn::STRANGER, &bare)
        .unwrap();
    desk.person_comments(&key(&bench, 1), sn::ALLOWED, "work_notes", GOOD)
        .unwrap();
    let (polled, _) = bench.sync().await;
    assert_eq!((polled.void, polled.accepted), (None, 1));
    desk.person_sets(&key(&bench, 2), sn::STRANGER, &bare)
        .unwrap();
    let why = bench.poll().await.void.unwrap();
    assert!(why.contains("2 of 3 tickets"), "{why}");
}

#[tokio::test]
async fn a_desk_with_tickets_is_not_pointed_elsewhere_unasked() {
    let (mut bench, _jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    // Before the first ticket it may be.
    assert_eq!(bench.poll().await.void, None);
    bench.rules.desks[0].site = "https://second.example.net".to_owned();
    assert_eq!(bench.sync().await.0.void, None);
    assert_eq!(bench.poll().await.void, None);
    bench.rules.desks[0].site = "https://third.example.net".to_owned();
    let why = bench.poll().await.void.unwrap();
    assert!(
        why.contains("third.example.net")
            && why.contains("stand on https://second.example.net")
            && why.contains("poamd ticket moved --desk tracker"),
        "{why}"
    );
    let unpin = |conn: &mut _| tickets::unpin_site(conn, DESK);
    assert!(bench.store.write_here(unpin).unwrap());
    assert_eq!(bench.poll().await.void, None);
    assert_eq!(bench.poll().await.void, None, "pinned anew");
}

#[tokio::test]
async fn what_waits_for_a_hidden_ticket_is_sent_when_it_shows_again() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    bench.sync().await;
    fix(&bench, 1);
    jira.script(Scripted::once(
        Matcher::call("POST", "/comment"),
        signed(&jira, 404, r#"{"errorMessages":["Issue does not exist or you do not have permission to see it."]}"#),
    ));
    bench.plan();
    let dispatcher = desks::dispatcher(&bench.store, bench.desk.clone(), "test");
    let sent = dispatcher.drain(&CancellationToken::new()).await.unwrap();
    assert_eq!((sent.missing, sent.failed, sent.done()), (1, 0, 0));
    // One 404 is no verdict: that is the poller's.
    assert_eq!(ticket(&bench, 1).link.0, Link::Linked);
    assert_eq!(in_state(&bench, OutboxState::Pending), 2);

    jira.script(Scripted::once(
        Matcher::call("POST", "/bulkfetch"),
        signed(&jira, 200, r#"{"issues":[],"issueErrors":[]}"#),
    ));
    assert_eq!(bench.poll().await.missing, 1);
    assert_eq!(ticket(&bench, 1).link.0, Link::Missing);
    assert_eq!(bench.drain().await.done(), 0);
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.missing, sent.commented, sent.moved), (0, 1, 1));
    let issue = jira.issue(&key(&bench, 1)).unwrap();
    assert_eq!((issue.category.as_str(), issue.comments.len()), ("done", 1));
    sound(&bench);
}

#[tokio::test]
async fn five_refused_creates_in_a_row_cost_no_ticket() {
    let (bench, jira) = desks::jira(9, JiraOptions::default(), &[]).await;
    let refusal = r#"{"errorMessages":[],"errors":{"customfield_10050":"Team is required."}}"#;
    jira.script(Scripted::times(
        Matcher::operation("issue.create"),
        5,
        signed(&jira, 400, refusal),
    ));
    bench.plan();
    let mut dispatcher = desks::dispatcher(&bench.store, bench.desk.clone(), "test");
    dispatcher.at_once = 1;
    let stop = CancellationToken::new();
    let sent = dispatcher.drain(&stop).await.unwrap();
    assert_eq!(
        (sent.failed, sent.later, sent.done()),
        (0, 5, 0),
        "{sent:?}"
    );
    let why = &sent.paused[DESK];
    assert!(
        why.contains("Team is required") && why.contains("poamd ticket retry --desk"),
        "{why}"
    );
    assert_eq!(in_state(&bench, OutboxState::Pending), 9);
    assert_eq!(events(&bench, "desk.creates-held"), 1);
    // Not before an hour, or until somebody says so.
    let writes = bench.writes();
    assert_eq!(dispatcher.drain(&stop).await.unwrap().done(), 0);
    assert_eq!(bench.writes(), writes);
    bench
        .store
        .write_here(|conn| {
            let held = outbox::of_desk(conn, DESK, OutboxState::Pending)?;
            let held: Vec<i64> = held.iter().map(|row| row.id).collect();
            outbox::hasten(conn, &held, bench.clock.now())
        })
        .unwrap();
    assert_eq!(dispatcher.drain(&stop).await.unwrap().created, 9);
    assert_eq!((jira.issues().len(), jira.duplicates().len()), (9, 0));
    sound(&bench);
}

#[tokio::test]
async fn comments_that_cannot_be_read_are_trouble() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    jira.person_comments(&key(&bench, 1), ALLOWED, GOOD)
        .unwrap();
    jira.script(Scripted::once(
        Matcher::call("GET", "/comment"),
        signed(&jira, 403, r#"{"errorMessages":["No."]}"#),
    ));
    let done = sync::run(&bench.context()).await.unwrap();
    assert_eq!(done.polled[DESK].unreadable, 1);
    assert!(done.is_trouble());
    // Read with the next poll, by which the ticket has not changed again.
    assert_eq!(bench.poll().await.accepted, 1);
}

#[tokio::test]
async fn a_record_that_comes_and_goes_gets_three_followers_a_month() {
    let (bench, desk) = desks::servicenow(1, &[]).await;
    bench.sync().await;
    for n in 0..4 {
        fix(&bench, 1);
        bench.sync().await;
        desk.run_close_timer();
        bench.sync().await;
        set_findings(&bench, 1, poamd::domain::finding::FindingStatus::Open);
        change(&bench, 1, |r| {
            r.status = Col(RecordStatus::Open);
            r.closed_at = None;
        });
        let (_, sent) = bench.sync().await;
        assert_eq!(sent.created, u64::from(n < 3), "round {n}");
    }
    assert_eq!(desk.incidents().len(), 4);
    sound(&bench);
}

#[tokio::test]
async fn a_ticket_that_a_person_opens_for_follow_up_stays_open() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    jira.person_moves(&key, STRANGER, "Done").unwrap();
    bench.sync().await;
    fix(&bench, 1);
    let (_, sent) = bench.sync().await;
    assert_eq!((sent.commented, sent.moved), (1, 0), "it is done already");
    jira.person_moves(&key, STRANGER, "To Do").unwrap();
    assert_eq!(bench.sync().await.1.done(), 0);
    assert_eq!(bench.sync().await.1.done(), 0);
    assert_eq!(jira.issue(&key).unwrap().category, "new");
    assert_eq!(record(&bench, 1).status.0, RecordStatus::Closed);
}

#[tokio::test]
async fn effects_written_by_a_clock_that_was_ahead_are_sent() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    let ahead = bench.clock.now() + TimeDelta::days(40);
    poamd::tickets::planner::plan(
        &bench.store,
        &bench.templates,
        &bench.rules,
        ahead,
        "job:sync",
    )
    .unwrap();
    assert_eq!(bench.drain().await.created, 1);
    assert_eq!(jira.issues().len(), 1);
}

#[tokio::test]
async fn a_deleted_command_is_noticed_and_comments_are_read_daily() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    let comment = jira.person_comments(&key, ALLOWED, GOOD).unwrap();
    bench.sync().await;
    bench.sync().await;
    let lists = || {
        let read = bench.history.select(|e| {
            e.kind == "request"
                && e.detail["method"] == "GET"
                && e.detail["path"]
                    .as_str()
                    .unwrap_or_default()
                    .ends_with("/comment")
        });
        read.len()
    };
    let before = lists();
    bench.poll().await;
    assert_eq!(lists(), before, "nothing changed");
    let mut row = ticket(&bench, 1);
    row.comments_read_at = row.comments_read_at.map(|at| at + TimeDelta::hours(-25));
    bench
        .store
        .write_here(|conn| tickets::update(conn, &row))
        .unwrap();
    assert_eq!(bench.poll().await.changed, 0);
    assert!(lists() > before, "a day is over");
    assert_eq!(ticket(&bench, 1).changed_at, row.changed_at);

    jira.person_deletes_comment(&comment, ALLOWED).unwrap();
    bench.sync().await;
    jira.person_comments(&key, STRANGER, "And what now?")
        .unwrap();
    bench.sync().await;
    assert_eq!(events(&bench, "justification.comment-gone"), 1);
    assert_eq!(record(&bench, 1).unjustified_score, 0, "it stands");
    sound(&bench);
}

/// The desk by another object: what is known of it lies in the ledger alone.
#[tokio::test]
async fn a_restart_forgets_neither_site_nor_identity() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    bench.sync().await;
    let again = desks::jira_desk(
        &jira.url,
        &jira.email,
        &jira.token,
        &jira.project,
        desks::SETTLE,
    );
    assert_eq!(bench.poll_as(&(Arc::new(again) as _)).await.void, None);
    let site = bench
        .store
        .read_here(|conn| tickets::pinned_site(conn, DESK));
    assert_eq!(site.unwrap().as_deref(), Some("http://127.0.0.1"));
}
