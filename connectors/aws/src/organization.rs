//! AWS Organizations: the accounts, twenty a page, and only where rules ask for them the units' names and the tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::Account;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::organization::{Member, Members, Organization, Wants};

use crate::cell::Cell;
use crate::error::Trouble;
use crate::operation::{Operation, Rate};
use crate::session::Session;
use crate::tokens::{Step, Tokens};

/// Published for the listings: 1 a second or more, by organization (`reliability-security.md` 6.1 plans 1 to 2).
const RATE: Rate = Rate::new(2, 2);
const LIST_ACCOUNTS: Operation = Operation::new(
    "organizations",
    "ListAccounts",
    "organizations:ListAccounts",
    RATE,
);
const LIST_ROOTS: Operation = Operation::new(
    "organizations",
    "ListRoots",
    "organizations:ListRoots",
    RATE,
);
const LIST_UNITS: Operation = Operation::new(
    "organizations",
    "ListOrganizationalUnitsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    RATE,
);
const LIST_UNIT_ACCOUNTS: Operation = Operation::new(
    "organizations",
    "ListAccountsForParent",
    "organizations:ListAccountsForParent",
    RATE,
);
const LIST_TAGS: Operation = Operation::new(
    "organizations",
    "ListTagsForResource",
    "organizations:ListTagsForResource",
    Rate::new(10, 10),
);
const PAGE: i32 = 20;
/// AWS nests units five deep below the root; more is a circle.
const DEEPEST: usize = 8;

pub(crate) struct AwsOrganization {
    session: Arc<Session>,
}

impl AwsOrganization {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    async fn look(&self, asking: &AccountAccess, wants: Wants) -> Result<Vec<Member>, Trouble> {
        let (cell, client) = self.reach(asking).await?;
        let mut members = accounts(&cell, &client).await?;
        if wants.paths {
            let paths = paths(&cell, &client).await?;
            for member in &mut members {
                // One that moved while we looked is in no unit we saw; its path is not known, and no rule of units may take
                // it for one of the root.
                let Some(path) = paths.get(member.id.as_str()) else {
                    let why = format!("account {} is in none of the units", member.id);
                    return Err(Trouble::unusable(&cell.place(&LIST_UNIT_ACCOUNTS), &why));
                };
                member.path.clone_from(path);
            }
        }
        if wants.tags {
            for member in members.iter_mut().filter(|m| m.active) {
                member.tags = tags(&cell, &client, member.id.as_str()).await?;
            }
        }
        Ok(members)
    }

    async fn reach(&self, asking: &AccountAccess) -> Result<(Cell, Client), Trouble> {
        let region = asking.regions.iter().find(|r| !r.is_global()).cloned();
        let region = region.unwrap_or_else(Region::global);
        let cell = self.session.cell(asking, &region).await?;
        let client = cell.organizations()?;
        Ok((cell, client))
    }
}

#[async_trait]
impl Organization for AwsOrganization {
    fn actions(&self) -> &'static [&'static str] {
        &[
            LIST_ACCOUNTS.action,
            LIST_ROOTS.action,
            LIST_UNITS.action,
            LIST_UNIT_ACCOUNTS.action,
            LIST_TAGS.action,
        ]
    }

    async fn members(&self, asking: &AccountAccess, wants: Wants) -> Members {
        match self.look(asking, wants).await {
            Ok(members) => Members {
                members,
                coverage: Coverage::Complete,
            },
            Err(trouble) => Members {
                members: Vec::new(),
                coverage: trouble.coverage(0),
            },
        }
    }

    async fn health(&self, asking: &AccountAccess) -> Check {
        let name = format!("organization: account {}", asking.id);
        let asked = async {
            let (cell, client) = self.reach(asking).await?;
            cell.call(&LIST_ACCOUNTS, || {
                Box::pin(client.list_accounts().max_results(1).send())
            })
            .await
            .map(drop)
        };
        match asked.await {
            Ok(()) => Check::ok(name, "lists its accounts"),
            Err(trouble) => Check::failed(
                name,
                format!(
                    "{}; it has to be the management account or a delegated administrator, with docs/aws-organization-permissions.json",
                    trouble.what
                ),
            ),
        }
    }
}

/// Follows a listing to its last page: all that stands in `$field` of its replies. In place rather than as a function, since
/// a future over a borrowing closure is not known to be `Send`.
macro_rules! listed {
    ($cell:expr, $operation:expr, $field:ident, $call:expr) => {{
        let mut tokens = Tokens::default();
        let mut all = Vec::new();
        loop {
            let call = $call.set_next_token(tokens.next());
            let reply = $cell
                .call(&$operation, || Box::pin(call.clone().send()))
                .await?;
            all.extend(reply.$field.unwrap_or_default());
            match tokens.advance(reply.next_token) {
                Step::Last => break all,
                Step::More => {}
                Step::Circle => {
                    let place = $cell.place(&$operation);
                    return Err(Trouble::unusable(&place, "its page tokens go in a circle"));
                }
            }
        }
    }};
}

async fn accounts(cell: &Cell, client: &Client) -> Result<Vec<Member>, Trouble> {
    let found = listed!(
        cell,
        LIST_ACCOUNTS,
        accounts,
        client.list_accounts().max_results(PAGE)
    );
    found
        .into_iter()
        .map(|account| member(cell, account))
        .collect()
}

fn member(cell: &Cell, account: Account) -> Result<Member, Trouble> {
    // `Status` is on its way out (September 2026) and `State` takes its place.
    #[allow(deprecated, reason = "older partitions answer with nothing else")]
    let state = match (&account.state, &account.status) {
        (Some(state), _) => state.as_str().to_owned(),
        (None, Some(status)) => status.as_str().to_owned(),
        (None, None) => "of no known state".to_owned(),
    };
    let id = account.id.unwrap_or_default();
    Ok(Member {
        id: id
            .parse()
            .map_err(|e| Trouble::unusable(&cell.place(&LIST_ACCOUNTS), &format!("{e}")))?,
        name: account.name.unwrap_or_default(),
        active: state == "ACTIVE",
        state,
        path: String::new(),
        tags: BTreeMap::new(),
    })
}

/// Account number → names of its units, from the root down.
async fn paths(cell: &Cell, client: &Client) -> Result<BTreeMap<String, String>, Trouble> {
    let roots = listed!(
        cell,
        LIST_ROOTS,
        roots,
        client.list_roots().max_results(PAGE)
    );
    let mut found = BTreeMap::new();
    let mut line: Vec<(String, String, usize)> = roots
        .into_iter()
        .filter_map(|root| Some((root.id?, String::new(), 0)))
        .collect();
    while let Some((parent, path, depth)) = line.pop() {
        if depth > DEEPEST {
            return Err(Trouble::unusable(
                &cell.place(&LIST_UNITS),
                "units are nested without end",
            ));
        }
        let below = || {
            client
                .list_accounts_for_parent()
                .parent_id(&parent)
                .max_results(PAGE)
        };
        let inside = listed!(cell, LIST_UNIT_ACCOUNTS, accounts, below());
        let shown = if path.is_empty() { "/" } else { path.as_str() };
        found.extend(
            inside
                .into_iter()
                .filter_map(|a| Some((a.id?, shown.to_owned()))),
        );
        let below = || {
            client
                .list_organizational_units_for_parent()
                .parent_id(&parent)
                .max_results(PAGE)
        };
        let units = listed!(cell, LIST_UNITS, organizational_units, below());
        for unit in units {
            let (Some(id), Some(name)) = (unit.id, unit.name) else {
                continue;
            };
            line.push((id, format!("{path}/{name}"), depth + 1));
        }
    }
    Ok(found)
}

async fn tags(
    cell: &Cell,
    client: &Client,
    account: &str,
) -> Result<BTreeMap<String, String>, Trouble> {
    let tags = listed!(
        cell,
        LIST_TAGS,
        tags,
        client.list_tags_for_resource().resource_id(account)
    );
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}
