//! IAM users with what makes them dangerous: keys, password, MFA devices, policies and groups.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_iam::types::{AccessKeyMetadata, EntityType, MfaDevice, StatusType, UserDetail};
use futures::StreamExt;
use poamd_contract::account::AccountAccess;
use poamd_contract::ids::Region;
use poamd_contract::watch::{AccountWatch, Seen};
use serde_json::Value;

use super::authorization::{self, DETAILS, RATE};
use super::{AT_ONCE, Found, configured, or_null, unseen};
use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::json::{Object, document, tags, time, unordered};
use crate::operation::Operation;
use crate::session::Session;

const KEYS: Operation = Operation::new("iam", "ListAccessKeys", "iam:ListAccessKeys", RATE);
const LAST_USED: Operation = Operation::new("iam", "GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", RATE);
const MFA: Operation = Operation::new("iam", "ListMFADevices", "iam:ListMFADevices", RATE);
const LOGIN: Operation = Operation::new("iam", "GetLoginProfile", "iam:GetLoginProfile", RATE);

pub(crate) struct IamUser {
    session: Arc<Session>,
}

impl IamUser {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl AccountWatch for IamUser {
    fn technology(&self) -> &'static str {
        "iamuser"
    }

    fn is_global(&self) -> bool {
        true
    }

    fn actions(&self) -> &'static [&'static str] {
        &[DETAILS.action, KEYS.action, LAST_USED.action, MFA.action, LOGIN.action]
    }

    async fn observe(&self, account: &AccountAccess, region: &Region) -> Seen {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return unseen(trouble),
        };
        let (details, coverage) = match authorization::details(&cell, EntityType::User).await {
            Ok(listed) => listed,
            Err(trouble) => return unseen(trouble),
        };
        let read = futures::stream::iter(details.users)
            .map(|user| {
                let cell = cell.clone();
                async move {
                    let name = user.user_name().unwrap_or_default().to_owned();
                    let result = Box::pin(read(&cell, &user)).await;
                    (name, result)
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        super::gather(account, self.technology(), coverage, read)
    }
}

/// One user; `None` if it went away since it was listed.
async fn read(cell: &Cell, user: &UserDetail) -> Result<Option<Found>, Trouble> {
    let (Some(name), Some(arn)) = (user.user_name(), user.arn()) else { return Ok(None) };
    let Some((keys, mfa)) = configured(keys_and_mfa(cell, name).await)? else { return Ok(None) };
    let login = login_profile(cell, name).await?;
    let mut used = serde_json::Map::new();
    for key in keys.iter().filter(|key| key.status() == Some(&StatusType::Active)) {
        let Some(id) = key.access_key_id() else { continue };
        match last_used(cell, id).await {
            Ok(value) => {
                used.insert(id.to_owned(), value);
            }
            Err(trouble) if trouble.kind == Kind::Absent => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let config = own_config(user)
        .with("UserName", name)
        .with("Arn", arn)
        .with("AccessKeys", unordered(keys.iter().map(key_config)))
        .with("MFADevices", unordered(mfa.iter().map(mfa_config)))
        .with("LoginProfile", or_null(login));
    let volatile = Object::default().with("AccessKeyLastUsed", Value::Object(used));
    Ok(Some(Found { name: name.to_owned(), arn: arn.to_owned(), region: Region::global(), config, volatile }))
}

/// Both lists hold a handful of entries by quota (two keys, eight devices), so the first page is all.
async fn keys_and_mfa(cell: &Cell, name: &str) -> Result<(Vec<AccessKeyMetadata>, Vec<MfaDevice>), Trouble> {
    let client = cell.iam()?;
    let keys = cell.call(&KEYS, || Box::pin(client.list_access_keys().user_name(name).send())).await?;
    let mfa = cell.call(&MFA, || Box::pin(client.list_mfa_devices().user_name(name).send())).await?;
    Ok((keys.access_key_metadata, mfa.mfa_devices))
}

/// When the password was made; `None` for a user without one.
async fn login_profile(cell: &Cell, name: &str) -> Result<Option<Object>, Trouble> {
    let client = cell.iam()?;
    let answer = cell.call(&LOGIN, || Box::pin(client.get_login_profile().user_name(name).send())).await;
    Ok(configured(answer)?.and_then(|reply| reply.login_profile).map(|profile| {
        Object::default()
            .maybe("CreateDate", time(profile.create_date()))
            .with("PasswordResetRequired", profile.password_reset_required())
    }))
}

async fn last_used(cell: &Cell, key: &str) -> Result<Value, Trouble> {
    let client = cell.iam()?;
    let reply = cell.call(&LAST_USED, || Box::pin(client.get_access_key_last_used().access_key_id(key).send())).await?;
    Ok(or_null(reply.access_key_last_used.map(|used| {
        Object::default()
            .maybe("LastUsedDate", used.last_used_date().and_then(time))
            .with("ServiceName", used.service_name())
            .with("Region", used.region())
    })))
}

/// What the listing itself says of a user.
fn own_config(user: &UserDetail) -> Object {
    let inline = user.user_policy_list().iter().map(|policy| {
        Object::default()
            .maybe("PolicyName", policy.policy_name())
            .maybe("PolicyDocument", policy.policy_document().map(document))
    });
    let attached = user.attached_managed_policies().iter().map(|policy| {
        Object::default().maybe("PolicyName", policy.policy_name()).maybe("PolicyArn", policy.policy_arn())
    });
    let boundary = user.permissions_boundary().map(|boundary| {
        Object::default()
            .maybe("PermissionsBoundaryType", boundary.permissions_boundary_type().map(|kind| kind.as_str()))
            .maybe("PermissionsBoundaryArn", boundary.permissions_boundary_arn())
    });
    Object::default()
        .maybe("UserId", user.user_id())
        .maybe("Path", user.path())
        .maybe("CreateDate", user.create_date().and_then(time))
        .with("GroupList", unordered(user.group_list().iter().map(String::as_str)))
        .with("UserPolicyList", unordered(inline))
        .with("AttachedManagedPolicies", unordered(attached))
        .with("PermissionsBoundary", or_null(boundary))
        .with("Tags", tags(user.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))))
}

fn key_config(key: &AccessKeyMetadata) -> Object {
    Object::default()
        .maybe("AccessKeyId", key.access_key_id())
        .maybe("Status", key.status().map(StatusType::as_str))
        .maybe("CreateDate", key.create_date().and_then(time))
}

fn mfa_config(device: &MfaDevice) -> Object {
    Object::default().with("SerialNumber", device.serial_number()).maybe("EnableDate", time(device.enable_date()))
}
