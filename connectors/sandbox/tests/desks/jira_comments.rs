//! Comments: authors, edits by others, restrictions, internal ones, properties, pages.

use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::users::{ALLOWED, APP, APPROVERS, CUSTOMER, DEACTIVATED, STRANGER, User};
use serde_json::json;

use crate::common::{MARKER, adf, jira};

#[tokio::test]
async fn authors_are_told_by_account() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    for account in [ALLOWED, STRANGER, APP, CUSTOMER, DEACTIVATED] {
        t.jira
            .person_comments(&key, account, "/justify because of reasons")
            .unwrap();
    }
    let got = t
        .client
        .get(&format!("/rest/api/3/issue/{key}/comment"))
        .await
        .body;
    let told: Vec<_> = got["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            (
                c["author"]["accountId"].as_str().unwrap(),
                c["author"]["accountType"].as_str().unwrap(),
                c["author"]["active"] == true,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (ALLOWED, "atlassian", true),
            (STRANGER, "atlassian", true),
            (APP, "app", true),
            (CUSTOMER, "customer", true),
            (DEACTIVATED, "atlassian", false),
        ]
    );
}

#[tokio::test]
async fn an_edit_by_another_leaves_the_victim_as_author() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let id = t.jira.person_comments(&key, ALLOWED, "nothing").unwrap();
    t.clock.advance(chrono::TimeDelta::minutes(5));
    t.jira
        .person_edits_comment(&id, STRANGER, "/justify now it says this")
        .unwrap();
    let got = t
        .client
        .get(&format!("/rest/api/3/issue/{key}/comment/{id}"))
        .await
        .body;
    assert_eq!(got["author"]["accountId"], ALLOWED);
    assert_eq!(got["updateAuthor"]["accountId"], STRANGER);
    assert_eq!(
        (&got["created"], &got["updated"]),
        (
            &json!("2026-11-22T05:06:07.891+0000"),
            &json!("2026-11-22T05:11:07.891+0000")
        )
    );
    let issue = t
        .client
        .get(&format!("/rest/api/3/issue/{key}?fields=updated"))
        .await
        .body;
    assert_eq!(
        issue["fields"]["updated"], got["updated"],
        "an edited comment moves the issue's updated"
    );
    t.jira.person_deletes_comment(&id, ALLOWED).unwrap();
    assert_eq!(
        t.client
            .get(&format!("/rest/api/3/issue/{key}/comment/{id}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn restricted_comments_are_missing_without_a_sign() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let id = t.jira.person_comments(&key, ALLOWED, "secret").unwrap();
    t.jira.restrict_comment(&id, APPROVERS).unwrap();
    let path = format!("/rest/api/3/issue/{key}/comment");
    let hidden = t.client.get(&path).await;
    assert_eq!(
        (hidden.status, hidden.body["total"].as_u64()),
        (200, Some(0))
    );
    let by_id = t
        .client
        .post(
            "/rest/api/3/comment/list",
            json!({ "ids": [id.parse::<u64>().unwrap()] }),
        )
        .await;
    assert_eq!(by_id.body["values"], json!([]));
    t.jira
        .put_user(User::new(&t.jira.own_account, "POAM Daemon").group(APPROVERS));
    let seen = t.client.get(&path).await.body;
    assert_eq!(seen["comments"][0]["visibility"]["value"], APPROVERS);
}

#[tokio::test]
async fn properties_come_and_stay_with_the_comment() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let path = format!("/rest/api/3/issue/{key}/comment");
    let body = json!({ "body": adf("Received."), "properties": [{ "key": "poamd.reply", "value": { "to": "10002" } }] });
    let made = t.client.post(&path, body).await;
    assert_eq!(
        (made.status, made.header("x-aaccountid")),
        (201, Some(t.jira.own_account.as_str()))
    );
    let id = made.body["id"].as_str().unwrap();
    let listed = t
        .client
        .get(&format!("{path}?expand=properties"))
        .await
        .body;
    assert_eq!(
        listed["comments"][0]["properties"],
        json!([{ "key": "poamd.reply", "value": { "to": "10002" } }])
    );
    let property = t
        .client
        .get(&format!("/rest/api/3/comment/{id}/properties/poamd.reply"))
        .await
        .body;
    assert_eq!(property["value"]["to"], "10002");
    let bad = json!({ "body": adf("x"), "visibility": { "type": "everyone", "value": "x" } });
    assert_eq!(t.client.post(&path, bad).await.status, 400);
}

#[tokio::test]
async fn only_ones_own_comments_can_be_changed_through_the_api() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let theirs = t.jira.person_comments(&key, ALLOWED, "mine").unwrap();
    let path = format!("/rest/api/3/issue/{key}/comment");
    assert_eq!(
        t.client
            .put(&format!("{path}/{theirs}"), json!({ "body": adf("yours") }))
            .await
            .status,
        400
    );
    assert_eq!(
        t.client.delete(&format!("{path}/{theirs}")).await.status,
        400
    );
    let own = t
        .client
        .post(&path, json!({ "body": adf("ours") }))
        .await
        .body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        t.client
            .put(
                &format!("{path}/{own}"),
                json!({ "body": adf("ours, again") })
            )
            .await
            .status,
        200
    );
    assert_eq!(t.jira.issue(&key).unwrap().comments[1].text, "ours, again");
    assert_eq!(t.client.delete(&format!("{path}/{own}")).await.status, 204);
}

#[tokio::test]
async fn service_projects_show_comments_to_customers_unless_internal() {
    let t = jira(JiraOptions {
        service_desk: true,
        ..JiraOptions::default()
    })
    .await;
    let key = t.create(MARKER).await;
    let path = format!("/rest/api/3/issue/{key}/comment");
    let open = t
        .client
        .post(&path, json!({ "body": adf("for all") }))
        .await
        .body;
    assert_eq!(open["jsdPublic"], true);
    let internal = json!({ "body": adf("for us"), "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }] });
    assert_eq!(
        t.client.post(&path, internal).await.body["jsdPublic"],
        false
    );
}

#[tokio::test]
async fn lists_page_in_order_of_creation() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    for i in 0..7 {
        t.jira
            .person_comments(&key, ALLOWED, &format!("c{i}"))
            .unwrap();
    }
    let text = |path: String| {
        let client = &t.client;
        async move {
            let got = client.get(&path).await.body;
            let texts = got["comments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| poamd_sandbox::jira::adf::plain(&c["body"]));
            (
                texts.collect::<Vec<_>>().join(" "),
                got["total"].as_u64().unwrap(),
            )
        }
    };
    let path = format!("/rest/api/3/issue/{key}/comment");
    assert_eq!(
        text(format!("{path}?maxResults=3")).await,
        ("c0 c1 c2".to_owned(), 7)
    );
    assert_eq!(
        text(format!("{path}?startAt=6&maxResults=3")).await,
        ("c6".to_owned(), 7)
    );
    assert_eq!(
        text(format!("{path}?maxResults=2&orderBy=-created")).await,
        ("c6 c5".to_owned(), 7)
    );
}
