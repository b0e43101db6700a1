//! What a verb is given of the outside: where it writes, what it reads, the clock. A test hands in its own.

use std::io::{self, Read, Write};
use std::sync::Arc;

use poamd_contract::chance::Chance;
use poamd_contract::clock::{Clock, SystemClock};

use super::failure::Failure;
use crate::config::{Env, ProcessEnv};
use crate::wiring::SystemChance;

/// A screen that people look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub columns: u16,
    pub rows: u16,
}

/// The outside.
pub struct Shell<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    pub input: &'a mut dyn Read,
    /// Standard output is a terminal of this size.
    pub screen: Option<Screen>,
    /// Standard error is a terminal: there may be progress bars.
    pub watched: bool,
    pub env: Arc<dyn Env>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

/// Keeps this process's memory, where secrets are, from core dumps and from debuggers of the same user.
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

impl<'a> Shell<'a> {
    /// That of this process.
    pub fn of_process(
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        input: &'a mut dyn Read,
    ) -> Self {
        use std::io::IsTerminal;
        let screen = io::stdout()
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
            .flatten()
            .filter(|size| size.ws_col > 0 && size.ws_row > 0)
            .map(|size| Screen {
                columns: size.ws_col,
                rows: size.ws_row,
            });
        Self {
            out,
            err,
            input,
            screen,
            watched: io::stderr().is_terminal(),
            env: Arc::new(ProcessEnv),
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance),
        }
    }

    /// Colours are for people who look at a terminal and do not refuse them (`NO_COLOR`).
    pub fn colours(&self) -> bool {
        self.screen.is_some() && self.env.var("NO_COLOR").is_none_or(|v| v.is_empty())
    }

    /// One line of output, seen at once.
    pub fn say(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{line}")?;
        Ok(self.out.flush()?)
    }

    /// One line beside the output.
    pub fn note(&mut self, line: &str) -> Result<(), Failure> {
        Ok(writeln!(self.err, "{line}")?)
    }

    /// Who acts, for the audit log: `cli:` and the user's name, or number where there is no plain name.
    pub fn actor(&self) -> String {
        let plain = |name: &String| {
            !name.is_empty()
                && name.len() <= 64
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match self.env.var("USER").filter(plain) {
            Some(name) => format!("cli:{name}"),
            None => format!("cli:uid-{}", rustix::process::getuid().as_raw()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_private() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        keep_memory_private().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
