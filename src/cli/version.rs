//! `poamd --version`, and with `--verbose` what a report of a problem needs.

use super::failure::Failure;
use super::shell::Shell;
use crate::store::dialect;

pub fn print(shell: &mut Shell<'_>, verbose: bool) -> Result<(), Failure> {
    shell.say(concat!("poamd ", env!("CARGO_PKG_VERSION")))?;
    if !verbose {
        return Ok(());
    }
    let features = if cfg!(feature = "aws") { "aws" } else { "none" };
    shell.say(&format!(
        "commit: {}",
        option_env!("POAMD_COMMIT").unwrap_or("unknown")
    ))?;
    shell.say(&format!("features: {features}"))?;
    shell.say(&format!(
        "database: SQLite {} (bundled); PostgreSQL through libpq",
        dialect::bundled_sqlite()
    ))?;
    // rustls in every connector is built on it (Cargo.toml); the version is the one that was compiled in.
    shell.say(concat!(
        "cryptography: rustls on aws-lc-rs ",
        env!("POAMD_AWS_LC_RS")
    ))
}
