//! Which of Inspector's scan types are on (`BatchGetAccountStatus`). "If you deactivate a scan type you lose access to any
//! findings it produced": they are missing from the listing, and nothing there says so.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_inspector2::types::{AccountState, ResourceState, State, Status};
use poamd_contract::coverage::{Coverage, Flaws, Part, Vouched};
use poamd_contract::error::Result;
use poamd_contract::ids::AccountId;
use poamd_contract::source::{Page, PageSink};

use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};

/// Not published; planned (`reliability-security.md` 6.1).
pub(super) const ACCOUNT_STATUS: Operation = Operation::new(
    "inspector2",
    "BatchGetAccountStatus",
    "inspector2:BatchGetAccountStatus",
    Rate::new(5, 5),
);
/// Accounts a call takes.
const ACCOUNTS: usize = 100;

/// A sink that remembers whose findings went through it: an administrator's listing holds its members' too.
pub(super) struct Accounts<'a> {
    sink: &'a mut dyn PageSink,
    pub(super) seen: BTreeSet<AccountId>,
}

impl<'a> Accounts<'a> {
    /// `before` are those that an interrupted look has shown.
    pub(super) fn new(sink: &'a mut dyn PageSink, before: &BTreeSet<AccountId>) -> Self {
        Self {
            sink,
            seen: before.clone(),
        }
    }
}

#[async_trait]
impl PageSink for Accounts<'_> {
    async fn page(&mut self, page: Page) -> Result<()> {
        let accounts = page.reports.iter().map(|report| &report.account);
        self.seen.extend(accounts.cloned());
        self.sink.page(page).await
    }
}

/// What the silence of a whole listing means; a coverage where it means nothing at all.
pub(super) async fn vouched(
    cell: &Cell,
    home: &AccountId,
    shown: &BTreeSet<AccountId>,
) -> Result<Vouched, Coverage> {
    let unproven = |cause: &str| Coverage::Partial {
        reason: format!(
            "everything was read, but nothing counts as absent: which scan types are on is not known ({cause})"
        ),
    };
    let own = states(cell, &[home.as_str()])
        .await
        .map_err(|trouble| unproven(&trouble.what))?;
    let Some(own) = own.iter().find(|s| s.account_id == home.as_str()) else {
        let place = cell.place(&ACCOUNT_STATUS);
        let cause = Trouble::unusable(&place, "the reply does not name the account").what;
        return Err(unproven(&cause));
    };
    if !own.state.as_ref().is_some_and(is_on) {
        let place = format!("account {} region {}", cell.account, cell.region);
        let state = words(own.state.as_ref());
        let off = Trouble::new(Kind::Off, format!("{place}: Inspector is {state}"));
        return Err(off.coverage(0));
    }
    let mut parts = parts(home, own);
    let members: Vec<&AccountId> = shown.iter().filter(|account| *account != home).collect();
    for some in members.chunks(ACCOUNTS) {
        let ids: Vec<&str> = some.iter().map(|account| account.as_str()).collect();
        // Where a member's states are refused, none of its findings counts as absent; ours do.
        let states = states(cell, &ids).await.unwrap_or_else(|trouble| {
            tracing::warn!(cause = %trouble.what, "scan types of member accounts are not known");
            Vec::new()
        });
        for account in some {
            let state = states.iter().find(|s| s.account_id == account.as_str());
            parts.extend(
                state
                    .into_iter()
                    .flat_map(|state| self::parts(account, state)),
            );
        }
    }
    Ok(Vouched { parts })
}

/// What the service says of these accounts.
pub(super) async fn states(cell: &Cell, accounts: &[&str]) -> Result<Vec<AccountState>, Trouble> {
    let client = cell.inspector2()?;
    let ids: Vec<String> = accounts.iter().map(|id| (*id).to_owned()).collect();
    let reply = cell
        .call(&ACCOUNT_STATUS, || {
            let call = client.batch_get_account_status();
            Box::pin(call.set_account_ids(Some(ids.clone())).send())
        })
        .await?;
    Ok(reply.accounts)
}

/// One rule for each scan type. What no other one looks at belongs to code repositories: the form of their ids is not
/// documented.
fn parts(account: &AccountId, state: &AccountState) -> Vec<Part> {
    let of =
        |get: fn(&ResourceState) -> Option<&State>| state.resource_state.as_ref().and_then(get);
    [
        ("AMI", of(ResourceState::ami), "ec2:image/", Flaws::Any),
        ("EC2", of(ResourceState::ec2), "ec2:", Flaws::Any),
        ("ECR", of(ResourceState::ecr), "ecr:", Flaws::Any),
        (
            "Lambda code",
            of(ResourceState::lambda_code),
            "lambda:",
            Flaws::Code,
        ),
        ("Lambda", of(ResourceState::lambda), "lambda:", Flaws::Any),
        (
            "code repository",
            of(ResourceState::code_repository),
            "",
            Flaws::Any,
        ),
    ]
    .into_iter()
    .map(|(scan, state, resources, flaws)| Part {
        account: account.clone(),
        resources,
        flaws,
        off: (!state.is_some_and(is_on)).then(|| {
            format!(
                "Inspector's {scan} scan is {} in account {account}",
                words(state)
            )
        }),
    })
    .collect()
}

/// Neither while it is being switched on, when its findings are still to come back, nor while it is being switched off.
fn is_on(state: &State) -> bool {
    state.status == Status::Enabled
}

fn words(state: Option<&State>) -> &str {
    state.map_or("not offered", |state| state.status.as_str())
}
