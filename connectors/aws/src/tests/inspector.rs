//! Inspector's scan types: what the silence of a listing means when one of them is off.

use poamd_contract::coverage::{Coverage, Vouched};
use serde_json::{Value, json};

use super::fake::{Fake, Reply, json_error, ok};
use super::{ACCOUNT, Kept, account, config, pull, session};

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
