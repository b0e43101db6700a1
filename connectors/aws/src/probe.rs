//! Whether an account can be reached, is the one it is said to be, and cannot be reached by others
//! through us (confused deputy, `reliability-security.md` 3.3).

use std::sync::Arc;

use async_trait::async_trait;
use poamd_contract::account::AccountAccess;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::watch::AccountProbe;

use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};
use crate::role;
use crate::session::Session;

pub(crate) const CALLER_IDENTITY: Operation = Operation::new(
    "sts",
    "GetCallerIdentity",
    "sts:GetCallerIdentity",
    Rate::new(100, 100),
);

/// The account number a cell's credentials belong to. Needs no right.
pub(crate) async fn caller(cell: &Cell) -> Result<String, Trouble> {
    let client = cell.sts()?;
    let reply = cell
        .call(&CALLER_IDENTITY, || {
            Box::pin(client.get_caller_identity().send())
        })
        .await?;
    Ok(reply.account.unwrap_or_default())
}

pub(crate) struct Probe {
    session: Arc<Session>,
}

impl Probe {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// The account number the credentials belong to.
    async fn identity(&self, account: &AccountAccess, region: &Region) -> Result<String, Trouble> {
        caller(&self.session.cell(account, region).await?).await
    }

    /// Whether the role's trust policy insists on the external id.
    async fn trust(&self, account: &AccountAccess, role: &str) -> Check {
        let name = format!("account {} ({}): external id", account.id, account.name);
        if account.external_id.is_none() {
            return Check::warning(
                name,
                format!(
                    "none is set, so anybody whom we serve could name {role}; set external_id and demand it in the \
                     role's trust policy (Condition StringEquals sts:ExternalId)"
                ),
            );
        }
        let base = self.session.base_cell(account).await;
        match role::assume(&base, role, None).await {
            Ok(_) => Check::failed(
                name,
                format!(
                    "{role} can be assumed without it: its trust policy is open to the confused deputy; add Condition \
                     StringEquals sts:ExternalId to it"
                ),
            ),
            Err(trouble) if trouble.kind == Kind::Denied => {
                Check::ok(name, "the role cannot be assumed without it")
            }
            Err(trouble) => Check::warning(name, format!("could not be tested: {}", trouble.what)),
        }
    }
}

#[async_trait]
impl AccountProbe for Probe {
    async fn probe(&self, account: &AccountAccess) -> Vec<Check> {
        let name = format!("account {} ({}): identity", account.id, account.name);
        let Some(region) = account.regions.iter().find(|region| !region.is_global()) else {
            return vec![Check::failed(name, "it has no region; give it one")];
        };
        let role = account.role_arn();
        let whom = role.as_deref().unwrap_or("the base credentials");
        let identity = match self.identity(account, region).await {
            Ok(seen) if seen == account.id.as_str() => {
                Check::ok(name, format!("{whom} belongs to it"))
            }
            Ok(seen) => {
                let next = "compare the account number with the role's ARN";
                Check::failed(
                    name,
                    format!(
                        "{whom} belongs to account {seen}, not {}; {next}",
                        account.id
                    ),
                )
            }
            Err(trouble) => return vec![Check::failed(name, trouble.what)],
        };
        match &role {
            Some(role) => vec![identity, self.trust(account, role).await],
            None => vec![identity],
        }
    }
}
