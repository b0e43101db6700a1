//! The program: one command line, run in this process.

use std::io;
use std::process::ExitCode;

use poamd::cli::{
    self,
    shell::{Shell, keep_memory_private},
};

/// Findings are many small texts, made on one thread and dropped on another.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Not locked: progress bars and the log write there from other threads.
    let (mut out, mut err, mut input) = (io::stdout(), io::stderr(), io::stdin());
    let mut shell = Shell::of_process(&mut out, &mut err, &mut input);
    if let Err(error) = keep_memory_private() {
        // Where not even this can be said, the work may still be done.
        let _ = shell.note(&format!(
            "core dumps could not be switched off ({error}); going on"
        ));
    }
    cli::run(std::env::args_os(), &mut shell).into()
}
