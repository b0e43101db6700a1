//! The house, held against its plan: which folder is for what (the table here), who may import whom, what stands where,
//! and how long things may be. `ARCHITECTURE.md` says why; `docs/map.md` is this table to read.

mod budgets;
mod folders;
mod forbidden;
mod imports;
mod manifests;
mod registries;
mod source;

/// Every folder and what it is for. A last part `*` stands for any folder there.
const FOLDERS: &[(&str, &str)] = &[
    (".cargo", "short names for everyday commands"),
    (".ci", "what CI runs: scripts/test"),
    ("benches", "speed and memory, beside their floors"),
    (
        "changelog.d",
        "one file for each change a user notices; gathered into CHANGELOG.md at a release",
    ),
    (
        "config",
        "the example configuration, generated from the tables in src/config",
    ),
    (
        "connectors",
        "the outside: one crate a system, the vocabulary they share, and the stand-ins",
    ),
    (
        "connectors/aws",
        "AWS: finding sources, watches and assumed roles; the only crate that compiles the SDK",
    ),
    (
        "connectors/aws/src",
        "sessions, pace, errors, and the two lists",
    ),
    (
        "connectors/aws/src/sources",
        "one file a service that reports findings",
    ),
    (
        "connectors/aws/src/tests",
        "tests against a scripted service and against an emulator",
    ),
    (
        "connectors/aws/src/watches",
        "one file a technology that is looked at",
    ),
    (
        "connectors/contract",
        "the vocabulary of both sides: ids, findings, items, tickets, mails, clock, traits",
    ),
    ("connectors/contract/src", "one noun a file"),
    (
        "connectors/contract/src/conformance",
        "what every desk must pass",
    ),
    (
        "connectors/formats",
        "finding formats, read leniently; one parser for pulls, files and feeds",
    ),
    (
        "connectors/formats/examples",
        "a look at the parser's speed",
    ),
    (
        "connectors/formats/src",
        "one format a file, and what they share",
    ),
    (
        "connectors/formats/src/asff",
        "an ASFF document: its shape, and what it says beyond the common words",
    ),
    (
        "connectors/formats/src/attack",
        "who did what from where, as GuardDuty and ASFF write it",
    ),
    (
        "connectors/formats/src/documents",
        "files into documents, damaged ones too",
    ),
    (
        "connectors/formats/src/guardduty",
        "a GuardDuty finding: its shape, and what it says beyond the common words",
    ),
    (
        "connectors/formats/src/lenient",
        "fields of the wrong type, missing or oversize",
    ),
    (
        "connectors/formats/src/ocsf",
        "an OCSF finding: its shape, and what it says beyond the common words",
    ),
    ("connectors/formats/tests", "tests of the formats"),
    (
        "connectors/formats/tests/it",
        "envelopes, states, hashes and bad input",
    ),
    (
        "connectors/http",
        "the one HTTP client of REST desks: addresses, limits, retry decisions",
    ),
    ("connectors/http/src", "client, address, reply, judgement"),
    (
        "connectors/http/tests",
        "the client against a scripted server",
    ),
    ("connectors/jira", "Jira Cloud as a desk"),
    (
        "connectors/jira/src",
        "its calls, its document format, what is theirs in our words",
    ),
    (
        "connectors/jira/tests",
        "the conformance suite against the stand-in",
    ),
    ("connectors/mail", "mail over SMTP"),
    ("connectors/mail/src", "composing and sending"),
    ("connectors/mail/tests", "tests of mail"),
    (
        "connectors/mail/tests/it",
        "TLS, faults, and a server that others wrote",
    ),
    (
        "connectors/sandbox",
        "stand-ins for Jira, ServiceNow, SMTP and AWS, for tests and the demo",
    ),
    (
        "connectors/sandbox/contracts",
        "the vendors' published descriptions, which requests are checked against",
    ),
    (
        "connectors/sandbox/contracts/jira",
        "Atlassian's OpenAPI and document schema, with their licence",
    ),
    (
        "connectors/sandbox/contracts/servicenow",
        "the Table API as used",
    ),
    (
        "connectors/sandbox/estate",
        "the bundled estate: its resources and the tables it is made from",
    ),
    (
        "connectors/sandbox/estate/recorded",
        "inventory replies, one file an account",
    ),
    (
        "connectors/sandbox/src",
        "the stand-ins: server, faults, history",
    ),
    ("connectors/sandbox/src/aws", "AWS on loopback"),
    (
        "connectors/sandbox/src/estate",
        "the estate and its findings",
    ),
    ("connectors/sandbox/src/jira", "Jira Cloud on loopback"),
    (
        "connectors/sandbox/src/servicenow",
        "ServiceNow on loopback",
    ),
    ("connectors/sandbox/src/smtp", "a mail server on loopback"),
    ("connectors/sandbox/tests", "tests of the stand-ins"),
    (
        "connectors/sandbox/tests/desks",
        "the desks' stand-ins against what is known of the real ones",
    ),
    ("connectors/servicenow", "ServiceNow as a desk"),
    (
        "connectors/servicenow/src",
        "its calls, and what is theirs in our words",
    ),
    (
        "connectors/servicenow/tests",
        "the conformance suite against the stand-in",
    ),
    (
        "data",
        "published tables that rules go by, with their licences",
    ),
    ("data/clocks", "remediation clocks of FedRAMP, CISA and CMS"),
    (
        "data/controls",
        "which controls a finding hits, and which a baseline has",
    ),
    (
        "docs",
        "for operators: the AWS permissions, the map of folders, the reasons for dependencies",
    ),
    (
        "fuzz",
        "whoever reads foreign text, thrown at with broken input",
    ),
    (
        "fuzz/corpus",
        "what they begin with, and what once broke them",
    ),
    ("fuzz/corpus/*", "one reader"),
    ("migrations", "the schema, twice, in step"),
    ("migrations/postgres", "PostgreSQL's"),
    ("migrations/postgres/*", "one migration"),
    ("migrations/sqlite", "SQLite's"),
    ("migrations/sqlite/*", "one migration"),
    ("policies", "what is judged, in Rego"),
    (
        "policies/checks",
        "policies over items, each with its tests beside it",
    ),
    ("policies/checks/aws", "AWS, by service"),
    ("policies/checks/aws/*", "one service"),
    ("policies/lib", "helpers of policies"),
    (
        "scripts",
        "one command each: the demo, all tests, the AWS emulator",
    ),
    ("src", "the application, in the order the data flows"),
    ("src/cli", "the command line: one file a verb"),
    (
        "src/cli/account",
        "poamd account: the accounts that are watched, and files of them",
    ),
    (
        "src/cli/demo",
        "poamd demo: the loop on the stand-ins, and its summary",
    ),
    (
        "src/cli/doctor",
        "poamd doctor: what is wrong with the set-up",
    ),
    (
        "src/cli/poam",
        "poamd poam: what is shown of a record, and what is done to it",
    ),
    ("src/config", "poamd.toml: one file a section"),
    ("src/config/cron", "schedules and their dialects"),
    ("src/config/desks", "the desks and who gets which records"),
    (
        "src/daemon",
        "poamd run: when each job runs, heartbeats, soft and hard stop",
    ),
    (
        "src/delivery",
        "the outboxes carried out: tickets and mails, once each",
    ),
    (
        "src/delivery/tickets",
        "the delivery state machine of tickets",
    ),
    (
        "src/delivery/writeback",
        "what stands with findings in their hub: wanted, read, written",
    ),
    ("src/domain", "the nouns and rules of the ledger; pure"),
    (
        "src/domain/clock",
        "due dates: clock sets over the published tables",
    ),
    (
        "src/exchange",
        "records as files, one file or folder a form",
    ),
    (
        "src/exchange/data",
        "sheets and columns of the authorities' forms, with their licence notes",
    ),
    (
        "src/exchange/dataset",
        "what every form is made of, read at one moment",
    ),
    ("src/exchange/fedramp", "the FedRAMP POA&M workbook"),
    ("src/exchange/oscal", "OSCAL documents"),
    (
        "src/exchange/sheet",
        "sheets as data: a workbook of our own, and somebody's filled",
    ),
    (
        "src/exchange/ver",
        "FedRAMP's vulnerability reports, with nothing that helps an attacker",
    ),
    (
        "src/intake",
        "reports and items into the ledger, only the difference",
    ),
    (
        "src/jobs",
        "what the daemon does on schedule and the command line at once",
    ),
    (
        "src/poam",
        "the planner: findings of a weakness against its record",
    ),
    (
        "src/poam/acts",
        "what people do to a record, one kind a file",
    ),
    ("src/policy", "policies loaded, checked and evaluated"),
    (
        "src/query",
        "views of the ledger for people and files, and their filters",
    ),
    (
        "src/render",
        "values into text: templates, sinks, ticket text, CSV",
    ),
    ("src/reports", "what each report says"),
    ("src/scan", "from what the watches saw to findings"),
    (
        "src/store",
        "the ledger on disk; the only place that knows SQL",
    ),
    ("src/telemetry", "what the daemon says of itself"),
    (
        "src/tickets",
        "records against their tickets: planned, polled, understood",
    ),
    ("systemd", "the unit, its user and its folders"),
    (
        "systemd/poamd.service.d",
        "drop-ins that open what the unit closes",
    ),
    (
        "templates",
        "text for people, embedded; an operator's own of the same names come before",
    ),
    ("templates/reports", "one folder a report"),
    (
        "templates/reports/*",
        "subject and both bodies, or what reports share",
    ),
    (
        "templates/tickets",
        "what stands in tickets and in answers on them",
    ),
    (
        "templates/tickets/*",
        "one desk's, the answers, or what desks share",
    ),
    ("tests", "tests of the whole, their data and their helpers"),
    (
        "tests/fixtures",
        "findings as AWS and its tools write them, with licence notes",
    ),
    ("tests/fixtures/*", "one source of them"),
    ("tests/it", "one test program; one file a subject"),
    ("tests/it/architecture", "this test's rules"),
    (
        "tests/it/cli",
        "the command line: what it prints, and in which names",
    ),
    (
        "tests/it/closure",
        "an estate whose truth is known, and who judges the ledger by it",
    ),
    (
        "tests/it/forms",
        "the forms, read back by other readers than their writers",
    ),
    (
        "tests/it/support",
        "what tests share: databases, stand-ins, seeded ledgers",
    ),
    (
        "tests/moto",
        "the AWS emulator: pinned, seeded, with its answer key",
    ),
    ("tests/smtp", "a mail server that others wrote"),
];

/// Every broken rule at once, each on a line of its own.
fn none_of(broken: &[String]) {
    assert!(
        broken.is_empty(),
        "{} broken:\n{}",
        broken.len(),
        broken.join("\n")
    );
}
