//! A mail: where it stands, the time its report is about, its Message-ID.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use data_encoding::BASE32_NOPAD;
use poamd_contract::ids::BadId;
use sha2::{Digest, Sha256};

/// States of a mail (`design.md`, States; `reliability-security.md` 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailState {
    /// Its bytes are frozen; never tried yet.
    Rendered,
    /// Claimed by a process, before the first byte.
    Sending,
    /// The server took it.
    Sent,
    /// Certainly not taken; later again.
    Retry,
    /// Refused for good.
    Rejected,
    /// The server may have taken it; the same bytes go out again, since a report must arrive at least once.
    Ambiguous,
    /// Given up.
    Expired,
}

impl MailState {
    pub const ALL: [Self; 7] = [
        Self::Rendered,
        Self::Sending,
        Self::Sent,
        Self::Retry,
        Self::Rejected,
        Self::Ambiguous,
        Self::Expired,
    ];
    /// Those that a sender may claim.
    pub const WAITING: [Self; 3] = [Self::Rendered, Self::Retry, Self::Ambiguous];
    /// Those whose readers got nothing and will get nothing.
    pub const LOST: [Self; 2] = [Self::Rejected, Self::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rendered => "rendered",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Retry => "retry",
            Self::Rejected => "rejected",
            Self::Ambiguous => "ambiguous",
            Self::Expired => "expired",
        }
    }

    /// Nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Rejected | Self::Expired)
    }

    /// The audit event of entering it.
    pub fn event(self) -> &'static str {
        match self {
            Self::Rendered => "mail.queued",
            Self::Sending => "mail.sending",
            Self::Sent => "mail.sent",
            Self::Retry => "mail.delayed",
            Self::Rejected => "mail.rejected",
            Self::Ambiguous => "mail.ambiguous",
            Self::Expired => "mail.expired",
        }
    }
}

impl AsRef<str> for MailState {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for MailState {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a state of a mail",
            })
    }
}

/// The time a report is about: one report, one period, one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The instant its schedule names, whenever it was made.
    Scheduled(DateTime<Utc>),
    /// Asked for by a person; the minute counts.
    Manual(DateTime<Utc>),
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::Scheduled(at) => f.write_str(&text(at)),
            Self::Manual(at) => {
                let whole = at.trunc_subsecs(0);
                let minute = whole - TimeDelta::seconds(whole.timestamp().rem_euclid(60));
                write!(f, "manual:{}", text(&minute))
            }
        }
    }
}

/// What a Message-ID is made of.
#[derive(Debug, Clone, Copy)]
pub struct MailIdentity<'a> {
    pub deployment: &'a str,
    pub report: &'a str,
    pub period: &'a str,
    /// In any order and case: the same people are the same group.
    pub recipients: &'a [String],
    /// 0 for the first issue; a corrected one for the same period counts on.
    pub revision: u32,
}

impl MailIdentity<'_> {
    /// `<r.` + 26 characters of base32(SHA-256(deployment, report, period, recipient group, revision)) + `@domain>`
    /// (`reliability-security.md` 2.1); the same on every retry.
    pub fn message_id(&self, domain: &str) -> String {
        let mut group: Vec<String> = self.recipients.iter().map(|to| to.to_lowercase()).collect();
        group.sort_unstable();
        group.dedup();
        let revision = self.revision.to_string();
        let mut hash = Sha256::new();
        let parts = [self.deployment, self.report, self.period, &revision];
        for part in parts.into_iter().chain(group.iter().map(String::as_str)) {
            // Lengths keep `ab`,`c` apart from `a`,`bc`.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut code = BASE32_NOPAD.encode(&hash.finalize()).to_lowercase();
        code.truncate(26);
        format!("<r.{code}@{domain}>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(recipients: &'a [String], period: &'a str) -> MailIdentity<'a> {
        MailIdentity {
            deployment: "agency-prod",
            report: "weekly",
            period,
            recipients,
            revision: 0,
        }
    }

    #[test]
    fn the_message_id_follows_from_what_the_mail_is_and_from_nothing_else() {
        let people = ["a@example.gov".to_owned(), "b@example.gov".to_owned()];
        let turned = ["B@example.gov".to_owned(), "a@example.gov".to_owned()];
        let one = identity(&people, "2026-11-23T12:00:00Z").message_id("example.gov");
        assert_eq!(
            one,
            identity(&turned, "2026-11-23T12:00:00Z").message_id("example.gov")
        );
        let (left, right) = one
            .trim_matches(['<', '>'])
            .split_once('@')
            .map(|(l, r)| (l.to_owned(), r.to_owned()))
            .unwrap();
        assert_eq!((left.len(), right.as_str()), (28, "example.gov"));
        assert!(
            left.starts_with("r.")
                && left[2..]
                    .chars()
                    .all(|c| "abcdefghijklmnopqrstuvwxyz234567".contains(c))
        );
        let base = identity(&people, "2026-11-23T12:00:00Z");
        let others = [
            MailIdentity {
                period: "2026-11-30T12:00:00Z",
                ..base
            },
            MailIdentity {
                report: "weekl",
                ..base
            },
            MailIdentity {
                deployment: "agency-prodw",
                report: "eekly",
                ..base
            },
            MailIdentity {
                revision: 1,
                ..base
            },
            MailIdentity {
                recipients: &people[..1],
                ..base
            },
        ];
        for other in others {
            assert_ne!(other.message_id("example.gov"), one, "{other:?}");
        }
    }

    #[test]
    fn a_manual_period_is_its_minute_and_says_that_it_is_manual() {
        let at = "2026-11-22T07:08:59.9Z".parse().unwrap();
        assert_eq!(
            Period::Manual(at).to_string(),
            "manual:2026-11-22T07:08:00Z"
        );
        let at = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(Period::Scheduled(at).to_string(), "2026-11-23T12:00:00Z");
    }

    #[test]
    fn states_read_as_they_are_written() {
        for state in MailState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert!(!(state.is_final() && MailState::WAITING.contains(&state)));
        }
        assert!("queued".parse::<MailState>().is_err());
    }
}
