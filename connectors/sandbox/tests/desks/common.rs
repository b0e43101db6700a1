//! A small client for both desks, and clocks.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use poamd_contract::clock::ManualClock;
use poamd_sandbox::history::History;
use poamd_sandbox::jira::{JiraOptions, JiraStandIn};
use poamd_sandbox::servicenow::{ServiceNowOptions, ServiceNowStandIn};
use serde_json::{Value, json};

pub fn start_time() -> DateTime<Utc> {
    "2026-11-22T05:06:07.891Z".parse().unwrap()
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start_time()))
}

/// An answer, its body as JSON (`null` if it is not).
pub struct Got {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

pub struct Client {
    http: reqwest::Client,
    base: String,
    user: String,
    secret: String,
}

impl Client {
    pub fn new(base: &str, user: &str, secret: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            http,
            base: base.to_owned(),
            user: user.to_owned(),
            secret: secret.to_owned(),
        }
    }

    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Got> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.basic_auth(&self.user, Some(&self.secret));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Got {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
        })
    }

    pub async fn get(&self, path: &str) -> Got {
        self.try_send("GET", path, None).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.try_send("POST", path, Some(&body)).await.unwrap()
    }

    pub async fn put(&self, path: &str, body: Value) -> Got {
        self.try_send("PUT", path, Some(&body)).await.unwrap()
    }

    pub async fn patch(&self, path: &str, body: Value) -> Got {
        self.try_send("PATCH", path, Some(&body)).await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Got {
        self.try_send("DELETE", path, None).await.unwrap()
    }
}

pub struct JiraTest {
    pub jira: JiraStandIn,
    pub client: Client,
    pub clock: Arc<ManualClock>,
}

pub async fn jira(options: JiraOptions) -> JiraTest {
    let clock = clock();
    let jira = JiraStandIn::start(options, History::new(clock.clone()))
        .await
        .unwrap();
    let client = Client::new(&jira.url, &jira.email, &jira.token);
    JiraTest {
        jira,
        client,
        clock,
    }
}

impl JiraTest {
    /// Makes an issue with a marker; returns its key.
    pub async fn create(&self, marker: &str) -> String {
        let got = self.client.post("/rest/api/3/issue", draft(marker)).await;
        assert_eq!(got.status, 201, "{}", got.body);
        got.body["key"].as_str().unwrap().to_owned()
    }

    pub fn violations(&self) -> usize {
        self.jira.history.count("jira", "contract.violation")
    }
}

/// Waits until it holds, far longer than it can take.
pub async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap();
}

/// A create body like the one the design asks for.
pub fn draft(marker: &str) -> Value {
    json!({
        "fields": {
            "project": { "key": "POAM" }, "issuetype": { "name": "Task" }, "summary": "SSH open to the world",
            "description": adf("A group lets everybody in."), "labels": ["poamd", marker], "priority": { "name": "High" },
            "duedate": "2026-12-22",
        },
        "properties": [{ "key": "poamd.ref", "value": { "key": format!("poamd:v1:test:{marker}") } }],
    })
}

pub fn adf(text: &str) -> Value {
    json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
}

pub const MARKER: &str = "poamd-0123456789abcdef";

pub struct DeskTest {
    pub desk: ServiceNowStandIn,
    pub client: Client,
    pub clock: Arc<ManualClock>,
}

pub async fn servicenow(options: ServiceNowOptions) -> DeskTest {
    let clock = clock();
    let desk = ServiceNowStandIn::start(options, History::new(clock.clone()))
        .await
        .unwrap();
    let client = Client::new(&desk.url, &desk.user_name, &desk.password);
    DeskTest {
        desk,
        client,
        clock,
    }
}

impl DeskTest {
    /// Makes an incident; returns its `sys_id`.
    pub async fn create(&self, marker: &str) -> String {
        let body = json!({ "short_description": "SSH open", "correlation_id": marker, "impact": "1", "urgency": "2" });
        let got = self.client.post("/api/now/table/incident", body).await;
        assert_eq!(got.status, 201, "{}", got.body);
        got.body["result"]["sys_id"].as_str().unwrap().to_owned()
    }
}
