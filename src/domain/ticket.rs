//! A record's counterpart on a desk: its link, what we wrote there, and the effects we want there.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use data_encoding::HEXLOWER;
use poamd_contract::desk::{
    Block, CommentDraft, Text, TicketDraft, TicketState, TicketUpdate, Urgency,
};
use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A closed set of words that are stored as text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::ALL.iter().copied().find(|w| w.as_str() == text).ok_or_else(|| BadId {
                    text: text.to_owned(),
                    expected: $what,
                })
            }
        }
    };
}

words! {
    /// How a record hangs together with its ticket.
    Link, "a ticket link (creating, linked, missing, retired)", {
        /// Wanted; nothing is known of it on the desk yet.
        Creating = "creating",
        Linked = "linked",
        /// Deleted, or hidden from us. Never made again by itself.
        Missing = "missing",
        /// A later generation took its place.
        Retired = "retired",
    }
}

words! {
    /// Where an effect is on its way (`design.md`, States).
    OutboxState, "an outbox state", {
        Pending = "pending",
        /// Claimed: a request may be under way.
        Sending = "sending",
        Done = "done",
        /// Found on the desk after an unclear answer: done.
        Adopted = "adopted",
        /// Refused for good.
        Failed = "failed",
        /// It may have happened: looked up before anything is repeated.
        Ambiguous = "ambiguous",
        /// A person has to look.
        NeedsOperator = "needs-operator",
    }
}

impl OutboxState {
    /// On its way still; later effects on the same ticket wait for it.
    pub const UNSETTLED: [Self; 3] = [Self::Pending, Self::Sending, Self::Ambiguous];
}

words! {
    /// What an effect does.
    EffectKind, "a kind of effect (create, update, transition, comment)", {
        Create = "create",
        Update = "update",
        Transition = "transition",
        Comment = "comment",
    }
}

/// What we want on a desk, whole: nothing is read again when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    Create { draft: TicketDraft },
    Update { update: TicketUpdate },
    Transition { to: TicketState, note: String },
    Comment { draft: CommentDraft },
}

impl Effect {
    pub fn kind(&self) -> EffectKind {
        match self {
            Self::Create { .. } => EffectKind::Create,
            Self::Update { .. } => EffectKind::Update,
            Self::Transition { .. } => EffectKind::Transition,
            Self::Comment { .. } => EffectKind::Comment,
        }
    }
}

/// The fields of a ticket as we last wrote them (`itsm.md` 4.3: the W of the three-way rule).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub summary: Option<String>,
    /// [`digest`] of the description.
    pub description: Option<String>,
    pub rating: Option<Urgency>,
    pub due: Option<NaiveDate>,
    /// The state we last moved it to ourselves.
    pub state: Option<TicketState>,
}

impl Written {
    pub fn of(draft: &TicketDraft) -> Self {
        Self {
            summary: Some(draft.summary.clone()),
            description: Some(digest(&draft.description)),
            rating: Some(draft.rating),
            due: draft.due,
            state: None,
        }
    }

    /// After an update was taken.
    pub fn take(&mut self, update: &TicketUpdate) {
        if let Some(summary) = &update.summary {
            self.summary = Some(summary.clone());
        }
        if let Some(description) = &update.description {
            self.description = Some(digest(description));
        }
        self.rating = update.rating.or(self.rating);
        self.due = update.due.or(self.due);
    }

    /// What has to be written so that the ticket says `wanted`; `None` if nothing. A summary a person changed stays
    /// theirs (`itsm.md` 4.3).
    pub fn until(&self, wanted: &TicketDraft, seen: &Seen) -> Option<TicketUpdate> {
        let theirs = seen.summary.is_some() && seen.summary != self.summary;
        let changed = self.summary.as_deref() != Some(wanted.summary.as_str());
        let update = TicketUpdate {
            summary: (changed && !theirs).then(|| wanted.summary.clone()),
            description: (self.description != Some(digest(&wanted.description)))
                .then(|| wanted.description.clone()),
            rating: (self.rating != Some(wanted.rating)).then_some(wanted.rating),
            due: wanted.due.filter(|due| self.due != Some(*due)),
        };
        (update != TicketUpdate::default()).then_some(update)
    }
}

/// The fields of a ticket as they last stood on the desk (the R of the three-way rule).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    pub summary: Option<String>,
    pub due: Option<NaiveDate>,
}

/// SHA-256 over the blocks of a text, hex.
pub fn digest(text: &Text) -> String {
    let mut hash = Sha256::new();
    let mut part = |kind: &str, text: &str| {
        hash.update(format!("{kind}{}:", text.len()).as_bytes());
        hash.update(text.as_bytes());
    };
    for block in &text.blocks {
        match block {
            Block::Heading { text } => part("h", text),
            Block::Paragraph { text } => part("p", text),
            Block::Code { text } => part("c", text),
            Block::Bullets { items } => {
                part("b", "");
                items.iter().for_each(|item| part("i", item));
            }
        }
    }
    HEXLOWER.encode(&hash.finalize())
}

/// The key under which one of our comments is recognised on the desk: short, and free of blanks and brackets.
pub fn comment_key(idempotency: &str) -> String {
    format!(
        "c-{}",
        &HEXLOWER.encode(&Sha256::digest(idempotency.as_bytes()))[..20]
    )
}

#[cfg(test)]
mod tests {
    use poamd_contract::desk::Marker;

    use super::*;

    fn draft() -> TicketDraft {
        TicketDraft {
            marker: Marker {
                key: "k".into(),
                label: "l".into(),
            },
            summary: "Bucket is open".into(),
            description: Text {
                blocks: vec![Block::Paragraph {
                    text: "It is.".into(),
                }],
            },
            rating: Urgency::High,
            due: "2026-12-22".parse().ok(),
            labels: vec![],
        }
    }

    #[test]
    fn nothing_changed_is_no_update() {
        assert_eq!(
            Written::of(&draft()).until(&draft(), &Seen::default()),
            None
        );
    }

    #[test]
    fn only_what_changed_is_written_and_then_it_is_written() {
        let mut written = Written::of(&draft());
        let wanted = TicketDraft {
            due: "2026-12-01".parse().ok(),
            summary: "Two buckets are open".into(),
            ..draft()
        };
        let update = written.until(&wanted, &Seen::default()).unwrap();
        assert_eq!(
            update,
            TicketUpdate {
                summary: Some("Two buckets are open".into()),
                due: wanted.due,
                ..TicketUpdate::default()
            }
        );
        written.take(&update);
        assert_eq!(written.until(&wanted, &Seen::default()), None);
    }

    #[test]
    fn a_summary_a_person_changed_stays_theirs() {
        let seen = Seen {
            summary: Some("Mine: bucket".into()),
            due: None,
        };
        let wanted = TicketDraft {
            summary: "Two buckets are open".into(),
            ..draft()
        };
        assert_eq!(Written::of(&draft()).until(&wanted, &seen), None);
    }

    #[test]
    fn a_digest_tells_blocks_apart() {
        let of = |blocks: Vec<Block>| digest(&Text { blocks });
        let p = |t: &str| Block::Paragraph { text: t.into() };
        assert_ne!(of(vec![p("ab")]), of(vec![p("a"), p("b")]));
        assert_ne!(
            of(vec![p("a")]),
            of(vec![Block::Heading { text: "a".into() }])
        );
    }

    #[test]
    fn words_read_as_they_print() {
        for state in OutboxState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("gone".parse::<Link>().is_err());
    }
}
