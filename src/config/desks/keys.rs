//! The keys of a desk: the common ones, then those of each system.

use std::time::Duration;

use super::System;
use crate::config::schema::{Key, Kind, Section};

const JIRA: &str = "jira-cloud";
const SERVICENOW: &str = "servicenow";

/// Keys of the maps from urgency, least urgent first.
pub(super) const URGENCIES: [&str; 4] = ["low", "moderate", "high", "critical"];

const TEXT_BY_URGENCY: Kind = Kind::Map {
    keys: &URGENCIES,
    of: &Kind::Text,
};
const LEVEL_BY_URGENCY: Kind = Kind::Map {
    keys: &URGENCIES,
    of: &Kind::Choice(&["1", "2", "3"]),
};
const SETTLE: Kind = Kind::Duration {
    min: Duration::from_millis(1),
    max: Duration::from_secs(24 * 3600),
};
const TEXTS: Kind = Kind::List(&Kind::Text);
const LEVELS: &str = r#"{ low = "3", moderate = "2", high = "1", critical = "1" }"#;

pub const SECTION: Section = Section {
    name: "desks",
    many: true,
    doc: "A ticket system, once for each. A record goes to exactly one: the first \
            desk in this file that takes its account.",
    variants: Some(("system", System::NAMES)),
    keys: &[
        Key::new(
            "name",
            Kind::Name,
            r#""tracker""#,
            "What it is called here; do not change it once it has tickets.",
        )
        .required(),
        Key::new(
            "system",
            Kind::Choice(System::NAMES),
            r#""jira-cloud""#,
            "What kind of ticket system it is.",
        )
        .required(),
        Key::new(
            "url",
            Kind::Url,
            r#""https://agency.atlassian.net""#,
            "Base address of its API: the site, or for Jira also the gateway \
            (https://api.atlassian.com/ex/jira/<cloud id>).",
        )
        .required()
        .only(JIRA),
        Key::new(
            "url",
            Kind::Url,
            r#""https://agency.service-now.com""#,
            "Base address of the instance.",
        )
        .required()
        .only(SERVICENOW),
        Key::new(
            "browse_url",
            Kind::Url,
            r#""https://agency.atlassian.net""#,
            "Base address for people's links. Without it: url.",
        )
        .only(JIRA),
        Key::new(
            "browse_url",
            Kind::Url,
            r#""https://agency.service-now.com""#,
            "Base address for people's links. Without it: url.",
        )
        .only(SERVICENOW),
        Key::with_default(
            "accounts",
            TEXTS,
            "[]",
            "Numbers or names of the accounts whose records go here. With \
            account_labels empty as well: all that no desk above takes.",
        )
        .example(r#"["123456789012"]"#),
        Key::with_default(
            "account_labels",
            TEXTS,
            "[]",
            "Labels of the accounts whose records go here.",
        )
        .example(r#"["Prod"]"#),
        Key::with_default(
            "justifiers",
            TEXTS,
            "[]",
            "Who may justify by a comment (/justify), as accountIds. Nobody if \
            empty; anybody else gets a polite refusal.",
        )
        .example(r#"["5b10ac8d82e05b22cc7d4ef5"]"#)
        .only(JIRA),
        Key::with_default(
            "justifiers",
            TEXTS,
            "[]",
            "Who may justify by a comment (/justify), as sys_ids of users. Nobody if \
            empty; anybody else gets a polite refusal.",
        )
        .example(r#"["6816f79cc0a8016401c5a33be04be441"]"#)
        .only(SERVICENOW),
        Key::with_default(
            "max_expiry_days",
            Kind::Integer { min: 1, max: 3_650 },
            "365",
            "A justification ends after so many days at the latest.",
        ),
        Key::with_default(
            "settle",
            SETTLE,
            r#""15m""#,
            "After an unclear answer to a create: how long a ticket not found may \
            still turn up. At least 5m, except against loopback.",
        )
        .only(JIRA),
        Key::with_default(
            "settle",
            SETTLE,
            r#""5m""#,
            "After an unclear answer to a create: how long a ticket not found may \
            still turn up. At least 1m, except against loopback.",
        )
        .only(SERVICENOW),
        Key::new(
            "ca_file",
            Kind::Path,
            r#""/etc/poamd/ca.pem""#,
            "Certificates (PEM) trusted besides the system's own.",
        ),
        Key::new(
            "proxy",
            Kind::Proxy,
            r#""http://proxy.example.gov:3128""#,
            "Proxy to reach it through; it sees host names, no content.",
        ),
        Key::new(
            "email",
            Kind::Mailbox,
            r#""poamd@example.gov""#,
            "Whose API token it is; better an account of its own than a person's.",
        )
        .required()
        .only(JIRA),
        Key::new(
            "token",
            Kind::Secret,
            r#"{ credential = "jira_token" }"#,
            "Where the API token is kept.",
        )
        .required()
        .only(JIRA),
        Key::new(
            "project",
            Kind::Text,
            r#""SEC""#,
            "Key of the project that gets the tickets.",
        )
        .required()
        .only(JIRA),
        Key::with_default(
            "issue_type",
            Kind::Text,
            r#""Task""#,
            "Name of the issue type.",
        )
        .only(JIRA),
        Key::with_default(
            "priorities",
            TEXT_BY_URGENCY,
            "{}",
            "Names of the priorities by urgency; one that is not named leaves the \
            project's default.",
        )
        .example(r#"{ low = "Low", moderate = "Medium", high = "High", critical = "Highest" }"#)
        .only(JIRA),
        Key::with_default(
            "status_new",
            TEXTS,
            "[]",
            "Statuses that mean new, the preferred first; any of the category if \
            empty.",
        )
        .example(r#"["To Do"]"#)
        .only(JIRA),
        Key::with_default(
            "status_in_progress",
            TEXTS,
            "[]",
            "Statuses that mean in progress, the preferred first.",
        )
        .example(r#"["In Progress"]"#)
        .only(JIRA),
        Key::with_default(
            "status_done",
            TEXTS,
            "[]",
            "Statuses that mean done, the preferred first.",
        )
        .example(r#"["Done"]"#)
        .only(JIRA),
        Key::new(
            "resolution",
            Kind::Text,
            r#""Done""#,
            "Resolution to set when a ticket is closed, where the workflow asks for \
            one.",
        )
        .only(JIRA),
        Key::new("user", Kind::Text, r#""poamd""#, "User to sign in as.")
            .required()
            .only(SERVICENOW),
        Key::new(
            "password",
            Kind::Secret,
            r#"{ credential = "servicenow_secret" }"#,
            "Where the user's password is kept.",
        )
        .required()
        .only(SERVICENOW),
        Key::with_default(
            "table",
            Kind::Text,
            r#""incident""#,
            "Table that gets the tickets.",
        )
        .only(SERVICENOW),
        Key::new(
            "caller",
            Kind::Text,
            r#""6816f79cc0a8016401c5a33be04be441""#,
            "Caller of the tickets, as sys_id.",
        )
        .only(SERVICENOW),
        Key::new(
            "assignment_group",
            Kind::Text,
            r#""8a4dde73c6112278017a6a4baf547aa7""#,
            "Group new tickets are assigned to, as sys_id.",
        )
        .only(SERVICENOW),
        Key::with_default(
            "fields",
            Kind::Map {
                keys: &[],
                of: &Kind::Text,
            },
            "{}",
            "Further fields to set when a ticket is made.",
        )
        .example(r#"{ category = "security" }"#)
        .only(SERVICENOW),
        Key::with_default(
            "impacts",
            LEVEL_BY_URGENCY,
            LEVELS,
            "Impact by urgency; priority follows from impact and urgency.",
        )
        .only(SERVICENOW),
        Key::with_default(
            "urgencies",
            LEVEL_BY_URGENCY,
            LEVELS,
            "Urgency field by urgency.",
        )
        .only(SERVICENOW),
        Key::with_default(
            "close_code",
            Kind::Text,
            r#""Solution provided""#,
            "Resolution code for tickets that are closed; choices differ between \
            instances, poamd config check compares.",
        )
        .only(SERVICENOW),
        Key::with_default(
            "comment_element",
            Kind::Choice(&["work_notes", "comments"]),
            r#""work_notes""#,
            "Where poamd writes: work_notes (internal) or comments (the caller reads \
            them).",
        )
        .only(SERVICENOW),
        Key::with_default(
            "accept_from",
            Kind::List(&Kind::Choice(&["work_notes", "comments"])),
            r#"["work_notes"]"#,
            "Where commands are taken from.",
        )
        .only(SERVICENOW),
    ],
};
