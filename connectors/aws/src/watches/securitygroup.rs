//! Security groups: `DescribeSecurityGroups`, a thousand at a time.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{IpPermission, SecurityGroup as Group, UserIdGroupPair};
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::ids::Region;
use poamd_contract::watch::{AccountWatch, Seen};
use serde_json::Value;

use super::{Found, Listed, unseen};
use crate::cell::Cell;
use crate::error::Trouble;
use crate::json::{Object, tags, unordered};
use crate::operation::{Operation, Rate};
use crate::session::Session;
use crate::tokens::{Step, Tokens};

const DESCRIBE: Operation =
    Operation::new("ec2", "DescribeSecurityGroups", "ec2:DescribeSecurityGroups", Rate::new(20, 100));
const PAGE: i32 = 1_000;

pub(crate) struct SecurityGroup {
    session: Arc<Session>,
}

impl SecurityGroup {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl AccountWatch for SecurityGroup {
    fn technology(&self) -> &'static str {
        "securitygroup"
    }

    fn is_global(&self) -> bool {
        false
    }

    fn actions(&self) -> &'static [&'static str] {
        &[DESCRIBE.action]
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
        let read = found.iter().map(|group| (String::new(), Ok(describe(account, region, group)))).collect();
        super::gather(account, self.technology(), coverage, read)
    }
}

async fn list(cell: &Cell) -> Result<Listed<Group>, Trouble> {
    let client = cell.ec2()?;
    let (mut tokens, mut found) = (Tokens::default(), Vec::new());
    loop {
        let answer = cell
            .call(&DESCRIBE, || {
                Box::pin(client.describe_security_groups().max_results(PAGE).set_next_token(tokens.next()).send())
            })
            .await;
        let reply = match answer {
            Ok(reply) => reply,
            Err(trouble) if found.is_empty() => return Err(trouble),
            Err(trouble) => return Ok(Listed { found, coverage: trouble.coverage(1) }),
        };
        found.extend(reply.security_groups.unwrap_or_default());
        match tokens.advance(reply.next_token) {
            Step::Last => return Ok(Listed { found, coverage: Coverage::Complete }),
            Step::More => {}
            Step::Circle => return Ok(Listed::circle(cell, &DESCRIBE, found)),
        }
    }
}

/// A group of this account; those that another account shares with us are that account's items.
fn describe(account: &AccountAccess, region: &Region, group: &Group) -> Option<Found> {
    let id = group.group_id()?;
    if group.owner_id().is_some_and(|owner| owner != account.id.as_str()) {
        return None;
    }
    // Built, not taken from the answer: older endpoints leave it out.
    let arn = format!("arn:{}:ec2:{region}:{}:security-group/{id}", account.partition, account.id);
    let config = Object::default()
        .with("GroupId", id)
        .maybe("GroupName", group.group_name())
        .maybe("Description", group.description())
        .maybe("OwnerId", group.owner_id())
        .maybe("VpcId", group.vpc_id())
        .with("IpPermissions", unordered(group.ip_permissions().iter().map(permission)))
        .with("IpPermissionsEgress", unordered(group.ip_permissions_egress().iter().map(permission)))
        .with("Tags", tags(group.tags().iter().map(|tag| (tag.key(), tag.value()))));
    let name = group.group_name().unwrap_or(id).to_owned();
    Some(Found { name, arn, region: region.clone(), config, volatile: Object::default() })
}

fn permission(rule: &IpPermission) -> Value {
    let described = |key, value: Option<&str>, description: Option<&str>| {
        Object::default().maybe(key, value).maybe("Description", description)
    };
    Object::default()
        .maybe("IpProtocol", rule.ip_protocol())
        .maybe("FromPort", rule.from_port())
        .maybe("ToPort", rule.to_port())
        .with("IpRanges", unordered(rule.ip_ranges().iter().map(|r| described("CidrIp", r.cidr_ip(), r.description()))))
        .with(
            "Ipv6Ranges",
            unordered(rule.ipv6_ranges().iter().map(|r| described("CidrIpv6", r.cidr_ipv6(), r.description()))),
        )
        .with(
            "PrefixListIds",
            unordered(
                rule.prefix_list_ids().iter().map(|p| described("PrefixListId", p.prefix_list_id(), p.description())),
            ),
        )
        .with("UserIdGroupPairs", unordered(rule.user_id_group_pairs().iter().map(pair)))
        .into()
}

fn pair(pair: &UserIdGroupPair) -> Object {
    Object::default()
        .maybe("UserId", pair.user_id())
        .maybe("GroupId", pair.group_id())
        .maybe("GroupName", pair.group_name())
        .maybe("VpcId", pair.vpc_id())
        .maybe("VpcPeeringConnectionId", pair.vpc_peering_connection_id())
        .maybe("PeeringStatus", pair.peering_status())
        .maybe("Description", pair.description())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_ec2::types::{IpRange, Ipv6Range};
    use serde_json::json;

    use super::*;

    fn account() -> AccountAccess {
        AccountAccess {
            id: "123456789012".parse().unwrap(),
            name: "a".to_owned(),
            partition: "aws-us-gov".parse().unwrap(),
            role: None,
            external_id: None,
            regions: vec!["us-gov-west-1".parse().unwrap()],
        }
    }

    fn group(ranges: &[&str]) -> aws_sdk_ec2::types::builders::SecurityGroupBuilder {
        let ranges = ranges.iter().map(|cidr| IpRange::builder().cidr_ip(*cidr).build()).collect();
        let rule = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(22)
            .to_port(22)
            .set_ip_ranges(Some(ranges))
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build());
        Group::builder().group_id("sg-1").group_name("web").owner_id("123456789012").ip_permissions(rule.build())
    }

    #[test]
    fn carries_the_partition_and_the_rules() {
        let region: Region = "us-gov-west-1".parse().unwrap();
        let found = describe(&account(), &region, &group(&["0.0.0.0/0"]).build()).unwrap();
        let item = found.item(&account(), "securitygroup");
        assert_eq!(item.arn, "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:security-group/sg-1");
        assert_eq!(
            item.config,
            json!({
                "GroupId": "sg-1", "GroupName": "web", "OwnerId": "123456789012", "Tags": [], "IpPermissionsEgress": [],
                "IpPermissions": [{
                    "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [], "UserIdGroupPairs": [],
                    "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                }],
            })
        );
    }

    #[test]
    fn order_of_rules_is_no_change_and_shared_groups_are_not_ours() {
        let region: Region = "us-gov-west-1".parse().unwrap();
        let text = |ranges: &[&str]| {
            let found = describe(&account(), &region, &group(ranges).build()).unwrap();
            Value::from(found.config).to_string()
        };
        assert_eq!(text(&["10.0.0.0/8", "0.0.0.0/0"]), text(&["0.0.0.0/0", "10.0.0.0/8"]));
        assert!(describe(&account(), &region, &group(&[]).owner_id("999999999999").build()).is_none());
    }
}
