//! Why a verb ended badly: its exit code and its words.

use std::io;

use crate::config::ConfigErrors;
use crate::daemon::instance::InstanceError;
use crate::jobs::JobError;
use crate::query::filter::BadFilter;
use crate::render::sink;
use crate::store::StoreError;
use crate::wiring::WiringError;

/// Exit codes (`design.md`, What a user sees).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// The work failed.
    Failed = 1,
    /// The command line cannot be understood.
    Usage = 2,
    Configuration = 78,
    /// Another instance, or a damaged database.
    Locked = 79,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Text names the thing, the cause and the next step; it may have several lines. Empty: all has been said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub text: String,
}

impl Failure {
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }

    /// The work failed.
    pub fn work(text: impl Into<String>) -> Self {
        Self::new(Exit::Failed, text)
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    pub fn configuration(text: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, text)
    }

    /// The lines as they may go to a terminal: nothing in them can steer it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.text.lines().map(sink::text)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Damaged { .. } => Exit::Locked,
            StoreError::BadUrl
            | StoreError::OldSqlite { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::NetworkFileSystem { .. } => Exit::Configuration,
            StoreError::Connect { .. }
            | StoreError::Migration { .. }
            | StoreError::DiskFull
            | StoreError::ReadOnly
            | StoreError::Busy
            | StoreError::Pool(_)
            | StoreError::Row { .. }
            | StoreError::Query(_)
            | StoreError::Stuck { .. }
            | StoreError::ClockBehind { .. }
            | StoreError::Task(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<InstanceError> for Failure {
    fn from(error: InstanceError) -> Self {
        let exit = match &error {
            InstanceError::Taken { .. } => Exit::Locked,
            InstanceError::Unusable { .. } => Exit::Configuration,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<WiringError> for Failure {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Store(error) => error.into(),
            other => Self::configuration(other.to_string()),
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            held @ JobError::Elsewhere { .. } => Self::new(Exit::Locked, held.to_string()),
            other => Self::work(other.to_string()),
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::configuration(errors.to_string())
    }
}

impl From<BadFilter> for Failure {
    fn from(bad: BadFilter) -> Self {
        Self::usage(bad.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever read our output has seen enough: nothing failed.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::work(format!("the output cannot be written: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
