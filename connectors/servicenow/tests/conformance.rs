//! The suite of every desk, and what only ServiceNow does, against the stand-in of an instance.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poamd_contract::clock::Clock;
use poamd_contract::conformance::{self, Bench, draft};
use poamd_contract::desk::{
    AuthorKind, Block, Desk, Marker, Text, TicketRef, TicketState, TicketUpdate,
};
use poamd_contract::error::Retry;
use poamd_contract::health::Verdict;
use poamd_contract::secret::SecretString;
use poamd_sandbox::faults::{Act, Canned, Class, Faults, Matcher, Scripted};
use poamd_sandbox::history::History;
use poamd_sandbox::servicenow::options::{ALLOWED, APP, DEACTIVATED, GUEST, Rule, STRANGER};
use poamd_sandbox::servicenow::{ServiceNowOptions, ServiceNowStandIn};
use poamd_servicenow::{Endpoint, ServiceNow, ServiceNowConfig};

/// A clock that moves with every look at it, so that no two changes have the same time.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.fetch_add(1_000, Ordering::SeqCst)).unwrap()
    }
}

struct NowBench {
    stand_in: ServiceNowStandIn,
    desk: Arc<ServiceNow>,
}

fn config(stand_in: &ServiceNowStandIn, password: &str) -> ServiceNowConfig {
    let url = stand_in.url.parse().unwrap();
    let endpoint = Endpoint {
        timeout: Duration::from_secs(10),
        ..Endpoint::new(url)
    };
    ServiceNowConfig::new(endpoint, &stand_in.user_name, SecretString::from(password))
}

async fn bench_with(options: ServiceNowOptions) -> NowBench {
    let clock = Arc::new(Ticking(AtomicI64::new(1_795_300_000_000)));
    let stand_in = ServiceNowStandIn::start(options, History::new(clock))
        .await
        .unwrap();
    let desk = Arc::new(ServiceNow::new(config(&stand_in, &stand_in.password)).unwrap());
    NowBench { stand_in, desk }
}

async fn bench() -> NowBench {
    bench_with(ServiceNowOptions::default()).await
}

#[async_trait]
impl Bench for NowBench {
    fn desk(&self) -> Arc<dyn Desk> {
        Arc::clone(&self.desk) as Arc<dyn Desk>
    }

    fn dead_desk(&self) -> Arc<dyn Desk> {
        Arc::new(ServiceNow::new(config(&self.stand_in, "expired")).unwrap())
    }

    async fn person_comments(&self, ticket: &TicketRef, text: &str) -> (String, String) {
        let id = self
            .stand_in
            .person_comments(&ticket.key, ALLOWED, "work_notes", text)
            .unwrap();
        (id, self.stand_in.user(ALLOWED).unwrap()["sys_id"].clone())
    }

    async fn person_moves(&self, ticket: &TicketRef, to: TicketState) {
        let state = match to {
            TicketState::New => "1",
            TicketState::InProgress => "2",
            TicketState::Done => "6",
            TicketState::Closed => "7",
        };
        self.stand_in
            .person_moves(&ticket.key, ALLOWED, state)
            .unwrap();
    }

    /// A copy carries the correlation id, which is the proof itself: two hits are the caller's to report.
    async fn person_clones(&self, _ticket: &TicketRef) -> Option<TicketRef> {
        None
    }

    async fn person_deletes(&self, ticket: &TicketRef) {
        self.stand_in.delete(&ticket.key, ALLOWED).unwrap();
    }

    fn lose_next_reply(&self) {
        for class in [Class::Create, Class::Write] {
            let when = Matcher {
                path: Some("/table/incident".to_owned()),
                ..Matcher::class(class)
            };
            self.stand_in.script(Scripted::once(when, Act::LoseReply));
        }
    }

    fn throttle_next(&self, wait: Duration) {
        let refusal = Canned::status(429).header("Retry-After", &wait.as_secs().to_string());
        self.stand_in
            .script(Scripted::once(Matcher::any(), Act::Answer(refusal)));
    }

    fn freeze_search(&self) {}

    fn bearing(&self, marker: &Marker) -> usize {
        let rows = self.stand_in.incidents();
        rows.iter()
            .filter(|row| row.get("correlation_id") == Some(&marker.key))
            .count()
    }

    fn absent_id(&self) -> String {
        "0123456789abcdef".repeat(2)
    }
}

fn assert_contract_kept(stand_in: &ServiceNowStandIn) {
    let broken = stand_in.history.of_kind("servicenow", "contract.violation");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servicenow_is_a_desk() {
    let benches: Arc<std::sync::Mutex<Vec<Arc<NowBench>>>> = Arc::default();
    let kept = Arc::clone(&benches);
    let outcome = conformance::all(&move || {
        let kept = Arc::clone(&kept);
        Box::pin(async move {
            let bench = Arc::new(bench().await);
            kept.lock().unwrap().push(Arc::clone(&bench));
            bench as Arc<dyn Bench>
        })
    })
    .await;
    if let Err(why) = outcome {
        panic!("{why}");
    }
    for bench in benches.lock().unwrap().iter() {
        assert_contract_kept(&bench.stand_in);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_with_one_correlation_are_both_shown() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    bench.stand_in.copy_incident(&made.key, STRANGER).unwrap();
    assert_eq!(
        bench.desk.find(&draft(1).marker, None).await.unwrap().len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_have_their_kind_and_only_work_notes_are_internal() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    for (login, kind, active) in [
        (ALLOWED, AuthorKind::Person, true),
        (APP, AuthorKind::App, true),
        (GUEST, AuthorKind::Unknown, true),
        (DEACTIVATED, AuthorKind::Person, false),
    ] {
        let id = bench
            .stand_in
            .person_comments(&made.key, login, "comments", "words")
            .unwrap();
        let comments = bench.desk.comments(&made).await.unwrap();
        let comment = comments.iter().find(|each| each.id == id).unwrap();
        assert_eq!(
            (comment.author.kind, comment.author.active),
            (kind, active),
            "{login}"
        );
        assert_eq!(
            comment.author.id,
            bench.stand_in.user(login).unwrap()["sys_id"]
        );
        assert!(!comment.internal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_journal_is_an_error_and_not_silence() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    assert_eq!(bench.desk.comments(&made).await.unwrap(), []);
    bench
        .stand_in
        .person_comments(&made.key, ALLOWED, "work_notes", "/justify it")
        .unwrap();
    bench.stand_in.journal_readable(false);
    let error = bench.desk.comments(&made).await.unwrap_err();
    assert!(error.what.contains("audit_viewer"), "{}", error.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_hidden_in_part_is_an_error_too() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    for (element, text) in [("comments", "any news?"), ("work_notes", "/justify it")] {
        bench
            .stand_in
            .person_comments(&made.key, ALLOWED, element, text)
            .unwrap();
    }
    assert_eq!(bench.desk.comments(&made).await.unwrap().len(), 2);
    bench.stand_in.work_notes_readable(false);
    for error in [
        bench.desk.comments(&made).await.unwrap_err(),
        bench.desk.own_comment_keys(&made).await.unwrap_err(),
    ] {
        assert_eq!(error.retry, Retry::Never);
        assert!(error.what.contains("audit_viewer"), "{}", error.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_bears_the_key_but_is_hidden_is_not_taken_for_absent() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    bench.stand_in.set_faults(Faults {
        hidden_after_paging: vec![made.id.clone()],
        ..Faults::default()
    });
    let error = bench.desk.find(&draft(1).marker, None).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(error.what.contains("read access"), "{}", error.what);
    assert_eq!(bench.desk.read(&[made.id]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_202_is_no_success() {
    for (act, made) in [(Act::Accepted, 1), (Act::AcceptedAndLost, 0)] {
        let bench = bench().await;
        bench
            .stand_in
            .script(Scripted::once(Matcher::class(Class::Create), act));
        assert_eq!(
            bench.desk.create(&draft(1)).await.unwrap_err().retry,
            Retry::Unclear
        );
        assert_eq!(
            bench.desk.find(&draft(1).marker, None).await.unwrap().len(),
            made
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_record_is_said_to_be_closed() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    bench
        .stand_in
        .person_moves(&made.key, ALLOWED, "6")
        .unwrap();
    bench.stand_in.run_close_timer();
    assert_eq!(
        bench
            .desk
            .read(std::slice::from_ref(&made.id))
            .await
            .unwrap()[0]
            .state,
        TicketState::Closed
    );
    let error = bench
        .desk
        .transition(&made, TicketState::InProgress, "Seen again.")
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(error.what.contains("closed"), "{}", error.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_dropped_in_silence_do_not_stop_a_create() {
    let bench = bench().await;
    let dropped = Faults {
        silently_dropped: vec!["urgency".to_owned()],
        ..Faults::default()
    };
    bench.stand_in.set_faults(dropped);
    bench.desk.create(&draft(1)).await.unwrap();
    assert_eq!(
        bench.desk.find(&draft(1).marker, None).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_dropped_in_silence_stops_every_further_create() {
    let rewritten = Rule::OnInsert {
        field: "correlation_id".to_owned(),
        value: "theirs".to_owned(),
    };
    for (dropped, rules) in [
        (vec!["correlation_id".to_owned()], vec![]),
        (vec![], vec![rewritten]),
    ] {
        let bench = bench_with(ServiceNowOptions {
            rules,
            faults: Faults {
                silently_dropped: dropped,
                ..Faults::default()
            },
            ..Default::default()
        })
        .await;
        // It stands there, and its id is all that finds it again.
        let made = bench.desk.create(&draft(1)).await.unwrap();
        assert_eq!(bench.desk.read(&[made.id]).await.unwrap().len(), 1);
        for n in [1, 2] {
            let error = bench.desk.create(&draft(n)).await.unwrap_err();
            assert_eq!(error.retry, Retry::Never);
            assert!(error.what.contains("correlation_id"), "{}", error.what);
        }
        assert_eq!(bench.stand_in.incidents().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_is_hidden_or_full_of_others_words_is_left_alone() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let stored = |field: &str| bench.stand_in.incident(&made.key).unwrap()[field].clone();
    let set = |description: String| {
        let fields = serde_json::json!({"description": description});
        bench
            .stand_in
            .person_sets(&made.key, ALLOWED, &fields)
            .unwrap();
    };
    let change = |n: u32| TicketUpdate {
        summary: Some(format!("summary {n}")),
        description: Some(Text {
            blocks: vec![Block::Paragraph {
                text: "ours ".repeat(100),
            }],
        }),
        ..TicketUpdate::default()
    };
    let full = format!("{}\n{}", stored("description"), "theirs ".repeat(540));
    set(full.clone());
    bench.desk.update(&made, &change(1)).await.unwrap();
    assert_eq!(
        (stored("description"), stored("short_description")),
        (full, "summary 1".to_owned())
    );
    set("my own words".to_owned());
    bench.stand_in.hide_fields(&["description"]);
    bench.desk.update(&made, &change(2)).await.unwrap();
    assert_eq!(
        (stored("description"), stored("short_description")),
        ("my own words".to_owned(), "summary 2".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_people_in_the_description_survive_our_update() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let description = || bench.stand_in.incident(&made.key).unwrap()["description"].clone();
    let edited = format!("{}\nmy own note", description());
    bench
        .stand_in
        .person_sets(
            &made.key,
            ALLOWED,
            &serde_json::json!({"description": edited}),
        )
        .unwrap();
    let change = TicketUpdate {
        description: Some(draft(2).description),
        ..TicketUpdate::default()
    };
    bench.desk.update(&made, &change).await.unwrap();
    assert!(
        description().ends_with("\nmy own note"),
        "{}",
        description()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_close_code_is_a_failed_check_that_names_the_choices() {
    let bench = bench_with(ServiceNowOptions {
        close_codes: vec!["Solved (Permanently)".to_owned()],
        ..Default::default()
    })
    .await;
    let checks = bench.desk.health().await;
    let bad: Vec<_> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .collect();
    assert!(
        bad.len() == 1 && bad[0].detail.contains("Solved (Permanently)"),
        "{checks:#?}"
    );
}
