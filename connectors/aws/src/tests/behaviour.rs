//! Pages, refusals, throttling and endings, against a scripted service.

use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::source::{Page, PageSink, Request};

use super::fake::{Fake, Reply, ec2_error, json_error, ok, s3_error};
use super::{ACCOUNT, Kept, account, config, observe, pull, session};
use crate::probe::CALLER_IDENTITY;
use crate::sources;

const REGION: &str = "us-east-1";

fn hub_page(ids: &[&str], token: Option<&str>) -> Reply {
    let findings: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({"Id": id, "AwsAccountId": ACCOUNT, "ProductArn": "arn:aws:securityhub:us-east-1::product/x/y"}))
        .collect();
    ok(serde_json::json!({"Findings": findings, "NextToken": token}).to_string())
}

async fn pull_hub(fake: &Fake) -> (Kept, Coverage) {
    pull(
        &session(config(&fake.url)),
        "securityhub",
        &account(ACCOUNT, None, &[REGION]),
        REGION,
    )
    .await
}

#[tokio::test]
async fn reads_to_the_last_page_through_an_empty_one() {
    let fake = Fake::start(|asked, _| match asked {
        a if a.says(r#""NextToken":"b""#) => hub_page(&["4"], None),
        a if a.says(r#""NextToken":"a""#) => hub_page(&[], Some("b")),
        _ => hub_page(&["1", "2", "3"], Some("a")),
    })
    .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!(coverage, Coverage::Complete);
    assert_eq!(kept.documents(), [3, 0, 1]);
    let first = &fake.asked()[0];
    assert_eq!(first.line, "POST /findings");
    assert!(
        first.says(r#""MaxResults":100"#) && first.says("AwsAccountId") && !first.says("UpdatedAt"),
        "{}",
        first.body
    );
}

#[tokio::test]
async fn a_chain_that_bites_its_tail_is_partial() {
    let fake = Fake::start(|asked, _| match asked {
        a if a.says(r#""NextToken":"a""#) => hub_page(&["2"], Some("b")),
        a if a.says(r#""NextToken":"b""#) => hub_page(&["3"], Some("a")),
        _ => hub_page(&["1"], Some("a")),
    })
    .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage.state(), kept.documents().len(), fake.count()),
        ("partial", 3, 3)
    );
    assert!(
        coverage.reason().unwrap().contains("used before"),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn a_page_the_sdk_cannot_read_is_still_taken() {
    let fake = Fake::start(|_, n| match n {
        0 => ok(r#"{"NextToken":"a","Findings":[{"Id":7,"Severity":[],"Resources":"x"},{"Id":"good","AwsAccountId":"123456789012","ProductArn":"arn:aws:securityhub:us-east-1::product/x/y"}]}"#),
        _ => hub_page(&["2"], None),
    })
    .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!((kept.documents(), fake.count()), (vec![2, 1], 2));
    // The document without an id is put aside with its reason; nothing of the page was lost, so absence counts.
    let taken: Vec<_> = kept.pages.iter().map(|p| p.reports.len()).collect();
    let aside: Vec<_> = kept.pages.iter().map(|p| p.set_aside.len()).collect();
    assert_eq!((taken, aside), (vec![1, 1], vec![1, 0]));
    assert_eq!(coverage, Coverage::Complete);
}

#[tokio::test]
async fn a_page_cut_off_is_partial() {
    let fake = Fake::start(|_, _| ok(r#"{"Findings":[{"Id":"1","#)).await;
    let (_, coverage) = pull_hub(&fake).await;
    assert_eq!(coverage.state(), "partial", "{coverage:?}");
}

#[tokio::test]
async fn a_refusal_is_denied_and_names_everything() {
    let fake =
        Fake::start(|_, _| json_error(403, "AccessDeniedException", "User: u is not authorized"))
            .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage.state(), kept.pages.len(), fake.count()),
        ("denied", 0, 1)
    );
    let reason = coverage.reason().unwrap();
    for part in [
        ACCOUNT,
        REGION,
        "securityhub",
        "GetFindings",
        "AccessDeniedException",
        "is not authorized",
    ] {
        assert!(reason.contains(part), "{part} is not in {reason}");
    }
}

#[tokio::test]
async fn a_hub_that_is_not_enabled_is_off() {
    let fake = Fake::start(|_, _| {
        json_error(
            401,
            "InvalidAccessException",
            "Account 123456789012 is not subscribed to AWS Security Hub",
        )
    })
    .await;
    assert_eq!(pull_hub(&fake).await.1.state(), "off");
}

#[tokio::test]
async fn server_errors_are_tried_again_and_then_end() {
    let fake = Fake::start(|_, _| json_error(503, "ServiceUnavailable", "later")).await;
    let (_, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage.state(), fake.count()),
        ("failed", 3),
        "{coverage:?}"
    );

    let fake = Fake::start(|_, n| {
        if n == 1 {
            hub_page(&["1"], None)
        } else {
            json_error(500, "Internal", "x")
        }
    })
    .await;
    assert_eq!(pull_hub(&fake).await.1, Coverage::Complete);

    let fake = Fake::start(|_, n| {
        if n == 0 {
            hub_page(&["1"], Some("a"))
        } else {
            json_error(500, "I", "x")
        }
    })
    .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage.state(), kept.documents()),
        ("partial", vec![1]),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn throttling_slows_down_and_goes_on() {
    let fake = Fake::start(|_, n| {
        if n == 0 {
            json_error(429, "TooManyRequestsException", "slow")
        } else {
            hub_page(&["1"], None)
        }
    })
    .await;
    assert_eq!(pull_hub(&fake).await.1, Coverage::Complete);
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn a_rejected_token_starts_again_once() {
    let rejected = || json_error(400, "InvalidInputException", "The NextToken is not valid");
    let fake = Fake::start(move |asked, n| match asked {
        a if a.says(r#""NextToken":"a""#) && n == 1 => rejected(),
        a if a.says(r#""NextToken":"a""#) => hub_page(&["2"], None),
        _ => hub_page(&["1"], Some("a")),
    })
    .await;
    let (kept, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage, kept.documents().len(), fake.count()),
        (Coverage::Complete, 3, 4)
    );

    let fake = Fake::start(move |asked, _| {
        if asked.says("\"a\"") {
            rejected()
        } else {
            hub_page(&["1"], Some("a"))
        }
    });
    let fake = fake.await;
    let (_, coverage) = pull_hub(&fake).await;
    assert_eq!(
        (coverage.state(), fake.count()),
        ("partial", 4),
        "{coverage:?}"
    );
}

struct Full;

#[async_trait::async_trait]
impl PageSink for Full {
    async fn page(&mut self, _page: Page) -> poamd_contract::error::Result<()> {
        Err(ConnectorError::new(Retry::Never, "disk full"))
    }
}

#[tokio::test]
async fn what_the_sink_returns_ends_the_pull() {
    let fake = Fake::start(|_, _| hub_page(&["1"], Some("a"))).await;
    let all = sources::all(&session(config(&fake.url)));
    let error = all[0]
        .pull(
            &account(ACCOUNT, None, &[REGION]),
            &REGION.parse().unwrap(),
            &Request::full(SystemClock.now()),
            &mut Full,
        )
        .await
        .unwrap_err();
    assert_eq!((error.what.as_str(), fake.count()), ("disk full", 1));
}

#[tokio::test]
async fn guardduty_reads_fifty_findings_at_a_time() {
    let fake = Fake::start(|asked, _| match asked.line.as_str() {
        line if line.starts_with("GET /detector") => ok(r#"{"detectorIds":["d1"]}"#),
        "POST /detector/d1/findings" if asked.says("\"more\"") => {
            ok(r#"{"findingIds":["z"],"nextToken":""}"#)
        }
        "POST /detector/d1/findings" => {
            let ids: Vec<String> = (0..70).map(|n| n.to_string()).collect();
            ok(serde_json::json!({"findingIds": ids, "nextToken": "more"}).to_string())
        }
        "POST /detector/d1/findings/get" => {
            let asked: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            let ids = asked["findingIds"].as_array().unwrap().clone();
            assert!(ids.len() <= 50);
            let whole = |id: &serde_json::Value| {
                serde_json::json!({
                    "id": id, "accountId": ACCOUNT, "region": REGION, "partition": "aws", "severity": 5.0,
                    "arn": format!("arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/d1/finding/{}", id.as_str().unwrap()),
                    "type": "Recon:EC2/PortProbeUnprotectedPort", "title": "t", "updatedAt": "2026-11-20T00:00:00Z",
                })
            };
            let findings: Vec<_> = ids.iter().map(whole).collect();
            ok(serde_json::json!({"findings": findings}).to_string())
        }
        other => json_error(400, "BadRequestException", other),
    })
    .await;
    let session = session(config(&fake.url));
    let (kept, coverage) = pull(
        &session,
        "guardduty",
        &account(ACCOUNT, None, &[REGION]),
        REGION,
    )
    .await;
    assert_eq!(kept.documents(), [70, 1]);
    assert!(kept.pages.iter().all(|page| page.set_aside.is_empty()));
    assert_eq!(coverage, Coverage::Complete);
    let mut called = session.wiring().throttle.called();
    // Whose the base credentials are; in the generated policy for every source.
    assert!(called.remove(CALLER_IDENTITY.action));
    let source = sources::all(&session)
        .into_iter()
        .find(|s| s.name() == "guardduty")
        .unwrap();
    assert_eq!(
        called,
        source.actions().iter().copied().collect(),
        "what is called is what is declared"
    );

    let none = Fake::start(|_, _| ok(r#"{"detectorIds":[]}"#)).await;
    let session = super::session(config(&none.url));
    let (_, coverage) = pull(
        &session,
        "guardduty",
        &account(ACCOUNT, None, &[REGION]),
        REGION,
    )
    .await;
    assert_eq!(coverage.state(), "off");
}

#[tokio::test]
async fn inspector_classic_says_that_it_ended() {
    let refuses =
        Fake::start(|_, _| json_error(400, "UnknownOperationException", "The service has ended"))
            .await;
    let gone = "http://127.0.0.1:9".to_owned();
    for url in [refuses.url.clone(), gone] {
        let config = crate::AwsConfig {
            endpoint_urls: [("sts".to_owned(), refuses.url.clone())].into(),
            ..config(&url)
        };
        let session = session(config);
        let (_, coverage) = pull(
            &session,
            "inspector-classic",
            &account(ACCOUNT, None, &[REGION]),
            REGION,
        )
        .await;
        assert_eq!(coverage.state(), "ended", "{coverage:?}");
        assert!(coverage.reason().unwrap().contains("ended"), "{coverage:?}");
    }
}

#[tokio::test]
async fn a_region_without_fips_endpoint_says_so() {
    let sts = Fake::start(|_, _| ok("")).await;
    let config = crate::AwsConfig {
        use_fips: true,
        endpoint_url: None,
        endpoint_urls: [("sts".to_owned(), sts.url.clone())].into(),
        ..config("")
    };
    let (_, coverage) = pull(
        &session(config),
        "securityhub",
        &account(ACCOUNT, None, &["eu-west-1"]),
        "eu-west-1",
    )
    .await;
    assert_eq!(coverage.state(), "failed");
    assert!(
        coverage
            .reason()
            .unwrap()
            .contains("no FIPS endpoint of securityhub in region eu-west-1"),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn a_denied_listing_concludes_nothing() {
    let fake = Fake::start(|asked, _| match asked.service() {
        "ec2" => ec2_error(403, "UnauthorizedOperation", "You are not authorized"),
        "s3" => s3_error(403, "AccessDenied"),
        _ => super::fake::xml_error(403, "AccessDenied", "User is not authorized"),
    })
    .await;
    let session = session(config(&fake.url));
    for technology in ["securitygroup", "s3", "iamuser", "policy"] {
        let seen = observe(
            &session,
            technology,
            &account(ACCOUNT, None, &[REGION]),
            REGION,
        )
        .await;
        assert_eq!(
            (seen.items.len(), seen.coverage.state()),
            (0, "denied"),
            "{technology}: {:?}",
            seen.coverage
        );
    }
}

#[tokio::test]
async fn one_denied_bucket_is_left_out_and_named() {
    let fake = Fake::start(|asked, _| {
        let path = asked.line.as_str();
        if path.starts_with("GET /?") {
            return ok("<ListAllMyBucketsResult><Buckets><Bucket><Name>open</Name></Bucket><Bucket><Name>shut</Name></Bucket>\
                       <Bucket><Name>gone</Name></Bucket></Buckets></ListAllMyBucketsResult>");
        }
        if path.contains("/shut") && path.contains("encryption") {
            return s3_error(403, "AccessDenied");
        }
        if path.contains("/gone") {
            return s3_error(404, "NoSuchBucket");
        }
        if path.contains("location") {
            return ok("<LocationConstraint>eu-west-1</LocationConstraint>");
        }
        for (word, code) in [
            ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
            ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
            ("policy", "NoSuchBucketPolicy"),
        ] {
            if path.contains(word) {
                return s3_error(404, code);
            }
        }
        if path.contains("versioning") { ok("<VersioningConfiguration/>") } else { ok("<AccessControlPolicy/>") }
    })
    .await;
    let seen = observe(
        &session(config(&fake.url)),
        "s3",
        &account(ACCOUNT, None, &[REGION]),
        REGION,
    )
    .await;
    let names: Vec<&str> = seen.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["open"], "{:?}", seen.coverage);
    assert_eq!(seen.items[0].region.as_str(), "eu-west-1");
    assert_eq!(
        seen.items[0].config["ServerSideEncryptionConfiguration"],
        serde_json::Value::Null
    );
    assert_eq!(seen.coverage.state(), "partial");
    assert!(
        seen.coverage.reason().unwrap().contains("bucket shut"),
        "{:?}",
        seen.coverage
    );
    let used_region = fake
        .asked()
        .iter()
        .any(|asked| asked.says("/open") && asked.says("/eu-west-1/s3/aws4_request"));
    assert!(used_region, "the bucket is asked in its own region");
}
