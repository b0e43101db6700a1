//! Search: bounded queries, a lagging index, pages by token, dates by the minute.

use std::time::Duration;

use chrono::TimeDelta;
use poamd_sandbox::faults::Faults;
use poamd_sandbox::jira::JiraOptions;
use serde_json::{Value, json};

use crate::common::{JiraTest, MARKER, jira};

async fn keys(t: &JiraTest, jql: &str) -> Vec<String> {
    let got = t
        .client
        .post(
            "/rest/api/3/search/jql",
            json!({ "jql": jql, "fields": ["summary"] }),
        )
        .await;
    assert_eq!(got.status, 200, "{jql}: {}", got.body);
    got.body["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["key"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_index_lags_and_an_id_can_be_reconciled() {
    let faults = Faults {
        index_lag: Duration::from_secs(60),
        ..Faults::default()
    };
    let t = jira(JiraOptions {
        faults,
        ..JiraOptions::default()
    })
    .await;
    let key = t.create(MARKER).await;
    let jql = format!("project = POAM AND labels = {MARKER}");
    assert!(keys(&t, &jql).await.is_empty(), "not yet in the index");
    let id: u64 = t.jira.issue(&key).unwrap().id.parse().unwrap();
    let body = json!({ "jql": jql, "reconcileIssues": [id] });
    let got = t.client.post("/rest/api/3/search/jql", body).await.body;
    assert_eq!(
        got["issues"],
        json!([{ "id": id.to_string() }]),
        "ids only by default"
    );
    t.clock.advance(TimeDelta::seconds(60));
    assert_eq!(keys(&t, &jql).await, [key.as_str()]);
    t.jira
        .person_labels(&key, "anyone", &[], &[MARKER])
        .unwrap();
    assert_eq!(
        keys(&t, &jql).await,
        [key.as_str()],
        "a removed label is still found"
    );
    t.clock.advance(TimeDelta::seconds(60));
    assert!(keys(&t, &jql).await.is_empty());
    assert_eq!(
        t.client
            .get(&format!("/rest/api/3/issue/{key}"))
            .await
            .status,
        200,
        "reading by id never lags"
    );
}

#[tokio::test]
async fn clauses_select_and_order() {
    let t = jira(JiraOptions::default()).await;
    let mut made = vec![];
    for i in 0..4 {
        made.push(t.create(&format!("poamd-{i:016}")).await);
        t.clock.advance(TimeDelta::minutes(10));
    }
    t.jira
        .person_moves(&made[1], "anyone", "In Progress")
        .unwrap();
    let all = |order: &str| format!("project = POAM ORDER BY {order}");
    assert_eq!(keys(&t, &all("created ASC")).await, made);
    assert_eq!(
        keys(&t, &all("key DESC")).await,
        made.iter().rev().cloned().collect::<Vec<_>>()
    );
    for (jql, wanted) in [
        (
            "project = POAM AND labels in (poamd-0000000000000000, \"poamd-0000000000000002\") ORDER BY key",
            vec![0, 2],
        ),
        (
            "project = POAM AND key > POAM-2 ORDER BY key ASC",
            vec![2, 3],
        ),
        ("key in (POAM-1, POAM-4) order by key", vec![0, 3]),
        ("project = POAM AND NOT status = \"To Do\"", vec![1]),
        ("project = POAM AND statusCategory = indeterminate", vec![1]),
        (
            "project = POAM AND (labels = poamd-0000000000000000 OR status = 3) ORDER BY id",
            vec![0, 1],
        ),
        (
            "labels = poamd AND created >= -25m ORDER BY key",
            vec![2, 3],
        ),
        (
            "labels = poamd AND created >= \"2026-11-22 05:20\" AND created < '2026/11/22 05:30' ORDER BY key",
            vec![2],
        ),
        (
            "labels = poamd AND updated >= 1795325167000 AND resolution IS EMPTY AND key = POAM-3",
            vec![2],
        ),
        (
            "project = POAM AND summary ~ \"ssh world\" AND key = POAM-1",
            vec![0],
        ),
        ("labels IS EMPTY", vec![]),
    ] {
        let wanted: Vec<String> = wanted.into_iter().map(|i: usize| made[i].clone()).collect();
        assert_eq!(keys(&t, jql).await, wanted, "{jql}");
    }
}

#[tokio::test]
async fn dates_are_wall_clock_of_the_account_by_the_minute() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let mut own = t.jira.user(&t.jira.own_account).unwrap();
    own.zone = chrono_tz::America::New_York;
    t.jira.put_user(own);
    assert_eq!(
        keys(&t, "project = POAM AND created >= \"2026-11-22 00:06\"").await,
        [key]
    );
    assert!(
        keys(&t, "project = POAM AND created >= \"2026-11-22 00:07\"")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_not_jql_is_refused() {
    let t = jira(JiraOptions::default()).await;
    for jql in [
        "",
        "ORDER BY created DESC",
        "project = NOWHERE",
        "nonsense = 1",
        "project = POAM AND",
        "project POAM",
        "project = POAM AND key = POAM-99",
        "project = POAM AND created >= yesterday",
        "project > POAM",
        "labels ~ poamd",
        "project = POAM ORDER BY nonsense",
        "assignee = currentUser()",
        "project = \"POAM",
        "project in (POAM",
        "(project = POAM",
    ] {
        let got = t
            .client
            .post("/rest/api/3/search/jql", json!({ "jql": jql }))
            .await;
        assert_eq!(got.status, 400, "{jql}");
        assert!(
            got.body["errorMessages"][0].is_string(),
            "{jql}: {}",
            got.body
        );
    }
    let body = json!({ "jql": "project = POAM", "properties": ["a", "b", "c", "d", "e", "f"] });
    assert_eq!(
        t.client.post("/rest/api/3/search/jql", body).await.status,
        400
    );
    assert_eq!(
        t.client
            .get("/rest/api/3/search?jql=project%20%3D%20POAM")
            .await
            .status,
        410,
        "the old search is gone"
    );
}

#[tokio::test]
async fn pages_go_on_by_token_bound_to_their_query() {
    let t = jira(JiraOptions::default()).await;
    for i in 0..5 {
        t.create(&format!("poamd-{i:016}")).await;
    }
    let mut seen = vec![];
    let mut token: Option<String> = None;
    loop {
        let mut path = "/rest/api/3/search/jql?jql=project%20%3D%20POAM%20ORDER%20BY%20key&maxResults=2&fields=labels,summary".to_owned();
        if let Some(token) = &token {
            path.push_str(&format!("&nextPageToken={token}"));
        }
        let got = t.client.get(&path).await.body;
        seen.extend(
            got["issues"]
                .as_array()
                .unwrap()
                .iter()
                .map(|i| i["key"].clone()),
        );
        assert!(got.get("total").is_none());
        match got["nextPageToken"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => break assert_eq!(got["isLast"], true),
        }
    }
    assert_eq!(
        Value::from(seen),
        json!(["POAM-1", "POAM-2", "POAM-3", "POAM-4", "POAM-5"])
    );
    let other = json!({ "jql": "labels = poamd", "nextPageToken": token });
    assert_eq!(
        t.client.post("/rest/api/3/search/jql", other).await.status,
        400
    );
    let count = t
        .client
        .post(
            "/rest/api/3/search/approximate-count",
            json!({ "jql": "labels = poamd" }),
        )
        .await;
    assert_eq!(count.body, json!({ "count": 5 }));
}
