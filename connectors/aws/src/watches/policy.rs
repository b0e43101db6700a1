//! Customer managed IAM policies with all their versions, documents as JSON.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, PolicyVersion};
use poamd_contract::account::AccountAccess;
use poamd_contract::arn::Arn;
use poamd_contract::ids::Region;
use poamd_contract::watch::{AccountWatch, Seen};

use super::authorization::{self, DETAILS};
use super::{Found, unseen};
use crate::json::{Object, document, time, unordered};
use crate::session::Session;

pub(crate) struct Policy {
    session: Arc<Session>,
}

impl Policy {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl AccountWatch for Policy {
    fn technology(&self) -> &'static str {
        "policy"
    }

    fn is_global(&self) -> bool {
        true
    }

    fn actions(&self) -> &'static [&'static str] {
        &[DETAILS.action]
    }

    async fn observe(&self, account: &AccountAccess, region: &Region) -> Seen {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return unseen(trouble),
        };
        let (details, coverage) = match authorization::details(&cell, EntityType::LocalManagedPolicy).await {
            Ok(listed) => listed,
            Err(trouble) => return unseen(trouble),
        };
        let read = details.policies.iter().map(|policy| (String::new(), Ok(describe(policy)))).collect();
        super::gather(account, self.technology(), coverage, read)
    }
}

/// How often it is attached is somebody else's change, so it is volatile here.
fn describe(policy: &ManagedPolicyDetail) -> Option<Found> {
    let arn: Arn = policy.arn()?.parse().ok()?;
    let name = policy.policy_name().unwrap_or_else(|| arn.short_name()).to_owned();
    let config = Object::default()
        .with("Arn", arn.to_string())
        .with("PolicyName", name.as_str())
        .maybe("PolicyId", policy.policy_id())
        .maybe("Path", policy.path())
        .maybe("Description", policy.description())
        .maybe("DefaultVersionId", policy.default_version_id())
        .maybe("CreateDate", policy.create_date().and_then(time))
        .maybe("UpdateDate", policy.update_date().and_then(time))
        .with("IsAttachable", policy.is_attachable())
        .with("PolicyVersionList", unordered(policy.policy_version_list().iter().map(version)));
    let volatile = Object::default()
        .maybe("AttachmentCount", policy.attachment_count())
        .maybe("PermissionsBoundaryUsageCount", policy.permissions_boundary_usage_count());
    Some(Found { name, arn: arn.to_string(), region: Region::global(), config, volatile })
}

fn version(version: &PolicyVersion) -> Object {
    Object::default()
        .maybe("VersionId", version.version_id())
        .with("IsDefaultVersion", version.is_default_version())
        .maybe("CreateDate", version.create_date().and_then(time))
        .maybe("Document", version.document().map(document))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_policy_without_a_name_takes_it_from_its_arn() {
        let policy = ManagedPolicyDetail::builder()
            .arn("arn:aws-us-gov:iam::123456789012:policy/team/Admin")
            .default_version_id("v1")
            .attachment_count(3)
            .policy_version_list(
                PolicyVersion::builder()
                    .version_id("v1")
                    .is_default_version(true)
                    .document("%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%7D%7D")
                    .build(),
            )
            .build();
        let found = describe(&policy).unwrap();
        assert_eq!(found.name, "Admin");
        let config = Value::from(found.config);
        assert_eq!(config["PolicyVersionList"][0]["Document"], json!({"Statement": {"Effect": "Allow"}}));
        assert_eq!(Value::from(found.volatile), json!({"AttachmentCount": 3}));
    }
}
