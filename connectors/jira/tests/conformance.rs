//! The suite of every desk, and what only Jira does, against the stand-in of Jira Cloud.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poamd_contract::clock::Clock;
use poamd_contract::conformance::{self, Bench, draft};
use poamd_contract::desk::{
    AuthorKind, Block, CommentDraft, Desk, Marker, Text, TicketRef, TicketState, TicketUpdate,
};
use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::health::Verdict;
use poamd_contract::secret::SecretString;
use poamd_jira::{Endpoint, Jira, JiraConfig};
use poamd_sandbox::faults::{Act, Canned, Faults, Matcher, Scripted};
use poamd_sandbox::history::History;
use poamd_sandbox::jira::users::{ALLOWED, APP, CUSTOMER, DEACTIVATED, STRANGER};
use poamd_sandbox::jira::{JiraOptions, JiraStandIn};

/// A clock that moves with every look at it, so that no two changes have the same time.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.fetch_add(250, Ordering::SeqCst)).unwrap()
    }
}

struct JiraBench {
    stand_in: JiraStandIn,
    desk: Arc<Jira>,
}

fn config(stand_in: &JiraStandIn, token: &str) -> JiraConfig {
    let endpoint = Endpoint {
        timeout: Duration::from_secs(10),
        ..Endpoint::new(stand_in.url.parse().unwrap())
    };
    JiraConfig::new(
        endpoint,
        &stand_in.email,
        SecretString::from(token),
        &stand_in.project,
    )
}

async fn bench_with(options: JiraOptions) -> JiraBench {
    let clock = Arc::new(Ticking(AtomicI64::new(1_795_300_000_000)));
    let stand_in = JiraStandIn::start(options, History::new(clock))
        .await
        .unwrap();
    let desk = Arc::new(Jira::new(config(&stand_in, &stand_in.token)).unwrap());
    JiraBench { stand_in, desk }
}

async fn bench() -> JiraBench {
    bench_with(JiraOptions::default()).await
}

#[async_trait]
impl Bench for JiraBench {
    fn desk(&self) -> Arc<dyn Desk> {
        Arc::clone(&self.desk) as Arc<dyn Desk>
    }

    fn dead_desk(&self) -> Arc<dyn Desk> {
        Arc::new(Jira::new(config(&self.stand_in, "expired")).unwrap())
    }

    async fn person_comments(&self, ticket: &TicketRef, text: &str) -> (String, String) {
        (
            self.stand_in
                .person_comments(&ticket.key, ALLOWED, text)
                .unwrap(),
            ALLOWED.to_owned(),
        )
    }

    async fn person_moves(&self, ticket: &TicketRef, to: TicketState) {
        let status = match to {
            TicketState::New => "To Do",
            TicketState::InProgress => "In Progress",
            TicketState::Done | TicketState::Closed => "Done",
        };
        self.stand_in
            .person_moves(&ticket.key, ALLOWED, status)
            .unwrap();
    }

    async fn person_clones(&self, ticket: &TicketRef) -> Option<TicketRef> {
        let key = self.stand_in.clone_issue(&ticket.key, STRANGER).unwrap();
        let copy = self
            .stand_in
            .issues()
            .into_iter()
            .find(|each| each.key == key)
            .unwrap();
        Some(TicketRef {
            id: copy.id,
            key,
            url: String::new(),
        })
    }

    async fn person_deletes(&self, ticket: &TicketRef) {
        self.stand_in.delete(&ticket.key, ALLOWED).unwrap();
    }

    fn lose_next_reply(&self) {
        self.stand_in.script(Scripted::once(
            Matcher::call("POST", "/rest/api/3/issue"),
            Act::LoseReply,
        ));
    }

    fn throttle_next(&self, wait: Duration) {
        let refusal =
            Canned::rate_limited("jira-burst-based", u32::try_from(wait.as_secs()).unwrap());
        self.stand_in
            .script(Scripted::once(Matcher::any(), Act::Answer(refusal)));
    }

    fn freeze_search(&self) {
        self.stand_in.set_faults(Faults {
            index_lag: Duration::from_secs(86_400),
            ..Faults::default()
        });
    }

    fn bearing(&self, marker: &Marker) -> usize {
        self.stand_in
            .issues()
            .iter()
            .filter(|each| each.labels.contains(&marker.label))
            .count()
    }

    fn absent_id(&self) -> String {
        "987654".to_owned()
    }
}

fn assert_contract_kept(stand_in: &JiraStandIn) {
    let broken = stand_in.history.of_kind("jira", "contract.violation");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jira_is_a_desk() {
    holds_for(JiraOptions::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_one_also_where_lists_of_comments_leave_their_properties_out() {
    holds_for(JiraOptions {
        expands_comment_properties: false,
        ..JiraOptions::default()
    })
    .await;
}

async fn holds_for(options: JiraOptions) {
    let benches: Arc<std::sync::Mutex<Vec<Arc<JiraBench>>>> = Arc::default();
    let kept = Arc::clone(&benches);
    let outcome = conformance::all(&move || {
        let (kept, options) = (Arc::clone(&kept), options.clone());
        Box::pin(async move {
            let bench = Arc::new(bench_with(options).await);
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
async fn authors_have_their_kind_and_who_changed_the_words_is_seen() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    for (account, kind, active) in [
        (ALLOWED, AuthorKind::Person, true),
        (APP, AuthorKind::App, true),
        (CUSTOMER, AuthorKind::Customer, true),
        (DEACTIVATED, AuthorKind::Person, false),
    ] {
        let id = bench
            .stand_in
            .person_comments(&made.key, account, "words")
            .unwrap();
        let comments = bench.desk.comments(&made).await.unwrap();
        let author = &comments.iter().find(|each| each.id == id).unwrap().author;
        assert_eq!(
            (author.id.as_str(), author.kind, author.active),
            (account, kind, active)
        );
    }
    let id = bench
        .stand_in
        .person_comments(&made.key, ALLOWED, "/justify mine")
        .unwrap();
    bench
        .stand_in
        .person_edits_comment(&id, STRANGER, "/justify put into my mouth")
        .unwrap();
    let comments = bench.desk.comments(&made).await.unwrap();
    let edited = comments.iter().find(|each| each.id == id).unwrap();
    assert_eq!(edited.updated_by.as_deref(), Some(STRANGER));
    assert!(edited.updated > edited.created);
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_on_the_way_voids_every_answer() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    bench.stand_in.revoke_token();
    let read = bench.desk.read(std::slice::from_ref(&made.id)).await;
    assert_eq!(read.unwrap_err().retry, Retry::Auth);
    assert_eq!(
        bench
            .desk
            .find(&draft(1).marker, Some("POAM-0"))
            .await
            .unwrap_err()
            .retry,
        Retry::Auth
    );
    assert_eq!(
        bench.desk.comments(&made).await.unwrap_err().retry,
        Retry::Auth
    );
    bench.stand_in.restore_token();
    assert_eq!(bench.desk.read(&[made.id]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_the_configured_one_is_refused() {
    let bench = bench().await;
    let mut other = config(&bench.stand_in, &bench.stand_in.token);
    other.account_id = Some(ALLOWED.to_owned());
    let error = Jira::new(other)
        .unwrap()
        .create(&draft(1))
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Auth, "{}", error.what);
    assert!(bench.stand_in.issues().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_issue_is_still_read_by_its_id() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let other = JiraOptions::default().other_projects.remove(0);
    let key = bench
        .stand_in
        .move_issue(&made.key, ALLOWED, &other)
        .unwrap();
    let read = bench.desk.read(&[made.id]).await.unwrap();
    assert_eq!(read[0].ticket.key, key);
    assert!(read[0].ticket.url.ends_with(&format!("/browse/{key}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_issue_is_still_found_by_its_marker() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let other = JiraOptions::default().other_projects.remove(0);
    bench
        .stand_in
        .move_issue(&made.key, ALLOWED, &other)
        .unwrap();
    let found = bench.desk.find(&draft(1).marker, None).await.unwrap();
    assert_eq!(
        found.iter().map(|each| &each.ticket.id).collect::<Vec<_>>(),
        [&made.id]
    );
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_comments_is_read_and_a_deletion_between_two_hides_none() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..205 {
        let text = format!("word {n}");
        ids.push(
            bench
                .stand_in
                .person_comments(&made.key, ALLOWED, &text)
                .unwrap(),
        );
    }
    let read = async || -> Result<Vec<String>, ConnectorError> {
        let comments = bench.desk.comments(&made).await?;
        Ok(comments.into_iter().map(|each| each.id).collect())
    };
    assert_eq!(read().await.unwrap(), ids);
    let gone = ids.remove(3);
    bench
        .stand_in
        .person_deletes_comment_between_pages(&gone, ALLOWED)
        .unwrap();
    assert_eq!(read().await.unwrap_err().retry, Retry::Later(None));
    assert_eq!(read().await.unwrap(), ids);
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_people_in_the_description_survive_our_update() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let field = |name: &str| {
        let issue = bench
            .stand_in
            .issues()
            .into_iter()
            .find(|each| each.id == made.id)
            .unwrap();
        issue.fields[name].clone()
    };
    let mut description = field("description");
    let note = serde_json::json!({"type": "paragraph", "content": [{"type": "text", "text": "my own note"}]});
    description["content"]
        .as_array_mut()
        .unwrap()
        .push(note.clone());
    bench
        .stand_in
        .person_edits(
            &made.key,
            ALLOWED,
            &serde_json::json!({"description": description}),
        )
        .unwrap();
    let change = TicketUpdate {
        description: Some(draft(2).description),
        ..TicketUpdate::default()
    };
    bench.desk.update(&made, &change).await.unwrap();
    assert_eq!(
        field("description")["content"].as_array().unwrap().last(),
        Some(&note)
    );
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_full_of_others_words_is_left_alone_and_the_rest_written() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let full = serde_json::json!({"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": "theirs ".repeat(4_500)}]}
    ]});
    bench
        .stand_in
        .person_edits(
            &made.key,
            ALLOWED,
            &serde_json::json!({"description": full}),
        )
        .unwrap();
    let change = TicketUpdate {
        summary: Some("another summary".to_owned()),
        description: Some(Text {
            blocks: vec![Block::Paragraph {
                text: "ours ".repeat(400),
            }],
        }),
        ..TicketUpdate::default()
    };
    bench.desk.update(&made, &change).await.unwrap();
    let issue = bench.stand_in.issue(&made.key).unwrap();
    assert_eq!(issue.summary, "another summary");
    assert_eq!(issue.fields["description"], full);
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn probing_goes_on_behind_a_window_full_of_others() {
    let bench = bench().await;
    let first = bench.desk.create(&draft(1)).await.unwrap();
    let high = bench.desk.high_water().await.unwrap();
    assert_eq!(high.as_deref(), Some(first.key.as_str()));
    bench.freeze_search();
    for _ in 0..120 {
        bench.stand_in.clone_issue(&first.key, STRANGER).unwrap();
    }
    let late = bench.desk.create(&draft(2)).await.unwrap();
    let found = bench
        .desk
        .find(&draft(2).marker, high.as_deref())
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|each| &each.ticket.id).collect::<Vec<_>>(),
        [&late.id]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_a_failed_check_and_a_clear_error() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    bench.stand_in.deny(&["TRANSITION_ISSUES"]);
    let checks = bench.desk.health().await;
    let bad: Vec<_> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .collect();
    assert!(
        bad.len() == 1 && bad[0].detail.contains("TRANSITION_ISSUES"),
        "{checks:#?}"
    );
    let error = bench
        .desk
        .transition(&made, TicketState::Done, "x")
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(error.what.contains("Transition issues"), "{}", error.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_read_and_answered_where_nothing_may_be_created_any_more() {
    let bench = bench().await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let asked = bench
        .stand_in
        .person_comments(&made.key, ALLOWED, "/justify it")
        .unwrap();
    bench.stand_in.deny(&["CREATE_ISSUES"]);
    let mut renamed = config(&bench.stand_in, &bench.stand_in.token);
    renamed.issue_type = "Weakness".to_owned();
    let restarted = Jira::new(renamed).unwrap();
    assert!(restarted.create(&draft(2)).await.is_err());
    assert_eq!(restarted.comments(&made).await.unwrap()[0].id, asked);
    let answer = CommentDraft {
        body: draft(1).description,
        reply_to: Some(asked),
        key: "k".to_owned(),
    };
    let ours = restarted.comment(&made, &answer).await.unwrap();
    assert_eq!(
        restarted.own_comment_keys(&made).await.unwrap(),
        [("k".to_owned(), ours)]
    );
    assert_contract_kept(&bench.stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_issue_type_names_the_ones_there_are() {
    let bench = bench().await;
    let mut wrong = config(&bench.stand_in, &bench.stand_in.token);
    wrong.issue_type = "Tsak".to_owned();
    let error = Jira::new(wrong)
        .unwrap()
        .create(&draft(1))
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(error.what.contains("Task"), "{}", error.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_service_project_our_words_stay_internal_and_public_ones_are_told_apart() {
    let options = JiraOptions {
        service_desk: true,
        ..JiraOptions::default()
    };
    let bench = bench_with(options).await;
    let made = bench.desk.create(&draft(1)).await.unwrap();
    let answer = CommentDraft {
        body: draft(1).description,
        reply_to: None,
        key: "k".to_owned(),
    };
    let ours = bench.desk.comment(&made, &answer).await.unwrap();
    let public = bench
        .stand_in
        .person_comments(&made.key, CUSTOMER, "/justify from outside")
        .unwrap();
    let comments = bench.desk.comments(&made).await.unwrap();
    let internal = |id: &str| comments.iter().find(|each| each.id == id).unwrap().internal;
    assert!(internal(&ours) && !internal(&public));
    assert_contract_kept(&bench.stand_in);
}
