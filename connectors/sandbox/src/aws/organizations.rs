//! Organizations: accounts, roots, units and tags, pages of at most 20, for the management account and delegated
//! administrators only.

use serde_json::{Value, json};

use super::call::Call;
use super::faults::access_denied;
use super::pages::{BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::{Estate, Organization, OrganizationMember, Unit};

const LARGEST_PAGE: usize = 20;

pub fn answer(call: &Call, estate: &Estate, pages: &Pages) -> Result<Answer, Refusal> {
    let Some(organization) = &estate.organization else {
        return Err(Refusal::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    };
    if !organization.askers.contains(&call.account) {
        return Err(access_denied(call));
    }
    match call.operation.as_str() {
        "ListAccounts" => page(call, pages, "Accounts", accounts(organization, |_| true)),
        "ListAccountsForParent" => {
            let parent = parent(call, organization)?;
            let inside = accounts(organization, |member| member.unit == parent.id);
            page(call, pages, "Accounts", inside)
        }
        "ListRoots" => {
            let roots = organization.units.iter().filter(|u| u.parent.is_none());
            page(call, pages, "Roots", roots.map(unit).collect())
        }
        "ListOrganizationalUnitsForParent" => {
            let parent = parent(call, organization)?;
            let inside = organization
                .units
                .iter()
                .filter(|u| u.parent.as_ref() == Some(&parent.id));
            page(
                call,
                pages,
                "OrganizationalUnits",
                inside.map(unit).collect(),
            )
        }
        "ListTagsForResource" => {
            let member = organization
                .members
                .iter()
                .find(|m| call.json["ResourceId"] == m.id.as_str())
                .ok_or_else(|| Refusal::new(400, "TargetNotFoundException", "no such account"))?;
            let tags: Vec<Value> = member
                .tags
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect();
            Ok(Answer::json(&json!({ "Tags": tags })))
        }
        other => Err(Refusal::new(
            400,
            "UnknownOperationException",
            format!("the stand-in has no {other} of organizations"),
        )),
    }
}

fn parent<'a>(call: &Call, organization: &'a Organization) -> Result<&'a Unit, Refusal> {
    let wanted = call.json["ParentId"].as_str().unwrap_or_default();
    organization
        .units
        .iter()
        .find(|unit| unit.id == wanted)
        .ok_or_else(|| Refusal::new(400, "ParentNotFoundException", "no such parent"))
}

fn unit(unit: &Unit) -> Value {
    json!({ "Id": unit.id, "Name": unit.name })
}

fn accounts(organization: &Organization, of: impl Fn(&OrganizationMember) -> bool) -> Vec<Value> {
    let members = organization.members.iter().filter(|member| of(member));
    members
        .map(|m| json!({ "Id": m.id, "Name": m.name, "State": m.state, "Email": "owner@example.gov" }))
        .collect()
}

fn page(call: &Call, pages: &Pages, field: &str, all: Vec<Value>) -> Result<Answer, Refusal> {
    let (page, next) = pages
        .cut(call, ("MaxResults", "NextToken"), LARGEST_PAGE, &all)
        .map_err(|why| match why {
            BadPage::Size => Refusal::new(400, "InvalidInputException", "MaxResults: 1 to 20"),
            BadPage::Token => Refusal::new(400, "InvalidInputException", "NextToken is not valid"),
        })?;
    let mut reply = json!({ field: page });
    if let Some(token) = next {
        reply["NextToken"] = json!(token);
    }
    Ok(Answer::json(&reply))
}
