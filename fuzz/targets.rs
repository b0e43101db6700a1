// Everything that reads what others wrote, each as a function that must end, soon, without a panic, and keep its bounds.
// `tests/it/fuzzed.rs` replays them in the suite and throws mutations at them for as long as `scripts/fuzz` says.

use std::collections::BTreeMap;
use std::path::Path;

use poamd::domain::{command, intel};
use poamd::render::templates::Templates;

use super::findings::findings;

/// A reader, the folders and files of the repository whose content it begins with, and words worth trying.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: &'static [&'static str],
    pub words: &'static [&'static str],
}

const JSON: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e999",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[[[[[[[[",
    "}}}}",
    "\u{feff}",
    "\\",
    "9999-12-31T23:59:60Z",
    "0001-01-01T00:00:00-18:00",
    "arn:aws:s3:::",
    "\"Findings\":[",
    "\"findings\":[",
];

pub const TARGETS: &[Target] = &[
    Target {
        name: "asff",
        run: findings,
        seeds: &["tests/fixtures/aws/asff"],
        words: JSON,
    },
    Target {
        name: "guardduty",
        run: findings,
        seeds: &["tests/fixtures/aws/guardduty"],
        words: JSON,
    },
    Target {
        name: "inspector2",
        run: findings,
        seeds: &["tests/fixtures/aws/inspector2"],
        words: JSON,
    },
    Target {
        name: "inspector-classic",
        run: findings,
        seeds: &["fuzz/corpus/inspector-classic"],
        words: JSON,
    },
    Target {
        name: "ocsf",
        run: findings,
        seeds: &["tests/fixtures/aws/ocsf"],
        words: JSON,
    },
    Target {
        name: "eve",
        run: findings,
        seeds: &["fuzz/corpus/eve"],
        words: JSON,
    },
    Target {
        name: "kev",
        run: kev,
        seeds: &["fuzz/corpus/kev"],
        words: JSON,
    },
    Target {
        name: "epss",
        run: epss,
        seeds: &["fuzz/corpus/epss"],
        words: &[",", "\n", "\"", "1e999", "NaN", "CVE-"],
    },
    Target {
        name: "ssvc",
        run: ssvc,
        seeds: &["fuzz/corpus/ssvc"],
        words: JSON,
    },
    Target {
        name: "comment",
        run: comment,
        seeds: &["fuzz/corpus/comment"],
        words: &[
            "/justify ",
            "/evidence ",
            "on:",
            "expires=",
            "2026-02-30",
            "\n",
            "arn:aws:",
            "\"",
            "\u{202e}",
            "\u{301}",
        ],
    },
    Target {
        name: "adf",
        run: adf,
        seeds: &["fuzz/corpus/adf"],
        words: JSON,
    },
    Target {
        name: "journal",
        run: journal,
        seeds: &["fuzz/corpus/journal"],
        words: &[
            "[code]", "[/code]", "[poamd ", "re:", "key:", "]", ">", "\r\n",
        ],
    },
    Target {
        name: "configuration",
        run: configuration,
        seeds: &["config/poamd.example.toml", "fuzz/corpus/configuration"],
        words: &[
            "[[desks]]",
            "[poam]",
            "= ",
            "\"\"\"",
            "{ env = \"X\" }",
            "* * * * *",
            "18446744073709551615d",
            "[",
            "]",
        ],
    },
    Target {
        name: "template",
        run: template,
        seeds: &["fuzz/corpus/template"],
        words: &[
            "{{",
            "}}",
            "{{#if ",
            "{{/if}}",
            "{{#each this}}",
            "{{> ",
            "{{{",
            "../",
            "@index",
            "(lookup ",
        ],
    },
];

/// Longest input that is tried.
pub const LONGEST: usize = 1 << 16;

fn kev(bytes: &[u8]) {
    let _ = intel::kev(bytes);
}

fn epss(bytes: &[u8]) {
    let _ = intel::epss(&String::from_utf8_lossy(bytes));
}

fn ssvc(bytes: &[u8]) {
    let json = serde_json::from_slice(bytes).ok();
    let _ = intel::shape(bytes, json.as_ref());
    if let Some(json) = &json {
        let _ = intel::ssvc(json);
    }
}

fn comment(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let commands = command::parse(&lines);
    assert!(commands.len() <= lines.len());
    let _ = command::comparable(&text);
}

fn adf(bytes: &[u8]) {
    if let Ok(document) = serde_json::from_slice(bytes) {
        let read = poamd_jira::read_document(&document);
        let _ = command::parse(&read.lines);
    }
}

fn journal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = poamd_servicenow::read_tail(&text);
    let lines = poamd_servicenow::read_entry(&text);
    assert!(lines.iter().all(|line| !line.contains('\n')));
    let _ = command::parse(&lines);
}

fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let env: BTreeMap<String, String> = BTreeMap::new();
    if let Err(errors) = poamd::config::parse(Path::new("/etc/poamd/poamd.toml"), text, &env) {
        assert!(!errors.problems.is_empty(), "refused without a word");
    }
}

fn template(bytes: &[u8]) {
    static PACKAGED: std::sync::OnceLock<Templates> = std::sync::OnceLock::new();
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let templates = PACKAGED.get_or_init(|| Templates::packaged().unwrap());
    let data = serde_json::json!({ "title": "<b>", "list": [1, 2], "deep": { "a": null } });
    let _ = templates.render_text("fuzz", source, &data);
}
