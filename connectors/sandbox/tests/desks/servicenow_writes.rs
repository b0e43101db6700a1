//! Writes: silent drops, policies, rules, journals, closing.

use poamd_sandbox::faults::{Act, Class, Faults, Matcher, Scripted};
use poamd_sandbox::servicenow::ServiceNowOptions;
use poamd_sandbox::servicenow::options::{ALLOWED, Rule};
use serde_json::json;

use crate::common::{DeskTest, servicenow};

fn path(sys_id: &str) -> String {
    format!("/api/now/table/incident/{sys_id}")
}

async fn detail(t: &DeskTest, sys_id: &str, body: serde_json::Value) -> (u16, String) {
    let got = t.client.patch(&path(sys_id), body).await;
    (
        got.status,
        got.body["error"]["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[tokio::test]
async fn priority_is_computed_and_unwritable_fields_drop_without_a_word() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let id = t.create("poamd-a").await;
    let before = t.desk.incident(&id).unwrap();
    assert_eq!(
        (before["priority"].as_str(), before["number"].as_str()),
        ("2", "INC0010001")
    );
    let body = json!({ "priority": "1", "number": "INC1", "nonsense": "x", "urgency": 1 });
    let got = t.client.patch(&path(&id), body).await;
    assert_eq!(got.status, 200);
    assert_eq!(
        (
            &got.body["result"]["priority"],
            &got.body["result"]["number"]
        ),
        (&json!("1"), &json!("INC0010001"))
    );
    assert_eq!(got.body["result"]["sys_mod_count"], "1");
    let got = t.client.patch(&path(&id), json!({ "urgency": "1" })).await;
    assert_eq!(got.body["result"]["sys_mod_count"], "1", "nothing changed");
    t.desk.set_faults(Faults {
        silently_dropped: vec!["short_description".to_owned()],
        ..Faults::default()
    });
    let got = t
        .client
        .put(
            &path(&id),
            json!({ "short_description": "New", "impact": "3" }),
        )
        .await;
    assert_eq!(
        (
            &got.body["result"]["short_description"],
            &got.body["result"]["impact"]
        ),
        (&json!("SSH open"), &json!("3"))
    );
    assert_eq!(
        got.body["result"]["correlation_id"], "poamd-a",
        "a put changes just the named fields"
    );
}

#[tokio::test]
async fn correlation_id_is_not_unique() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let first = t.create("poamd-a").await;
    assert!(t.desk.duplicates().is_empty());
    t.desk.copy_incident(&first, ALLOWED).unwrap();
    assert!(
        t.desk.duplicates().is_empty(),
        "a person's copy is not our duplicate"
    );
    t.create("poamd-a").await;
    assert_eq!(t.desk.duplicates()["poamd-a"], ["INC0010001", "INC0010003"]);
    assert_eq!(t.desk.incidents().len(), 3);
}

#[tokio::test]
async fn policies_and_rules_are_403_and_say_which() {
    let abort = Rule::Abort {
        field: "category".to_owned(),
        value: "network".to_owned(),
        message: "No network tickets".to_owned(),
    };
    let assign = Rule::OnInsert {
        field: "contact_type".to_owned(),
        value: "integration".to_owned(),
    };
    let options = ServiceNowOptions {
        rules: vec![abort, assign],
        mandatory: vec!["category".to_owned()],
        ..ServiceNowOptions::default()
    };
    let t = servicenow(options).await;
    let bare = t
        .client
        .post(
            "/api/now/table/incident",
            json!({ "short_description": "x" }),
        )
        .await;
    assert_eq!(bare.status, 403);
    assert_eq!(
        bare.body["error"]["detail"],
        "Data Policy Exception: The following fields are mandatory: category"
    );
    let made = t
        .client
        .post(
            "/api/now/table/incident",
            json!({ "short_description": "x", "category": "software", "contact_type": "phone" }),
        )
        .await;
    assert_eq!(
        made.body["result"]["contact_type"], "integration",
        "rewritten by the rule"
    );
    assert_eq!(
        made.header("location").unwrap(),
        format!(
            "{}{}",
            t.desk.url,
            path(made.body["result"]["sys_id"].as_str().unwrap())
        )
    );
    let id = made.body["result"]["sys_id"].as_str().unwrap();
    let (status, why) = detail(&t, id, json!({ "category": "network" })).await;
    assert_eq!(
        (
            status,
            why.contains("aborted by Business Rule: No network tickets")
        ),
        (403, true)
    );
    let (status, why) = detail(&t, id, json!({ "state": "6" })).await;
    assert_eq!(
        (status, why.as_str()),
        (
            403,
            "Data Policy Exception: The following fields are mandatory: close_code, close_notes"
        )
    );
    assert_eq!(
        detail(&t, id, json!({ "state": "3" })).await.0,
        403,
        "on hold needs a reason"
    );
    assert_eq!(
        detail(&t, id, json!({ "state": "3", "hold_reason": "1" }))
            .await
            .0,
        403,
        "awaiting the caller needs a comment"
    );
    assert_eq!(
        detail(
            &t,
            id,
            json!({ "state": "3", "hold_reason": "1", "comments": "Please answer" })
        )
        .await
        .0,
        200
    );
    let resolved =
        json!({ "state": "6", "close_code": "Solution provided", "close_notes": "Gone" });
    assert_eq!(detail(&t, id, resolved).await.0, 200);
    assert_eq!(
        detail(&t, id, json!({ "state": "2" })).await.0,
        200,
        "resolved can be reopened"
    );
}

#[tokio::test]
async fn closed_incidents_are_read_only() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let id = t.create("poamd-a").await;
    t.desk.person_moves(&id, ALLOWED, "6").unwrap();
    t.desk.run_close_timer();
    assert_eq!(t.desk.incident(&id).unwrap()["state"], "7");
    assert_eq!(
        detail(&t, &id, json!({ "work_notes": "hello" })).await.0,
        403
    );
    let other = t.create("poamd-b").await;
    t.desk.person_moves(&other, ALLOWED, "8").unwrap();
    assert_eq!(detail(&t, &other, json!({ "state": "2" })).await.0, 403);
    assert_eq!(t.client.delete(&path(&other)).await.status, 403);
    t.desk.delete(&other, "admin").unwrap();
    assert_eq!(t.client.get(&path(&other)).await.status, 404);
}

#[tokio::test]
async fn journals_are_written_by_patch_and_read_elsewhere() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let id = t.create("poamd-a").await;
    let got = t
        .client
        .patch(&path(&id), json!({ "work_notes": "Ours" }))
        .await
        .body;
    assert_eq!(
        (
            &got["result"]["work_notes"],
            &got["result"]["sys_mod_count"]
        ),
        (&json!(""), &json!("1"))
    );
    t.clock.advance(chrono::TimeDelta::minutes(1));
    let note = t
        .desk
        .person_comments(&id, ALLOWED, "work_notes", "/justify we accept")
        .unwrap();
    t.desk
        .person_comments(&id, ALLOWED, "comments", "to the caller")
        .unwrap();
    let query = format!(
        "/api/now/table/sys_journal_field?sysparm_query=element_id={id}^element=work_notes^ORDERBYsys_created_on"
    );
    let entries = t.client.get(&query).await.body["result"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 2);
    assert_eq!(entries[1]["sys_id"], json!(note));
    assert_eq!(
        entries[1]["sys_created_by"], ALLOWED,
        "a user name, not a reference"
    );
    assert_eq!(entries[1]["value"], "/justify we accept");
    assert_eq!(entries[1]["name"], "incident");
    let shown = t
        .client
        .get(&format!(
            "{}?sysparm_display_value=true&sysparm_fields=work_notes",
            path(&id)
        ))
        .await
        .body;
    let text = "2026-11-22 05:07:07 - Ada Allowed (Work notes)\n/justify we accept\n\n2026-11-22 05:06:07 - POAM Daemon (Work notes)\nOurs\n\n";
    assert_eq!(shown["result"]["work_notes"], text);
    t.desk.journal_readable(false);
    assert_eq!(
        t.client.get(&query).await.body["result"],
        json!([]),
        "no role, no entries, no error"
    );
}

#[tokio::test]
async fn a_reclassed_record_is_found_as_a_task() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let id = t.create("poamd-a").await;
    t.desk.reclass(&id, "problem").unwrap();
    assert_eq!(t.client.get(&path(&id)).await.status, 404);
    let task = t
        .client
        .get(&format!(
            "/api/now/table/task/{id}?sysparm_fields=sys_class_name"
        ))
        .await
        .body;
    assert_eq!(task["result"]["sys_class_name"], "problem");
}

#[tokio::test]
async fn accepted_is_not_success_and_a_dead_password_is_401() {
    let t = servicenow(ServiceNowOptions::default()).await;
    t.desk.script(Scripted::once(
        Matcher::class(Class::Create),
        Act::AcceptedAndLost,
    ));
    t.desk
        .script(Scripted::once(Matcher::class(Class::Create), Act::Accepted));
    let body = json!({ "short_description": "x" });
    assert_eq!(
        t.client
            .post("/api/now/table/incident", body.clone())
            .await
            .status,
        202
    );
    assert_eq!(t.desk.incidents().len(), 0, "dropped");
    assert_eq!(
        t.client
            .post("/api/now/table/incident", body.clone())
            .await
            .status,
        202
    );
    assert_eq!(t.desk.incidents().len(), 1, "made");
    t.desk.sign_off(true);
    let got = t.client.post("/api/now/table/incident", body).await;
    assert_eq!(
        (got.status, got.body["error"]["message"].as_str()),
        (401, Some("User Not Authenticated"))
    );
}
