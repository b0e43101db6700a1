//! Inspector's scan types: what the silence of a listing means when one of them is off.

use poamd_contract::coverage::{Coverage, Vouched};
use poamd_contract::health::Verdict;
use poamd_contract::source::Details;
use serde_json::{Value, json};

use super::fake::{Fake, Reply, json_error, ok};
use super::{ACCOUNT, Kept, account, config, pull, session};
use crate::probe::CALLER_IDENTITY;
use crate::sources;

const REGION: &str = "us-east-1";
const MEMBER: &str = "210987654321";

fn state(status: &str) -> Value {
    json!({ "status": status, "errorCode": "ALREADY_ENABLED", "errorMessage": "" })
}

/// An account with all scan types on but EC2's.
fn account_state(id: &str, whole: &str, ec2: &str) -> Value {
    let on = state("ENABLED");
    json!({
        "accountId": id, "state": state(whole),
        "resourceState": {
            "ec2": state(ec2), "ecr": on, "lambda": on, "lambdaCode": state("DISABLED"), "codeRepository": on,
        },
    })
}

fn statuses(accounts: &[Value]) -> Reply {
    ok(json!({ "accounts": accounts, "failedAccounts": [] }).to_string())
}

fn listing(owner: &str) -> Reply {
    let finding = json!({
        "findingArn": format!("arn:aws:inspector2:us-east-1:{owner}:finding/1"), "awsAccountId": owner,
        "title": "t", "resources": [],
    });
    ok(json!({ "findings": [finding] }).to_string())
}

async fn look(
    owner: &'static str,
    status: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (Kept, Coverage) {
    let fake = Fake::start(move |asked, _| {
        if asked.line.contains("/status/batch/get") {
            status(&asked.body)
        } else {
            listing(owner)
        }
    })
    .await;
    let session = session(config(&fake.url));
    pull(
        &session,
        "inspector",
        &account(ACCOUNT, None, &[REGION]),
        REGION,
    )
    .await
}

fn vouched(kept: &Kept) -> &Vouched {
    kept.pages
        .iter()
        .find_map(|page| page.vouched.as_ref())
        .unwrap()
}

fn gap(vouched: &Vouched, owner: &str, resource: &str, weakness: &str) -> Option<String> {
    vouched.gap(owner, &format!("arn:aws:{resource}"), weakness)
}

#[tokio::test]
async fn a_scan_type_that_is_off_makes_nothing_absent() {
    for status in ["DISABLED", "DISABLING", "SUSPENDED", "ENABLING", "WHATEVER"] {
        let (kept, coverage) = look(ACCOUNT, move |_| {
            statuses(&[account_state(ACCOUNT, "ENABLED", status)])
        })
        .await;
        assert_eq!(coverage, Coverage::Complete);
        let vouched = vouched(&kept);
        let why = gap(vouched, ACCOUNT, "ec2:r:a:instance/i-1", "CVE-2026-1").unwrap();
        assert!(why.contains("EC2") && why.contains(status), "{why}");
        let silence = |resource, weakness| gap(vouched, ACCOUNT, resource, weakness).is_none();
        assert!(silence("ecr:r:a:repository/x/sha256:1", "CVE-2026-1"));
        assert!(silence("lambda:r:a:function:f", "CVE-2026-1"));
        assert!(!silence("lambda:r:a:function:f", "python/sql-injection"));
        assert!(silence("inspector2:r:a:project-1", "CVE-2026-1"));
    }
}

#[tokio::test]
async fn an_account_that_is_off_is_no_empty_one() {
    let (_, coverage) = look(ACCOUNT, |_| {
        statuses(&[account_state(ACCOUNT, "DISABLED", "DISABLED")])
    })
    .await;
    assert_eq!(coverage.state(), "off", "{coverage:?}");
}

#[tokio::test]
async fn scan_types_that_cannot_be_asked_for_conclude_nothing() {
    let refusals: [fn() -> Reply; 3] = [
        || json_error(403, "AccessDeniedException", "User: u is not authorized"),
        || json_error(404, "UnknownOperationException", ""),
        || statuses(&[]),
    ];
    for refusal in refusals {
        let (kept, coverage) = look(ACCOUNT, move |_| refusal()).await;
        assert_eq!((coverage.state(), kept.documents()), ("partial", vec![1]));
        let reason = coverage.reason().unwrap();
        assert!(
            reason.contains("scan types") && reason.contains("BatchGetAccountStatus"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_member_is_vouched_for_by_its_own_scan_types() {
    let on = || account_state(ACCOUNT, "ENABLED", "ENABLED");
    let image = "ecr:r:a:repository/x/sha256:1";
    let instance = "ec2:r:a:instance/i-1";
    let (kept, _) = look(MEMBER, move |asked| {
        let member = account_state(MEMBER, "ENABLED", "DISABLED");
        statuses(&[if asked.contains(MEMBER) { member } else { on() }])
    })
    .await;
    let known = vouched(&kept);
    assert_eq!(gap(known, ACCOUNT, instance, "CVE-2026-1"), None);
    assert_eq!(gap(known, MEMBER, image, "CVE-2026-1"), None);
    assert!(gap(known, MEMBER, instance, "CVE-2026-1").is_some());

    let (kept, coverage) = look(MEMBER, move |asked| {
        if asked.contains(MEMBER) {
            json_error(403, "AccessDeniedException", "User: u is not authorized")
        } else {
            statuses(&[on()])
        }
    })
    .await;
    assert_eq!(coverage, Coverage::Complete);
    assert_eq!(gap(vouched(&kept), ACCOUNT, instance, "CVE-2026-1"), None);
    assert!(gap(vouched(&kept), MEMBER, image, "CVE-2026-1").is_some());
}

/// What is told of so many findings where the service answers like this.
async fn tell(
    count: usize,
    answer: impl Fn(&Value) -> Reply + Send + Sync + 'static,
) -> (Details, usize) {
    let fake = Fake::start(move |asked, _| {
        assert_eq!(asked.line, "POST /findings/details/batch/get");
        answer(&serde_json::from_str(&asked.body).unwrap())
    })
    .await;
    let session = session(config(&fake.url));
    let all = sources::all(&session);
    let source = all.iter().find(|s| s.name() == "inspector").unwrap();
    let arn = |n| format!("arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/{n:032}");
    let arns: Vec<String> = (0..count).map(arn).collect();
    assert!(arns.len() <= source.details_at_once());
    let home = account(ACCOUNT, None, &[REGION]);
    let told = source.details(&home, &REGION.parse().unwrap(), &arns).await;
    let mut called = session.wiring().throttle.called();
    called.remove(CALLER_IDENTITY.action);
    assert!(called.iter().all(|c| source.actions().contains(c)));
    (told, fake.count())
}

#[tokio::test]
async fn details_are_asked_for_ten_at_a_time_and_kept_as_they_came() {
    let (told, calls) = tell(10, |asked| {
        let arns = asked["findingArns"].as_array().unwrap();
        let one = |arn: &Value| json!({ "findingArn": arn, "cisaData": { "dateDue": 1_718_841_600.0 }, "new": [1] });
        let known: Vec<Value> = arns.iter().take(9).map(one).collect();
        let refused = json!({ "findingArn": arns[9], "errorCode": "FINDING_DETAILS_NOT_FOUND", "errorMessage": "" });
        ok(json!({ "findingDetails": known, "errors": [refused] }).to_string())
    })
    .await;
    assert_eq!((told.known.len(), told.nothing.len(), calls), (9, 1, 1));
    assert_eq!((told.refused, told.trouble), (None, None));
    let flaw = told.known[0].detail.flaw.as_ref().unwrap();
    assert_eq!(flaw.kev_due, "2024-06-20".parse().ok());
    assert!(told.known[0].raw.contains(r#""new":[1]"#));
}

#[tokio::test]
async fn details_that_cannot_be_had_are_trouble_and_no_error() {
    let denied = || json_error(403, "AccessDeniedException", "User: u is not authorized");
    type Answer = (fn() -> Reply, &'static str);
    let answers: [Answer; 3] = [
        (denied, "not authorized"),
        (
            || json_error(500, "InternalServerException", "x"),
            "Internal",
        ),
        (|| ok("<html>"), "BatchGetFindingDetails"),
    ];
    for (answer, word) in answers {
        let (told, _) = tell(3, move |_| answer()).await;
        assert!(told.known.is_empty() && told.nothing.is_empty());
        let trouble = told.trouble.unwrap();
        assert!(
            trouble.contains(word) && trouble.contains(ACCOUNT),
            "{trouble}"
        );
    }
    // One that the reply leaves out is not one of which nothing is known.
    let (told, _) = tell(2, |_| ok(r#"{"findingDetails":[],"errors":[]}"#)).await;
    assert!(told.trouble.is_none() && told.nothing.is_empty());
    assert!(told.refused.unwrap().contains("does not speak of all"));
}

#[tokio::test]
async fn health_says_that_only_the_details_are_refused() {
    let fake = Fake::start(|asked, _| match asked.line.as_str() {
        "POST /findings/details/batch/get" => {
            json_error(403, "AccessDeniedException", "not authorized")
        }
        "POST /status/batch/get" => statuses(&[account_state(ACCOUNT, "ENABLED", "ENABLED")]),
        _ => listing(ACCOUNT),
    })
    .await;
    let all = sources::all(&session(config(&fake.url)));
    let source = all.iter().find(|s| s.name() == "inspector").unwrap();
    let home = account(ACCOUNT, None, &[REGION]);
    let check = source.health(&home, &REGION.parse().unwrap()).await;
    assert_eq!(check.verdict, Verdict::Warning, "{check:?}");
    assert!(
        check.detail.contains("can be read") && check.detail.contains("BatchGetFindingDetails")
    );
}
