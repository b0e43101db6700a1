//! Writing back to Security Hub, against a scripted service.

use std::collections::BTreeMap;
use std::sync::Arc;

use poamd_contract::error::Retry;
use poamd_contract::hub::{HubChange, HubId, HubWriter, Verification, Workflow};

use super::fake::{Fake, json_error, ok};
use super::{ACCOUNT, account, config, session};
use crate::hub_writer::HubWriteBack;

const REGION: &str = "us-gov-west-1";

fn writer(fake: &Fake) -> HubWriteBack {
    HubWriteBack::new(Arc::clone(&session(config(&fake.url))))
}

fn ids(count: usize) -> Vec<HubId> {
    let id = |n| HubId {
        id: format!("f{n}"),
        product: "p".to_owned(),
    };
    (0..count).map(id).collect()
}

fn change() -> HubChange {
    HubChange {
        fields: Some(BTreeMap::from([(
            "poamId".to_owned(),
            "POAM-000001".to_owned(),
        )])),
        workflow: Some(Workflow::Suppressed),
        verification: Some(Verification::FalsePositive),
    }
}

#[tokio::test]
async fn reading_asks_for_twenty_ids_at_a_time_and_takes_what_it_needs() {
    let fake = Fake::start(|asked, _| {
        let found = if asked.says("\"f1\"") {
            r#"{"Id":"f1","ProductArn":"p","AwsAccountId":"1","Severity":7,"Workflow":{"Status":"NEW"},"UserDefinedFields":{"a":"b"}}"#
        } else {
            ""
        };
        ok(format!(r#"{{"Findings":[{found}]}}"#))
    })
    .await;
    let asked: Vec<String> = (0..45).map(|n| format!("f{n}")).collect();
    let home = account(ACCOUNT, None, &[REGION]);
    let found = writer(&fake)
        .read(&home, &REGION.parse().unwrap(), &asked)
        .await
        .unwrap();
    assert_eq!((fake.count(), found.len()), (3, 1));
    assert_eq!(
        (found[0].workflow.as_str(), found[0].fields["a"].as_str()),
        ("NEW", "b")
    );
    assert!(fake.asked()[0].says(r#""Comparison":"EQUALS""#));
}

#[tokio::test]
async fn a_change_says_what_was_wanted_and_nothing_else() {
    let fake = Fake::start(|_, _| {
        ok(r#"{"ProcessedFindings":[],"UnprocessedFindings":[{"FindingIdentifier":{"Id":"f1","ProductArn":"p"},"ErrorCode":"FindingNotFound","ErrorMessage":"no\nsuch"}]}"#)
    })
    .await;
    let home = account(ACCOUNT, None, &[REGION]);
    let refused = writer(&fake)
        .write(&home, &REGION.parse().unwrap(), &ids(2), &change())
        .await
        .unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].id.id.as_str(), refused[0].why.as_str()),
        ("f1", "FindingNotFound: no such")
    );
    let asked = &fake.asked()[0];
    assert_eq!(asked.line, "PATCH /findings/batchupdate");
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "FindingIdentifiers",
            "UserDefinedFields",
            "VerificationState",
            "Workflow"
        ]
    );
    assert_eq!(
        body["Workflow"],
        serde_json::json!({ "Status": "SUPPRESSED" })
    );
}

#[tokio::test]
async fn a_write_is_asked_once_and_says_what_its_caller_may_do() {
    for (status, code, retry) in [
        (403, "AccessDeniedException", Retry::Auth),
        (500, "InternalException", Retry::Unclear),
        (400, "InvalidInputException", Retry::Never),
        (401, "InvalidAccessException", Retry::Gone),
    ] {
        let fake = Fake::start(move |_, _| json_error(status, code, "x")).await;
        let home = account(ACCOUNT, None, &[REGION]);
        let error = writer(&fake)
            .write(&home, &REGION.parse().unwrap(), &ids(1), &change())
            .await
            .unwrap_err();
        assert_eq!((error.retry, fake.count()), (retry, 1), "{code}");
        assert!(error.what.contains("BatchUpdateFindings"), "{}", error.what);
    }
    let fake = Fake::start(|_, _| json_error(429, "TooManyRequestsException", "x")).await;
    let home = account(ACCOUNT, None, &[REGION]);
    let error = writer(&fake)
        .write(&home, &REGION.parse().unwrap(), &ids(1), &change())
        .await
        .unwrap_err();
    assert!(matches!(error.retry, Retry::Later(Some(_))) && fake.count() == 1);
}
