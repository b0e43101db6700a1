//! Addresses: URLs, hosts and mailboxes, as far as a configuration file has to be right about them.

use std::net::IpAddr;

use url::{Host, Url};

use super::problem::quoted;

/// A base address for HTTP: https, or http to loopback; no user or password in it, no query, no fragment.
pub fn url(text: &str) -> Result<Url, String> {
    let parsed = base(text)?;
    if parsed.scheme() == "http" && !is_loopback(&parsed) {
        return Err(format!(
            "{} is not encrypted; http is for loopback only, write https",
            quoted(text)
        ));
    }
    Ok(parsed)
}

/// The address of an HTTP proxy; what goes through it is encrypted by itself.
pub fn proxy(text: &str) -> Result<Url, String> {
    base(text)
}

fn base(text: &str) -> Result<Url, String> {
    let shown = || quoted(&without_login(text));
    let parsed =
        Url::parse(text).map_err(|cause| format!("{} is not an address ({cause})", shown()))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("has a user or password in it; a secret never stands in this file".to_owned());
    }
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("{} does not begin with https://", shown()));
    }
    if parsed.host().is_none() || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(format!(
            "{} is not a base address; leave out everything from \"?\" or \"#\" on",
            shown()
        ));
    }
    Ok(parsed)
}

/// A text that may be a URL, without what may be a login in it.
pub(crate) fn without_login(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((login, host)) => {
            let scheme = login.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{host}")
        }
        None => text.to_owned(),
    }
}

/// Whether an address stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_host(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a host name or IP address stays on this machine. Names are not resolved.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The plain address in `name@host` or `Name <name@host>`.
pub fn mailbox(text: &str) -> Result<&str, String> {
    let wrong = || {
        format!(
            "{} is not a mail address: write \"name@host\" or \"Name <name@host>\"",
            quoted(text)
        )
    };
    let address = match text.trim().strip_suffix('>') {
        Some(open) => open
            .rsplit_once('<')
            .map(|(_, address)| address)
            .ok_or_else(wrong)?,
        None => text.trim(),
    };
    let (local, host) = address.rsplit_once('@').ok_or_else(wrong)?;
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| !c.is_whitespace() && !c.is_control() && !"<>,;:\"()[]\\@".contains(c))
    };
    let labels = host
        .split('.')
        .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    if plain(local) && plain(host) && labels && dots && address.len() <= 254 {
        Ok(address)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_or_loopback_addresses_pass() {
        for good in [
            "https://example.atlassian.net",
            "http://127.0.0.1:8080/x",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com",
            "ftp://x",
            "example.com",
            "https://u:p@example.com",
            "https://x/?a=b",
            "http://127.0.0.1.evil.example",
            "https://",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_login_in_an_address_is_not_repeated() {
        for text in [
            "https://user:hunter2@example.com",
            "https://user:hunter2@exa mple.com",
            "ftp://user:hunter2@x",
        ] {
            assert!(!url(text).unwrap_err().contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn mail_addresses_are_told_from_other_text() {
        for (text, address) in [
            ("isso@example.gov", "isso@example.gov"),
            ("The ISSO <isso@example.gov>", "isso@example.gov"),
            ("root@localhost", "root@localhost"),
        ] {
            assert_eq!(mailbox(text), Ok(address));
        }
        for bad in [
            "",
            "isso",
            "@x",
            "a@",
            "a b@x",
            "a@x>",
            "<a@x",
            "a@b@c",
            "a@x..y",
            "a@-x",
            "x@y\r\nBcc: z",
            "A, B <a@x,b@y>",
        ] {
            assert!(mailbox(bad).is_err(), "{bad}");
        }
    }
}
