//! What a request asks for: service, region, account, operation and parameters, read from the wire.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::keys::Keys;
use super::reply::Refusal;

/// A call that is signed with a key we know.
#[derive(Debug, Clone)]
pub struct Call {
    /// The account of the access key.
    pub account: String,
    /// ARN of whoever the key belongs to.
    pub principal: String,
    /// What the answer names the request by.
    pub request: String,
    pub region: String,
    /// Signing name.
    pub service: String,
    pub operation: String,
    /// Bucket or detector, where the path names one.
    pub subject: Option<String>,
    /// Parameters of query protocols.
    pub form: BTreeMap<String, String>,
    /// Body of JSON protocols; `null` for none.
    pub json: Value,
}

impl Call {
    /// `account/region/service/Operation`.
    pub fn place(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.account, self.region, self.service, self.operation
        )
    }
}

/// A request as it came.
pub struct Parts<'a> {
    pub method: &'a str,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// `AKID/date/region/service/aws4_request`
struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl Parts<'_> {
    /// Reads the call, or says with which service's voice to refuse it.
    pub fn call(&self, keys: &Keys, now: DateTime<Utc>) -> Result<Call, (String, Refusal)> {
        let missing = || {
            Refusal::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
        };
        let scope = self.scope().ok_or_else(|| ("sts".to_owned(), missing()))?;
        let refuse = |refusal: Refusal| (scope.service.to_owned(), refusal);
        let holder = keys
            .holder(scope.key, self.header("x-amz-security-token"), now)
            .map_err(|why| {
                let code = if scope.service == "s3" {
                    why.s3_code()
                } else {
                    why.code(scope.service)
                };
                refuse(Refusal::new(403, code, why.message()))
            })?;
        let (operation, subject) = self.operation(scope.service).map_err(refuse)?;
        let json = match scope.service {
            "securityhub" | "guardduty" | "inspector2" | "inspector" | "organizations"
                if !self.body.is_empty() =>
            {
                serde_json::from_slice(self.body).map_err(|error| {
                    refuse(Refusal::new(
                        400,
                        "SerializationException",
                        error.to_string(),
                    ))
                })?
            }
            _ => Value::Null,
        };
        Ok(Call {
            account: holder.account,
            principal: holder.arn,
            request: String::new(),
            region: scope.region.to_owned(),
            service: scope.service.to_owned(),
            operation,
            subject,
            form: self.form(),
            json,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn scope(&self) -> Option<Scope<'_>> {
        let credential = self
            .header("authorization")?
            .split_once("Credential=")?
            .1
            .split(',')
            .next()?;
        let mut parts = credential.trim().split('/');
        let (key, _date, region, service) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Scope {
            key,
            region,
            service,
        })
    }

    fn form(&self) -> BTreeMap<String, String> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let mut form: BTreeMap<String, String> =
            url::form_urlencoded::parse(query).into_owned().collect();
        if self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        {
            form.extend(url::form_urlencoded::parse(self.body).into_owned());
        }
        form
    }

    fn operation(&self, service: &str) -> Result<(String, Option<String>), Refusal> {
        let path: Vec<&str> = self
            .uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        let named = |name: &str| Ok((name.to_owned(), None));
        let about = |name: &str, subject: &str| Ok((name.to_owned(), Some(subject.to_owned())));
        match (service, self.method, path.as_slice()) {
            ("sts" | "iam" | "ec2", _, []) => match self.form().get("Action") {
                Some(action) => named(action),
                None => Err(Refusal::new(
                    400,
                    "MissingAction",
                    "Could not find operation in the request",
                )),
            },
            ("securityhub", "POST", ["findings"]) => named("GetFindings"),
            ("securityhub", "PATCH", ["findings", "batchupdate"]) => named("BatchUpdateFindings"),
            ("securityhub", "GET", ["accounts"]) => named("DescribeHub"),
            ("securityhub", "POST", ["findingsv2"]) => named("GetFindingsV2"),
            ("securityhub", "GET", ["hubv2"]) => named("DescribeSecurityHubV2"),
            ("guardduty", "GET", ["detector"]) => named("ListDetectors"),
            ("guardduty", "POST", ["detector", id, "findings"]) => about("ListFindings", id),
            ("guardduty", "POST", ["detector", id, "findings", "get"]) => about("GetFindings", id),
            ("inspector2", "POST", ["findings", "list"]) => named("ListFindings"),
            ("inspector2", "POST", ["status", "batch", "get"]) => named("BatchGetAccountStatus"),
            ("inspector2", "POST", ["findings", "details", "batch", "get"]) => {
                named("BatchGetFindingDetails")
            }
            ("inspector" | "organizations", "POST", []) => {
                let target = self.header("x-amz-target").unwrap_or_default();
                named(target.rsplit('.').next().unwrap_or_default())
            }
            ("s3", "GET", []) => named("ListBuckets"),
            ("s3", "GET", [bucket]) => about(self.bucket_operation()?, bucket),
            _ => Err(Refusal::new(
                404,
                "UnknownOperationException",
                format!(
                    "the stand-in has no {} {} of {service}",
                    self.method,
                    self.uri.path()
                ),
            )),
        }
    }

    fn bucket_operation(&self) -> Result<&'static str, Refusal> {
        let form = self.form();
        BUCKET_PARTS
            .iter()
            .find(|(part, _)| form.contains_key(*part))
            .map(|(_, operation)| *operation)
            .ok_or_else(|| {
                Refusal::new(
                    501,
                    "NotImplemented",
                    "the stand-in lists no objects: it knows bucket settings only",
                )
            })
    }
}

/// Sub-resource of a bucket, and the operation that reads it.
const BUCKET_PARTS: [(&str, &str); 9] = [
    ("location", "GetBucketLocation"),
    ("encryption", "GetBucketEncryption"),
    ("publicAccessBlock", "GetPublicAccessBlock"),
    ("versioning", "GetBucketVersioning"),
    ("acl", "GetBucketAcl"),
    ("policy", "GetBucketPolicy"),
    ("policyStatus", "GetBucketPolicyStatus"),
    ("logging", "GetBucketLogging"),
    ("tagging", "GetBucketTagging"),
];
