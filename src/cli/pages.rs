//! `poamd completions` and `poamd man`: made from the command line itself, so that they cannot differ from it.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell as Kind;

use super::Cli;
use super::failure::Failure;
use super::shell::Shell;

#[derive(Debug, Args)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Kind,
}

impl Completions {
    pub fn run(&self, shell: &mut Shell<'_>) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "poamd", &mut script);
        Ok(shell.out.write_all(&script)?)
    }
}

#[derive(Debug, Args)]
pub struct Man {
    /// Folder to write a page for every verb to; without it poamd(1) on standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub fn run(&self, shell: &mut Shell<'_>) -> Result<(), Failure> {
        let mut whole = Cli::command();
        whole.build();
        let Some(dir) = &self.dir else {
            return Ok(clap_mangen::Man::new(whole).render(&mut shell.out)?);
        };
        let mut written = 0;
        std::fs::create_dir_all(dir)
            .and_then(|()| write_all(&whole, "poamd", dir, &mut written))
            .map_err(|cause| {
                Failure::work(format!(
                    "pages cannot be written to {}: {cause}; name another folder with --dir",
                    dir.display()
                ))
            })?;
        shell.note(&format!("{written} pages in {}", dir.display()))
    }
}

/// One page a verb, `poamd-poam-list.1`.
fn write_all(command: &Command, name: &str, dir: &PathBuf, written: &mut usize) -> io::Result<()> {
    let page = clap_mangen::Man::new(command.clone().display_name(name)).title(name);
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    std::fs::write(dir.join(format!("{name}.1")), bytes)?;
    *written += 1;
    for verb in command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        write_all(verb, &format!("{name}-{}", verb.get_name()), dir, written)?;
    }
    Ok(())
}
