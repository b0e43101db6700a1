//! Why a form could not be made.

use super::sheet;

/// A form could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error(transparent)]
    Sheet(#[from] sheet::Failed),
    #[error(transparent)]
    Misfit(#[from] sheet::Misfit),
    #[error("the form's data cannot be used: {what}")]
    Data { what: String },
    #[error("the form cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the form cannot be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("no record is left to write, and {what}; take a filter away or another --as-of")]
    Empty { what: &'static str },
    #[error("the form needs [system] {key} in the configuration: {why}")]
    Needs {
        key: &'static str,
        why: &'static str,
    },
}
