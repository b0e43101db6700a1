// Everything that reads what others wrote, each as a function that must end, soon, without a panic, and keep its bounds.
// `tests/it/fuzzed.rs` replays them in the suite and throws mutations at them for as long as `scripts/fuzz` says.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use poamd::domain::{command, intel};
use poamd::exchange::sheet::{self, Cell, Column, Head, Table, Wanted};
use poamd::policy::{access, exposure};
use poamd::render::templates::Templates;
use poamd_contract::finding::Channel;

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
        name: "inspector-details",
        run: inspector_details,
        seeds: &["tests/fixtures/aws/inspector2/batch-get-finding-details-wire.json"],
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
    Target {
        name: "packed",
        run: packed,
        seeds: &["fuzz/corpus/packed"],
        words: &["\0\0\0\0", "{}\n", "\u{1f}"],
    },
    Target {
        name: "access",
        run: access,
        seeds: &["fuzz/corpus/access"],
        words: JSON,
    },
    Target {
        name: "workbook",
        run: workbook,
        seeds: &["fuzz/corpus/workbook"],
        words: &[
            "\n=== ",
            "<row r=\"4294967295\">",
            "<c r=\"XFD1048576\"/>",
            "<c t=\"s\"><v>1</v></c>",
            "<sheetData>",
            "</sheetData>",
            "<f t=\"shared\" si=\"0\" ref=\"A1:B9\">A1</f>",
            "&#0;",
            "&amp;",
            "<![CDATA[",
            "-->",
            "_x005F_",
            "sqref=\"A1:A9\"",
        ],
    },
];

fn inspector_details(bytes: &[u8]) {
    let Ok(told) = poamd_formats::inspector_details(bytes) else {
        return;
    };
    for one in &told.known {
        assert!(one.raw.len() <= bytes.len() && !one.native_id.is_empty());
        let json = serde_json::to_string(&one.detail).unwrap();
        assert!(json.len() < 512 << 10, "{} bytes of detail", json.len());
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

/// Most that a packed input is read to: a small one may hold much.
const UNPACKED: u64 = 1 << 20;

fn packed(bytes: &[u8]) {
    let owned = Cursor::new(bytes.to_vec());
    let Ok(reader) = poamd_formats::unpacked(owned) else {
        return;
    };
    let bounded = reader.take(UNPACKED);
    for page in poamd_formats::read_documents(Channel::File, "fuzz", bounded) {
        if let Err(error) = page {
            assert!(!error.to_string().is_empty(), "refused without a word");
            return;
        }
    }
}

fn access(bytes: &[u8]) {
    if let Ok(document) = serde_json::from_slice(bytes) {
        let _ = access::of_document(&document);
        let _ = access::of_managed_policy(&document);
        let _ = exposure::of_security_group(&document);
    }
}

/// A form of four columns and a table that grows, as they are put into somebody's workbook.
fn form() -> Vec<Table> {
    let column = |number: u16, header: &str| Column {
        key: header.to_lowercase(),
        header: header.to_owned(),
        number,
        width: 10.0,
        check: None,
        formula: (header == "Due").then_some("{id}+30"),
        optional: header == "Comments",
    };
    let day = chrono_day();
    let columns: Vec<Column> = (1..)
        .zip(["ID", "Title", "Due", "Comments"])
        .map(|(number, header)| column(number, header))
        .collect();
    let row = vec![
        Cell::text("POAM-000001"),
        Cell::text("=1+1 & <b> _x000D_"),
        Cell::Worked(day),
        Cell::Day(day),
    ];
    let open = Table {
        sheet: "Open".to_owned(),
        title: "Open items".to_owned(),
        head: vec![Head {
            label: "System".to_owned(),
            value: Cell::text("ours"),
            rows: (1, 2),
            column: 1,
            check: None,
        }],
        header_row: 4,
        first_row: 5,
        prepared: 20,
        is_frozen: true,
        is_tall: false,
        columns,
        rows: vec![row; 3],
        optional: false,
        guidance: 2,
        grows: false,
    };
    let changes = Table {
        sheet: "Changes".to_owned(),
        head: Vec::new(),
        optional: true,
        grows: true,
        guidance: 0,
        ..open.clone()
    };
    vec![open, changes]
}

fn chrono_day() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2026, 11, 22).unwrap_or_default()
}

/// A workbook, or the text of its parts with `=== name` before each: what is packed cannot be changed in its middle without a
/// check sum that tells.
fn workbook(bytes: &[u8]) {
    let packed;
    let own = if bytes.starts_with(b"PK") {
        bytes
    } else {
        packed = parts(&String::from_utf8_lossy(bytes));
        &packed
    };
    let tables = form();
    let wanted = Wanted {
        added: &[],
        tables: &tables,
        layouts: &[],
        leave: &["Theirs".to_owned()],
    };
    match sheet::fill(own, &wanted) {
        Err(misfit) => assert!(!misfit.0.is_empty(), "refused without a word"),
        // What was read and filled is a workbook still: it is refused for what it holds, or taken.
        Ok(filled) => {
            if let Err(misfit) = sheet::fill(&filled, &wanted) {
                let broken =
                    |why: &&String| why.contains("no .xlsx") || why.contains("cannot be read");
                assert_eq!(misfit.0.iter().find(broken), None);
            }
        }
    }
}

fn parts(text: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let plain =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for part in text.split("=== ").skip(1) {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        // A name that is there already is no part more.
        if zip.start_file(name.trim(), plain).is_ok() {
            let _ = zip.write_all(content.as_bytes());
        }
    }
    zip.finish().map(Cursor::into_inner).unwrap_or_default()
}
