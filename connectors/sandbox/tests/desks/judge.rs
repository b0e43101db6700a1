//! The judge bites: a client in the naive order makes duplicates here, a patient one does not.

use std::time::Duration;

use chrono::TimeDelta;
use poamd_sandbox::faults::Faults;
use poamd_sandbox::jira::JiraOptions;
use serde_json::json;

use crate::common::{JiraTest, draft, jira};

const TICKETS: usize = 60;
const LAG: Duration = Duration::from_secs(60);

async fn stand_in() -> JiraTest {
    let faults = Faults {
        seed: 11,
        lost_reply: 0.2,
        index_lag: LAG,
        ..Faults::default()
    };
    jira(JiraOptions {
        faults,
        ..JiraOptions::default()
    })
    .await
}

async fn found(t: &JiraTest, marker: &str) -> bool {
    let got = t
        .client
        .post(
            "/rest/api/3/search/jql",
            json!({ "jql": format!("labels = {marker}") }),
        )
        .await;
    !got.body["issues"].as_array().unwrap().is_empty()
}

/// Creates until an answer comes; before each repetition waits `patience` and looks.
async fn file(t: &JiraTest, marker: &str, patience: TimeDelta) {
    let body = draft(marker);
    while t
        .client
        .try_send("POST", "/rest/api/3/issue", Some(&body))
        .await
        .is_err()
    {
        t.clock.advance(patience);
        if found(t, marker).await {
            return;
        }
    }
}

#[tokio::test]
async fn looking_without_waiting_makes_duplicates() {
    let t = stand_in().await;
    for i in 0..TICKETS {
        file(&t, &format!("poamd-{i:016}"), TimeDelta::seconds(1)).await;
    }
    let lost = t.jira.faults.tallies()["lose-reply"].happened;
    assert!(
        lost > 0 && !t.jira.duplicates().is_empty(),
        "{lost} replies lost"
    );
}

#[tokio::test]
async fn waiting_out_the_index_makes_none() {
    let t = stand_in().await;
    for i in 0..TICKETS {
        file(
            &t,
            &format!("poamd-{i:016}"),
            TimeDelta::from_std(LAG).unwrap(),
        )
        .await;
    }
    let lost = t.jira.faults.tallies()["lose-reply"].happened;
    assert!(lost > 0, "nothing was tried");
    assert_eq!(
        (t.jira.duplicates().len(), t.jira.issues().len()),
        (0, TICKETS)
    );
    assert_eq!(t.jira.history.violations(), []);
}
