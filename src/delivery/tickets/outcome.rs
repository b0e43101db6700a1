//! What an answer means for the row that asked.

use std::time::Duration;

use chrono::TimeDelta;
use poamd_contract::desk::{TicketRef, TicketSnapshot};
use poamd_contract::error::{ConnectorError, Retry};

#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// Made now.
    Created(TicketRef),
    /// Made before: found by its marker.
    Adopted(Box<TicketSnapshot>),
    /// An update, a move or a comment stands.
    Done,
    /// A comment of an earlier attempt stands already.
    CommentStood,
    /// Certainly not done; the wait the server asked for, and why.
    Later(Option<TimeDelta>, String),
    /// Nothing was sent, and the look-up has to wait.
    LookLater(Option<TimeDelta>, String),
    /// It may have been done, or the look-up failed.
    Unclear(String),
    /// Certainly not done and useless to repeat.
    Failed(String),
    NeedsOperator(String),
    /// The credential is dead: the whole desk pauses.
    Paused(String),
    /// The ticket is absent or hidden: nothing was done, or what was unclear stays so.
    Missing(String),
    /// The claim went to somebody else; nothing is ours to write.
    Lost,
}

/// A conflict is over as soon as the other write is.
const CONFLICT: TimeDelta = TimeDelta::seconds(2);

impl Outcome {
    /// Of a failed write.
    pub(super) fn of_write(error: &ConnectorError) -> Self {
        let why = error.what.clone();
        match error.retry {
            Retry::Later(wait) => Self::Later(wait.map(delta), why),
            Retry::Conflict => Self::Later(Some(CONFLICT), why),
            Retry::Unclear => Self::Unclear(why),
            Retry::Never => Self::Failed(why),
            Retry::Auth => Self::Paused(why),
            Retry::Gone => Self::Missing(why),
        }
    }

    /// Of a failed call made before anything was sent, when nothing was sent by an earlier attempt either.
    pub(super) fn of_preparation(error: &ConnectorError) -> Self {
        let why = error.what.clone();
        match error.retry {
            Retry::Later(wait) => Self::Later(wait.map(delta), why),
            Retry::Conflict | Retry::Unclear => Self::Later(None, why),
            Retry::Never | Retry::Gone => Self::Failed(why),
            Retry::Auth => Self::Paused(why),
        }
    }

    /// Of a failed look-up: what was unclear stays unclear. To be asked to wait is no failed look-up.
    pub(super) fn of_look_up(error: &ConnectorError) -> Self {
        let why = error.what.clone();
        match error.retry {
            Retry::Later(Some(wait)) => Self::LookLater(Some(delta(wait)), why),
            Retry::Auth => Self::Paused(why),
            Retry::Gone => Self::Missing(why),
            Retry::Later(None) | Retry::Conflict | Retry::Unclear | Retry::Never => {
                Self::Unclear(format!("the look-up failed: {why}"))
            }
        }
    }
}

fn delta(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1))
}
