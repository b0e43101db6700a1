//! `[tickets]`: which records get a ticket, and how many at a time.

use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::value::choice;

pub const SECTION: Section = Section {
    name: "tickets",
    many: false,
    doc: "Which records get a ticket, and how many at a time.",
    variants: None,
    keys: &[
        Key::with_default(
            "enabled",
            Kind::Flag,
            "true",
            "false: write no tickets and read none.",
        ),
        Key::with_default(
            "dry_run",
            Kind::Flag,
            "false",
            "true: show what would be written to the desks and write nothing.",
        ),
        Key::with_default(
            "minimum_rating",
            Kind::Choice(MinimumRating::NAMES),
            r#""low""#,
            "Records rated lower get no ticket.",
        )
        .example(r#""moderate""#),
        Key::with_default(
            "creates_per_run",
            Kind::Integer {
                min: 0,
                max: 10_000,
            },
            "50",
            "New tickets in one sync, at most: a brake against a flood. The first \
            fill of 2,000 records takes 40 runs; raise it for that day.",
        ),
        Key::with_default(
            "transitions_per_run",
            Kind::Integer {
                min: 0,
                max: 10_000,
            },
            "100",
            "Changes of state in one sync, at most.",
        ),
        Key::with_default(
            "comments_per_run",
            Kind::Integer {
                min: 0,
                max: 10_000,
            },
            "200",
            "Comments in one sync, at most.",
        ),
    ],
};

choice! {
    /// The lowest rating that gets a ticket.
    pub enum MinimumRating {
        Low = "low",
        Moderate = "moderate",
        High = "high",
    }
}

/// Which records get a ticket, and the budgets of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tickets {
    pub enabled: bool,
    pub dry_run: bool,
    pub minimum_rating: MinimumRating,
    pub creates_per_run: u32,
    pub transitions_per_run: u32,
    pub comments_per_run: u32,
}

impl Tickets {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (enabled, dry_run, minimum_rating) =
            (r.get("enabled"), r.get("dry_run"), r.get("minimum_rating"));
        let (creates, transitions) = (r.get("creates_per_run"), r.get("transitions_per_run"));
        let comments = r.get("comments_per_run");
        Some(Self {
            enabled: enabled?,
            dry_run: dry_run?,
            minimum_rating: minimum_rating?,
            creates_per_run: creates?,
            transitions_per_run: transitions?,
            comments_per_run: comments?,
        })
    }
}
