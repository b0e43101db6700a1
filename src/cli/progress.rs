//! How far a job is: a bar for each on a terminal, nothing in a pipe.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::shell::Shell;
use crate::jobs::{Progress, Quiet};

/// What fits who is watching.
pub fn of(shell: &Shell<'_>) -> Arc<dyn Progress> {
    if shell.watched {
        Arc::new(Bars::default())
    } else {
        Arc::new(Quiet)
    }
}

/// Bars on standard error; each goes away with its job.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    running: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn with(&self, what: &str, act: impl FnOnce(&ProgressBar)) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = running.get(what) {
            act(bar);
        }
    }
}

impl Progress for Bars {
    fn begin(&self, what: &str, total: Option<u64>) {
        let (bar, form) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix:<8} {bar:30} {pos}/{len} {elapsed}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{prefix:<8} {spinner} {pos} {elapsed}",
            ),
        };
        let style =
            ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self
            .all
            .add(bar.with_style(style).with_prefix(what.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = running.insert(what.to_owned(), bar) {
            before.finish_and_clear();
        }
    }

    fn step(&self, what: &str) {
        self.with(what, |bar| bar.inc(1));
    }

    fn end(&self, what: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = running.remove(what) {
            bar.finish_and_clear();
        }
    }
}
