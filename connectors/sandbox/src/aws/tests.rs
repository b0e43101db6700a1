#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd_contract::clock::ManualClock;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::*;

const PROD: &str = "111122223333";
const GOV: &str = "777788889999";

fn now() -> DateTime<Utc> {
    "2026-11-22T06:30:00Z".parse().unwrap()
}

/// Credentials as a client holds them.
#[derive(Clone, Default)]
struct Pair {
    key: String,
    token: String,
}

struct World {
    aws: AwsStandIn,
    clock: Arc<ManualClock>,
    http: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = Arc::new(ManualClock::at(now()));
        let mut options = Options::new(History::new(clock.clone()));
        change(&mut options);
        let aws = AwsStandIn::start(Estate::bundled(now()), options)
            .await
            .unwrap();
        Self {
            aws,
            clock,
            http: reqwest::Client::new(),
        }
    }

    fn base(&self) -> Pair {
        Pair {
            key: self.aws.access_key_id.clone(),
            token: String::new(),
        }
    }

    fn sign(
        &self,
        request: RequestBuilder,
        pair: &Pair,
        region: &str,
        service: &str,
    ) -> RequestBuilder {
        let scope = format!("{}/20261122/{region}/{service}/aws4_request", pair.key);
        let header =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        let request = request.header("authorization", header);
        if pair.token.is_empty() {
            request
        } else {
            request.header("x-amz-security-token", &pair.token)
        }
    }

    async fn send(&self, request: RequestBuilder) -> (u16, String) {
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    async fn query(
        &self,
        pair: &Pair,
        place: (&str, &str),
        fields: &[(&str, &str)],
    ) -> (u16, String) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self
            .http
            .post(&self.aws.url)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(self.sign(request.body(form.finish()), pair, place.0, place.1))
            .await
    }

    async fn post(
        &self,
        pair: &Pair,
        place: (&str, &str),
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = self
            .http
            .post(format!("{}{path}", self.aws.url))
            .body(body.to_string());
        let (status, text) = self.send(self.sign(request, pair, place.0, place.1)).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn get(&self, pair: &Pair, place: (&str, &str), path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.aws.url));
        self.send(self.sign(request, pair, place.0, place.1)).await
    }

    async fn assume(&self, account: &str) -> Pair {
        let estate = self.aws.change(|estate| estate.clone());
        let account = estate.account(account).unwrap();
        let role = format!(
            "arn:{}:iam::{}:role/{}",
            account.partition, account.id, account.role
        );
        let external = account.external_id.clone().unwrap();
        let fields = [
            ("Action", "AssumeRole"),
            ("RoleArn", &role),
            ("RoleSessionName", "poamd-test"),
            ("ExternalId", &external),
        ];
        let (status, xml) = self
            .query(&self.base(), ("us-east-1", "sts"), &fields)
            .await;
        assert_eq!(status, 200, "{xml}");
        Pair {
            key: element(&xml, "AccessKeyId"),
            token: element(&xml, "SessionToken"),
        }
    }

    async fn all_hub_findings(&self, pair: &Pair, region: &str, size: u64) -> Vec<Value> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut body = json!({ "MaxResults": size });
            if let Some(token) = &token {
                body["NextToken"] = json!(token);
            }
            let (status, reply) = self
                .post(pair, (region, "securityhub"), "/findings", &body)
                .await;
            assert_eq!(status, 200, "{reply}");
            let page = reply["Findings"].as_array().unwrap();
            assert!(page.len() as u64 <= size);
            all.extend(page.iter().cloned());
            match reply["NextToken"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => return all,
            }
        }
    }
}

fn element(xml: &str, name: &str) -> String {
    let after = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name} in {xml}"))
        .1;
    after
        .split_once(&format!("</{name}>"))
        .unwrap()
        .0
        .to_owned()
}

#[tokio::test]
async fn sts_tells_who_calls_and_assumes_roles_with_the_right_external_id_only() {
    let world = World::start().await;
    let who = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let (status, xml) = world.query(&world.base(), ("us-east-1", "sts"), &who).await;
    assert_eq!(
        (status, element(&xml, "Account").as_str()),
        (200, "999900001111")
    );

    let gov = world.assume(GOV).await;
    let (status, xml) = world.query(&gov, ("us-gov-west-1", "sts"), &who).await;
    assert_eq!((status, element(&xml, "Account").as_str()), (200, GOV));
    assert_eq!(
        element(&xml, "Arn"),
        "arn:aws-us-gov:sts::777788889999:assumed-role/poamd-audit/poamd-test"
    );

    let role = format!("arn:aws:iam::{PROD}:role/poamd-audit");
    let mut assume = vec![
        ("Action", "AssumeRole"),
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "x1"),
    ];
    let (status, xml) = world
        .query(&world.base(), ("us-east-1", "sts"), &assume)
        .await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (403, "AccessDenied")
    );
    assume.push(("ExternalId", "guessed"));
    assert_eq!(
        world
            .query(&world.base(), ("us-east-1", "sts"), &assume)
            .await
            .0,
        403
    );
    assume[1].1 = "arn:aws:iam::111122223333:role/other";
    assert_eq!(
        world
            .query(&world.base(), ("us-east-1", "sts"), &assume)
            .await
            .0,
        403
    );
    assume[2].1 = "with space";
    let (status, xml) = world
        .query(&world.base(), ("us-east-1", "sts"), &assume)
        .await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (400, "ValidationError")
    );
}

#[tokio::test]
async fn unknown_mismatched_and_expired_keys_are_refused_in_each_services_words() {
    let world = World::start().await;
    let stranger = Pair {
        key: "AKIANOBODY0000000000".into(),
        token: String::new(),
    };
    let who = [("Action", "GetCallerIdentity")];
    let (status, xml) = world.query(&stranger, ("us-east-1", "sts"), &who).await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (403, "InvalidClientTokenId")
    );
    let (status, reply) = world
        .post(
            &stranger,
            ("us-east-1", "securityhub"),
            "/findings",
            &json!({}),
        )
        .await;
    assert_eq!(
        (status, reply["__type"].as_str().unwrap()),
        (403, "UnrecognizedClientException")
    );
    let (status, xml) = world.get(&stranger, ("us-east-1", "s3"), "/").await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (403, "InvalidAccessKeyId")
    );

    let prod = world.assume(PROD).await;
    let without = Pair {
        token: String::new(),
        ..prod.clone()
    };
    assert_eq!(
        world.query(&without, ("us-east-1", "sts"), &who).await.0,
        403
    );
    world.clock.advance(TimeDelta::minutes(61));
    let (status, xml) = world.query(&prod, ("us-east-1", "sts"), &who).await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (403, "ExpiredToken")
    );
}

#[tokio::test]
async fn the_hub_pages_through_everything_once_and_holds_tokens_to_their_parameters() {
    let world = World::start().await;
    let prod = world.assume(PROD).await;
    let expected = Estate::bundled(now())
        .account(PROD)
        .unwrap()
        .cell("us-east-1")
        .unwrap()
        .hub
        .clone()
        .unwrap();
    assert_eq!(
        world.all_hub_findings(&prod, "us-east-1", 100).await,
        expected
    );
    assert_eq!(
        world.all_hub_findings(&prod, "us-east-1", 7).await.len(),
        expected.len()
    );

    let place = ("us-east-1", "securityhub");
    let (_, first) = world
        .post(&prod, place, "/findings", &json!({ "MaxResults": 10 }))
        .await;
    let other = json!({ "MaxResults": 10, "NextToken": first["NextToken"], "Filters": { "RecordState": [{ "Value": "ACTIVE", "Comparison": "EQUALS" }] } });
    let (status, reply) = world.post(&prod, place, "/findings", &other).await;
    assert_eq!(
        (status, reply["__type"].as_str().unwrap()),
        (400, "InvalidInputException")
    );
    for size in [0, 101] {
        assert_eq!(
            world
                .post(&prod, place, "/findings", &json!({ "MaxResults": size }))
                .await
                .0,
            400
        );
    }
    assert_eq!(
        world
            .post(&prod, place, "/findings", &json!({ "Filter": {} }))
            .await
            .0,
        400
    );

    let filter =
        json!({ "Filters": { "RecordState": [{ "Value": "ARCHIVED", "Comparison": "EQUALS" }] } });
    let (_, archived) = world.post(&prod, place, "/findings", &filter).await;
    let archived = archived["Findings"].as_array().unwrap();
    assert!(
        !archived.is_empty()
            && archived
                .iter()
                .all(|finding| finding["RecordState"] == "ARCHIVED")
    );
}

#[tokio::test]
async fn services_that_are_off_say_so() {
    let world = World::start().await;
    world.aws.change(|estate| {
        let cell = estate
            .account_mut(PROD)
            .unwrap()
            .cell_mut("us-west-2")
            .unwrap();
        (cell.hub, cell.detector, cell.inspector) = (None, None, None);
    });
    let prod = world.assume(PROD).await;
    let (status, reply) = world
        .post(&prod, ("us-west-2", "securityhub"), "/findings", &json!({}))
        .await;
    assert_eq!(
        (status, reply["__type"].as_str().unwrap()),
        (401, "InvalidAccessException")
    );
    let (status, detectors) = world
        .get(&prod, ("us-west-2", "guardduty"), "/detector")
        .await;
    assert_eq!((status, detectors.as_str()), (200, "{\"detectorIds\":[]}"));
    let (status, reply) = world
        .post(
            &prod,
            ("us-west-2", "inspector2"),
            "/findings/list",
            &json!({}),
        )
        .await;
    assert_eq!(
        (status, reply["__type"].as_str().unwrap()),
        (403, "AccessDeniedException")
    );
    let (status, reply) = world
        .post(&prod, ("us-west-2", "inspector"), "/", &json!({}))
        .await;
    assert_eq!(
        (status, reply["message"].as_str().unwrap()),
        (400, "The service has ended")
    );
}

#[tokio::test]
async fn guardduty_lists_ids_and_gives_the_findings() {
    let world = World::start().await;
    let (gov, place) = (world.assume(GOV).await, ("us-gov-west-1", "guardduty"));
    let detectors: Value =
        serde_json::from_str(&world.get(&gov, place, "/detector").await.1).unwrap();
    let detector = detectors["detectorIds"][0].as_str().unwrap();
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let body = if token.is_empty() {
            json!({ "maxResults": 3 })
        } else {
            json!({ "maxResults": 3, "nextToken": token })
        };
        let (_, reply) = world
            .post(
                &gov,
                place,
                &format!("/detector/{detector}/findings"),
                &body,
            )
            .await;
        ids.extend(reply["findingIds"].as_array().unwrap().iter().cloned());
        token = reply["nextToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    let path = format!("/detector/{detector}/findings/get");
    let (_, reply) = world
        .post(&gov, place, &path, &json!({ "findingIds": ids }))
        .await;
    let findings = reply["findings"].as_array().unwrap();
    assert_eq!(findings.len(), ids.len());
    assert!(
        findings
            .iter()
            .any(|finding| finding["service"]["archived"] == true)
    );
    assert!(findings.iter().all(|finding| {
        finding["arn"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws-us-gov:guardduty:us-gov-west-1:")
    }));
    let (status, reply) = world
        .post(&gov, place, "/detector/ffff/findings", &json!({}))
        .await;
    assert_eq!(
        (status, reply["__type"].as_str().unwrap()),
        (400, "BadRequestException")
    );
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    assert_eq!(
        world
            .post(&gov, place, &path, &json!({ "findingIds": many }))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn inspector_pages_and_its_arns_are_those_of_the_hub() {
    let world = World::start().await;
    let (prod, place) = (world.assume(PROD).await, ("us-east-1", "inspector2"));
    let (_, first) = world
        .post(&prod, place, "/findings/list", &json!({ "maxResults": 10 }))
        .await;
    assert_eq!(first["findings"].as_array().unwrap().len(), 10);
    let body = json!({ "maxResults": 100, "nextToken": first["nextToken"] });
    let (_, rest) = world.post(&prod, place, "/findings/list", &body).await;
    let mut arns: Vec<String> = [&first, &rest]
        .iter()
        .flat_map(|page| page["findings"].as_array().unwrap())
        .map(|finding| finding["findingArn"].as_str().unwrap().to_owned())
        .collect();
    assert!(rest.get("nextToken").is_none());
    let all = arns.len();
    arns.sort();
    arns.dedup();
    assert_eq!(arns.len(), all);
    let hub = world.all_hub_findings(&prod, "us-east-1", 100).await;
    let both = hub
        .iter()
        .filter(|finding| arns.iter().any(|arn| finding["Id"] == arn.as_str()))
        .count();
    assert!(both > 10 && both < all, "{both} of {all}");
}

#[tokio::test]
async fn inspector_tells_more_of_ten_findings_at_once_and_nothing_of_others() {
    let world = World::start().await;
    let (prod, place) = (world.assume(PROD).await, ("us-east-1", "inspector2"));
    let (_, listed) = world
        .post(&prod, place, "/findings/list", &json!({ "maxResults": 10 }))
        .await;
    let arn = |finding: &Value| finding["findingArn"].clone();
    let mut arns: Vec<Value> = listed["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(arn)
        .collect();
    arns[9] = json!("arn:aws:inspector2:us-east-1:1:finding/0");
    let path = "/findings/details/batch/get";
    let ask = |arns: &[Value]| json!({ "findingArns": arns });
    let (status, reply) = world.post(&prod, place, path, &ask(&arns)).await;
    let told: Vec<Value> = reply["findingDetails"]
        .as_array()
        .unwrap()
        .iter()
        .map(arn)
        .collect();
    assert_eq!((status, &told[..]), (200, &arns[..9]));
    assert_eq!(reply["errors"][0]["errorCode"], "FINDING_DETAILS_NOT_FOUND");
    arns.push(arns[0].clone());
    for wrong in [&arns[..], &[]] {
        let (status, reply) = world.post(&prod, place, path, &ask(wrong)).await;
        assert_eq!(
            (status, reply["__type"].as_str().unwrap()),
            (400, "ValidationException")
        );
    }
}

#[tokio::test]
async fn the_new_hub_shows_what_the_old_one_does_and_holds_tokens_to_their_filters() {
    let world = World::start().await;
    let (gov, place) = (world.assume(GOV).await, ("us-gov-west-1", "securityhub"));
    let hub = world.all_hub_findings(&gov, place.0, 100).await;
    let ids = |body: Value| {
        let (world, gov) = (&world, &gov);
        async move {
            let (mut all, mut body) = (Vec::new(), body);
            loop {
                let (status, reply) = world.post(gov, place, "/findingsv2", &body).await;
                assert_eq!(status, 200, "{reply}");
                let page = reply["Findings"].as_array().unwrap();
                all.extend(page.iter().map(|f| f["finding_info"]["uid"].clone()));
                match reply["NextToken"].as_str() {
                    Some(next) => body["NextToken"] = json!(next),
                    None => return all,
                }
            }
        }
    };
    let expected: Vec<Value> = hub.iter().map(|finding| finding["Id"].clone()).collect();
    assert_eq!(ids(json!({})).await, expected);
    // Each finding lies in one of two halves of time, and its filter is what the token belongs to.
    let half = |start: &str, end: &str| {
        let filter = json!({ "FieldName": "finding_info.modified_time_dt", "Filter": { "Start": start, "End": end } });
        json!({ "Filters": { "CompositeFilters": [{ "DateFilters": [filter], "Operator": "AND" }] }, "MaxResults": 50 })
    };
    let early = half("2000-01-01T00:00:00.000Z", "2026-11-21T06:30:00.000Z");
    let late = half("2026-11-21T06:30:00.001Z", "2100-01-01T00:00:00.000Z");
    let (one, other) = (ids(early.clone()).await, ids(late).await);
    assert!(!one.is_empty() && !other.is_empty());
    assert_eq!(one.len() + other.len(), expected.len());
    let (_, first) = world.post(&gov, place, "/findingsv2", &early).await;
    let moved = json!({ "NextToken": first["NextToken"], "MaxResults": 50 });
    for wrong in [moved, json!({ "MaxResults": 101 }), json!({ "Sort": 1 })] {
        let (status, reply) = world.post(&gov, place, "/findingsv2", &wrong).await;
        assert_eq!(
            (status, reply["__type"].as_str().unwrap()),
            (400, "ValidationException"),
            "{wrong}"
        );
    }
    assert_eq!(world.get(&gov, place, "/hubv2").await.0, 200);
    world.aws.change(|estate| {
        let account = estate.account_mut(GOV).unwrap();
        account.cell_mut(place.0).unwrap().hub_v2 = None;
    });
    assert_eq!(ids(json!({})).await, Vec::<Value>::new());
    assert_eq!(world.get(&gov, place, "/hubv2").await.0, 404);
}

#[tokio::test]
async fn findings_of_a_scan_type_that_is_off_are_missing_in_silence() {
    let world = World::start().await;
    let (prod, place) = (world.assume(PROD).await, ("us-east-1", "inspector2"));
    let kinds = async || {
        let body = json!({ "maxResults": 100 });
        let (status, reply) = world.post(&prod, place, "/findings/list", &body).await;
        assert_eq!(status, 200);
        let findings = reply["findings"].as_array().unwrap().clone();
        let kind = |f: &Value| f["resources"][0]["type"].as_str().unwrap().to_owned();
        findings
            .iter()
            .map(kind)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(kinds().await.len(), 2);
    world.aws.change(|estate| {
        let account = estate.account_mut(PROD).unwrap();
        account.cell_mut("us-east-1").unwrap().scans_off = vec!["ec2".to_owned()];
    });
    assert_eq!(
        kinds().await.into_iter().collect::<Vec<_>>(),
        ["AWS_ECR_CONTAINER_IMAGE"]
    );
    let body = json!({ "accountIds": [PROD, GOV] });
    let (_, reply) = world.post(&prod, place, "/status/batch/get", &body).await;
    let states = &reply["accounts"][0]["resourceState"];
    assert_eq!(reply["accounts"][0]["state"]["status"], "ENABLED");
    assert_eq!(
        (&states["ec2"]["status"], &states["ecr"]["status"]),
        (&json!("DISABLED"), &json!("ENABLED"))
    );
    assert_eq!(reply["failedAccounts"][0]["accountId"], GOV);
}

#[tokio::test]
async fn inventory_is_answered_per_account_and_region() {
    let world = World::start().await;
    let (prod, gov) = (world.assume(PROD).await, world.assume(GOV).await);
    let groups = [
        ("Action", "DescribeSecurityGroups"),
        ("Version", "2016-11-15"),
    ];
    let (status, xml) = world.query(&gov, ("us-gov-west-1", "ec2"), &groups).await;
    assert_eq!(status, 200);
    assert!(
        xml.contains("<groupName>gov-legacy-sftp</groupName>")
            && xml.contains("arn:aws-us-gov:ec2:us-gov-west-1:")
    );
    let (_, xml) = world.query(&prod, ("us-east-1", "ec2"), &groups).await;
    assert!(
        xml.contains("bastion-legacy")
            && !xml.contains("gov-legacy-sftp")
            && !xml.contains("claims-dr-app")
    );
    let (_, xml) = world.query(&prod, ("eu-west-1", "ec2"), &groups).await;
    assert!(xml.contains("<securityGroupInfo/>"));

    let filtered = [
        ("Action", "GetAccountAuthorizationDetails"),
        ("Filter.member.1", "LocalManagedPolicy"),
    ];
    let (_, xml) = world.query(&prod, ("us-east-1", "iam"), &filtered).await;
    assert!(
        xml.contains("allow-everything-temporary")
            && xml.contains("<UserDetailList/>")
            && !xml.contains("alice")
    );
    let keys = [("Action", "ListAccessKeys"), ("UserName", "ci-deployer")];
    let (_, xml) = world.query(&prod, ("us-east-1", "iam"), &keys).await;
    assert_eq!(element(&xml, "CreateDate"), "2026-05-06T06:30:00Z");
    let nobody = [("Action", "ListAccessKeys"), ("UserName", "nobody")];
    let (status, xml) = world.query(&prod, ("us-east-1", "iam"), &nobody).await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (404, "NoSuchEntity")
    );
}

#[tokio::test]
async fn buckets_answer_in_their_own_region_and_404_what_is_not_set() {
    let world = World::start().await;
    let prod = world.assume(PROD).await;
    let (_, xml) = world
        .get(&prod, ("us-east-1", "s3"), "/?x-id=ListBuckets")
        .await;
    assert_eq!(xml.matches("<Bucket>").count(), 3);
    let (status, xml) = world
        .get(
            &prod,
            ("us-east-1", "s3"),
            "/acme-claims-exports?encryption",
        )
        .await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (404, "ServerSideEncryptionConfigurationNotFoundError")
    );
    let (status, xml) = world
        .get(&prod, ("us-east-1", "s3"), "/acme-claims-dr?location")
        .await;
    assert!(
        status == 200 && xml.contains(">us-west-2</LocationConstraint>"),
        "{xml}"
    );
    let (status, xml) = world
        .get(&prod, ("us-east-1", "s3"), "/acme-claims-dr?encryption")
        .await;
    assert_eq!(
        (status, element(&xml, "Code").as_str()),
        (301, "PermanentRedirect")
    );
    let (status, xml) = world
        .get(&prod, ("us-west-2", "s3"), "/acme-claims-dr?encryption")
        .await;
    assert_eq!(
        (status, element(&xml, "SSEAlgorithm").as_str()),
        (200, "aws:kms")
    );
    assert_eq!(
        world
            .get(&prod, ("us-east-1", "s3"), "/not-ours?acl")
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn faults_strike_where_they_are_aimed_and_are_counted() {
    let world = World::start().await;
    let prod = world.assume(PROD).await;
    let hub = |kind: Kind| {
        AwsFault::new(kind)
            .account(PROD)
            .region("us-east-1")
            .service("securityhub")
    };
    world.aws.add_fault(hub(Kind::Throttled).times(1));
    world.aws.add_fault(hub(Kind::Unavailable).times(1));
    world.aws.add_fault(
        AwsFault::new(Kind::AccessDenied)
            .service("s3")
            .operation("GetBucketAcl")
            .subject("acme-claims-dr"),
    );
    let place = ("us-east-1", "securityhub");
    assert_eq!(
        world
            .post(&prod, ("us-west-2", "securityhub"), "/findings", &json!({}))
            .await
            .0,
        200
    );
    assert_eq!(
        world.post(&prod, place, "/findings", &json!({})).await.0,
        429
    );
    assert_eq!(
        world.post(&prod, place, "/findings", &json!({})).await.0,
        503
    );
    assert_eq!(
        world.post(&prod, place, "/findings", &json!({})).await.0,
        200
    );
    assert_eq!(
        world
            .get(&prod, ("us-west-2", "s3"), "/acme-claims-dr?acl")
            .await
            .0,
        403
    );
    assert_eq!(
        world
            .get(&prod, ("us-east-1", "s3"), "/acme-claims-exports?acl")
            .await
            .0,
        200
    );
    assert_eq!(world.aws.strikes(), [1, 1, 1]);
    let struck = world
        .aws
        .history()
        .select(|entry| entry.stand_in == "aws" && entry.detail["fault"] == "throttled");
    assert_eq!(struck.len(), 1);
    assert_eq!(
        struck[0].key.as_deref(),
        Some("111122223333/us-east-1/securityhub/GetFindings")
    );
}

#[tokio::test]
async fn broken_bodies_tokens_and_connections() {
    let world = World::start().await;
    let (prod, place) = (world.assume(PROD).await, ("us-east-1", "securityhub"));
    let ask = |body: Value| {
        let request = world
            .http
            .post(format!("{}/findings", world.aws.url))
            .body(body.to_string());
        world.sign(request, &prod, place.0, place.1)
    };
    world.aws.add_fault(AwsFault::new(Kind::Truncated).times(1));
    let (status, text) = world.send(ask(json!({}))).await;
    assert!(
        status == 200 && text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err()
    );
    world.aws.add_fault(AwsFault::new(Kind::Garbage).times(1));
    assert!(world.send(ask(json!({}))).await.1.starts_with("<html>"));
    world.aws.add_fault(AwsFault::new(Kind::CutOff).times(1));
    assert!(ask(json!({})).send().await.unwrap().text().await.is_err());
    world.aws.add_fault(AwsFault::new(Kind::NoAnswer).times(1));
    assert!(ask(json!({})).send().await.is_err());

    world.aws.add_fault(AwsFault::new(Kind::RepeatedToken));
    let (_, first) = world.send(ask(json!({ "MaxResults": 5 }))).await;
    let mut token = serde_json::from_str::<Value>(&first).unwrap()["NextToken"].clone();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(token.clone());
        let (_, next) = world
            .send(ask(json!({ "MaxResults": 5, "NextToken": token })))
            .await;
        token = serde_json::from_str::<Value>(&next).unwrap()["NextToken"].clone();
    }
    assert_eq!(seen[1], seen[2], "the token repeats");
}

#[tokio::test]
async fn the_published_rate_can_be_enforced() {
    let world = World::with(|options| options.enforce_rates = true).await;
    let prod = world.assume(PROD).await;
    let mut refused = 0;
    for _ in 0..12 {
        let (status, _) = world
            .post(
                &prod,
                ("us-east-1", "securityhub"),
                "/findings",
                &json!({ "MaxResults": 1 }),
            )
            .await;
        refused += usize::from(status == 429);
    }
    assert!(
        (1..=6).contains(&refused),
        "{refused} refused of 12 at once, burst 6"
    );
    let west = world
        .post(
            &prod,
            ("us-west-2", "securityhub"),
            "/findings",
            &json!({ "MaxResults": 1 }),
        )
        .await;
    assert_eq!(west.0, 200);
}

#[tokio::test]
async fn what_the_estate_holds_can_change_between_two_scans() {
    let world = World::start().await;
    let prod = world.assume(PROD).await;
    let changed = world
        .aws
        .rewrite(PROD, "DescribeSecurityGroups", "bastion-legacy", |reply| {
            reply.body = reply.body.replace(
                "<description>night shift</description><cidrIp>0.0.0.0/0</cidrIp>",
                "<cidrIp>10.0.0.0/8</cidrIp>",
            );
        });
    assert_eq!(changed, 1);
    let groups = [("Action", "DescribeSecurityGroups")];
    let (_, xml) = world.query(&prod, ("us-east-1", "ec2"), &groups).await;
    assert!(
        xml.contains("<cidrIp>10.0.0.0/8</cidrIp>")
            && !xml.contains("<description>night shift</description>")
    );
}
