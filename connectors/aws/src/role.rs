//! Assuming a role: which words STS wants, and what it gives.

use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;

use crate::cell::Cell;
use crate::credentials::Issuer;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};

const ASSUME_ROLE: Operation =
    Operation::new("sts", "AssumeRole", "sts:AssumeRole", Rate::new(100, 100));
/// The life asked of an assumed role; chained roles get no more (`reliability-security.md` 3.3).
const ROLE_SECONDS: i32 = 3_600;

/// Assumes one role from the base credentials.
pub(crate) struct RoleIssuer {
    pub base: Cell,
    pub role: String,
    pub external_id: Option<String>,
}

impl std::fmt::Debug for RoleIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleIssuer")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Issuer for RoleIssuer {
    async fn issue(&self) -> Result<Credentials, Trouble> {
        assume(&self.base, &self.role, self.external_id.as_deref()).await
    }
}

/// Assumes `role` with the credentials of `base`.
pub(crate) async fn assume(
    base: &Cell,
    role: &str,
    external_id: Option<&str>,
) -> Result<Credentials, Trouble> {
    let client = base.sts()?;
    let session = session_name(&base.wiring.config.node, base.wiring.chance.next_u64());
    let reply = base
        .call(&ASSUME_ROLE, || {
            let call = client
                .assume_role()
                .role_arn(role)
                .role_session_name(&session)
                .duration_seconds(ROLE_SECONDS)
                .set_external_id(external_id.map(str::to_owned));
            Box::pin(call.send())
        })
        .await
        .map_err(|trouble| Trouble {
            what: format!("{} (role {role})", trouble.what),
            ..trouble
        })?;
    let given = reply.credentials.ok_or_else(|| {
        Trouble::new(Kind::Other, format!("role {role}: sts gave no credentials"))
    })?;
    let end = SystemTime::try_from(given.expiration).map_err(|error| {
        Trouble::new(
            Kind::Other,
            format!("role {role}: unreadable expiry: {error}"),
        )
    })?;
    let token = Some(given.session_token);
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        token,
        Some(end),
        "poamd-role",
    ))
}

/// `poamd-<node>-<some>`: at most 64 characters of `\w+=,.@-`, as STS wants it.
fn session_name(node: &str, chance: u64) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let node: String = node
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(48)
        .collect();
    format!("poamd-{node}-{:08x}", chance >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(
            session_name("web 1/ü", 0x1234_5678_0000_0000),
            "poamd-web-1---12345678"
        );
        let longest = session_name(&"n".repeat(200), u64::MAX);
        assert!(longest.len() <= 64, "{longest}");
    }
}
