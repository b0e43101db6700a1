//! Who may import whom.

use super::none_of;
use super::source::production;

/// Anything of the application.
const ALL: &[&str] = &["*"];

/// A module of the application, what it may use of the others, and why no more. An entry is a module, or one path of it.
struct Row {
    module: &'static str,
    may: &'static [&'static str],
    because: &'static str,
}

/// In the order the data flows.
const TABLE: &[Row] = &[
    Row {
        module: "domain",
        may: &[],
        because: "rules are pure: values and a time in, values out",
    },
    Row {
        module: "config",
        may: &[],
        because: "plain data; what it means to a connector is wiring's to know",
    },
    Row {
        module: "policy",
        may: &["domain"],
        because: "a policy judges what it is handed",
    },
    Row {
        module: "store",
        may: &["domain"],
        because: "it reads and writes; the rules are elsewhere",
    },
    Row {
        module: "render",
        may: &["domain"],
        because: "text comes from values, so that samples can stand for a database",
    },
    Row {
        module: "intake",
        may: &["domain", "store"],
        because: "it keeps what it is given, wherever that comes from",
    },
    Row {
        module: "scan",
        may: &[
            "domain",
            "policy",
            "intake",
            "store::Store",
            "store::Result",
            "store::StoreError",
        ],
        because: "it hands the store on to intake, which alone writes findings and items",
    },
    Row {
        module: "poam",
        may: &["domain", "store"],
        because: "the planner reads what stages before it left in the store",
    },
    Row {
        module: "tickets",
        may: &["domain", "store", "render", "query::priority"],
        because: "stages meet in the store, not in each other; a ticket shows the priority that lists show",
    },
    Row {
        module: "reports",
        may: &["domain", "store", "render"],
        because: "stages meet in the store, not in each other",
    },
    Row {
        module: "delivery",
        may: &["domain", "store"],
        because: "it carries out rows; what they say was decided before",
    },
    Row {
        module: "query",
        may: &["domain", "store"],
        because: "views for people and files; they change nothing",
    },
    Row {
        module: "exchange",
        may: &["domain", "query", "render", "store"],
        because: "a file is a view written down",
    },
    Row {
        module: "jobs",
        may: &[
            "config", "domain", "policy", "store", "render", "intake", "scan", "poam", "tickets",
            "reports", "delivery",
        ],
        because: "jobs run the stages; who starts them is not theirs to know",
    },
    Row {
        module: "daemon",
        may: &["config", "domain", "jobs", "store"],
        because: "it says when; jobs say what",
    },
    Row {
        module: "wiring",
        may: &[
            "config", "domain", "jobs", "policy", "render", "reports", "store", "tickets",
            "delivery",
        ],
        because: "it puts parts together and is asked by the command line and the daemon's start alone",
    },
    Row {
        module: "telemetry",
        may: &["config"],
        because: "every module may log through tracing; it only says where that goes",
    },
    Row {
        module: "cli",
        may: ALL,
        because: "the outermost ring",
    },
];

/// A crate of somebody else's, or a connector, and the only places that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("aws_config", &["connectors/aws/"]),
    ("aws_credential_types", &["connectors/aws/"]),
    ("aws_sdk_ec2", &["connectors/aws/"]),
    ("aws_sdk_guardduty", &["connectors/aws/"]),
    ("aws_sdk_iam", &["connectors/aws/"]),
    ("aws_sdk_inspector", &["connectors/aws/"]),
    ("aws_sdk_inspector2", &["connectors/aws/"]),
    ("aws_sdk_organizations", &["connectors/aws/"]),
    ("aws_sdk_s3", &["connectors/aws/"]),
    ("aws_sdk_securityhub", &["connectors/aws/"]),
    ("aws_sdk_sts", &["connectors/aws/"]),
    ("axum", &["connectors/sandbox/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("comfy_table", &["src/cli/"]),
    ("cron", &["src/config/"]),
    ("diesel", &["src/store/"]),
    ("diesel_migrations", &["src/store/"]),
    ("handlebars", &["src/render/"]),
    ("hashbrown", &["src/intake/"]),
    ("hyper", &["connectors/sandbox/"]),
    ("indicatif", &["src/cli/"]),
    ("jsonschema", &["connectors/sandbox/"]),
    ("lettre", &["connectors/mail/"]),
    ("libsqlite3_sys", &["src/store/"]),
    ("memchr", &["connectors/formats/"]),
    ("mimalloc", &["src/main.rs", "benches/"]),
    ("poamd_aws", &["src/wiring.rs"]),
    (
        "poamd_http",
        &[
            "connectors/jira/",
            "connectors/servicenow/",
            "src/wiring.rs",
        ],
    ),
    ("poamd_jira", &["src/wiring.rs"]),
    ("poamd_mail", &["src/wiring.rs"]),
    ("poamd_sandbox", &["src/cli/"]),
    ("poamd_servicenow", &["src/wiring.rs"]),
    ("quick_xml", &["src/exchange/sheet/"]),
    ("regorus", &["src/policy/"]),
    ("reqwest", &["connectors/http/"]),
    ("regex", &["src/exchange/ver/"]),
    ("rust_xlsxwriter", &["src/exchange/sheet/"]),
    ("sd_notify", &["src/daemon/"]),
    ("toml", &["src/config/"]),
    ("uuid", &["src/exchange/oscal/"]),
    ("zip", &["src/exchange/sheet/"]),
    ("zstd", &["src/store/"]),
];

/// The module of the application a file belongs to; `None` for the two roots.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (module != "lib" && module != "main").then_some(module)
}

fn allows(row: &Row, path: &str) -> bool {
    let own = path == row.module || path.starts_with(&format!("{}::", row.module));
    own || row.may.iter().any(|may| {
        *may == "*"
            || path == *may
            || path
                .strip_prefix(may)
                .is_some_and(|rest| rest.starts_with("::"))
    })
}

#[test]
fn modules_import_what_their_row_allows() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for source in production() {
        let Some(module) = module(&source.path) else {
            continue;
        };
        let Some(row) = TABLE.iter().find(|row| row.module == module) else {
            broken.push(format!(
                "{}: module {module} has no row in the table",
                source.path
            ));
            continue;
        };
        for (path, line) in source.paths("crate") {
            seen += 1;
            if !allows(row, &path) {
                broken.push(format!(
                    "{}:{line} uses crate::{path}; row {module}: may use {:?}, because {}",
                    source.path, row.may, row.because
                ));
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} imports found: the reader is broken"
    );
    none_of(&broken);
}

#[test]
fn every_row_is_a_module() {
    let files: Vec<&str> = production()
        .iter()
        .map(|source| source.path.as_str())
        .collect();
    let gone = TABLE
        .iter()
        .filter(|row| !files.iter().any(|file| module(file) == Some(row.module)));
    none_of(
        &gone
            .map(|row| format!("row {}: there is no such module", row.module))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_rows_refuse_what_they_should() {
    let row = |name: &str| TABLE.iter().find(|row| row.module == name).unwrap();
    assert!(allows(row("scan"), "store::Store") && !allows(row("scan"), "store::findings::page"));
    assert!(allows(row("store"), "store::audit") && !allows(row("store"), "stores"));
    assert!(!allows(row("domain"), "store") && !allows(row("tickets"), "reports::make"));
    assert!(allows(row("cli"), "daemon::run"));
}

#[test]
fn crates_are_named_only_where_they_belong() {
    let mut broken = Vec::new();
    let mut named = std::collections::BTreeSet::new();
    for source in production() {
        for (name, places) in CRATES {
            for line in source.names(name) {
                named.insert(*name);
                if !places.iter().any(|place| source.path.starts_with(place)) {
                    broken.push(format!(
                        "{}:{line} names {name}, which belongs to {places:?}",
                        source.path
                    ));
                }
            }
        }
    }
    let idle = CRATES.iter().filter(|(name, _)| !named.contains(name));
    broken.extend(idle.map(|(name, _)| {
        format!("{name} is named nowhere: strike it from the table and the manifest")
    }));
    none_of(&broken);
}

/// Features choose connectors, and connectors are chosen in one place.
#[test]
fn features_are_asked_for_only_where_connectors_are_named() {
    let mut broken = Vec::new();
    for source in production() {
        let inside = module(&source.path);
        if inside.is_none() || inside == Some("wiring") || inside == Some("cli") {
            continue;
        }
        for (at, _) in source.code.match_indices("cfg(") {
            if source.text[at..]
                .lines()
                .next()
                .is_some_and(|line| line.contains("feature"))
            {
                broken.push(format!(
                    "{}:{} asks for a feature",
                    source.path,
                    source.line(at)
                ));
            }
        }
    }
    none_of(&broken);
}
