//! Text that may be shared: what names a resource, an address or a person is replaced by its kind. In doubt more is
//! taken out than has to be; a person's own words for sharing (`safe_description`) are the way to say more.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::super::dataset::Record;

/// A name with fewer letters would take words of the language with it.
const SHORTEST: usize = 4;

/// What stands for itself, before the names of a record's own resources are looked for.
const LINKS: [(&str, &str); 3] = [
    (
        r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>)\],;]*[^\s"'<>)\],;.:!?]"#,
        "[link]",
    ),
    (
        r#"(?i)\barn:[^\s"'<>)\],;]*[^\s"'<>)\],;.:!?]"#,
        "[resource]",
    ),
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "[mailbox]"),
];

/// What gives something away by its form, in the order in which it is looked for.
const FORMS: [(&str, &str); 8] = [
    (
        r"(?i)\b(?:ip|ec2)-\d{1,3}(?:-\d{1,3}){3}(?:[\w.-]*\w)?",
        "[host]",
    ),
    (
        r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?\b",
        "[address]",
    ),
    (
        r"(?i)\b(ports?)([\s:=#/]+)\d{1,5}(?:\s*(?:-|,|and|or|to)\s*\d{1,5})*\b",
        "$1$2[port]",
    ),
    (r"(?i)\b(tcp|udp)([/:\s]+)\d{1,5}\b", "$1$2[port]"),
    (r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b", "[resource]"),
    (
        r"(?i)\b(?:i|sg|vpc|subnet|eni|ami|vol|snap|rtb|rtbassoc|igw|eigw|nat|acl|eipalloc|vpce|lt|tgw|tgw-attach|tgw-rtb|pcx|cgw|vgw|vpn|dopt|fs|fsap|mi|r|db|key|cluster|lb)-[0-9a-f]{8,}\b",
        "[resource]",
    ),
    (r"\b\d{4}-\d{4}-\d{4}\b", "[account]"),
    (
        r"(?i)\b(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+(?:com|net|org|gov|mil|edu|io|onion|internal|local|lan|corp|intra|cloud|example)\b(?::\d{1,5})?(?:/[^\s,;)\]]*)?",
        "[host]",
    ),
];

static LINK_RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| rules(&LINKS));
static FORM_RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| rules(&FORMS));
/// Runs of digits, and what may be an IPv6 address: a look decides.
static LOOKED_AT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    rules(&[
        (r"(?i)[0-9a-f]*:[0-9a-f:.]*[0-9a-f:](?:/\d{1,3})?", "ipv6"),
        (r"\d{12,}", "digits"),
    ])
});

fn rules<'a>(all: &[(&str, &'a str)]) -> Vec<(Regex, &'a str)> {
    let read = |(form, kind): &(&str, &'a str)| Some((Regex::new(form).ok()?, *kind));
    all.iter().filter_map(read).collect()
}

/// What is taken out of all texts of one record; its names are gathered once.
pub struct Redactor {
    names: Vec<String>,
}

impl Redactor {
    pub fn of(record: &Record) -> Self {
        Self {
            names: names(record),
        }
    }

    /// The text without ARNs, addresses, account numbers, resource ids, ports, links, mailboxes and the names of the
    /// record's own resources.
    pub fn redact(&self, text: &str) -> String {
        redacted(text, &self.names)
    }
}

/// The same for a single text.
pub fn redact(text: &str, record: &Record) -> String {
    Redactor::of(record).redact(text)
}

fn redacted(text: &str, names: &[String]) -> String {
    let mut out = replaced(text.to_owned(), &LINK_RULES);
    for name in names {
        out = without(out, name);
    }
    for (form, kind) in LOOKED_AT.iter() {
        out = form
            .replace_all(&out, |m: &Captures<'_>| looked_at(&m[0], kind))
            .into_owned();
    }
    replaced(out, &FORM_RULES)
}

fn replaced(text: String, rules: &[(Regex, &str)]) -> String {
    rules.iter().fold(text, |text, (form, kind)| {
        let new = form.replace_all(&text, |m: &Captures<'_>| match is_service(&m[0]) {
            true => m[0].to_owned(),
            false => {
                let mut shown = String::new();
                m.expand(kind, &mut shown);
                shown
            }
        });
        new.into_owned()
    })
}

/// The API of a service is public knowledge.
fn is_service(text: &str) -> bool {
    let host = text.to_ascii_lowercase();
    host.ends_with(".amazonaws.com") && host.matches('.').count() == 2
}

fn looked_at(found: &str, kind: &str) -> String {
    let bare = found.split('/').next().unwrap_or(found);
    match kind {
        "ipv6" if bare.parse::<Ipv6Addr>().is_ok() => "[address]".to_owned(),
        "digits" if found.len() == 12 => "[account]".to_owned(),
        _ => found.to_owned(),
    }
}

/// What the record's resources are called, longest first: their names, and the last part of their ARNs.
fn names(record: &Record) -> Vec<String> {
    let last = |text: &str| {
        text.rsplit([':', '/'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let mut names: Vec<String> = record
        .assets
        .iter()
        .flat_map(|asset| {
            [
                asset.item.name.clone(),
                last(&asset.item.name),
                last(&asset.item.arn),
            ]
        })
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| name.len() >= SHORTEST && !is_word(name))
        .collect();
    names.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    names.dedup();
    names
}

/// A plain word, such as the name of an account's user "root", says nothing by itself.
fn is_word(name: &str) -> bool {
    ["root", "default", "main", "admin", "test", "production"].contains(&name)
}

/// The text without a name, in whatever case it is written.
fn without(text: String, name: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(name) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(name) {
        out.push_str(&text[from..at]);
        out.push_str("[resource]");
        from = at + name.len();
    }
    out.push_str(&text[from..]);
    out
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
            (
                "src=10.0.0.1\tto\u{a0}10.0.0.2",
                "src=[address]\tto\u{a0}[address]",
            ),
            ("10.0.0.1-10.0.0.9", "[address]-[address]"),
            (
                "on ip-10-0-0-1 and db.example.com:5432",
                "on [host] and [host]",
            ),
            ("at host.example.com/admin", "at [host]"),
            (
                "port:22, ports 22 and 3389; TCP/8443",
                "port:[port], ports [port]; TCP/[port]",
            ),
            (
                "network-reachability/Port 22 is reachable",
                "network-reachability/Port [port] is reachable",
            ),
            ("i-0aa11bb22cc33dd44's disk", "[resource]'s disk"),
            (
                "1234-5678-9012 and acct_123456789012",
                "[account] and acct_[account]",
            ),
            ("tgw-attach-0123456789abcdef0", "[resource]"),
            (
                "Bucket ACME-Exports is public",
                "Bucket [resource] is public",
            ),
        ] {
            assert_eq!(redact(text, &record), want);
        }
    }

    #[test]
    fn every_form_can_be_read() {
        assert_eq!(LINK_RULES.len(), LINKS.len());
        assert_eq!(FORM_RULES.len(), FORMS.len());
        assert_eq!(LOOKED_AT.len(), 2);
    }

    #[test]
    fn names_of_several_words_and_ends_of_arns_are_found() {
        let mut record = record();
        record.assets[0].item.name = "Payroll DB 1".to_owned();
        record.assets[0].item.arn = "arn:aws:acme:us-east-1:123456789012:host/db-2".to_owned();
        let text = "TLS library out of date on db-2, which is payroll db 1";
        assert_eq!(
            redact(text, &record),
            "TLS library out of date on [resource], which is [resource]"
        );
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
