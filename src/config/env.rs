//! The environment, handed in: nothing else in the program reads it (the CLI's own flags aside).

use std::collections::BTreeMap;

/// Environment variables by name.
pub trait Env: Send + Sync {
    /// The value, or `None` if the variable is unset or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Env for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}
