//! Words that must not stand in production code, and the places that are their home.

use super::none_of;
use super::source::{Source, name, production, root};

/// What must not be written, where it may, and what to do instead.
struct Ban {
    /// As it stands in code without comments and literals.
    word: &'static str,
    home: &'static [&'static str],
    instead: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        word: "Utc::now(",
        home: &["connectors/contract/src/clock.rs"],
        instead: "take a Clock",
    },
    Ban {
        word: "Local::now(",
        home: &[],
        instead: "take a Clock; time is UTC inside",
    },
    Ban {
        word: "SystemTime::now(",
        home: &["connectors/contract/src/clock.rs"],
        instead: "take a Clock",
    },
    Ban {
        word: "env::var",
        home: &["src/config/env.rs", "src/cli/"],
        instead: "take a config::Env, or an argument",
    },
    Ban {
        word: "env::set_var",
        home: &[],
        instead: "hand the value over",
    },
    Ban {
        word: ".unwrap()",
        home: &[],
        instead: "return an error that says the next step",
    },
    Ban {
        word: "panic!(",
        home: SUITE,
        instead: "return an error that says the next step",
    },
    Ban {
        word: "todo!(",
        home: &[],
        instead: "write it",
    },
    Ban {
        word: "unimplemented!(",
        home: &[],
        instead: "write it",
    },
    Ban {
        word: "dbg!(",
        home: &[],
        instead: "use tracing",
    },
    Ban {
        word: "println!(",
        home: &["src/cli/", "build.rs"],
        instead: "return the text; the command line prints",
    },
    Ban {
        word: "unsafe ",
        home: &[],
        instead: "find a crate that does it",
    },
    Ban {
        word: "sql_query(",
        home: &["src/store/dialect.rs"],
        instead: "write it in Diesel",
    },
    Ban {
        word: "danger_accept",
        home: &[],
        instead: "name the CA's file: verification has no switch",
    },
];

/// The conformance suite: assertions for the tests of desk crates, compiled by a feature.
const SUITE: &[&str] = &["connectors/contract/src/conformance/"];

#[test]
fn forbidden_words_stand_only_at_home() {
    let mut broken = Vec::new();
    for source in production() {
        for ban in BANS {
            if ban.home.iter().any(|home| source.path.starts_with(home)) {
                continue;
            }
            let found = source.code.match_indices(ban.word);
            broken.extend(
                found
                    .filter(|(at, _)| begins(source, *at, ban.word))
                    .map(|(at, _)| {
                        format!(
                            "{}:{} has {}: {}",
                            source.path,
                            source.line(at),
                            ban.word,
                            ban.instead
                        )
                    }),
            );
        }
    }
    none_of(&broken);
}

/// Whether the word begins here rather than ends: `eprintln!(` is caught as itself, `my_env::var` is another.
fn begins(source: &Source, at: usize, word: &str) -> bool {
    let before = source.code[..at].chars().next_back();
    word.starts_with('.')
        || word == "println!("
        || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

#[test]
fn the_homes_exist() {
    let homes = BANS.iter().flat_map(|ban| ban.home);
    let gone = homes.filter(|home| !root().join(home).exists());
    none_of(
        &gone
            .map(|home| format!("{home} is no more"))
            .collect::<Vec<_>>(),
    );
}

/// GovCloud and China have partitions of their own.
#[test]
fn no_arn_is_written_with_its_partition() {
    let mut broken = Vec::new();
    for source in production() {
        let found = source.text.match_indices("arn:aws:");
        broken.extend(
            found.map(|(at, _)| {
                format!("{}:{}: the partition is data", source.path, source.line(at))
            }),
        );
    }
    none_of(&broken);
}

/// A clone has nothing beside it.
#[test]
fn nothing_refers_to_a_machine() {
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("../sha", "red"),
    ];
    let mut broken = Vec::new();
    for file in super::folders::files() {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| line.contains(*place)) {
                broken.push(format!(
                    "{}:{}: {place} is not in a clone",
                    name(&file),
                    number + 1
                ));
            }
        }
    }
    none_of(&broken);
}
