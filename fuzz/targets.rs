// Everything that reads what others wrote, each as a function that must end, soon, without a panic, and keep its bounds.
// One list for the coverage-guided fuzzer (`fuzz/`) and for the replay in the suite (`tests/it/fuzzed.rs`).

use std::collections::BTreeMap;
use std::path::Path;

use poamd::domain::{command, intel};
use poamd::render::templates::Templates;
use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::Page;

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

fn findings(bytes: &[u8]) {
    let pages: Vec<Page> = poamd_formats::parse_documents(Channel::File, "fuzz", bytes).collect();
    let aside: usize = pages.iter().map(|p| p.set_aside.len()).sum();
    let reports: Vec<&FindingReport> = pages.iter().flat_map(|p| &p.reports).collect();
    for report in &reports {
        bounded(report);
    }
    for note in pages.iter().flat_map(|p| &p.set_aside) {
        assert!(
            note.excerpt.chars().count() <= 400,
            "an excerpt of {}",
            note.excerpt.len()
        );
        assert!(!note.excerpt.contains(['\0', '\u{1b}']) && !note.reason.is_empty());
    }
    // In bites, as a pipe hands it over, it is the same.
    let slow = Slow {
        rest: bytes,
        bite: 61,
    };
    let again: Vec<Page> = poamd_formats::read_documents(Channel::File, "fuzz", slow)
        .map_while(Result::ok)
        .collect();
    assert!(
        again.iter().flat_map(|p| &p.reports).eq(reports),
        "another reading in bites"
    );
    assert_eq!(
        again.iter().map(|p| p.set_aside.len()).sum::<usize>(),
        aside
    );
}

/// What the contract promises of every report.
fn bounded(report: &FindingReport) {
    let chars = |text: &str| text.chars().count();
    assert!(chars(&report.title) <= 256 && chars(&report.description) <= 4_096);
    assert!(report.resources.len() <= 32);
    assert!(!report.native_id.is_empty() && !report.weakness.id.is_empty());
    for text in [
        &report.title,
        &report.description,
        &report.native_id,
        &report.weakness.id,
    ] {
        assert!(!text.contains('\0'));
    }
    let _ = poamd_formats::content_hash(report);
    let _ = poamd::domain::fingerprint::fingerprint(&report.identity);
}

struct Slow<'a> {
    rest: &'a [u8],
    bite: usize,
}

impl std::io::Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.rest.len().min(self.bite).min(into.len());
        let (now, later) = self.rest.split_at(length);
        into[..length].copy_from_slice(now);
        self.rest = later;
        Ok(length)
    }
}

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
