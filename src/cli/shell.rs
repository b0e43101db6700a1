//! What a verb is given of the outside: where it writes, what it reads, the clock. A test hands in its own.

use std::io::{self, Read, Write};
use std::sync::Arc;

use poamd_contract::chance::Chance;
use poamd_contract::clock::{Clock, SystemClock};

use super::failure::Failure;
use crate::config::{Env, ProcessEnv};
use crate::domain::actor;
use crate::wiring::SystemChance;

/// A screen that people look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub columns: u16,
    pub rows: u16,
}

/// Whose process this is, as the operating system has it.
#[derive(Clone, Copy)]
pub struct Login {
    /// The real user id.
    pub uid: u32,
    /// The name of an account by its number, from wherever the system keeps them (files, LDAP …).
    pub name_of: fn(u32) -> Option<String>,
}

impl Login {
    fn of_process() -> Self {
        Self {
            uid: rustix::process::getuid().as_raw(),
            name_of: |uid| {
                let user = nix::unistd::User::from_uid(uid.into()).ok().flatten();
                user.map(|user| user.name)
            },
        }
    }
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
    pub login: Login,
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
            login: Login::of_process(),
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

    /// Who acts, for the audit log ([`actor`]): number and name by the operating system, of the person who called sudo
    /// where root or the service's user acts.
    pub fn actor(&self) -> String {
        let sudo_uid = self.env.var("SUDO_UID");
        let (uid, by_sudo) = actor::who(self.login.uid, sudo_uid.as_deref());
        actor::of_login(uid, (self.login.name_of)(uid).as_deref(), by_sudo)
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

    #[test]
    fn the_system_knows_the_name_of_whose_process_this_is() {
        let login = Login::of_process();
        assert_eq!((login.name_of)(0).as_deref(), Some("root"));
        assert_eq!(login.uid, rustix::process::getuid().as_raw());
    }
}
