//! Assumed roles: external ids, renewal, and the probe.

use poamd_contract::health::Verdict;
use poamd_contract::watch::AccountProbe;

use super::fake::{Asked, Fake, Reply, identity, json_error, ok, xml_error};
use super::{ACCOUNT, account, config, observe, pull, session};
use crate::probe::Probe;

const MEMBER: &str = "210987654321";
const REGION: &str = "us-gov-west-1";

fn credentials(n: usize) -> Reply {
    ok(format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIA{n}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ))
}

/// An STS whose roles demand the external id, or do not.
fn sts(asked: &Asked, n: usize, demanding: bool, owner: &str) -> Reply {
    if asked.says("Action=GetCallerIdentity") {
        return identity(owner);
    }
    if demanding && !asked.says("ExternalId=poamd") {
        return xml_error(
            403,
            "AccessDenied",
            "not authorized to perform: sts:AssumeRole",
        );
    }
    credentials(n)
}

#[tokio::test]
async fn expired_credentials_are_renewed_once() {
    let fake = Fake::start(|asked, n| match asked.service() {
        "sts" => sts(asked, n, true, MEMBER),
        _ if asked.says("Credential=ASIA0/") => json_error(403, "ExpiredTokenException", "expired"),
        _ => ok(r#"{"Findings":[]}"#),
    })
    .await;
    let member = account(MEMBER, Some("poamd-audit"), &[REGION]);
    let (_, coverage) = pull(&session(config(&fake.url)), "securityhub", &member, REGION).await;
    assert!(coverage.is_complete(), "{coverage:?}");
    let asked = fake.asked();
    let roles: Vec<&Asked> = asked.iter().filter(|a| a.service() == "sts").collect();
    assert_eq!((roles.len(), asked.len()), (2, 4));
    assert!(
        roles[0].says("arn%3Aaws-us-gov%3Aiam%3A%3A210987654321%3Arole%2Fpoamd-audit"),
        "{}",
        roles[0].body
    );
    assert!(
        roles[0].says("RoleSessionName=poamd-node-7fffffff"),
        "{}",
        roles[0].body
    );
    assert!(
        roles[0].says("/us-gov-west-1/sts/aws4_request"),
        "the regional endpoint is asked"
    );
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_cells() {
    let fake = Fake::start(|asked, n| match asked.service() {
        "sts" => sts(asked, n, true, MEMBER),
        _ => ok(r#"{"Findings":[]}"#),
    })
    .await;
    let session = session(config(&fake.url));
    let member = account(MEMBER, Some("poamd-audit"), &[REGION]);
    for region in [REGION, "us-gov-east-1", REGION] {
        assert!(
            pull(&session, "securityhub", &member, region)
                .await
                .1
                .is_complete()
        );
    }
    assert_eq!(
        fake.asked().iter().filter(|a| a.service() == "sts").count(),
        1
    );
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_denies_the_cell() {
    let fake = Fake::start(|_, _| {
        xml_error(
            403,
            "AccessDenied",
            "not authorized to perform: sts:AssumeRole",
        )
    })
    .await;
    let member = account(MEMBER, Some("poamd-audit"), &[REGION]);
    let (_, coverage) = pull(&session(config(&fake.url)), "securityhub", &member, REGION).await;
    assert_eq!(coverage.state(), "denied");
    let reason = coverage.reason().unwrap();
    assert!(
        reason.contains(":role/poamd-audit") && reason.contains("trust policy"),
        "{reason}"
    );
    assert!(reason.contains("may sts:AssumeRole"), "{reason}");
}

#[tokio::test]
async fn base_credentials_of_another_account_see_nothing_of_this_one() {
    let fake = Fake::owned_by(MEMBER, |_, _| ok(r#"{"Findings":[]}"#)).await;
    let session = session(config(&fake.url));
    let mine = account(ACCOUNT, None, &["us-east-1"]);
    let (kept, coverage) = pull(&session, "securityhub", &mine, "us-east-1").await;
    assert_eq!((coverage.state(), kept.pages.len()), ("denied", 0));
    let reason = coverage.reason().unwrap();
    for part in [ACCOUNT, MEMBER, "belong to", "role"] {
        assert!(reason.contains(part), "{part} is not in {reason}");
    }
    let seen = observe(&session, "s3", &mine, "us-east-1").await;
    assert_eq!(seen.coverage.state(), "denied");
    assert_eq!(fake.count(), 0, "nothing else was asked");

    let theirs = account(MEMBER, None, &[REGION]);
    let (_, coverage) = pull(&session, "securityhub", &theirs, REGION).await;
    assert!(coverage.is_complete(), "{coverage:?}");
}

async fn verdicts(
    demanding: bool,
    owner: &'static str,
    external_id: bool,
) -> Vec<(Verdict, String)> {
    let fake = Fake::start(move |asked, n| sts(asked, n, demanding, owner)).await;
    let mut member = account(MEMBER, Some("poamd-audit"), &[REGION]);
    if !external_id {
        member.external_id = None;
    }
    let checks = Probe::new(session(config(&fake.url))).probe(&member).await;
    checks
        .into_iter()
        .map(|check| (check.verdict, check.detail))
        .collect()
}

#[tokio::test]
async fn the_probe_tells_a_closed_door_from_an_open_one() {
    let closed = verdicts(true, MEMBER, true).await;
    assert_eq!(
        closed.iter().map(|c| c.0).collect::<Vec<_>>(),
        [Verdict::Ok, Verdict::Ok],
        "{closed:?}"
    );

    let open = verdicts(false, MEMBER, true).await;
    assert_eq!(open[1].0, Verdict::Failed);
    assert!(open[1].1.contains("confused deputy"), "{open:?}");

    let without = verdicts(false, MEMBER, false).await;
    assert_eq!(without[1].0, Verdict::Warning);

    let other = verdicts(true, ACCOUNT, true).await;
    assert_eq!(other[0].0, Verdict::Failed);
    assert!(
        other[0].1.contains(ACCOUNT) && other[0].1.contains(MEMBER),
        "{other:?}"
    );
}
