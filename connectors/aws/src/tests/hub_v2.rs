//! The new Security Hub, against a scripted service.

use chrono::{TimeDelta, Utc};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::finding::{Channel, Identity};
use poamd_contract::health::Verdict;
use poamd_contract::source::{Extent, Request, Scope};
use serde_json::{Value, json};

use super::fake::{Asked, Fake, Reply, json_error, ok};
use super::{ACCOUNT, Kept, account, ask, config, pull, session};
use crate::probe::CALLER_IDENTITY;
use crate::{AwsConfig, sources};

const REGION: &str = "us-gov-west-1";
const SOURCE: &str = "securityhub-v2";

fn document(id: &str) -> Value {
    json!({
        "class_uid": 2003, "severity_id": 4, "status_id": 1,
        "cloud": { "region": REGION, "account": { "uid": ACCOUNT } },
        "metadata": { "version": "1.5.0",
            "product": { "uid": format!("arn:aws-us-gov:securityhub:{REGION}::productv2/aws/securityhub") } },
        "finding_info": {
            "uid": format!("arn:aws-us-gov:securityhub:{REGION}:{ACCOUNT}:security-control/S3.8/finding/{id}"), "title": "t",
            "created_time_dt": "2026-10-01T00:00:00Z", "modified_time_dt": "2026-11-01T00:00:00Z",
        },
        "compliance": { "control": "S3.8", "status": "FAILED" },
        "resources": [{ "uid": format!("arn:aws-us-gov:s3:::bucket-{id}") }],
    })
}

fn page(ids: &[&str], token: Option<&str>) -> Reply {
    let findings: Vec<Value> = ids.iter().map(|id| document(id)).collect();
    ok(json!({ "Findings": findings, "NextToken": token }).to_string())
}

fn is_describe(asked: &Asked) -> bool {
    asked.line == "GET /hubv2"
}

fn switched_on() -> Reply {
    ok(format!(
        r#"{{"HubV2Arn":"arn:aws-us-gov:securityhub:{REGION}:{ACCOUNT}:hubv2/default"}}"#
    ))
}

/// A hub that is on and lists this.
async fn hub(list: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Fake {
    Fake::start(move |asked, n| {
        if is_describe(asked) {
            switched_on()
        } else {
            list(asked, n)
        }
    })
    .await
}

async fn look(fake: &Fake) -> (Kept, Coverage) {
    let home = account(ACCOUNT, None, &[REGION]);
    pull(&session(config(&fake.url)), SOURCE, &home, REGION).await
}

/// What was asked of `GetFindingsV2`.
fn listed(fake: &Fake) -> Vec<Value> {
    let listings = fake
        .asked()
        .into_iter()
        .filter(|a| a.line == "POST /findingsv2");
    listings
        .map(|asked| serde_json::from_str(&asked.body).unwrap())
        .collect()
}

#[tokio::test]
async fn v2_reads_every_page_and_keeps_each_document_as_it_came() {
    let fake = hub(|asked, _| match asked {
        a if a.says("modified_time_dt") => page(&[], None),
        a if a.says(r#""NextToken":"b""#) => page(&["4"], None),
        a if a.says(r#""NextToken":"a""#) => page(&[], Some("b")),
        _ => page(&["1", "2", "3"], Some("a")),
    })
    .await;
    let session = session(config(&fake.url));
    let home = account(ACCOUNT, None, &[REGION]);
    let (kept, coverage) = pull(&session, SOURCE, &home, REGION).await;
    assert_eq!(
        (coverage, kept.documents()),
        (Coverage::Complete, vec![3, 0, 1, 0]),
        "at the end what was updated meanwhile"
    );
    let report = &kept.pages[0].reports[0];
    assert_eq!(
        (report.source.as_str(), report.channel),
        ("securityhub", Channel::Hub)
    );
    let Identity::Control {
        control, resource, ..
    } = &report.identity
    else {
        panic!("{:?}", report.identity);
    };
    assert_eq!(
        (control.as_str(), resource.as_str()),
        ("S3.8", "arn:aws-us-gov:s3:::bucket-1")
    );
    let raw: Value = serde_json::from_str(report.raw.as_deref().unwrap()).unwrap();
    assert_eq!(raw, document("1"));
    assert_eq!(listed(&fake)[0]["MaxResults"], 100);

    let mut called = session.wiring().throttle.called();
    assert!(called.remove(CALLER_IDENTITY.action));
    let source = sources::all(&session)
        .into_iter()
        .find(|s| s.name() == SOURCE)
        .unwrap();
    assert_eq!(
        called,
        source.actions().iter().copied().collect(),
        "what is called is what is declared"
    );
}

#[tokio::test]
async fn v2_takes_numbers_and_forms_that_no_sdk_can_type() {
    let fake = hub(|_, _| {
        let mut odd = document("1");
        odd["severity_id"] = json!(1e300);
        let text = odd.to_string().replace(
            r#""class_uid":2003"#,
            r#""class_uid":2003,"unmapped":{"n":123456789012345678901234567890.5,"deep":[[[[]]]]}"#,
        );
        ok(format!(
            r#"{{"Findings":[{text},{{"finding_info":7}}],"NextToken":null}}"#
        ))
    })
    .await;
    let (kept, coverage) = look(&fake).await;
    assert_eq!(coverage, Coverage::Complete);
    let (reports, aside) = (&kept.pages[0].reports, &kept.pages[0].set_aside);
    assert_eq!((reports.len(), aside.len()), (1, 1));
    let raw = reports[0].raw.as_deref().unwrap();
    assert!(raw.contains("123456789012345678901234567890.5"), "{raw}");
}

#[tokio::test]
async fn v2_asks_for_its_own_findings_and_for_what_was_modified() {
    let to = SystemClock.now();
    let window = Extent::Window {
        from: to - TimeDelta::hours(1),
        to,
    };
    for (scope, extent, fields) in [
        (
            Scope::Own,
            Extent::Full,
            &["cloud.account.uid", "cloud.region"][..],
        ),
        (
            Scope::Members,
            window,
            &["cloud.region", "finding_info.modified_time_dt"],
        ),
        (
            Scope::Everything,
            window,
            &["finding_info.modified_time_dt"],
        ),
        (Scope::Everything, Extent::Full, &[]),
    ] {
        let fake = hub(|_, _| page(&["1"], None)).await;
        let session = session(config(&fake.url));
        let request = Request {
            extent,
            scope,
            ..Request::full(to)
        };
        let home = account(ACCOUNT, None, &[REGION]);
        let (_, pulled) = ask(&session, SOURCE, &home, REGION, &request).await;
        assert_eq!(
            (pulled.coverage, pulled.extent),
            (Coverage::Complete, extent)
        );
        let asked = &listed(&fake)[0];
        let composite = &asked["Filters"]["CompositeFilters"][0];
        let of = |kind: &str| composite[kind].as_array().cloned().unwrap_or_default();
        let all: Vec<Value> = of("StringFilters")
            .into_iter()
            .chain(of("DateFilters"))
            .collect();
        let names: Vec<&str> = all
            .iter()
            .map(|f| f["FieldName"].as_str().unwrap())
            .collect();
        assert_eq!(names, fields, "{asked}");
        assert_eq!(asked.get("Filters").is_some(), !fields.is_empty());
        if let Some(last) = all.last().filter(|_| !extent.is_full()) {
            let end = last["Filter"]["End"].as_str().unwrap();
            assert_eq!(
                end.parse::<chrono::DateTime<Utc>>()
                    .unwrap()
                    .timestamp_millis(),
                to.timestamp_millis()
            );
        }
    }
}

#[tokio::test]
async fn v2_that_is_off_is_no_empty_one() {
    let off = || {
        json_error(
            404,
            "ResourceNotFoundException",
            "The resource was not found",
        )
    };
    let lists: [fn() -> Reply; 2] = [
        || page(&[], None),
        || json_error(403, "AccessDeniedException", "not subscribed"),
    ];
    for list in lists {
        let fake =
            Fake::start(move |asked, _| if is_describe(asked) { off() } else { list() }).await;
        let (_, coverage) = look(&fake).await;
        assert_eq!(coverage.state(), "off", "{coverage:?}");
        let reason = coverage.reason().unwrap();
        assert!(
            reason.contains(ACCOUNT) && reason.contains("not switched on"),
            "{reason}"
        );
        let session = session(config(&fake.url));
        let all = sources::all(&session);
        let source = all.iter().find(|s| s.name() == SOURCE).unwrap();
        let home = account(ACCOUNT, None, &[REGION]);
        let check = source.health(&home, &REGION.parse().unwrap()).await;
        assert_eq!(check.verdict, Verdict::Warning, "{check:?}");
    }
}

#[tokio::test]
async fn v2_of_which_nobody_knows_whether_it_is_on_concludes_nothing() {
    for refusal in ["AccessDeniedException", "InternalServerException"] {
        let fake = Fake::start(move |asked, _| {
            if is_describe(asked) {
                json_error(
                    if refusal.starts_with('A') { 403 } else { 500 },
                    refusal,
                    "x",
                )
            } else {
                page(&["1"], None)
            }
        })
        .await;
        let (kept, coverage) = look(&fake).await;
        assert_eq!((coverage.state(), kept.documents()), ("partial", vec![1]));
        let reason = coverage.reason().unwrap();
        assert!(
            reason.contains("nothing counts as absent") && reason.contains("DescribeSecurityHubV2"),
            "{reason}"
        );
    }
    // A listing that failed while the hub is on stays what it was.
    let fake = hub(|_, _| json_error(403, "AccessDeniedException", "not authorized")).await;
    assert_eq!(look(&fake).await.1.state(), "denied");
}

/// What says nothing of when it was made lies in no shard by that time, on whichever page it stands.
#[tokio::test]
async fn v2_is_one_chain_in_which_what_bears_no_date_is_seen() {
    let fake = hub(|asked, _| {
        let mut undated = document("2");
        undated["finding_info"]["created_time_dt"] = Value::Null;
        match asked {
            a if a.says("created_time_dt") => page(&["1"], None),
            a if a.says("modified_time_dt") => page(&[], None),
            a if a.says(r#""NextToken":"a""#) => {
                ok(json!({ "Findings": [undated], "NextToken": null }).to_string())
            }
            _ => page(&["1"], Some("a")),
        }
    })
    .await;
    let chains = AwsConfig {
        chains: 4,
        ..config(&fake.url)
    };
    let home = account(ACCOUNT, None, &[REGION]);
    let (kept, coverage) = pull(&session(chains), SOURCE, &home, REGION).await;
    assert_eq!(coverage, Coverage::Complete);
    let seen = kept.pages.iter().flat_map(|page| &page.reports);
    assert_eq!(seen.filter(|r| r.created.is_none()).count(), 1);
    // Both pages, and at the end what was updated meanwhile.
    assert_eq!(listed(&fake).len(), 3);
}
