//! What people do to issues: clone, move, delete, edit; and groups.

use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::users::{ALLOWED, APPROVERS, DEACTIVATED, STRANGER};
use serde_json::json;

use crate::common::{MARKER, jira};

#[tokio::test]
async fn a_clone_copies_labels_and_no_properties() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let clone = t.jira.clone_issue(&key, STRANGER).unwrap();
    let (original, clone) = (t.jira.issue(&key).unwrap(), t.jira.issue(&clone).unwrap());
    assert_eq!(original.labels, clone.labels);
    assert_eq!((original.properties.len(), clone.properties.len()), (1, 0));
    let jql = json!({ "jql": format!("labels = {MARKER}") });
    let hits = t.client.post("/rest/api/3/search/jql", jql).await.body;
    assert_eq!(hits["issues"].as_array().unwrap().len(), 2);
    assert!(
        t.jira.duplicates().is_empty(),
        "a clone is not our duplicate"
    );
}

#[tokio::test]
async fn a_move_changes_the_key_and_not_the_id() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let id = t.jira.issue(&key).unwrap().id;
    let moved = t.jira.move_issue(&key, ALLOWED, "OPS").unwrap();
    let by_old = t.client.get(&format!("/rest/api/3/issue/{key}")).await.body;
    assert_eq!((&by_old["key"], &by_old["id"]), (&json!(moved), &json!(id)));
    let jql = json!({ "jql": format!("project = POAM AND labels = {MARKER}") });
    assert_eq!(
        t.client.post("/rest/api/3/search/jql", jql).await.body["issues"],
        json!([])
    );
    assert_eq!(
        t.create("poamd-3333333333333333").await,
        "POAM-2",
        "keys are not used again"
    );
}

#[tokio::test]
async fn what_people_do_is_on_record() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    t.jira
        .person_edits(&key, STRANGER, &json!({ "summary": "My words" }))
        .unwrap();
    assert!(
        t.jira
            .person_edits(&key, STRANGER, &json!({ "nonsense": 1 }))
            .is_err()
    );
    t.jira.delete(&key, STRANGER).unwrap();
    assert_eq!(
        t.client
            .get(&format!("/rest/api/3/issue/{key}"))
            .await
            .status,
        404
    );
    let kinds: Vec<_> = t
        .jira
        .history
        .select(|e| e.kind.starts_with("issue."))
        .into_iter()
        .map(|e| (e.kind, e.actor.unwrap()))
        .collect();
    let own = t.jira.own_account.clone();
    let wanted = [
        ("issue.created", own.as_str()),
        ("issue.edited", STRANGER),
        ("issue.deleted", STRANGER),
    ];
    assert_eq!(kinds, wanted.map(|(k, a)| (k.to_owned(), a.to_owned())));
}

#[tokio::test]
async fn groups_tell_their_members_or_refuse() {
    let t = jira(JiraOptions::default()).await;
    let got = t
        .client
        .get(&format!("/rest/api/3/user/groups?accountId={ALLOWED}"))
        .await
        .body;
    assert!(
        got.as_array()
            .unwrap()
            .iter()
            .any(|g| g["name"] == APPROVERS)
    );
    let members = t
        .client
        .get(&format!("/rest/api/3/group/member?groupname={APPROVERS}"))
        .await
        .body;
    let ids: Vec<_> = members["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["accountId"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&ALLOWED) && !ids.contains(&DEACTIVATED) && !ids.contains(&STRANGER));
    t.jira.hide_groups(true);
    assert_eq!(
        t.client
            .get(&format!("/rest/api/3/user/groups?accountId={ALLOWED}"))
            .await
            .status,
        403
    );
}
