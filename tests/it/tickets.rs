//! Records and their tickets on the stand-ins of Jira and ServiceNow: made, kept, answered, closed. The judge is what
//! the desk saw.

use std::time::Duration;

use chrono::TimeDelta;
use poamd::delivery::tickets::earliest_retry;
use poamd::domain::finding::FindingStatus;
use poamd::domain::record::RecordStatus;
use poamd::domain::ticket::{Link, OutboxState};
use poamd::store::columns::Col;
use poamd::store::records::RecordRow;
use poamd::store::tickets::TicketRow;
use poamd::store::time::stamp;
use poamd::store::{audit, findings, inbox, justifications, outbox, records, tickets};
use poamd::tickets::expire;
use poamd_contract::clock::Clock;
use poamd_sandbox::faults::{Act, Canned, Class, Matcher, Scripted};
use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::users::{ALLOWED, APP, CUSTOMER, DEACTIVATED, SECOND, STRANGER};
use poamd_sandbox::servicenow::options as sn;

use crate::support::desks::{self, Bench, SETTLE};

pub const GOOD: &str = "/justify The bucket holds the public web site, nothing else.";

pub fn record(bench: &Bench, id: i64) -> RecordRow {
    bench
        .store
        .read_here(|conn| records::find(conn, id))
        .unwrap()
        .unwrap()
}

pub fn ticket(bench: &Bench, record: i64) -> TicketRow {
    bench
        .store
        .read_here(|conn| tickets::of_record(conn, record))
        .unwrap()
        .remove(0)
}

pub fn key(bench: &Bench, record: i64) -> String {
    ticket(bench, record).remote_key.unwrap()
}

/// Changes a record as the planner of records would.
pub fn change(bench: &Bench, id: i64, change: impl FnOnce(&mut RecordRow)) {
    bench
        .store
        .write_here(|conn| {
            let mut row = records::find(conn, id)?.unwrap();
            change(&mut row);
            row.changed_at = stamp(bench.clock.now());
            records::update(conn, &row)
        })
        .unwrap();
}

/// All findings of a record are fixed, and it closes.
pub fn fix(bench: &Bench, id: i64) {
    set_findings(bench, id, FindingStatus::Fixed);
    let now = stamp(bench.clock.now());
    change(bench, id, |r| {
        r.status = Col(RecordStatus::Closed);
        r.closed_at = Some(now);
    });
}

pub fn set_findings(bench: &Bench, id: i64, status: FindingStatus) {
    bench
        .store
        .write_here(|conn| {
            for mut row in findings::of_record(conn, id)? {
                row.status = Col(status);
                findings::update(conn, &row)?;
            }
            Ok(())
        })
        .unwrap();
}

pub fn events(bench: &Bench, kind: &str) -> usize {
    let all = bench
        .store
        .read_here(|conn| audit::list(conn, None, 10_000))
        .unwrap();
    all.iter().filter(|e| e.kind == kind).count()
}

pub fn sound(bench: &Bench) {
    assert_eq!(bench.history.violations(), vec![]);
    assert_eq!(bench.store.read_here(audit::verify).unwrap().broken, None);
}

#[tokio::test]
async fn jira_made_changed_closed_and_opened_again() {
    let (bench, jira) = desks::jira(3, JiraOptions::default(), &[ALLOWED]).await;
    bench.plan();
    let sent = bench.drain().await;
    assert_eq!((sent.created, sent.failed), (3, 0), "{sent:?}");
    let issue = jira.issue(&key(&bench, 1)).unwrap();
    assert!(
        issue.summary.starts_with("[POAM-000001] High: "),
        "{}",
        issue.summary
    );
    assert_eq!(
        issue.marker.as_deref(),
        Some(ticket(&bench, 1).marker_label.as_str())
    );

    // Nothing changed: nothing is written, here or there.
    bench.sync().await;
    let (writes, head) = (bench.writes(), bench.store.read_here(audit::head).unwrap());
    let (_, sent) = bench.sync().await;
    assert_eq!(sent.done(), 0);
    assert_eq!(bench.writes(), writes);
    assert_eq!(bench.store.read_here(audit::head).unwrap(), head);

    change(&bench, 1, |r| r.due = "2026-11-30".parse().ok());
    let (_, sent) = bench.sync().await;
    assert_eq!((sent.updated, sent.done()), (1, 1));
    assert_eq!(
        jira.issue(&key(&bench, 1)).unwrap().fields["duedate"],
        "2026-11-30"
    );
    // And back, which is another update of the same kind.
    change(&bench, 1, |r| r.due = "2026-11-29".parse().ok());
    bench.sync().await;
    change(&bench, 1, |r| r.due = "2026-11-30".parse().ok());
    bench.sync().await;
    assert_eq!(
        jira.issue(&key(&bench, 1)).unwrap().fields["duedate"],
        "2026-11-30"
    );

    fix(&bench, 1);
    let (_, sent) = bench.sync().await;
    assert_eq!((sent.commented, sent.moved), (1, 1));
    let issue = jira.issue(&key(&bench, 1)).unwrap();
    assert_eq!(issue.category, "done");
    assert!(issue.comments[0].text.contains("Closed: POAM-000001"));
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.void, sent.done()), (None, 0));
    assert_eq!(record(&bench, 1).status.0, RecordStatus::Closed);

    set_findings(&bench, 1, FindingStatus::Open);
    change(&bench, 1, |r| {
        r.status = Col(RecordStatus::Open);
        r.closed_at = None;
    });
    let (_, sent) = bench.sync().await;
    assert_eq!((sent.commented, sent.moved), (1, 1));
    assert_eq!(jira.issue(&key(&bench, 1)).unwrap().category, "new");
    assert_eq!(bench.sync().await.1.done(), 0);
    assert_eq!(record(&bench, 1).status.0, RecordStatus::Open);

    // Closed a second time: said and done a second time.
    fix(&bench, 1);
    assert_eq!(bench.sync().await.1.moved, 1);
    assert_eq!(jira.issues().len(), 3);
    sound(&bench);
}

#[tokio::test]
async fn servicenow_made_closed_and_followed_by_another() {
    let (bench, desk) = desks::servicenow(2, &[sn::ALLOWED]).await;
    bench.sync().await;
    assert_eq!(desk.incidents().len(), 2);
    bench.sync().await;
    let writes = bench.writes();
    assert_eq!(bench.sync().await.1.done(), 0);
    assert_eq!(bench.writes(), writes);

    fix(&bench, 1);
    assert_eq!(bench.sync().await.1.moved, 1);
    assert_eq!(desk.incident(&key(&bench, 1)).unwrap()["state"], "6");
    // The instance's timer closes it for good; seen again, it needs a ticket of its own.
    desk.run_close_timer();
    bench.sync().await;
    set_findings(&bench, 1, FindingStatus::Open);
    change(&bench, 1, |r| {
        r.status = Col(RecordStatus::Open);
        r.closed_at = None;
    });
    let (_, sent) = bench.sync().await;
    assert_eq!(sent.created, 1, "{sent:?}");
    let all = bench
        .store
        .read_here(|conn| tickets::of_record(conn, 1))
        .unwrap();
    assert_eq!((all[0].generation, all[1].link.0), (2, Link::Retired));
    assert!(all[0].marker_key.ends_with(":g2"));
    assert_eq!(bench.sync().await.1.done(), 0);
    sound(&bench);
}

#[tokio::test]
async fn a_justification_is_taken_once_with_a_receipt_and_ends() {
    let (bench, jira) = desks::jira(2, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    let before = record(&bench, 1);
    let expires = (bench.clock.now() + TimeDelta::days(60)).date_naive();
    let comment = jira
        .person_comments(
            &key(&bench, 1),
            ALLOWED,
            &format!("{GOOD} expires={expires}"),
        )
        .unwrap();
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.accepted, polled.refused, sent.commented), (1, 0, 1));
    let after = record(&bench, 1);
    assert_eq!(after.unjustified_score, 0);
    assert_eq!(
        RecordRow {
            unjustified_score: before.unjustified_score,
            changed_at: before.changed_at,
            ..after
        },
        before,
        "nothing else moves"
    );
    let kept = bench
        .store
        .read_here(|conn| justifications::of_record(conn, 1))
        .unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].author_id.as_str(), kept[0].comment_id.as_str()),
        (ALLOWED, comment.as_str())
    );
    assert_eq!(
        kept[0].verbatim_sha256,
        audit::sha256_hex(kept[0].verbatim.as_bytes())
    );
    assert!(kept[0].verbatim.contains(GOOD));
    assert_eq!(record(&bench, 2).unjustified_score, 90, "the other record");

    let issue = jira.issue(&key(&bench, 1)).unwrap();
    let receipt = issue.comments.last().unwrap();
    assert_eq!(issue.category, "new", "the ticket stays as it is");
    assert!(
        receipt
            .text
            .contains("Taken: the justification for POAM-000001")
    );
    assert!(receipt.text.contains(&expires.to_string()));
    assert!(receipt.text.contains(&kept[0].verbatim_sha256));
    assert_eq!(receipt.properties["poamd.reply"]["to"], comment.as_str());

    // Read again and again: one receipt.
    bench.sync().await;
    bench.sync().await;
    assert_eq!(jira.issue(&key(&bench, 1)).unwrap().comments.len(), 2);

    // Changed afterwards: the stored text stands, an alarm is raised, people are told once.
    jira.person_edits_comment(
        &comment,
        ALLOWED,
        "/justify Something else entirely, if you please.",
    )
    .unwrap();
    bench.sync().await;
    jira.person_edits_comment(
        &comment,
        STRANGER,
        "/justify And now something else again, really.",
    )
    .unwrap();
    bench.sync().await;
    assert_eq!(events(&bench, "justification.text-differs"), 2);
    assert_eq!(jira.issue(&key(&bench, 1)).unwrap().comments.len(), 3);
    assert_eq!(record(&bench, 1).unjustified_score, 0);

    let last = expires.and_hms_opt(23, 59, 59).unwrap().and_utc();
    assert_eq!(expire(&bench.store, last, "job:sync").unwrap(), 0);
    let end = last + TimeDelta::seconds(1);
    assert_eq!(expire(&bench.store, end, "job:sync").unwrap(), 1);
    assert_eq!(record(&bench, 1).unjustified_score, 90);
    assert_eq!(expire(&bench.store, end, "job:sync").unwrap(), 0);
    assert_eq!(events(&bench, "justification.expired"), 1);
    sound(&bench);
}

#[tokio::test]
async fn who_may_not_justify_changes_nothing_and_is_told_so() {
    let (bench, jira) = desks::jira(
        1,
        JiraOptions::default(),
        &[ALLOWED, DEACTIVATED, APP, CUSTOMER],
    )
    .await;
    bench.sync().await;
    let key = key(&bench, 1);
    let edited = jira.person_comments(&key, ALLOWED, GOOD).unwrap();
    jira.person_edits_comment(&edited, STRANGER, &format!("{GOOD} And the rest."))
        .unwrap();
    for author in [STRANGER, SECOND, APP, CUSTOMER, DEACTIVATED] {
        jira.person_comments(&key, author, GOOD).unwrap();
    }
    // What is quoted, or no command, is nobody's word.
    jira.person_comments(&key, STRANGER, "see /etc/passwd\n/usr/bin is fine")
        .unwrap();
    let before = (record(&bench, 1), jira.issue(&key).unwrap().comments.len());
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.accepted, polled.refused, sent.commented), (0, 6, 6));
    assert_eq!(record(&bench, 1), before.0);
    let issue = jira.issue(&key).unwrap();
    for reply in &issue.comments[before.1..] {
        assert!(reply.text.contains("Not taken"), "{}", reply.text);
        assert!(!reply.text.contains(ALLOWED));
    }
    assert_eq!(
        bench
            .store
            .read_here(|conn| justifications::of_record(conn, 1))
            .unwrap(),
        vec![]
    );
    assert_eq!(events(&bench, "justification.refused"), 6);

    // Three answers a day, then silence.
    for n in 0..4 {
        jira.person_comments(&key, STRANGER, &format!("{GOOD} Again {n}."))
            .unwrap();
    }
    let (_, sent) = bench.sync().await;
    assert_eq!(sent.commented, 2);
    sound(&bench);
}

#[tokio::test]
async fn questions_are_answered_with_facts() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    jira.person_comments(&key, STRANGER, "/status").unwrap();
    jira.person_comments(&key, STRANGER, "poam: help").unwrap();
    jira.person_comments(&key, ALLOWED, "/false-positive the scanner is wrong")
        .unwrap();
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.answered, polled.refused, sent.commented), (2, 1, 3));
    let said: Vec<String> = jira.issue(&key).unwrap().comments[3..]
        .iter()
        .map(|c| c.text.clone())
        .collect();
    assert!(
        said[0].contains("POAM-000001 is open, rated High"),
        "{}",
        said[0]
    );
    assert!(said[1].contains("at least 20 characters"), "{}", said[1]);
    assert!(said[2].contains("not supported"), "{}", said[2]);
    sound(&bench);
}

#[tokio::test]
async fn servicenow_takes_and_refuses_as_well() {
    let (bench, desk) = desks::servicenow(1, &[sn::ALLOWED, sn::DEACTIVATED]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    let text = "poam: justify The host is isolated from every network but its own.";
    desk.person_comments(&key, sn::STRANGER, "work_notes", text)
        .unwrap();
    desk.person_comments(&key, sn::APP, "work_notes", text)
        .unwrap();
    desk.person_comments(&key, sn::DEACTIVATED, "work_notes", text)
        .unwrap();
    desk.person_comments(&key, sn::ALLOWED, "comments", text)
        .unwrap();
    let (polled, sent) = bench.sync().await;
    assert_eq!(
        (polled.accepted, polled.refused, sent.commented),
        (0, 4, 4),
        "{polled:?}"
    );
    assert_eq!(record(&bench, 1).unjustified_score, 90);
    let taken = desk
        .person_comments(&key, sn::ALLOWED, "work_notes", text)
        .unwrap();
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.accepted, polled.refused, sent.commented), (1, 0, 1));
    assert_eq!(record(&bench, 1).unjustified_score, 0);
    let receipt = desk.journal(&key).pop().unwrap();
    assert!(receipt.text.contains("Taken: the justification") && receipt.text.contains(&taken));
    bench.sync().await;
    assert_eq!(bench.sync().await.1.done(), 0);
    sound(&bench);
}

#[tokio::test]
async fn people_move_tickets_and_only_evidence_closes() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    jira.person_moves(&key, STRANGER, "In Progress").unwrap();
    bench.sync().await;
    assert_eq!(record(&bench, 1).status.0, RecordStatus::InProgress);
    jira.person_moves(&key, STRANGER, "Done").unwrap();
    let (_, sent) = bench.sync().await;
    let claimed = record(&bench, 1);
    assert_eq!(
        (claimed.status.0, sent.done()),
        (RecordStatus::PendingVerification, 0)
    );
    assert!(claimed.claimed_at.is_some() && claimed.closed_at.is_none());
    // Seen again: the ticket opens again, once.
    change(&bench, 1, |r| {
        r.status = Col(RecordStatus::Open);
        r.claimed_at = None;
    });
    assert_eq!(bench.sync().await.1.moved, 1);
    assert_eq!(jira.issue(&key).unwrap().category, "new");
    assert_eq!(bench.sync().await.1.done(), 0);
    assert_eq!(record(&bench, 1).status.0, RecordStatus::Open);
    // A person changes the summary: it stays theirs, the rest is still ours.
    jira.person_edits(
        &key,
        STRANGER,
        &serde_json::json!({ "summary": "Ours: public bucket" }),
    )
    .unwrap();
    bench.sync().await;
    change(&bench, 1, |r| {
        r.title = "Bucket is readable by everybody".to_owned();
        r.due = "2026-11-25".parse().ok();
    });
    assert_eq!(bench.sync().await.1.updated, 1);
    let issue = jira.issue(&key).unwrap();
    assert_eq!(
        (issue.summary.as_str(), issue.fields["duedate"].as_str()),
        ("Ours: public bucket", Some("2026-11-25"))
    );
    assert_eq!(bench.sync().await.1.done(), 0);
    sound(&bench);
}

#[tokio::test]
async fn an_unclear_create_is_looked_up_and_adopted() {
    let (bench, jira) = desks::jira(4, JiraOptions::default(), &[]).await;
    // Done, but the answer is lost, unreadable, or late.
    for act in [Act::LoseReply, Act::Garbage, Act::Accepted] {
        jira.script(Scripted::once(Matcher::operation("issue.create"), act));
    }
    jira.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::Answer(Canned::rate_limited("jira-burst-based", 1)),
    ));
    bench.plan();
    let sent = bench.drain().await;
    assert_eq!(
        (sent.created, sent.adopted, sent.failed),
        (1, 3, 0),
        "{sent:?}"
    );
    assert_eq!((jira.issues().len(), jira.duplicates().len()), (4, 0));
    let mut linked: Vec<_> = (1..=4).map(|n| key(&bench, n)).collect();
    linked.sort();
    linked.dedup();
    assert_eq!(linked.len(), 4);
    assert_eq!(events(&bench, "ticket.adopted"), 3);
    sound(&bench);
}

#[tokio::test]
async fn three_unclear_answers_call_a_person_who_can_retry() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    jira.script(Scripted::times(
        Matcher::operation("issue.create"),
        3,
        Act::DropCall,
    ));
    bench.plan();
    let sent = bench.drain().await;
    assert_eq!(
        (sent.unclear, sent.needs_operator, sent.created),
        (2, 1, 0),
        "{sent:?}"
    );
    let stuck = bench
        .store
        .read_here(|conn| outbox::in_state(conn, OutboxState::NeedsOperator))
        .unwrap();
    assert!(
        stuck[0]
            .error
            .as_ref()
            .unwrap()
            .contains("look at the desk")
    );
    assert_eq!(
        bench.sync().await.1.done(),
        0,
        "it is not touched again by itself"
    );
    // Not before the last attempt has settled: what it made may not be found sooner.
    let not_before = earliest_retry(&stuck[0], SETTLE, bench.clock.now());
    assert!(not_before >= stuck[0].settled_at.unwrap().and_utc() + SETTLE);
    assert!(
        bench
            .store
            .write_here(|conn| outbox::retry(conn, stuck[0].id, not_before))
            .unwrap()
    );
    assert_eq!(bench.drain().await.created, 1);
    assert_eq!(jira.issues().len(), 1);
    sound(&bench);
}

#[tokio::test]
async fn a_refused_create_is_said_and_not_repeated() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    // Signed, as every answer to a living credential is.
    let refusal = Canned::status(400)
        .header("X-AAccountId", &jira.own_account)
        .body(r#"{"errorMessages":["The project is archived."]}"#);
    jira.script(Scripted::once(
        Matcher::operation("issue.create"),
        Act::Answer(refusal),
    ));
    bench.plan();
    let sent = bench.drain().await;
    assert_eq!((sent.failed, sent.created), (1, 0));
    assert_eq!(bench.plan(), poamd::tickets::planner::Planned::default());
    assert_eq!(bench.drain().await.done(), 0);
    let failed = bench
        .store
        .read_here(|conn| outbox::in_state(conn, OutboxState::Failed))
        .unwrap();
    assert!(
        failed[0].error.as_ref().unwrap().contains("archived"),
        "{failed:?}"
    );
    assert_eq!(events(&bench, "ticket.failed"), 1);
}

#[tokio::test]
async fn a_lost_reply_to_a_comment_makes_no_second_one() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[ALLOWED]).await;
    bench.sync().await;
    let key = key(&bench, 1);
    jira.person_comments(&key, ALLOWED, GOOD).unwrap();
    jira.script(Scripted::once(
        Matcher::call("POST", "/comment"),
        Act::LoseReply,
    ));
    let (_, sent) = bench.sync().await;
    assert_eq!(
        (sent.unclear, sent.adopted, sent.commented),
        (1, 1, 0),
        "{sent:?}"
    );
    assert_eq!(jira.issue(&key).unwrap().comments.len(), 2);
    sound(&bench);
}

#[tokio::test]
async fn a_dead_credential_voids_the_poll_and_pauses_the_desk() {
    let (bench, jira) = desks::jira(8, JiraOptions::default(), &[]).await;
    bench.sync().await;
    change(&bench, 1, |r| r.due = "2026-11-30".parse().ok());
    jira.revoke_token();
    let (polled, sent) = bench.sync().await;
    assert!(polled.void.is_some(), "{polled:?}");
    assert_eq!((polled.missing, sent.done(), sent.failed), (0, 0, 0));
    assert!(sent.paused.contains_key(desks::DESK), "{sent:?}");
    assert!((1..=8).all(|n| ticket(&bench, n).link.0 == Link::Linked));
    jira.restore_token();
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.void, sent.updated), (None, 1));
}

#[tokio::test]
async fn a_deleted_ticket_is_missing_and_not_made_again() {
    let (bench, jira) = desks::jira(8, JiraOptions::default(), &[]).await;
    bench.sync().await;
    jira.delete(&key(&bench, 3), STRANGER).unwrap();
    let (polled, sent) = bench.sync().await;
    assert_eq!((polled.missing, polled.void, sent.done()), (1, None, 0));
    assert_eq!(ticket(&bench, 3).link.0, Link::Missing);
    assert_eq!(record(&bench, 3).status.0, RecordStatus::Open);
    bench.sync().await;
    assert_eq!(
        (jira.issues().len(), events(&bench, "ticket.missing")),
        (7, 1)
    );
    // Most of them at once is a matter of rights: nothing is concluded.
    for n in [1, 2, 4, 5, 6] {
        jira.delete(&key(&bench, n), STRANGER).unwrap();
    }
    let (polled, _) = bench.sync().await;
    assert!(
        polled.void.as_ref().unwrap().contains("rights"),
        "{polled:?}"
    );
    assert_eq!(ticket(&bench, 4).link.0, Link::Linked);
}

#[tokio::test]
async fn budgets_hold_back_and_the_next_run_goes_on() {
    let (mut bench, jira) = desks::jira(5, JiraOptions::default(), &[]).await;
    bench.rules.creates_per_run = 2;
    let planned = bench.plan();
    assert_eq!((planned.creates, planned.held_back), (2, 3));
    bench.drain().await;
    assert_eq!(bench.plan().creates, 2);
    bench.drain().await;
    assert_eq!(bench.plan().creates, 1);
    bench.drain().await;
    assert_eq!(jira.issues().len(), 5);
}

#[tokio::test]
async fn a_claim_left_by_a_crash_is_looked_up_and_counts_for_nothing() {
    let (bench, jira) = desks::jira(1, JiraOptions::default(), &[]).await;
    bench.plan();
    for n in 0..5 {
        let now = bench.clock.now() + TimeDelta::hours(n);
        let claimed = bench
            .store
            .write_here(|conn| {
                outbox::claim(conn, desks::DESK, "dead", now, TimeDelta::minutes(5), 9)
            })
            .unwrap();
        assert_eq!((claimed.len(), claimed[0].row.unclear), (1, 0));
        // Two at a time never get the same row.
        let again = bench
            .store
            .write_here(|conn| {
                outbox::claim(conn, desks::DESK, "other", now, TimeDelta::minutes(5), 9)
            })
            .unwrap();
        assert_eq!(again, vec![]);
        let dispatcher = desks::dispatcher(&bench.store, bench.desk.clone(), "next");
        assert_eq!(dispatcher.recover(outbox::Dead::Expired).await.unwrap(), 0);
        assert_eq!(dispatcher.recover(outbox::Dead::All).await.unwrap(), 1);
    }
    tokio::time::sleep(SETTLE + Duration::from_millis(20)).await;
    assert_eq!(bench.drain().await.created, 1);
    assert_eq!(jira.issues().len(), 1);
    let counts = bench.store.read_here(inbox::counts).unwrap();
    assert_eq!(counts, vec![]);
}
