//! The text of a configuration file as TOML with places, and the list of what is wrong with it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, Error};

use super::problem::{ConfigErrors, Problem};

/// A file being read: turns byte offsets into lines and collects problems.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    /// As it was named to us; stands in front of every problem.
    file: String,
    /// The folder relative paths count from.
    folder: PathBuf,
    text: &'t str,
    /// Where each line but the first begins.
    lines: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
}

/// So many syntax errors are told one by one; a file with more is of another kind.
const TOLD: usize = 100;

impl<'t> Source<'t> {
    pub fn new(path: &Path, text: &'t str) -> Self {
        Self {
            file: path.display().to_string(),
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            text,
            lines: text.match_indices('\n').map(|(at, _)| at + 1).collect(),
            problems: RefCell::default(),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The whole text as a table; every syntax error is a problem.
    pub fn parse(&self) -> DeTable<'t> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors.iter().take(TOLD) {
            self.syntax(error);
        }
        if let Some(next) = errors.get(TOLD) {
            let more = errors.len() - TOLD;
            let at = next.span().map(|span| span.start);
            self.problem(at, "", format!("not TOML, from here {more} times more"));
        }
        table.into_inner()
    }

    fn syntax(&self, error: &Error) {
        let what = error.message().replace('\n', ", ");
        let what = if what.starts_with("duplicate key") {
            "this name stands here a second time".to_owned()
        } else {
            what
        };
        self.problem(
            error.span().map(|span| span.start),
            "",
            format!("not TOML: {what}"),
        );
    }

    /// Notes what is wrong at a byte of the text, or with the file as a whole.
    pub fn problem(&self, offset: Option<usize>, key: &str, what: impl Into<String>) {
        let line = offset.map(|offset| self.line(offset));
        let problem = Problem {
            file: self.file.clone(),
            line,
            key: key.to_owned(),
            what: what.into(),
        };
        self.problems.borrow_mut().push(problem);
    }

    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All problems, in the order of the file.
    pub fn into_errors(self) -> ConfigErrors {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| p.line.unwrap_or(0));
        problems.dedup();
        ConfigErrors { problems }
    }

    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        1 + self.lines.partition_point(|begin| *begin <= end)
    }
}
