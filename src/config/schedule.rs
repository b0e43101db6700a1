//! `[schedule]`: when the daemon's jobs run.

use chrono_tz::Tz;

use super::cron::CronExpr;
use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "schedule",
    many: false,
    doc: "When jobs run. Five fields as in crontab (minute hour day month weekday; 0 and 7 are Sunday), or six or seven with seconds \
          first and the year last, where weekday numbers count Sunday as 1: prefer names (SUN-SAT). poamd config check prints the next runs.",
    variants: None,
    keys: &[
        Key::with_default(
            "time_zone",
            Kind::Zone,
            r#""UTC""#,
            "By whose clocks; reports may name their own.",
        )
        .example(r#""America/New_York""#),
        Key::with_default(
            "scan",
            Kind::Cron,
            r#""0 * * * *""#,
            "Scan the configuration of resources.",
        ),
        Key::with_default("pull", Kind::Cron, r#""0 * * * *""#, "Pull findings."),
        Key::with_default(
            "sync",
            Kind::Cron,
            r#""*/5 * * * *""#,
            "Write tickets, read comments and states.",
        ),
        Key::with_default(
            "discover",
            Kind::Cron,
            r#""17 4 * * *""#,
            "Find the accounts of [aws.organization].",
        ),
    ],
};

/// When the jobs run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub time_zone: Tz,
    pub scan: CronExpr,
    pub pull: CronExpr,
    pub sync: CronExpr,
    pub discover: CronExpr,
}

impl Schedule {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (time_zone, scan, pull, sync, discover) = (
            r.get("time_zone"),
            r.get("scan"),
            r.get("pull"),
            r.get("sync"),
            r.get("discover"),
        );
        Some(Self {
            time_zone: time_zone?,
            scan: scan?,
            pull: pull?,
            sync: sync?,
            discover: discover?,
        })
    }
}
