//! The grammar of commands in comments (`itsm.md` 4.8). Pure: lines in, commands out. Who may give one, and what it
//! does, is decided elsewhere.

use chrono::NaiveDate;

/// Least length of a reason, in characters.
pub const REASON: usize = 20;

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Justify(Justify),
    Status,
    Help,
    /// A verb of the grammar that this version does not carry out.
    Unsupported(String),
    /// Near a verb, but none.
    Unknown {
        verb: String,
        nearest: Option<&'static str>,
    },
    /// Known, but cannot be read; a sentence without full stop says why.
    Unreadable(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Justify {
    pub reason: String,
    pub expires: Option<NaiveDate>,
    /// Items, ARNs or findings it is meant for; empty means all.
    pub on: Vec<String>,
}

/// Verbs and their aliases.
const VERBS: [(&str, &str); 19] = [
    ("justify", "justify"),
    ("status", "status"),
    ("help", "help"),
    ("false-positive", "false-positive"),
    ("fp", "false-positive"),
    ("risk-adjust", "risk-adjust"),
    ("ra", "risk-adjust"),
    ("operational-requirement", "operational-requirement"),
    ("or", "operational-requirement"),
    ("vendor-dependency", "vendor-dependency"),
    ("vd", "vendor-dependency"),
    ("milestone", "milestone"),
    ("extend", "extend"),
    ("assign", "assign"),
    ("withdraw", "withdraw"),
    ("confirm", "confirm"),
    ("ao-decision", "ao-decision"),
    ("approve", "approve"),
    ("reject", "reject"),
];

/// Spelling mistakes this far from a verb get an answer; anything further is not meant for us (`/etc/passwd`).
const NEAR: usize = 2;
/// Verbs shorter than this have too many neighbours.
const LONG_ENOUGH: usize = 4;

/// All commands of a comment, in order. `lines` are its top-level lines without quotes and code.
pub fn parse(lines: &[String]) -> Vec<Command> {
    let lines: Vec<String> = lines
        .iter()
        .flat_map(|line| line.lines())
        .map(normalised)
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(head) = head(&lines[at]) else {
            at += 1;
            continue;
        };
        // Two dashes alone begin a signature; desks drop the empty line before them.
        let body_from = at + 1;
        at = body_from;
        while at < lines.len() && self::head(&lines[at]).is_none() && lines[at].trim() != "--" {
            at += 1;
        }
        commands.extend(command(&head, &lines[body_from..at]));
    }
    commands
}

/// The text two versions of a comment are compared by: an edit of form only leaves it as it is.
pub fn comparable(text: &str) -> String {
    let lines = text.lines().map(normalised);
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What editors and keyboards make of plain signs, undone.
fn normalised(line: &str) -> String {
    line.chars()
        .filter_map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => None,
            '\u{a0}'
            | '\u{2007}'
            | '\u{202f}'
            | '\u{2002}'..='\u{2006}'
            | '\u{2008}'..='\u{200a}'
            | '\t' => Some(' '),
            '\u{2018}' | '\u{2019}' | '\u{201b}' => Some('\''),
            '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Some('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
            c => Some(c),
        })
        .collect()
}

struct Head {
    verb: String,
    rest: String,
    /// `poam:` speaks to us beyond doubt, a slash may be anything.
    addressed: bool,
}

/// Marker and verb at the beginning of a line.
fn head(line: &str) -> Option<Head> {
    let line = line.trim_start();
    let (after, addressed) = match line.strip_prefix('/') {
        Some(rest) => (rest, false),
        None => (addressed(line)?, true),
    };
    let end = after
        .find(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
        .unwrap_or(after.len());
    let (verb, rest) = after.split_at(end);
    let verb = verb.trim_end_matches('-').to_lowercase();
    // A path or a word that goes on is no verb; punctuation behind one is dropped.
    let rest_begins_well = rest
        .chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ',' | ';' | '.' | '!' | '?'));
    let rest = rest.trim_start_matches([':', ',', ';', '.', '!', '?']);
    let goes_on = rest.chars().next().is_some_and(|c| !c.is_whitespace());
    (!verb.is_empty() && rest_begins_well && !goes_on).then(|| Head {
        verb,
        rest: rest.trim().trim_start_matches("- ").to_owned(),
        addressed,
    })
}

/// `poam: …`, `@poam …`, `@poam: …`, in any case.
fn addressed(line: &str) -> Option<&str> {
    let starts = |prefix: &str| {
        line.get(..prefix.len())
            .filter(|head| head.eq_ignore_ascii_case(prefix))
            .map(|_| &line[prefix.len()..])
    };
    let rest = match starts("@poam") {
        Some(rest) => rest
            .strip_prefix([':', ','])
            .or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))?,
        None => starts("poam:")?,
    };
    Some(rest.trim_start().trim_start_matches('/'))
}

fn command(head: &Head, body: &[String]) -> Option<Command> {
    let known = VERBS.iter().find(|(word, _)| *word == head.verb);
    Some(match known.map(|(_, verb)| *verb) {
        Some("justify") => justify(&head.rest, body),
        Some("status") => Command::Status,
        Some("help") => Command::Help,
        Some(verb) => Command::Unsupported(verb.to_owned()),
        None => {
            let nearest = VERBS
                .iter()
                .filter(|(word, _)| word.len() >= LONG_ENOUGH)
                .map(|(word, _)| (strsim::osa_distance(word, &head.verb), *word))
                .filter(|(distance, _)| *distance <= NEAR)
                .min()
                .map(|(_, word)| word);
            if nearest.is_none() && !head.addressed {
                return None;
            }
            Command::Unknown {
                verb: head.verb.chars().take(40).collect(),
                nearest,
            }
        }
    })
}

fn justify(rest: &str, body: &[String]) -> Command {
    let mut found = Found::default();
    let mut words = found.take(rest, false);
    for line in body {
        words.extend(found.take(line, true));
    }
    let expires = match found.expires.as_slice() {
        [] => None,
        [first, others @ ..] if others.iter().all(|o| o == first) => {
            match NaiveDate::parse_from_str(first, "%Y-%m-%d") {
                Ok(date) if first.len() == 10 => Some(date),
                _ => {
                    let shown: String = first.chars().take(40).collect();
                    return Command::Unreadable(format!(
                        "the end {shown:?} is not a date of the form YYYY-MM-DD"
                    ));
                }
            }
        }
        _ => return Command::Unreadable("it names two different ends".to_owned()),
    };
    if found.empty_on {
        return Command::Unreadable("on: names no item".to_owned());
    }
    Command::Justify(Justify {
        reason: words.join(" "),
        expires,
        on: found.on,
    })
}

#[derive(Default)]
struct Found {
    expires: Vec<String>,
    on: Vec<String>,
    empty_on: bool,
}

impl Found {
    /// Takes the keys out of a line and gives the words that remain. In a body, a key must begin its line.
    fn take(&mut self, line: &str, body: bool) -> Vec<String> {
        let tokens = tokens(line);
        let mut words = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let token = &tokens[at];
            at += 1;
            let key = key(token).filter(|_| !body || at == 1);
            let Some((name, value)) = key else {
                words.push(token.clone());
                continue;
            };
            let mut value = value.to_owned();
            // `expires: 2026-12-31`: the value is the next word. `on: x` is that only where it cannot be prose.
            if value.is_empty() && (name == "expires" || at == 1) {
                value = tokens.get(at).cloned().unwrap_or_default();
                at += 1;
            } else if value.is_empty() {
                words.push(token.clone());
                continue;
            }
            self.key(name, &value);
        }
        words
    }

    fn key(&mut self, name: &str, value: &str) {
        let value = value.trim_matches('"').trim_end_matches([',', ';']).trim();
        if name == "expires" {
            self.expires
                .push(value.trim_end_matches(['.', ')']).to_owned());
            return;
        }
        let names = value.split(',').map(str::trim).filter(|v| !v.is_empty());
        let before = self.on.len();
        self.on.extend(names.map(str::to_owned));
        self.empty_on |= self.on.len() == before;
    }
}

/// `expires=…`, `expires:…`, `on=…`, `on:…`.
fn key(token: &str) -> Option<(&'static str, &str)> {
    ["expires", "on"].into_iter().find_map(|name| {
        let head = token.get(..name.len())?;
        let rest = token[name.len()..].strip_prefix(['=', ':'])?;
        head.eq_ignore_ascii_case(name).then_some((name, rest))
    })
}

/// Words; a quoted part behind a key belongs to its word.
fn tokens(line: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        let opens = c == '"' && word.ends_with(['=', ':']) && key(&word).is_some();
        if opens || (quoted && c == '"') {
            quoted = !quoted;
            word.push(c);
        } else if c.is_whitespace() && !quoted {
            if !word.is_empty() {
                tokens.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Command> {
        parse(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    fn justified(text: &str) -> Justify {
        match read(text).as_slice() {
            [Command::Justify(justify)] => justify.clone(),
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    const REASON_TEXT: &str = "Public web content only, by design.";

    #[test]
    fn forms_of_the_same_justification() {
        for text in [
            "/justify Public web content only, by design.",
            "  /justify Public web content only, by design.",
            "/JUSTIFY Public web content only, by design.",
            "/justify: Public web content only, by design.",
            "/justify - Public web content only, by design.",
            "/justify – Public web content only, by design.",
            "\u{200b}/justify\u{a0}Public web content only, by design.",
            "/jus\u{ad}tify Public web content only, by design.",
            "poam: justify Public web content only, by design.",
            "POAM: justify Public web content only, by design.",
            "poam:justify Public web content only, by design.",
            "poam: /justify Public web content only, by design.",
            "@poam justify Public web content only, by design.",
            "@poam: justify Public web content only, by design.",
            "/justify\nPublic web content only, by design.",
            "/justify Public web\ncontent only, by design.",
            "Hello all,\n/justify Public web content only, by design.",
            "/justify Public web content only, by design.\n\n--\nDana Reyes, CISO",
        ] {
            assert_eq!(justified(text).reason, REASON_TEXT, "{text:?}");
        }
    }

    #[test]
    fn ends_are_read_in_every_form() {
        let end = "2027-03-31".parse().ok();
        for text in [
            "/justify Public web content only, by design. expires=2027-03-31",
            "/justify expires=2027-03-31 Public web content only, by design.",
            "/justify expires:2027-03-31 Public web content only, by design.",
            "/justify expires: 2027-03-31 Public web content only, by design.",
            "/justify Expires=\u{201c}2027-03-31\u{201d} Public web content only, by design.",
            "/justify Public web content only, by design. expires=2027\u{2013}03\u{2013}31.",
            "/justify Public web content only, by design.\nexpires: 2027-03-31",
        ] {
            let got = justified(text);
            assert_eq!(
                (got.expires, got.reason.as_str()),
                (end, REASON_TEXT),
                "{text:?}"
            );
        }
    }

    #[test]
    fn bad_ends_are_said() {
        for text in [
            "/justify reason reason reason expires=31.03.2027",
            "/justify reason reason reason expires=2027-13-01",
            "/justify reason reason reason expires=never",
            "/justify reason reason reason expires=",
            "/justify reason reason reason expires=27-1-1",
            "/justify reason reason reason expires=2027-01-01 expires=2027-01-02",
            "/justify reason reason reason on=,",
        ] {
            assert!(
                matches!(read(text).as_slice(), [Command::Unreadable(_)]),
                "{text:?} gave {:?}",
                read(text)
            );
        }
    }

    #[test]
    fn items_are_named_by_on() {
        for (text, want) in [
            (
                "/justify on:web-1 Public web content only, by design.",
                vec!["web-1"],
            ),
            (
                "/justify on=web-1,web-2 Public web content only, by design.",
                vec!["web-1", "web-2"],
            ),
            (
                "/justify on:web-1 on:web-2 Public web content only, by design.",
                vec!["web-1", "web-2"],
            ),
            (
                "/justify on:\"my bucket\" Public web content only, by design.",
                vec!["my bucket"],
            ),
            (
                "/justify on: web-1 Public web content only, by design.",
                vec!["web-1"],
            ),
            (
                "/justify Public web content only, by design. on:arn:aws-us-gov:s3:::web-1",
                vec!["arn:aws-us-gov:s3:::web-1"],
            ),
        ] {
            let got = justified(text);
            assert_eq!(
                (got.on, got.reason.as_str()),
                (want.into_iter().map(str::to_owned).collect(), REASON_TEXT),
                "{text:?}"
            );
        }
        let prose = justified("/justify What it depends on: nothing that leaves the network.");
        assert!(prose.on.is_empty() && prose.reason.contains("on: nothing"));
    }

    #[test]
    fn what_is_no_command() {
        for text in [
            "",
            "please /justify this for me, somebody",
            "/etc/passwd is readable by all",
            "/justify/all of it",
            "/justify.me now",
            "/usr",
            "> /justify quoted by somebody else",
            "poam is the word here",
            "poams: justify",
            "@poamster justify this please",
            "and / or",
            "/",
            "//justify comment in code",
            "\u{ff0f}justify full width is another sign",
            "-/justify in a list",
        ] {
            assert_eq!(read(text), vec![], "{text:?}");
        }
    }

    #[test]
    fn other_verbs() {
        let unknown = |verb: &str, nearest| Command::Unknown {
            verb: verb.to_owned(),
            nearest,
        };
        for (text, want) in [
            ("/help", Command::Help),
            ("/Status?", Command::Status),
            ("poam: help!", Command::Help),
            (
                "/fp scanner error",
                Command::Unsupported("false-positive".into()),
            ),
            (
                "/risk-adjust to=low",
                Command::Unsupported("risk-adjust".into()),
            ),
            ("/approve request=3", Command::Unsupported("approve".into())),
            ("/justfy it is fine", unknown("justfy", Some("justify"))),
            ("/justification it is fine", unknown("justification", None)),
            ("poam: dance", unknown("dance", None)),
        ] {
            if text.starts_with("/justification") {
                assert_eq!(read(text), vec![], "too far to be meant for us");
                continue;
            }
            assert_eq!(read(text), vec![want], "{text:?}");
        }
    }

    #[test]
    fn a_command_ends_where_the_next_begins() {
        let got = read("/justify Public web content only, by design.\n/status");
        assert_eq!(got.len(), 2);
        assert_eq!(got[1], Command::Status);
        assert_eq!(read("/justify a\n/justify b").len(), 2);
    }

    #[test]
    fn form_alone_is_no_change() {
        assert_eq!(comparable("a  b\r\n\r\nc "), comparable("a b\nc"));
        assert_eq!(comparable("say \u{201c}x\u{201d}"), comparable("say \"x\""));
        assert_ne!(
            comparable("expires=2027-01-01"),
            comparable("expires=2028-01-01")
        );
    }
}
