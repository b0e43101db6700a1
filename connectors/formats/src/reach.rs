//! Tags of a resource, ports, and whether the internet reaches them.

use std::collections::BTreeMap;

use crate::attack::port;
use crate::lenient::{Number, Pairs};
use crate::marks::short;

/// Tags of one resource (AWS's own limit), and the characters of their keys and values (AWS's too).
const TAGS: usize = 50;
const KEY: usize = 128;
const VALUE: usize = 256;

pub(crate) type Tags<'a> = Pairs<'a, TAGS>;

pub(crate) fn tags(of: Option<&Tags<'_>>) -> BTreeMap<String, String> {
    of.into_iter()
        .flat_map(Tags::iter)
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (short(key, KEY), short(value, VALUE)))
        .collect()
}

/// A port range, the lower end first.
pub(crate) fn range(begin: &Number, end: &Number) -> Option<(u16, u16)> {
    let begin = port(begin)?;
    let end = port(end).unwrap_or(begin);
    Some((begin.min(end), begin.max(end)))
}

/// Inspector's titles of network reachability say both: `Port 22 is reachable from an Internet Gateway - TCP`,
/// `Port range 0-65535 is reachable from a Peered VPC - UDP`. Whether the internet reaches it otherwise, a path
/// from another gateway does not say.
pub(crate) fn of_title(title: &str) -> (Vec<(u16, u16)>, Option<bool>) {
    let head = title.split(" is reachable").next().unwrap_or_default();
    let mut numbers = head
        .split(|c: char| !c.is_ascii_digit())
        .filter(|n| !n.is_empty())
        .map_while(|n| n.parse::<u16>().ok());
    let ports = match (numbers.next(), numbers.next()) {
        (Some(begin), end) => {
            let end = end.unwrap_or(begin);
            vec![(begin.min(end), begin.max(end))]
        }
        _ => Vec::new(),
    };
    let internet = title.to_ascii_lowercase().contains("internet gateway");
    (ports, internet.then_some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_say_ports_and_gateway() {
        for (title, ports, reachable) in [
            (
                "Port 22 is reachable from an Internet Gateway - TCP",
                vec![(22, 22)],
                Some(true),
            ),
            (
                "Port range 0 - 65535 is reachable from a Peered VPC - UDP",
                vec![(0, 65535)],
                None,
            ),
            ("Something else", vec![], None),
            (
                "Port 70000 is reachable from an Internet Gateway",
                vec![],
                Some(true),
            ),
        ] {
            assert_eq!(of_title(title), (ports, reachable), "{title}");
        }
    }
}
