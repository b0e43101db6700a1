//! Lists: encoded queries that widen, pages cut before rights, values and display values.

use chrono::TimeDelta;
use poamd_sandbox::faults::Faults;
use poamd_sandbox::servicenow::ServiceNowOptions;
use poamd_sandbox::servicenow::options::{ALLOWED, APPROVERS, OWN};
use serde_json::{Value, json};

use crate::common::{DeskTest, servicenow};

async fn numbers(t: &DeskTest, query: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let got = t
        .client
        .get(&format!(
            "/api/now/table/incident?sysparm_fields=number&sysparm_query={query}"
        ))
        .await;
    assert_eq!(got.status, 200, "{}", got.body);
    got.body["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["number"].as_str().unwrap().to_owned())
        .collect()
}

async fn three() -> (DeskTest, Vec<String>) {
    let t = servicenow(ServiceNowOptions::default()).await;
    let mut made = vec![];
    for marker in ["poamd-a", "poamd-b", "poamd-c"] {
        made.push(t.create(marker).await);
        t.clock.advance(TimeDelta::minutes(1));
    }
    (t, made)
}

#[tokio::test]
async fn clauses_are_read_and_bad_ones_widen() {
    let (t, ids) = three().await;
    let all = ["INC0010001", "INC0010002", "INC0010003"];
    let both = format!("sys_idIN{},{}^ORDERBYDESCnumber", ids[0], ids[1]);
    for (query, wanted) in [
        ("correlation_id=poamd-b", vec![1]),
        (
            "correlation_id=poamd-b^ORcorrelation_id=poamd-c^ORDERBYnumber",
            vec![1, 2],
        ),
        (
            "correlation_id=poamd-a^NQcorrelation_id=poamd-c^ORDERBYnumber",
            vec![0, 2],
        ),
        (&both, vec![1, 0]),
        (
            "sys_created_on>=2026-11-22 05:07:07^ORDERBYsys_created_on^ORDERBYsys_id",
            vec![1, 2],
        ),
        (
            "correlation_idSTARTSWITHpoamd-^priority<=2^ORDERBYnumber",
            vec![0, 1, 2],
        ),
        (
            "assigned_toISEMPTY^number!=INC0010002^ORDERBYnumber",
            vec![0, 2],
        ),
        (
            "opened_by.user_name=svc.poamd^correlation_id=poamd-a",
            vec![0],
        ),
        ("correlation_id=none", vec![]),
        ("corelation_id=poamd-b^ORDERBYnumber", vec![0, 1, 2]),
        (
            "correlation_idRESEMBLESpoamd-b^ORDERBYnumber",
            vec![0, 1, 2],
        ),
    ] {
        let wanted: Vec<&str> = wanted.into_iter().map(|i: usize| all[i]).collect();
        assert_eq!(numbers(&t, query).await, wanted, "{query}");
    }
    assert_eq!(t.desk.history.count("servicenow", "query.ignored"), 2);
    let strict = servicenow(ServiceNowOptions {
        invalid_query_returns_no_rows: true,
        ..ServiceNowOptions::default()
    })
    .await;
    strict.create("poamd-a").await;
    assert!(numbers(&strict, "corelation_id=poamd-b").await.is_empty());
    assert!(
        numbers(&t, "short_description=javascript:gs.now()")
            .await
            .is_empty()
    );
    assert_eq!(t.desk.history.count("servicenow", "query.script"), 1);
}

#[tokio::test]
async fn pages_are_cut_before_rights_and_linked() {
    let (t, ids) = three().await;
    let faults = Faults {
        hidden_after_paging: vec![ids[0].clone(), ids[1].clone()],
        ..Faults::default()
    };
    t.desk.set_faults(faults);
    let path = "/api/now/table/incident?sysparm_query=ORDERBYnumber&sysparm_limit=2";
    let first = t.client.get(path).await;
    assert_eq!(first.body["result"], json!([]), "empty and not the last");
    assert_eq!(first.header("x-total-count"), Some("3"));
    let links = first.header("link").unwrap();
    let next = links
        .split(',')
        .find(|l| l.ends_with("rel=\"next\""))
        .unwrap();
    let next = next
        .split(['<', '>'])
        .nth(1)
        .unwrap()
        .strip_prefix(&t.desk.url)
        .unwrap()
        .to_owned();
    let second = t.client.get(&next).await;
    assert_eq!(second.body["result"][0]["correlation_id"], "poamd-c");
    assert!(!second.header("link").unwrap().contains("rel=\"next\""));
    let bare = t
        .client
        .get(&format!(
            "{path}&sysparm_no_count=true&sysparm_suppress_pagination_header=true"
        ))
        .await;
    assert_eq!(
        (bare.header("x-total-count"), bare.header("link")),
        (None, None)
    );
    assert_eq!(
        t.client
            .get(&format!("/api/now/table/incident/{}", ids[0]))
            .await
            .status,
        404,
        "hidden reads as absent"
    );
    let count = t
        .client
        .get("/api/now/stats/incident?sysparm_count=true")
        .await
        .body;
    assert_eq!(count["result"]["stats"]["count"], "3");
}

#[tokio::test]
async fn every_value_is_a_string_and_references_are_objects() {
    let (t, ids) = three().await;
    let path = format!("/api/now/table/incident/{}", ids[0]);
    let stored = t.client.get(&path).await.body["result"].clone();
    for (name, value) in stored.as_object().unwrap() {
        assert!(
            value.is_string() || (value["link"].is_string() && value["value"].is_string()),
            "{name}: {value}"
        );
    }
    assert_eq!(
        (&stored["active"], &stored["priority"], &stored["comments"]),
        (&json!("true"), &json!("2"), &json!(""))
    );
    assert_eq!(stored["opened_by"]["value"], json!(t.desk.own_sys_id));
    let plain = t
        .client
        .get(&format!(
            "{path}?sysparm_exclude_reference_link=true&sysparm_fields=opened_by,nonsense"
        ))
        .await;
    assert_eq!(
        plain.body["result"],
        json!({ "opened_by": t.desk.own_sys_id }),
        "unknown fields are left out"
    );
    let labels = t
        .client
        .get(&format!(
            "{path}?sysparm_display_value=true&sysparm_fields=state,priority,opened_by"
        ))
        .await
        .body;
    assert_eq!(
        (&labels["result"]["state"], &labels["result"]["priority"]),
        (&json!("New"), &json!("2 - High"))
    );
    assert_eq!(
        labels["result"]["opened_by"]["display_value"],
        "POAM Daemon"
    );
    let both = t
        .client
        .get(&format!(
            "{path}?sysparm_display_value=all&sysparm_fields=state"
        ))
        .await
        .body;
    assert_eq!(
        both["result"]["state"],
        json!({ "display_value": "New", "value": "1" })
    );
}

#[tokio::test]
async fn display_times_are_in_the_zone_of_the_user() {
    let mut options = ServiceNowOptions::default();
    options.people[0].zone = chrono_tz::America::New_York;
    let t = servicenow(options).await;
    let id = t.create("poamd-a").await;
    let path = format!("/api/now/table/incident/{id}?sysparm_fields=sys_created_on");
    assert_eq!(
        t.client.get(&path).await.body["result"]["sys_created_on"],
        "2026-11-22 05:06:07"
    );
    let local = t
        .client
        .get(&format!("{path}&sysparm_display_value=true"))
        .await
        .body;
    assert_eq!(local["result"]["sys_created_on"], "2026-11-22 00:06:07");
}

#[tokio::test]
async fn users_groups_and_choices_can_be_read() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let own = t
        .client
        .get(&format!(
            "/api/now/table/sys_user?sysparm_query=user_name={OWN}"
        ))
        .await
        .body;
    assert_eq!(own["result"][0]["sys_id"], json!(t.desk.own_sys_id));
    let query = format!("user.user_name={ALLOWED}^group.name={APPROVERS}");
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let member = t
        .client
        .get(&format!(
            "/api/now/table/sys_user_grmember?sysparm_query={query}"
        ))
        .await
        .body;
    assert_eq!(member["result"].as_array().unwrap().len(), 1);
    let codes = t.client.get("/api/now/table/sys_choice?sysparm_query=name=incident^element=close_code&sysparm_fields=value").await.body;
    assert!(
        codes["result"]
            .as_array()
            .unwrap()
            .contains(&json!({ "value": "Solution provided" }))
    );
    let versions: Vec<u16> = [
        t.client.get("/api/now/v1/table/incident").await.status,
        t.client.get("/api/now/v2/table/incident").await.status,
        t.client.get("/api/now/table/incident").await.status,
        t.client.get("/api/now/table/u_nothing").await.status,
        t.client
            .get("/api/now/table/incident/00000000000000000000000000000000")
            .await
            .status,
    ]
    .into();
    assert_eq!(
        versions,
        [404, 200, 200, 400, 404],
        "v1 alone has no empty lists"
    );
}

#[tokio::test]
async fn breaches_of_the_contract_are_refused_and_recorded() {
    let t = servicenow(ServiceNowOptions::default()).await;
    let list_of_fields = json!([{ "short_description": "x" }]);
    let nested: Value = json!({ "short_description": ["x"] });
    for (method, path, body) in [
        ("GET", "/api/now/table/incident?sysparm_limit=many", None),
        ("GET", "/api/now/table/incident?sysparm_filter=x", None),
        ("GET", "/api/now/table/incident/ABC", None),
        ("POST", "/api/now/table/incident", Some(list_of_fields)),
        ("POST", "/api/now/table/incident", Some(nested)),
        ("POST", "/api/now/table/incident", None),
        ("GET", "/api/now/elsewhere", None),
    ] {
        assert_eq!(
            t.client
                .try_send(method, path, body.as_ref())
                .await
                .unwrap()
                .status,
            400,
            "{method} {path}"
        );
    }
    assert_eq!(t.desk.history.count("servicenow", "contract.violation"), 7);
}
