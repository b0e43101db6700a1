//! Issues: screens, required fields, limits, properties, links, bulk.

use poamd_sandbox::jira::JiraOptions;
use poamd_sandbox::jira::fields::{self, Field, Kind};
use serde_json::{Value, json};

use crate::common::{MARKER, adf, draft, jira};

#[tokio::test]
async fn a_create_keeps_label_and_property_together() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    assert_eq!(key, "POAM-1");
    let path = format!(
        "/rest/api/3/issue/{key}?fields=summary,labels,priority,created,status,duedate&properties=poamd.ref"
    );
    let got = t.client.get(&path).await.body;
    assert_eq!(got["fields"]["labels"], json!(["poamd", MARKER]));
    assert_eq!(got["fields"]["priority"]["name"], "High");
    assert_eq!(got["fields"]["status"]["statusCategory"]["key"], "new");
    assert_eq!(
        got["properties"]["poamd.ref"]["key"],
        format!("poamd:v1:test:{MARKER}")
    );
    assert_eq!(
        got["fields"]["created"], "2026-11-22T05:06:07.891+0000",
        "no colon in the offset"
    );
    assert_eq!(
        got["fields"].as_object().unwrap().len(),
        6,
        "only what was asked for: {got}"
    );
}

#[tokio::test]
async fn times_are_in_the_zone_of_the_account() {
    let t = jira(JiraOptions::default()).await;
    let mut own = t.jira.user(&t.jira.own_account).unwrap();
    own.zone = chrono_tz::Asia::Kolkata;
    t.jira.put_user(own);
    let key = t.create(MARKER).await;
    let got = t.client.get(&format!("/rest/api/3/issue/{key}")).await.body;
    assert_eq!(got["fields"]["created"], "2026-11-22T10:36:07.891+0530");
}

#[tokio::test]
async fn bad_fields_are_named() {
    let mut options = JiraOptions::default();
    options.fields.push(
        Field::new(
            "customfield_10050",
            "Team",
            Kind::Option(vec!["Blue".to_owned()]),
        )
        .required(),
    );
    options
        .fields
        .push(Field::new("customfield_10051", "Evidence", Kind::Rich).screens(true, false));
    let t = jira(options).await;
    let with = |field: &str, value: Value| {
        let mut body = draft(MARKER);
        body["fields"]["customfield_10050"] = json!({ "value": "Blue" });
        body["fields"][field] = value;
        body
    };
    for (field, value) in [
        ("summary", json!(5)),
        ("summary", json!("two\nlines")),
        ("summary", json!("x".repeat(256))),
        ("summary", Value::Null),
        ("labels", json!(["has space"])),
        ("priority", json!({ "name": "Urgent" })),
        ("duedate", json!("22.12.2026")),
        ("assignee", json!({ "accountId": "nobody" })),
        (
            "assignee",
            json!({ "accountId": poamd_sandbox::jira::users::DEACTIVATED }),
        ),
        ("customfield_10050", json!({ "value": "Red" })),
        ("customfield_10051", json!("plain")),
        ("customfield_99999", json!("x")),
        ("resolution", json!({ "name": "Done" })),
        ("project", json!({ "key": "NOWHERE" })),
        ("issuetype", json!({ "name": "Epic" })),
    ] {
        let got = t
            .client
            .post("/rest/api/3/issue", with(field, value.clone()))
            .await;
        assert_eq!(got.status, 400, "{field} {value}");
        assert!(
            got.body["errors"][field].is_string(),
            "{field}: {}",
            got.body
        );
    }
    let got = t.client.post("/rest/api/3/issue", draft(MARKER)).await;
    assert_eq!(
        (got.status, got.body["errors"]["customfield_10050"].as_str()),
        (400, Some("Team is required."))
    );
    assert!(t.jira.issues().is_empty());
    let got = t
        .client
        .post("/rest/api/3/issue", with("customfield_10051", adf("kept")))
        .await;
    let key = got.body["key"].as_str().unwrap().to_owned();
    let edit = json!({ "fields": { "customfield_10051": adf("other") } });
    assert_eq!(
        t.client
            .put(&format!("/rest/api/3/issue/{key}"), edit)
            .await
            .status,
        400,
        "off the edit screen"
    );
    let meta = t
        .client
        .get("/rest/api/3/issue/createmeta/POAM/issuetypes/10001")
        .await
        .body;
    let evidence = meta["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["fieldId"] == "customfield_10051")
        .unwrap();
    assert!(
        evidence["schema"]["custom"]
            .as_str()
            .unwrap()
            .ends_with(":textarea")
    );
    assert_eq!(
        fields::bundled().len() + 2 - 1,
        meta["fields"].as_array().unwrap().len(),
        "all but resolution"
    );
}

#[tokio::test]
async fn edits_change_labels_one_by_one_and_move_updated_only_if_they_change() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let issue = format!("/rest/api/3/issue/{key}");
    t.clock.advance(chrono::TimeDelta::minutes(1));
    let same = json!({ "fields": { "summary": "SSH open to the world" } });
    assert_eq!(t.client.put(&issue, same).await.status, 204);
    assert_eq!(
        t.client.get(&issue).await.body["fields"]["updated"],
        "2026-11-22T05:06:07.891+0000"
    );
    let labels =
        json!({ "update": { "labels": [{ "add": "poamd-vendor" }, { "remove": "poamd" }] } });
    let got = t
        .client
        .put(&format!("{issue}?returnIssue=true"), labels)
        .await;
    assert_eq!(got.status, 200);
    assert_eq!(
        got.body["fields"]["labels"],
        json!([MARKER, "poamd-vendor"])
    );
    assert_eq!(
        got.body["fields"]["updated"],
        "2026-11-22T05:07:07.891+0000"
    );
}

#[tokio::test]
async fn properties_do_not_move_updated() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    t.clock.advance(chrono::TimeDelta::minutes(1));
    let path = format!("/rest/api/3/issue/{key}/properties/poamd.state");
    assert_eq!(t.client.put(&path, json!({ "a": 1 })).await.status, 201);
    assert_eq!(t.client.put(&path, json!({ "a": 2 })).await.status, 200);
    assert_eq!(
        t.client.get(&path).await.body,
        json!({ "key": "poamd.state", "value": { "a": 2 } })
    );
    let issue = t.client.get(&format!("/rest/api/3/issue/{key}")).await.body;
    assert_eq!(issue["fields"]["updated"], issue["fields"]["created"]);
    assert_eq!(t.client.delete(&path).await.status, 204);
    assert_eq!(t.client.get(&path).await.status, 404);
    let long = format!("/rest/api/3/issue/{key}/properties/long");
    assert_eq!(
        t.client.put(&long, json!("x".repeat(32_768))).await.status,
        413
    );
}

#[tokio::test]
async fn bulk_create_is_201_if_one_was_made() {
    let t = jira(JiraOptions::default()).await;
    let mut bad = draft("poamd-1111111111111111");
    bad["fields"]["summary"] = Value::Null;
    let body = json!({ "issueUpdates": [bad, draft(MARKER)] });
    let got = t.client.post("/rest/api/3/issue/bulk", body).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["issues"].as_array().unwrap().len(), 1);
    assert_eq!(got.body["errors"][0]["failedElementNumber"], 0);
    assert_eq!(
        got.body["errors"][0]["elementErrors"]["errors"]["summary"],
        "Summary is required."
    );
}

#[tokio::test]
async fn bulkfetch_follows_moves_and_tells_the_unknown() {
    let t = jira(JiraOptions::default()).await;
    let (first, second) = (
        t.create(MARKER).await,
        t.create("poamd-2222222222222222").await,
    );
    let moved = t.jira.move_issue(&first, "anyone", "OPS").unwrap();
    assert_eq!(moved, "OPS-1");
    let body = json!({ "issueIdsOrKeys": [second, first, "POAM-77"], "fields": ["summary", "updated"], "properties": ["poamd.ref"] });
    let got = t
        .client
        .post("/rest/api/3/issue/bulkfetch", body)
        .await
        .body;
    let issues = got["issues"].as_array().unwrap();
    assert_eq!(
        (&issues[0]["key"], &issues[1]["key"]),
        (&json!("OPS-1"), &json!("POAM-2")),
        "ascending by id"
    );
    assert!(issues[0]["properties"]["poamd.ref"].is_object());
    assert_eq!(got["issueErrors"][0]["id"], "POAM-77");
    let many: Vec<String> = (0..101).map(|i| i.to_string()).collect();
    assert_eq!(
        t.client
            .post(
                "/rest/api/3/issue/bulkfetch",
                json!({ "issueIdsOrKeys": many })
            )
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn remote_links_are_upserted_by_global_id() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let path = format!("/rest/api/3/issue/{key}/remotelink");
    let link = |title: &str| json!({ "globalId": "poamd:1", "object": { "url": "https://poam.example/1", "title": title } });
    assert_eq!(t.client.post(&path, link("one")).await.status, 201);
    assert_eq!(t.client.post(&path, link("two")).await.status, 200);
    let links = t.client.get(&path).await.body;
    assert_eq!(
        (
            links.as_array().unwrap().len(),
            &links[0]["object"]["title"]
        ),
        (1, &json!("two"))
    );
    assert_eq!(
        t.client
            .delete(&format!("{path}?globalId=poamd:1"))
            .await
            .status,
        204
    );
    assert!(t.jira.issue(&key).unwrap().remote_links.is_empty());
}

#[tokio::test]
async fn one_issue_takes_20_writes_in_two_seconds() {
    let t = jira(JiraOptions::default()).await;
    let key = t.create(MARKER).await;
    let edit = |i: usize| json!({ "fields": { "summary": format!("edit {i}") } });
    let path = format!("/rest/api/3/issue/{key}");
    for i in 0..20 {
        assert_eq!(t.client.put(&path, edit(i)).await.status, 204);
    }
    let refused = t.client.put(&path, edit(20)).await;
    assert_eq!(
        (refused.status, refused.header("ratelimit-reason")),
        (429, Some("jira-per-issue-on-write"))
    );
    assert_eq!(t.jira.issue(&key).unwrap().summary, "edit 19");
    t.clock.advance(chrono::TimeDelta::seconds(2));
    assert_eq!(t.client.put(&path, edit(21)).await.status, 204);
}

#[tokio::test]
async fn missing_permissions_show_and_refuse() {
    let t = jira(JiraOptions::default()).await;
    t.jira.deny(&["CREATE_ISSUES"]);
    let got = t
        .client
        .get("/rest/api/3/mypermissions?projectKey=POAM&permissions=CREATE_ISSUES,EDIT_ISSUES")
        .await
        .body;
    assert_eq!(got["permissions"]["CREATE_ISSUES"]["havePermission"], false);
    assert_eq!(got["permissions"]["EDIT_ISSUES"]["havePermission"], true);
    assert_eq!(
        t.client
            .get("/rest/api/3/mypermissions?projectKey=POAM")
            .await
            .status,
        400,
        "the list is mandatory"
    );
    assert_eq!(
        t.client
            .post("/rest/api/3/issue", draft(MARKER))
            .await
            .status,
        403
    );
}
