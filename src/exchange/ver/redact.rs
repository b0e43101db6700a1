//! Text that may be shared: what names a resource, an address or a person is replaced by its kind.

use super::super::dataset::Record;

/// Resource ids that AWS makes: a short kind, a dash, hexadecimal digits.
const KINDS: [&str; 24] = [
    "i", "sg", "vpc", "subnet", "eni", "ami", "vol", "snap", "rtb", "igw", "nat", "acl",
    "eipalloc", "vpce", "lt", "tgw", "pcx", "fs", "mi", "r", "db", "key", "cluster", "lb",
];

/// The text without ARNs, addresses, account numbers, resource ids, ports, links, mailboxes and the names of the
/// record's own resources.
pub fn redact(text: &str, record: &Record) -> String {
    let mut named: Vec<&str> = record
        .assets
        .iter()
        .flat_map(|asset| [asset.item.arn.as_str(), asset.item.name.as_str()])
        // A name such as "web" would take words of the language with it.
        .filter(|name| name.len() > 3)
        .collect();
    named.sort_by_key(|name| std::cmp::Reverse(name.len()));
    named.dedup();
    let mut out = String::with_capacity(text.len());
    for (nth, line) in text.split('\n').enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        let mut is_port = false;
        for (nth, word) in line.split(' ').enumerate() {
            if nth > 0 {
                out.push(' ');
            }
            out.push_str(&shared(word, &named, is_port));
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            is_port = bare.eq_ignore_ascii_case("port") || bare.eq_ignore_ascii_case("ports");
        }
    }
    out
}

/// One word with its punctuation.
fn shared(word: &str, named: &[&str], is_port: bool) -> String {
    let edge = |c: char| {
        matches!(
            c,
            ',' | ';' | '(' | ')' | '[' | ']' | '"' | '\'' | '`' | '<' | '>' | '{' | '}'
        )
    };
    let end = |c: char| edge(c) || matches!(c, '.' | ':' | '!' | '?');
    let left = word.trim_start_matches(edge);
    let core = left.trim_end_matches(end);
    if core.is_empty() {
        return word.to_owned();
    }
    let before = &word[..word.len() - left.len()];
    let after = &left[core.len()..];
    match kind(core, named, is_port) {
        Some(kind) => format!("{before}[{kind}]{after}"),
        None => word.to_owned(),
    }
}

/// What a word gives away.
fn kind(word: &str, named: &[&str], is_port: bool) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_port && word.split(['-', '/']).next().is_some_and(digits) {
        Some("port")
    } else if lower.contains("://") {
        Some("link")
    } else if lower.contains("arn:") || named.iter().any(|name| word.contains(name)) {
        Some("resource")
    } else if is_mailbox(word) {
        Some("mailbox")
    } else if is_address(word) {
        Some("address")
    } else if holds_account(word) {
        Some("account")
    } else if is_resource_id(&lower) || is_access_key(word) {
        Some("resource")
    } else if is_host(&lower) {
        Some("host")
    } else {
        None
    }
}

fn is_mailbox(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// An IPv4 or IPv6 address, alone, with a port or as a network.
fn is_address(word: &str) -> bool {
    let bare = word.split('/').next().unwrap_or(word);
    bare.parse::<std::net::IpAddr>().is_ok() || bare.parse::<std::net::SocketAddr>().is_ok()
}

/// Twelve digits in a row, not more.
fn holds_account(word: &str) -> bool {
    word.split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() == 12)
}

/// `i-0aa11bb22cc33dd44`, also inside a longer word.
fn is_resource_id(lower: &str) -> bool {
    lower.split(['/', ':', '=']).any(|part| {
        part.split_once('-').is_some_and(|(kind, id)| {
            let is_hex = id.len() >= 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
            KINDS.contains(&kind) && is_hex
        })
    })
}

fn is_access_key(word: &str) -> bool {
    let starts = ["AKIA", "ASIA", "AROA", "AIDA"];
    word.len() >= 16 && starts.iter().any(|start| word.starts_with(start))
}

/// A name in a domain that AWS or the public uses; not a file, a version or a control id.
fn is_host(lower: &str) -> bool {
    let ends = [
        ".amazonaws.com",
        ".internal",
        ".local",
        ".com",
        ".net",
        ".org",
        ".gov",
        ".mil",
        ".io",
        ".onion",
    ];
    // The API of a service is public knowledge.
    let is_service = lower.ends_with(".amazonaws.com") && lower.matches('.').count() == 2;
    !is_service
        && ends
            .iter()
            .any(|end| lower.len() > end.len() && lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::super::dataset::tests::record;
    use super::*;

    #[test]
    fn what_would_help_an_attacker_is_replaced_by_its_kind() {
        let record = record();
        for (text, want) in [
            (
                "198.51.100.7 is performing RDP brute force attacks against i-0aa11bb22cc33dd44 on port 3389.",
                "[address] is performing RDP brute force attacks against [resource] on port [port].",
            ),
            (
                "Bucket acme-exports (arn:aws-us-gov:s3:::acme-exports) is public",
                "Bucket [resource] ([resource]) is public",
            ),
            (
                "See https://x.example/y, ask dana@example.gov",
                "See [link], ask [mailbox]",
            ),
            (
                "Account 123456789012, host ec2-198-51-100-7.compute-1.amazonaws.com",
                "Account [account], host [host]",
            ),
            (
                "2001:db8::1/64 and 10.0.0.0/8 and 10.1.2.3:22",
                "[address] and [address] and [address]",
            ),
            (
                "key AKIAIOSFODNN7EXAMPLE in sg-0a1b2c3d",
                "key [resource] in [resource]",
            ),
        ] {
            assert_eq!(redact(text, &record), want);
        }
    }

    #[test]
    fn what_is_public_stays() {
        let record = record();
        for text in [
            "CVE-2024-1086 in kernel 5.10.205",
            "S3.8: S3 general purpose buckets should block public access",
            "UnauthorizedAccess:EC2/RDPBruteForce",
            "Enable MFA, rotate keys every 90 days. The s3.amazonaws.com API is called.",
            "r-base and i-am are words; in 2026-11-22 too",
        ] {
            assert_eq!(redact(text, &record), text);
        }
    }
}
