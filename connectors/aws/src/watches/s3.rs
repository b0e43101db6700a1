//! S3 buckets: listed once an account, each read in its own region.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::types::{Bucket, Grant, PublicAccessBlockConfiguration, ServerSideEncryptionRule};
use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};
use futures::StreamExt;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::ids::{BadId, Partition, Region};
use poamd_contract::watch::{AccountWatch, Seen};
use serde_json::Value;

use super::{AT_ONCE, Found, Listed, configured, or_null, unseen};
use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::json::{Object, document, time, unordered};
use crate::operation::{Operation, Rate};
use crate::session::Session;
use crate::tokens::{Step, Tokens};

/// Not published; planned for sixteen in flight (`reliability-security.md` 6.1).
const RATE: Rate = Rate::new(50, 100);
const LIST: Operation = Operation::new("s3", "ListBuckets", "s3:ListAllMyBuckets", Rate::new(5, 5));
const PAGE: i32 = 10_000;
const LOCATION: Operation = Operation::new("s3", "GetBucketLocation", "s3:GetBucketLocation", RATE);
const ENCRYPTION: Operation = Operation::new("s3", "GetBucketEncryption", "s3:GetEncryptionConfiguration", RATE);
const BLOCK: Operation = Operation::new("s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", RATE);
const VERSIONING: Operation = Operation::new("s3", "GetBucketVersioning", "s3:GetBucketVersioning", RATE);
const ACL: Operation = Operation::new("s3", "GetBucketAcl", "s3:GetBucketAcl", RATE);
const OLDEST: &str = "us-east-1";
const POLICY: Operation = Operation::new("s3", "GetBucketPolicy", "s3:GetBucketPolicy", RATE);

pub(crate) struct S3 {
    session: Arc<Session>,
}

impl S3 {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl AccountWatch for S3 {
    fn technology(&self) -> &'static str {
        "s3"
    }

    fn is_global(&self) -> bool {
        true
    }

    fn actions(&self) -> &'static [&'static str] {
        &[
            LIST.action,
            LOCATION.action,
            ENCRYPTION.action,
            BLOCK.action,
            VERSIONING.action,
            ACL.action,
            POLICY.action,
        ]
    }

    async fn observe(&self, account: &AccountAccess, region: &Region) -> Seen {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return unseen(trouble),
        };
        let Listed { found, coverage } = match list(&cell).await {
            Ok(listed) => listed,
            Err(trouble) => return unseen(trouble),
        };
        let read = futures::stream::iter(found)
            .map(|bucket| {
                let (cell, partition) = (cell.clone(), account.partition.to_string());
                async move {
                    let name = bucket.name().unwrap_or_default().to_owned();
                    let result = Box::pin(read(&cell, &partition, &bucket)).await;
                    (format!("bucket {name}"), result)
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        super::gather(account, self.technology(), coverage, read)
    }
}

/// With a page size AWS names each bucket's region, too.
async fn list(cell: &Cell) -> Result<Listed<Bucket>, Trouble> {
    let client = cell.s3()?;
    let (mut tokens, mut found) = (Tokens::default(), Vec::new());
    loop {
        let answer = cell
            .call(&LIST, || {
                Box::pin(client.list_buckets().max_buckets(PAGE).set_continuation_token(tokens.next()).send())
            })
            .await;
        let reply = match answer {
            Ok(reply) => reply,
            Err(trouble) if found.is_empty() => return Err(trouble),
            Err(trouble) => return Ok(Listed { found, coverage: trouble.coverage(1) }),
        };
        found.extend(reply.buckets.unwrap_or_default());
        match tokens.advance(reply.continuation_token) {
            Step::Last => return Ok(Listed { found, coverage: Coverage::Complete }),
            Step::More => {}
            Step::Circle => return Ok(Listed::circle(cell, &LIST, found)),
        }
    }
}

/// One bucket; `None` if it went away since it was listed.
async fn read(cell: &Cell, partition: &str, bucket: &Bucket) -> Result<Option<Found>, Trouble> {
    let Some(name) = bucket.name() else { return Ok(None) };
    let region = match bucket.bucket_region().and_then(|said| said.parse().ok()) {
        Some(region) => region,
        None => location(cell, name).await?,
    };
    let home = cell.in_region(region.clone());
    let config = Object::default()
        .with("Name", name)
        .maybe("CreationDate", bucket.creation_date().and_then(time))
        .with("LocationConstraint", region.as_str())
        .with("ServerSideEncryptionConfiguration", encryption(&home, name).await?)
        .with("PublicAccessBlockConfiguration", access_block(&home, name).await?)
        .with("Versioning", versioning(&home, name).await?)
        .with("AccessControlPolicy", acl(&home, name).await?)
        .with("Policy", policy(&home, name).await?);
    let arn = format!("arn:{partition}:s3:::{name}");
    Ok(Some(Found { name: name.to_owned(), arn, region, config, volatile: Object::default() }))
}

/// The bucket's region. The oldest region says nothing (or an empty text), Ireland once said `EU`; only the
/// oldest one answers for buckets of all others.
async fn location(cell: &Cell, name: &str) -> Result<Region, Trouble> {
    let bad = |error: BadId| Trouble::new(Kind::Other, format!("bucket {name}: {error}"));
    let commercial = Partition::of_region(&cell.region) == Partition::default();
    let oldest = if commercial { OLDEST.parse().map_err(bad)? } else { cell.region.clone() };
    let client = cell.in_region(oldest.clone()).s3()?;
    let reply = cell.call(&LOCATION, || Box::pin(client.get_bucket_location().bucket(name).send())).await?;
    match reply.location_constraint().map_or("", |constraint| constraint.as_str()) {
        "" => Ok(oldest),
        "EU" => "eu-west-1".parse().map_err(bad),
        region => region.parse().map_err(bad),
    }
}

async fn encryption(cell: &Cell, name: &str) -> Result<Value, Trouble> {
    let client = cell.s3()?;
    let answer = cell.call(&ENCRYPTION, || Box::pin(client.get_bucket_encryption().bucket(name).send())).await;
    let stated = configured(answer)?.and_then(|reply| reply.server_side_encryption_configuration);
    Ok(or_null(stated.map(|stated| Object::default().with("Rules", unordered(stated.rules().iter().map(rule))))))
}

fn rule(rule: &ServerSideEncryptionRule) -> Object {
    let default = rule.apply_server_side_encryption_by_default().map(|default| {
        Object::default()
            .with("SSEAlgorithm", default.sse_algorithm().as_str())
            .maybe("KMSMasterKeyID", default.kms_master_key_id())
    });
    Object::default()
        .maybe("ApplyServerSideEncryptionByDefault", default)
        .maybe("BucketKeyEnabled", rule.bucket_key_enabled())
}

async fn access_block(cell: &Cell, name: &str) -> Result<Value, Trouble> {
    let client = cell.s3()?;
    let answer = cell.call(&BLOCK, || Box::pin(client.get_public_access_block().bucket(name).send())).await;
    let stated = configured(answer)?.and_then(|reply| reply.public_access_block_configuration);
    Ok(or_null(stated.as_ref().map(block)))
}

fn block(block: &PublicAccessBlockConfiguration) -> Object {
    Object::default()
        .maybe("BlockPublicAcls", block.block_public_acls())
        .maybe("IgnorePublicAcls", block.ignore_public_acls())
        .maybe("BlockPublicPolicy", block.block_public_policy())
        .maybe("RestrictPublicBuckets", block.restrict_public_buckets())
}

/// Read from the raw reply: some S3-like services name its root otherwise, and the SDK refuses those.
async fn versioning(cell: &Cell, name: &str) -> Result<Object, Trouble> {
    let client = cell.s3()?;
    let body = cell
        .raw(&VERSIONING, |tape| {
            Box::pin(client.get_bucket_versioning().bucket(name).customize().interceptor(tape).send())
        })
        .await?;
    let bad = |error: XmlDecodeError| Trouble::unusable(&cell.place(&VERSIONING), &format!("unreadable answer ({error})"));
    let (status, mfa_delete) = versioning_of(&body).map_err(bad)?;
    Ok(Object::default().maybe("Status", status).maybe("MFADelete", mfa_delete))
}

/// `Status` and `MfaDelete` of a `VersioningConfiguration`.
fn versioning_of(body: &[u8]) -> Result<(Option<String>, Option<String>), XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    let (mut status, mut mfa_delete) = (None, None);
    while let Some(mut tag) = root.next_tag() {
        let field = match tag.start_el().local() {
            "Status" => &mut status,
            "MfaDelete" => &mut mfa_delete,
            _ => continue,
        };
        *field = Some(try_data(&mut tag)?.into_owned());
    }
    Ok((status, mfa_delete))
}

async fn acl(cell: &Cell, name: &str) -> Result<Object, Trouble> {
    let client = cell.s3()?;
    let reply = cell.call(&ACL, || Box::pin(client.get_bucket_acl().bucket(name).send())).await?;
    Ok(Object::default()
        .maybe("Owner", reply.owner().map(|owner| Object::default().maybe("ID", owner.id())))
        .with("Grants", unordered(reply.grants().iter().map(grant))))
}

fn grant(grant: &Grant) -> Object {
    let grantee = grant.grantee().map(|grantee| {
        Object::default()
            .with("Type", grantee.r#type().as_str())
            .maybe("ID", grantee.id())
            .maybe("URI", grantee.uri())
            .maybe("EmailAddress", grantee.email_address())
    });
    Object::default().maybe("Grantee", grantee).maybe("Permission", grant.permission().map(|p| p.as_str()))
}

async fn policy(cell: &Cell, name: &str) -> Result<Value, Trouble> {
    let client = cell.s3()?;
    let answer = cell.call(&POLICY, || Box::pin(client.get_bucket_policy().bucket(name).send())).await;
    Ok(or_null(configured(answer)?.and_then(|reply| reply.policy).map(|text| document(&text))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versioning_is_read_under_any_root() {
        let text = |text: &str| Some(text.to_owned());
        for (body, expected) in [
            ("<VersioningConfiguration/>", (None, None)),
            ("<GetBucketVersioningResponse xmlns=\"x\"><Status>Enabled</Status></GetBucketVersioningResponse>", (text("Enabled"), None)),
            ("<V><Other>1</Other><MfaDelete>Disabled</MfaDelete><Status>Suspended</Status></V>", (text("Suspended"), text("Disabled"))),
        ] {
            assert_eq!(versioning_of(body.as_bytes()).unwrap(), expected, "{body}");
        }
        assert!(versioning_of(b"").is_err());
    }
}
