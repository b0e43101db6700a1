//! Every command that the README and the handbook show is one that poamd takes.

use clap::Parser;
use poamd::cli::Cli;

const PAGES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../README.md")),
    (
        "docs/handbook.md",
        include_str!("../../../docs/handbook.md"),
    ),
];

/// Commands in code spans, and on indented lines, which may begin with a prompt and end with words to the reader.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let joined = page.replace("\\\n", " ");
    for line in joined.lines() {
        if let Some(code) = line.strip_prefix("    ") {
            let code = code.trim_start().trim_start_matches("$ ");
            found.extend(is_command(code).then(|| without_remark(code).to_owned()));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.filter(|s| is_command(s)).map(str::to_owned));
        }
    }
    found
}

fn is_command(code: &str) -> bool {
    code.starts_with("poamd ") && !code.contains(['…', '|', '>'])
}

/// What stands behind a wide gap is said to the reader.
fn without_remark(code: &str) -> &str {
    let mut quoted = false;
    for (at, c) in code.char_indices() {
        quoted ^= c == '"';
        let gap = code[at..].starts_with("    ");
        if !quoted && gap && !code[at..].trim_start().starts_with("--") {
            return &code[..at];
        }
    }
    code
}

#[test]
fn every_command_shown_is_one_that_poamd_takes() {
    let mut tried = 0;
    for (name, page) in PAGES {
        for command in commands(page) {
            let words = shlex::split(&command).unwrap_or_else(|| panic!("{name}: {command}"));
            if let Err(refusal) = Cli::try_parse_from(&words) {
                // A span may name a verb without what it needs; a word that is none is refused.
                use clap::error::ErrorKind::{
                    DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument,
                };
                let fine = [
                    DisplayHelp,
                    DisplayHelpOnMissingArgumentOrSubcommand,
                    MissingRequiredArgument,
                ];
                assert!(
                    fine.contains(&refusal.kind()),
                    "{name}: {command}: {refusal}"
                );
            }
            tried += 1;
        }
    }
    assert!(tried >= 50, "{tried} commands found");
}

#[test]
fn a_command_that_is_none_is_seen() {
    let found = commands("    $ poamd poam shwo POAM-1     one record\n`poamd intel list`\n");
    assert_eq!(found, ["poamd poam shwo POAM-1", "poamd intel list"]);
    assert!(Cli::try_parse_from(shlex::split(&found[0]).unwrap()).is_err());
}
