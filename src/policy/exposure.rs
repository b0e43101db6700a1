//! Who reaches what through a security group: rules with ports as numbers and networks parsed, for `input.exposure`.
//! Not in it: what of that is a finding; that is a policy's to say.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

/// `input.exposure` of a security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exposure {
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
    /// What could not be read; the evaluation then fails instead of passing.
    #[serde(skip)]
    pub unreadable: Vec<String>,
}

/// One protocol, one range of ports, one network. Sources that are groups or prefix lists are not networks and are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `all`, or another protocol's number.
    pub protocol: String,
    /// 0–65535; the whole range where the protocol has no ports or AWS states none.
    pub from_port: u16,
    pub to_port: u16,
    /// The network as AWS wrote it.
    pub source: String,
    /// 4 or 6.
    pub family: u8,
    /// Length of the prefix in bits.
    pub prefix: u8,
    /// Literally all of IPv4 or of IPv6.
    pub world: bool,
    /// Protocol and ports for people: `tcp 22`, `tcp 20-4000`, `all traffic`.
    pub rule: String,
}

/// Reads `IpPermissions` and `IpPermissionsEgress` as EC2 `DescribeSecurityGroups` returns them.
pub fn of_security_group(config: &Value) -> Exposure {
    let mut exposure = Exposure::default();
    exposure.ingress = rules(config, "IpPermissions", &mut exposure.unreadable);
    exposure.egress = rules(config, "IpPermissionsEgress", &mut exposure.unreadable);
    exposure
}

fn rules(config: &Value, field: &str, unreadable: &mut Vec<String>) -> Vec<Rule> {
    let Some(permissions) = config.get(field).and_then(Value::as_array) else {
        unreadable.push(format!("{field} is not a list"));
        return Vec::new();
    };
    let mut rules = Vec::new();
    for permission in permissions {
        let Some(traffic) = Traffic::of(permission) else {
            unreadable.push(format!(
                "{field} has a rule whose protocol or ports cannot be read"
            ));
            continue;
        };
        for (list, key) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
            for range in permission
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                match range
                    .get(key)
                    .and_then(Value::as_str)
                    .and_then(|cidr| traffic.from(cidr))
                {
                    Some(rule) => rules.push(rule),
                    None => unreadable
                        .push(format!("{field} has an entry in {list} that is no network")),
                }
            }
        }
    }
    rules
}

struct Traffic {
    protocol: String,
    from_port: u16,
    to_port: u16,
}

impl Traffic {
    fn of(permission: &Value) -> Option<Self> {
        let stated = permission.get("IpProtocol")?.as_str()?.to_ascii_lowercase();
        let protocol = match stated.as_str() {
            "-1" => "all",
            "6" => "tcp",
            "17" => "udp",
            "1" => "icmp",
            "58" => "icmpv6",
            other => other,
        };
        let (from_port, to_port) = match protocol {
            "tcp" | "udp" => (
                port(permission.get("FromPort"), 0)?,
                port(permission.get("ToPort"), u16::MAX)?,
            ),
            // Others have types or nothing in these fields, not ports.
            _ => (0, u16::MAX),
        };
        Some(Self {
            protocol: protocol.to_owned(),
            from_port,
            to_port,
        })
    }

    fn from(&self, cidr: &str) -> Option<Rule> {
        let (address, prefix) = cidr.trim().split_once('/')?;
        let family = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(_) => 4,
            IpAddr::V6(_) => 6,
        };
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|bits| *bits <= if family == 4 { 32 } else { 128 })?;
        Some(Rule {
            protocol: self.protocol.clone(),
            from_port: self.from_port,
            to_port: self.to_port,
            source: cidr.trim().to_owned(),
            family,
            prefix,
            world: prefix == 0,
            rule: self.label(),
        })
    }

    fn label(&self) -> String {
        match self.protocol.as_str() {
            "all" => "all traffic".to_owned(),
            "tcp" | "udp" if self.from_port == self.to_port => {
                format!("{} {}", self.protocol, self.from_port)
            }
            "tcp" | "udp" => format!("{} {}-{}", self.protocol, self.from_port, self.to_port),
            other => other.to_owned(),
        }
    }
}

/// A port, or `open` (the end of the whole range) where none is stated or AWS says -1 for "every".
fn port(stated: Option<&Value>, open: u16) -> Option<u16> {
    match stated {
        None | Some(Value::Null) => Some(open),
        Some(value) => match value.as_i64()? {
            -1 => Some(open),
            number => u16::try_from(number).ok(),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn ingress(permission: Value) -> Exposure {
        of_security_group(&json!({ "IpPermissions": [permission], "IpPermissionsEgress": [] }))
    }

    #[test]
    fn protocols_by_number_have_names_and_all_has_every_port() {
        for (stated, want, from, to) in [
            ("-1", "all", 0, 65535),
            ("6", "tcp", 0, 65535),
            ("TCP", "tcp", 0, 65535),
            ("50", "50", 0, 65535),
        ] {
            let exposure =
                ingress(json!({ "IpProtocol": stated, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }));
            let rule = &exposure.ingress[0];
            assert_eq!(
                (
                    rule.protocol.as_str(),
                    rule.from_port,
                    rule.to_port,
                    rule.world
                ),
                (want, from, to, true)
            );
        }
    }

    #[test]
    fn ports_and_networks_are_read() {
        let exposure = ingress(json!({
            "IpProtocol": "tcp", "FromPort": 20, "ToPort": 4000,
            "IpRanges": [{ "CidrIp": "0.0.0.0/1" }, { "CidrIp": "10.0.0.0/8" }], "Ipv6Ranges": [{ "CidrIpv6": "::/0" }],
            "UserIdGroupPairs": [{ "GroupId": "sg-1" }], "PrefixListIds": [{ "PrefixListId": "pl-1" }],
        }));
        let seen: Vec<_> = exposure
            .ingress
            .iter()
            .map(|r| (r.source.as_str(), r.family, r.prefix, r.world))
            .collect();
        assert_eq!(
            seen,
            [
                ("0.0.0.0/1", 4, 1, false),
                ("10.0.0.0/8", 4, 8, false),
                ("::/0", 6, 0, true)
            ]
        );
        assert_eq!(exposure.ingress[0].rule, "tcp 20-4000");
        assert_eq!(exposure.unreadable, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_taken() {
        for bad in [
            json!({ "IpProtocol": "tcp", "FromPort": 70000, "ToPort": 70001, "IpRanges": [] }),
            json!({ "IpProtocol": "tcp", "FromPort": "22", "ToPort": 22, "IpRanges": [] }),
            json!({ "FromPort": 22, "ToPort": 22 }),
            json!({ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "everywhere" }] }),
            json!({ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "0.0.0.0/33" }] }),
        ] {
            let good = json!({ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] });
            let exposure = of_security_group(
                &json!({ "IpPermissions": [bad, good], "IpPermissionsEgress": [] }),
            );
            assert_eq!(
                (exposure.unreadable.len(), exposure.ingress.len()),
                (1, 1),
                "{bad}"
            );
        }
        assert_eq!(of_security_group(&json!({})).unreadable.len(), 2);
    }
}
