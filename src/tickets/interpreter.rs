//! What a comment means, by whom it was written and how the record stands. Pure; the same comment in the same world
//! always means the same (`reliability-security.md` 3.1, `itsm.md` 4.8).

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use poamd_contract::desk::{AuthorKind, Comment};

use super::DeskRules;
use crate::domain::command::{self, Command, Justify};

/// The desk's clock and ours differ, and some desks cut times to the second.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(2);

/// The world a comment is read in.
pub(super) struct Facts<'a> {
    pub desk: &'a DeskRules,
    pub linked_at: DateTime<Utc>,
    pub live: bool,
    /// Findings on the record that are not fixed.
    pub open: &'a [OpenFinding],
    /// An earlier text of this comment was accepted.
    pub accepted_before: bool,
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenFinding {
    pub fingerprint: String,
    pub arn: String,
    /// Name of its item.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No command, or none of ours to answer.
    Nothing,
    Accepted(Accepted),
    Refused {
        /// A sentence without full stop.
        cause: String,
        /// Whether a better command by the same person would help.
        explain: bool,
    },
    Status,
    Help,
    /// It was accepted, and now says something else.
    Edited,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    pub reason: String,
    /// The last day on which it holds.
    pub until: NaiveDate,
    /// The first moment on which it does not.
    pub expires_at: DateTime<Utc>,
    pub fingerprints: Vec<String>,
}

pub(super) fn interpret(comment: &Comment, facts: &Facts<'_>) -> Verdict {
    if comment.author.kind == AuthorKind::Ourselves {
        return Verdict::Nothing;
    }
    // Whoever changed it and to what: the decision stands on the text that was kept.
    if facts.accepted_before {
        return Verdict::Edited;
    }
    let commands = command::parse(&comment.lines);
    let decides = |c: &&Command| matches!(c, Command::Justify(_) | Command::Unreadable(_));
    let decisions: Vec<&Command> = commands.iter().filter(decides).collect();
    match decisions.as_slice() {
        [] => commands
            .first()
            .map_or(Verdict::Nothing, |c| question(c, comment)),
        [one] => match authority(comment, facts) {
            Some(cause) => refused(cause, false),
            None => decide(one, facts),
        },
        _ => match authority(comment, facts) {
            Some(cause) => refused(cause, false),
            None => refused(
                "the comment holds more than one justification; write one in each comment",
                true,
            ),
        },
    }
}

fn refused(cause: impl Into<String>, explain: bool) -> Verdict {
    Verdict::Refused {
        cause: cause.into(),
        explain,
    }
}

/// Commands that decide nothing. Machines and customers get no conversation.
fn question(command: &Command, comment: &Comment) -> Verdict {
    if comment.author.kind != AuthorKind::Person || !comment.internal {
        return Verdict::Nothing;
    }
    match command {
        Command::Status => Verdict::Status,
        Command::Help => Verdict::Help,
        Command::Unsupported(verb) => refused(
            format!("the command {verb} is not supported by this version of poamd"),
            false,
        ),
        Command::Unknown { verb, nearest } => refused(
            match nearest {
                Some(nearest) => format!("\"{verb}\" is no command; the nearest is {nearest}"),
                None => format!("\"{verb}\" is no command"),
            },
            true,
        ),
        Command::Justify(_) | Command::Unreadable(_) => Verdict::Nothing,
    }
}

/// Why this comment may not decide; `None` if it may. Never says who could.
fn authority(comment: &Comment, facts: &Facts<'_>) -> Option<&'static str> {
    let author = &comment.author;
    let may = facts.desk.justifiers.contains(&author.id);
    match author.kind {
        AuthorKind::Person => {}
        AuthorKind::App => return Some("the word of an app decides nothing"),
        AuthorKind::Customer => return Some("the word of a portal customer decides nothing"),
        AuthorKind::Ourselves | AuthorKind::Unknown => {
            return Some("it could not be established who wrote it");
        }
    }
    if !author.active {
        return Some("the account that wrote it is not active");
    }
    if !may {
        return Some("you are not among those who may justify findings here");
    }
    if comment.updated_by.is_some() {
        return Some("somebody else changed the comment after it was written");
    }
    if !comment.internal {
        return Some("commands are taken from internal comments only");
    }
    if comment.created + CLOCKS_DIFFER < facts.linked_at {
        return Some("the comment is older than the tie between this ticket and its record");
    }
    (!facts.live).then_some("the record is closed")
}

fn decide(command: &Command, facts: &Facts<'_>) -> Verdict {
    match command {
        Command::Justify(justify) => accept(justify, facts).map_or_else(
            |(cause, explain)| refused(cause, explain),
            Verdict::Accepted,
        ),
        Command::Unreadable(why) => refused(why.clone(), true),
        _ => Verdict::Nothing,
    }
}

fn accept(justify: &Justify, facts: &Facts<'_>) -> Result<Accepted, (String, bool)> {
    if justify.reason.chars().count() < command::REASON {
        return Err((
            format!("the reason is shorter than {} characters", command::REASON),
            true,
        ));
    }
    let today = facts.now.date_naive();
    let longest = u64::from(facts.desk.max_expiry_days);
    let last = today
        .checked_add_days(Days::new(longest))
        .unwrap_or(NaiveDate::MAX);
    let until = justify.expires.unwrap_or(last);
    if until <= today {
        return Err((format!("the end {until} is not in the future"), true));
    }
    if until > last {
        return Err((
            format!("the end {until} is later than {last}, {longest} days from today"),
            true,
        ));
    }
    if facts.open.is_empty() {
        return Err(("no finding on the record is open".to_owned(), false));
    }
    let fingerprints = covered(&justify.on, facts.open)?;
    let end = until.succ_opt().unwrap_or(until);
    Ok(Accepted {
        reason: justify.reason.clone(),
        until,
        expires_at: end.and_time(NaiveTime::MIN).and_utc(),
        fingerprints,
    })
}

/// All open findings, or those that are named: by item, by ARN, or by themselves.
fn covered(on: &[String], open: &[OpenFinding]) -> Result<Vec<String>, (String, bool)> {
    if on.is_empty() {
        return Ok(open.iter().map(|f| f.fingerprint.clone()).collect());
    }
    let names = |f: &OpenFinding, wanted: &str| {
        f.name.eq_ignore_ascii_case(wanted) || f.arn == wanted || f.fingerprint == wanted
    };
    if let Some(nowhere) = on.iter().find(|w| !open.iter().any(|f| names(f, w))) {
        let shown: String = nowhere.chars().take(200).collect();
        return Err((
            format!("\"{shown}\" is no item with an open finding on this record"),
            true,
        ));
    }
    Ok(open
        .iter()
        .filter(|f| on.iter().any(|w| names(f, w)))
        .map(|f| f.fingerprint.clone())
        .collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poamd_contract::desk::Author;

    use super::*;

    fn rules() -> DeskRules {
        DeskRules {
            name: "tracker".into(),
            system: "jira-cloud",
            site: "https://desk.example.net".to_owned(),
            sign_in: "poamd".into(),
            takes: Arc::new(|_, _, _| true),
            justifiers: ["ada".to_owned()].into(),
            max_expiry_days: 365,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn comment(text: &str) -> Comment {
        Comment {
            id: "1".into(),
            author: Author {
                id: "ada".into(),
                display: "Ada".into(),
                kind: AuthorKind::Person,
                active: true,
            },
            updated_by: None,
            created: at("2026-11-20T00:00:00Z"),
            updated: at("2026-11-20T00:00:00Z"),
            lines: text.lines().map(str::to_owned).collect(),
            text: text.into(),
            internal: true,
            reply_to: None,
        }
    }

    fn open() -> Vec<OpenFinding> {
        ["web-1", "web-2"]
            .map(|name| OpenFinding {
                fingerprint: format!("f-{name}"),
                arn: format!("arn:aws-us-gov:s3:::{name}"),
                name: name.into(),
            })
            .into()
    }

    fn read_in(comment: &Comment, change: impl FnOnce(&mut Facts<'_>)) -> Verdict {
        let (rules, open) = (rules(), open());
        let mut facts = Facts {
            desk: &rules,
            linked_at: at("2026-11-19T00:00:00Z"),
            live: true,
            open: &open,
            accepted_before: false,
            now: at("2026-11-22T12:00:00Z"),
        };
        change(&mut facts);
        interpret(comment, &facts)
    }

    fn read(comment: &Comment) -> Verdict {
        read_in(comment, |_| {})
    }

    const GOOD: &str = "/justify Public web content only, by design.";

    fn cause(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refused { cause, .. } => cause,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_good_one_covers_everything_for_a_year() {
        let Verdict::Accepted(accepted) = read(&comment(GOOD)) else {
            panic!("refused");
        };
        assert_eq!(accepted.fingerprints, ["f-web-1", "f-web-2"]);
        assert_eq!(accepted.until, "2027-11-22".parse().unwrap());
        assert_eq!(accepted.expires_at, at("2027-11-23T00:00:00Z"));
    }

    #[test]
    fn on_narrows_it() {
        for on in ["web-2", "WEB-2", "arn:aws-us-gov:s3:::web-2", "f-web-2"] {
            let Verdict::Accepted(accepted) = read(&comment(&format!("{GOOD} on:{on}"))) else {
                panic!("refused");
            };
            assert_eq!(accepted.fingerprints, ["f-web-2"], "{on}");
        }
        assert!(cause(read(&comment(&format!("{GOOD} on:web-3")))).contains("web-3"));
    }

    type Change = fn(&mut Comment);

    #[test]
    fn who_decides_nothing() {
        let changes: [(&str, Change); 9] = [
            ("not among", |c| c.author.id = "sam".into()),
            // Somebody who shows an allowed name under an id of their own.
            ("not among", |c| {
                (c.author.id, c.author.display) = ("mallory".into(), "ada".into())
            }),
            ("an app", |c| c.author.kind = AuthorKind::App),
            ("customer", |c| c.author.kind = AuthorKind::Customer),
            ("established", |c| c.author.kind = AuthorKind::Unknown),
            ("not active", |c| c.author.active = false),
            ("somebody else changed", |c| {
                c.updated_by = Some("root".into())
            }),
            ("internal", |c| c.internal = false),
            ("older", |c| c.created = at("2026-11-18T00:00:00Z")),
        ];
        for (word, change) in changes {
            let mut comment = comment(GOOD);
            change(&mut comment);
            let cause = cause(read(&comment));
            assert!(cause.contains(word), "{word}: {cause}");
            assert!(!cause.contains("ada"), "it must not say who may: {cause}");
        }
        let mut ours = comment(GOOD);
        ours.author.kind = AuthorKind::Ourselves;
        assert_eq!(read(&ours), Verdict::Nothing);
    }

    #[test]
    fn what_is_not_good_enough() {
        for (text, word) in [
            ("/justify too short", "shorter than 20"),
            ("/justify", "shorter than 20"),
            (&format!("{GOOD} expires=2026-11-22"), "not in the future"),
            (
                &format!("{GOOD} expires=2027-11-23"),
                "later than 2027-11-22",
            ),
            (&format!("{GOOD} expires=soon"), "not a date"),
            (&format!("{GOOD}\n{GOOD}"), "more than one"),
            ("/false-positive the scanner is wrong here", "not supported"),
            (
                "/justfy Public web content only, by design.",
                "nearest is justify",
            ),
        ] {
            assert!(cause(read(&comment(text))).contains(word), "{text}");
        }
        assert!(cause(read_in(&comment(GOOD), |f| f.live = false)).contains("closed"));
        assert!(cause(read_in(&comment(GOOD), |f| f.open = &[])).contains("no finding"));
        assert!(matches!(
            read(&comment(&format!("{GOOD} expires=2027-11-22"))),
            Verdict::Accepted(_)
        ));
    }

    #[test]
    fn questions_and_silence() {
        assert_eq!(read(&comment("/status")), Verdict::Status);
        assert_eq!(read(&comment("poam: help")), Verdict::Help);
        assert_eq!(read(&comment("/etc/passwd is open")), Verdict::Nothing);
        assert_eq!(read(&comment("looks fine to me")), Verdict::Nothing);
        let mut app = comment("/status");
        app.author.kind = AuthorKind::App;
        assert_eq!(read(&app), Verdict::Nothing);
        assert_eq!(
            read_in(&comment(GOOD), |f| f.accepted_before = true),
            Verdict::Edited
        );
    }
}
