//! Moves: listed per issue, with their screens; nothing without permission.

use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::workflow::Workflow;
use serde_json::{Value, json};

use crate::common::{JiraTest, MARKER, jira};

async fn moves(t: &JiraTest, key: &str) -> Vec<(String, String)> {
    let got = t
        .client
        .get(&format!("/rest/api/3/issue/{key}/transitions"))
        .await
        .body;
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    got["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (text(&m["id"]), text(&m["to"]["statusCategory"]["key"])))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn done_asks_for_a_resolution() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    assert_eq!(
        moves(&t, &key).await,
        pairs(&[("21", "indeterminate"), ("31", "done")])
    );
    let path = format!("/rest/api/3/issue/{key}/transitions");
    let listed = t
        .client
        .get(&format!("{path}?expand=transitions.fields&transitionId=31"))
        .await
        .body;
    assert_eq!(
        listed["transitions"][0]["fields"]["resolution"]["required"],
        true
    );
    let bare = t
        .client
        .post(&path, json!({ "transition": { "id": "31" } }))
        .await;
    assert_eq!(
        (bare.status, bare.body["errors"]["resolution"].as_str()),
        (400, Some("Resolution is required."))
    );
    let off_screen =
        json!({ "transition": { "id": "21" }, "fields": { "resolution": { "name": "Done" } } });
    assert_eq!(
        t.client.post(&path, off_screen).await.status,
        400,
        "a resolution where the screen has none"
    );
    let unknown =
        json!({ "transition": { "id": "31" }, "fields": { "resolution": { "name": "Finished" } } });
    assert_eq!(t.client.post(&path, unknown).await.status, 400);
    let done =
        json!({ "transition": { "id": "31" }, "fields": { "resolution": { "name": "Done" } } });
    assert_eq!(t.client.post(&path, done.clone()).await.status, 204);
    assert_eq!(t.jira.issue(&key).unwrap().category, "done");
    assert_eq!(
        t.client.post(&path, done).await.status,
        400,
        "not open from Done"
    );
    assert_eq!(
        t.client
            .post(&path, json!({ "transition": { "id": "41" } }))
            .await
            .status,
        204
    );
    assert!(
        !t.jira
            .issue(&key)
            .unwrap()
            .fields
            .contains_key("resolution")
    );
}

#[tokio::test]
async fn a_reopened_issue_may_keep_its_resolution() {
    let mut workflow = Workflow::simple();
    workflow.reopening_clears_resolution = false;
    let t = jira(JiraOptions {
        workflow,
        ..JiraOptions::default()
    })
    .await;
    let key = t.create(MARKER).await;
    t.jira.person_moves(&key, "anyone", "Done").unwrap();
    t.jira.person_moves(&key, "anyone", "To Do").unwrap();
    let got = t.client.get(&format!("/rest/api/3/issue/{key}")).await.body;
    assert_eq!(got["fields"]["resolution"]["name"], "Done");
    assert_eq!(got["fields"]["status"]["statusCategory"]["key"], "new");
}

#[tokio::test]
async fn a_chain_has_to_be_walked() {
    let t = jira(JiraOptions {
        workflow: Workflow::chained(),
        ..JiraOptions::default()
    })
    .await;
    let key = t.create(MARKER).await;
    assert_eq!(moves(&t, &key).await, pairs(&[("211", "indeterminate")]));
    assert_eq!(
        t.jira
            .person_moves(&key, "anyone", "Done")
            .unwrap_err()
            .status,
        409
    );
    let path = format!("/rest/api/3/issue/{key}/transitions");
    assert_eq!(
        t.client
            .post(&path, json!({ "transition": { "id": "211" } }))
            .await
            .status,
        204
    );
    assert_eq!(moves(&t, &key).await, pairs(&[("221", "done")]));
}

#[tokio::test]
async fn no_permission_is_an_empty_list() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    t.jira.deny(&["TRANSITION_ISSUES"]);
    assert!(moves(&t, &key).await.is_empty());
    let path = format!("/rest/api/3/issue/{key}/transitions");
    assert_eq!(
        t.client
            .post(&path, json!({ "transition": { "id": "21" } }))
            .await
            .status,
        400
    );
    assert_eq!(t.jira.issue(&key).unwrap().category, "new");
}

#[tokio::test]
async fn a_validator_refuses_in_free_text() {
    let mut workflow = Workflow::simple();
    workflow.moves[1].validator = Some("Please name a fix version.".to_owned());
    let t = jira(JiraOptions {
        workflow,
        ..JiraOptions::default()
    })
    .await;
    let key = t.create(MARKER).await;
    let got = t
        .client
        .post(
            &format!("/rest/api/3/issue/{key}/transitions"),
            json!({ "transition": { "id": "21" } }),
        )
        .await;
    assert_eq!(
        (got.status, &got.body["errorMessages"][0]),
        (400, &json!("Please name a fix version."))
    );
}

#[tokio::test]
async fn a_comment_comes_with_a_move_or_nothing_does() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let path = format!("/rest/api/3/issue/{key}/transitions");
    let with = |body: Value| json!({ "transition": { "id": "21" }, "update": { "comment": [{ "add": { "body": body } }] } });
    assert_eq!(t.client.post(&path, with(json!("plain"))).await.status, 400);
    assert_eq!(t.jira.issue(&key).unwrap().category, "new");
    assert_eq!(
        t.client
            .post(&path, with(crate::common::adf("Begun.")))
            .await
            .status,
        204
    );
    let issue = t.jira.issue(&key).unwrap();
    assert_eq!(
        (issue.category.as_str(), issue.comments[0].text.as_str()),
        ("indeterminate", "Begun.")
    );
}
