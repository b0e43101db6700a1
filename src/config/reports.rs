//! `[[reports]]`: what is mailed, when, to whom.

use chrono_tz::Tz;

use super::cron::CronExpr;
use super::reader::Reader;
use super::schedule::Schedule;
use super::schema::{Key, Kind, Section};
use super::value::choice;

pub const SECTION: Section = Section {
    name: "reports",
    many: true,
    doc: "A report by mail, once for each. poamd report next prints when they go out.",
    variants: None,
    keys: &[
        Key::new(
            "name",
            Kind::Name,
            r#""weekly-poam""#,
            "What it is called in commands and in the log; do not change it once it went out.",
        )
        .required(),
        Key::new(
            "recipients",
            Kind::List(&Kind::Mailbox),
            r#"["The ISSO <isso@example.gov>"]"#,
            "Who gets it; each mail names them all.",
        )
        .required(),
        Key::new(
            "schedule",
            Kind::Cron,
            r#""0 7 * * MON""#,
            "When it goes out: five fields as in crontab; 0 and 7 are Sunday.",
        )
        .required(),
        Key::new(
            "time_zone",
            Kind::Zone,
            r#""America/New_York""#,
            "By whose clocks. Without it: that of [schedule].",
        ),
        Key::with_default(
            "kind",
            Kind::Choice(ReportKind::NAMES),
            r#""poam""#,
            "poam: open and changed records, due dates, justifications, coverage gaps.",
        ),
        Key::with_default(
            "accounts",
            Kind::List(&Kind::Text),
            "[]",
            "Account numbers or names it is about; none named means all.",
        )
        .example(r#"["123456789012"]"#),
        Key::with_default(
            "account_labels",
            Kind::List(&Kind::Text),
            "[]",
            "Account labels it is about; none named means all.",
        )
        .example(r#"["Prod"]"#),
        Key::with_default(
            "attachments",
            Kind::List(&Kind::Choice(Attachment::NAMES)),
            r#"["csv"]"#,
            "Files that go with it.",
        ),
        Key::new(
            "subject",
            Kind::Text,
            r#""POA&M {{deployment}}: {{all.open}} open""#,
            "Subject as a handlebars template. Without it: the packaged one.",
        ),
        Key::with_default(
            "enabled",
            Kind::Flag,
            "true",
            "false: keep it here, send it only by hand.",
        ),
    ],
};

choice! {
    /// What a report is about.
    pub enum ReportKind {
        Poam = "poam",
    }
}

choice! {
    /// A file that goes with a report.
    pub enum Attachment {
        Csv = "csv",
    }
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: String,
    pub kind: ReportKind,
    pub schedule: CronExpr,
    pub time_zone: Tz,
    /// At least one; `name@host` or `Name <name@host>`.
    pub recipients: Vec<String>,
    /// Numbers or names; empty means all.
    pub accounts: Vec<String>,
    /// Empty means all.
    pub account_labels: Vec<String>,
    pub attachments: Vec<Attachment>,
    /// A handlebars template.
    pub subject: Option<String>,
    pub enabled: bool,
}

impl Report {
    pub(super) fn read(r: Reader<'_>, schedule: Option<&Schedule>) -> Option<Self> {
        r.reject_unknown();
        let (name, kind, cron) = (r.get("name"), r.get("kind"), r.get("schedule"));
        let recipients: Option<Vec<String>> = r.get("recipients");
        let (accounts, account_labels, attachments, enabled) = (
            r.get("accounts"),
            r.get("account_labels"),
            r.get("attachments"),
            r.get("enabled"),
        );
        let zone = if r.has("time_zone") {
            r.get("time_zone")
        } else {
            schedule.map(|schedule| schedule.time_zone)
        };
        if recipients.as_ref().is_some_and(Vec::is_empty) {
            r.fail(
                "recipients",
                "names nobody; a report that is not to go out has enabled = false",
            );
        }
        Some(Self {
            subject: r.optional("subject"),
            name: name?,
            kind: kind?,
            schedule: cron?,
            time_zone: zone?,
            recipients: recipients?,
            accounts: accounts?,
            account_labels: account_labels?,
            attachments: attachments?,
            enabled: enabled?,
        })
    }

    /// Whether an account belongs into it.
    pub fn covers(&self, account_id: &str, account_name: &str, label: &str) -> bool {
        super::names_account(&self.accounts, account_id, account_name)
            && super::names_label(&self.account_labels, label)
    }
}
