//! `[telemetry]`: what the daemon says of itself.

use super::env::Env;
use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::value::choice;

pub const SECTION: Section = Section {
    name: "telemetry",
    many: false,
    doc: "What poamd says of itself. Nothing of it leaves this machine.",
    variants: None,
    keys: &[
        Key::new(
            "format",
            Kind::Choice(LogFormat::NAMES),
            r#""json""#,
            "text, json (one object a line) or journald (with fields). Without it: \
            journald under systemd, else text.",
        ),
        Key::with_default(
            "level",
            Kind::Choice(LogLevel::NAMES),
            r#""info""#,
            "The least important messages that are still written.",
        ),
    ],
};

choice! {
    /// How log lines are written.
    pub enum LogFormat {
        Text = "text",
        Json = "json",
        Journald = "journald",
    }
}

choice! {
    /// How much is logged.
    pub enum LogLevel {
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
        Trace = "trace",
    }
}

/// How and how much is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    pub format: LogFormat,
    pub level: LogLevel,
}

impl Telemetry {
    pub(super) fn read(r: Reader<'_>, env: &dyn Env) -> Option<Self> {
        r.reject_unknown();
        let (format, level) = (r.optional("format"), r.get("level"));
        // systemd sets it where standard error goes to the journal.
        let usual = if env.var("JOURNAL_STREAM").is_some() {
            LogFormat::Journald
        } else {
            LogFormat::Text
        };
        Some(Self {
            format: format.unwrap_or(usual),
            level: level?,
        })
    }
}
