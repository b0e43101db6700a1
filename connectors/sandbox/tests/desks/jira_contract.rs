//! The contract: what is not in it is refused and goes on record.

use poamd_sandbox::jira::{JiraOptions, adf};
use serde_json::{Value, json};

use crate::common::{MARKER, adf as text, draft, jira};

#[tokio::test]
async fn a_well_formed_round_breaks_nothing() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let issue = format!("/rest/api/3/issue/{key}");
    for path in [
        "/rest/api/3/serverInfo",
        "/rest/api/3/myself",
        "/rest/api/3/mypermissions?projectKey=POAM&permissions=CREATE_ISSUES,ADD_COMMENTS",
        "/rest/api/3/field",
        "/rest/api/3/priority",
        "/rest/api/3/status",
        "/rest/api/3/project/POAM",
        "/rest/api/3/project/POAM/statuses",
        "/rest/api/3/issue/createmeta/POAM/issuetypes",
        "/rest/api/3/issue/createmeta/POAM/issuetypes/10001?maxResults=50",
        &format!("{issue}/editmeta"),
        &format!("{issue}/transitions?expand=transitions.fields"),
        &format!("{issue}/comment?startAt=0&maxResults=10&orderBy=created"),
        &format!("{issue}/properties"),
    ] {
        assert_eq!(t.client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(t.violations(), 0);
}

#[tokio::test]
async fn breaches_are_refused_and_recorded() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let move_by_number = json!({ "transition": { "id": 31 } });
    let bad_fetch = json!({ "issueIdsOrKeys": [key], "limit": 5 });
    let cases = [
        ("GET", "/rest/api/3/nothing".to_owned(), None),
        ("PATCH", format!("/rest/api/3/issue/{key}"), Some(json!({}))),
        (
            "GET",
            format!("/rest/api/3/issue/{key}?field=summary"),
            None,
        ),
        (
            "GET",
            format!("/rest/api/3/issue/{key}/comment?maxResults=ten"),
            None,
        ),
        ("POST", "/rest/api/3/issue".to_owned(), None),
        (
            "POST",
            "/rest/api/3/issue".to_owned(),
            Some(json!({ "fields": "summary" })),
        ),
        (
            "POST",
            format!("/rest/api/3/issue/{key}/transitions"),
            Some(move_by_number),
        ),
        (
            "POST",
            "/rest/api/3/issue/bulkfetch".to_owned(),
            Some(bad_fetch),
        ),
        (
            "POST",
            "/rest/api/3/search/jql".to_owned(),
            Some(json!({ "jql": "project = POAM", "maxResults": "ten" })),
        ),
    ];
    for (count, (method, path, body)) in cases.iter().enumerate() {
        let got = t
            .client
            .try_send(method, path, body.as_ref())
            .await
            .unwrap();
        assert_eq!(got.status, 400, "{method} {path}");
        assert!(!got.body["errorMessages"].as_array().unwrap().is_empty());
        assert_eq!(t.violations(), count + 1, "{method} {path}");
    }
}

#[tokio::test]
async fn rich_text_is_refused_as_the_real_server_does() {
    let t = jira(JiraOptions::default()).await;
    let empty_node = json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": "" }] }] });
    let unknown_node =
        json!({ "type": "doc", "version": 1, "content": [{ "type": "shout", "content": [] }] });
    let heading_in_item = json!({ "type": "doc", "version": 1, "content": [{ "type": "bulletList", "content": [
        { "type": "listItem", "content": [{ "type": "heading", "attrs": { "level": 1 }, "content": [] }] },
    ] }] });
    for bad in [
        json!("plain"),
        empty_node,
        unknown_node,
        heading_in_item,
        json!({ "type": "doc" }),
        text(&"x".repeat(adf::LIMIT + 1)),
    ] {
        let mut body = draft(MARKER);
        body["fields"]["description"] = bad.clone();
        let got = t.client.post("/rest/api/3/issue", body).await;
        assert_eq!(got.status, 400, "{bad}");
        assert!(
            got.body["errors"]["description"].is_string(),
            "{}",
            got.body
        );
    }
    let key = t.create(MARKER).await;
    let got = t
        .client
        .post(
            &format!("/rest/api/3/issue/{key}/comment"),
            json!({ "body": "plain" }),
        )
        .await;
    assert_eq!(got.status, 400);
    assert!(t.jira.issue(&key).unwrap().comments.is_empty());
    assert_eq!(adf::plain(&adf::document("one\n\ntwo")), "one\n\ntwo");
    let rich: Value = json!({ "type": "doc", "version": 1, "content": [
        { "type": "codeBlock", "content": [{ "type": "text", "text": "a\nb" }] },
        { "type": "paragraph", "content": [{ "type": "text", "text": "x" }, { "type": "hardBreak" }, { "type": "text", "text": "y", "marks": [{ "type": "strong" }] }] },
    ] });
    assert_eq!(adf::refusal(&rich), None);
}

#[tokio::test]
async fn a_bad_token_is_anonymous_and_learns_nothing() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    assert!(
        t.client
            .get("/rest/api/3/myself")
            .await
            .header("x-aaccountid")
            .is_some()
    );
    t.jira.revoke_token();
    let info = t.client.get("/rest/api/3/serverInfo").await;
    assert_eq!((info.status, info.header("x-aaccountid")), (200, None));
    let search = t
        .client
        .post(
            "/rest/api/3/search/jql",
            json!({ "jql": "project = NOWHERE" }),
        )
        .await;
    assert_eq!(
        (search.status, search.body),
        (200, json!({ "issues": [], "isLast": true }))
    );
    assert_eq!(
        t.client
            .get(&format!("/rest/api/3/issue/{key}"))
            .await
            .status,
        404
    );
    let fetched = t
        .client
        .post(
            "/rest/api/3/issue/bulkfetch",
            json!({ "issueIdsOrKeys": [key] }),
        )
        .await;
    assert_eq!(
        (
            fetched.status,
            fetched.body["issues"].as_array().unwrap().len()
        ),
        (200, 0)
    );
    assert_eq!(t.client.get("/rest/api/3/myself").await.status, 401);
    assert_eq!(
        t.client
            .post("/rest/api/3/issue", draft(MARKER))
            .await
            .status,
        401
    );
    t.jira.restore_token();
    assert_eq!(t.client.get("/rest/api/3/myself").await.status, 200);
}

/// Not a timing test: prints what the compile costs, and only fails where it is out of all proportion.
#[tokio::test]
async fn schemas_are_compiled_once() {
    let t = jira(JiraOptions::default()).await;
    let started = std::time::Instant::now();
    t.create(MARKER).await;
    let first = started.elapsed();
    let started = std::time::Instant::now();
    for i in 0..20 {
        t.create(&format!("poamd-{i:016}")).await;
    }
    println!("first create {first:?}, 20 more {:?}", started.elapsed());
    assert!(first.as_secs() < 10);
}
