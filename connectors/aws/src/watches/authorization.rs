//! `GetAccountAuthorizationDetails`, which users and policies share: one filtered listing, to its end.

use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, UserDetail};
use poamd_contract::coverage::Coverage;

use super::Listed;
use crate::cell::Cell;
use crate::error::Trouble;
use crate::operation::{Operation, Rate};
use crate::tokens::{Step, Tokens};

/// IAM's rate is not published, account-wide and shared; planned (`reliability-security.md` 6.1).
pub(super) const RATE: Rate = Rate::new(5, 5);
pub(super) const DETAILS: Operation = Operation::new(
    "iam",
    "GetAccountAuthorizationDetails",
    "iam:GetAccountAuthorizationDetails",
    RATE,
);
const PAGE: i32 = 1_000;

/// All users and customer managed policies that `filter` lets through.
#[derive(Default)]
pub(super) struct Details {
    pub users: Vec<UserDetail>,
    pub policies: Vec<ManagedPolicyDetail>,
}

/// Lists; an error only if not even the first page came.
pub(super) async fn details(
    cell: &Cell,
    filter: EntityType,
) -> Result<(Details, Coverage), Trouble> {
    let client = cell.iam()?;
    let (mut tokens, mut found, mut pages) = (Tokens::default(), Details::default(), 0);
    loop {
        let answer = cell
            .call(&DETAILS, || {
                let call = client
                    .get_account_authorization_details()
                    .filter(filter.clone());
                Box::pin(call.max_items(PAGE).set_marker(tokens.next()).send())
            })
            .await;
        let reply = match answer {
            Ok(reply) => reply,
            Err(trouble) if pages == 0 => return Err(trouble),
            Err(trouble) => return Ok((found, trouble.coverage(pages))),
        };
        pages += 1;
        let marker = if reply.is_truncated {
            reply.marker
        } else {
            None
        };
        found
            .users
            .extend(reply.user_detail_list.unwrap_or_default());
        found.policies.extend(reply.policies.unwrap_or_default());
        match tokens.advance(marker) {
            Step::Last => return Ok((found, Coverage::Complete)),
            Step::More => {}
            Step::Circle => {
                return Ok((
                    found,
                    Listed::circle(cell, &DETAILS, Vec::<()>::new()).coverage,
                ));
            }
        }
    }
}
