//! One reader of foreign text under libFuzzer, which `POAMD_FUZZ_READER` names; libFuzzer's own arguments apply. Without a
//! name it prints those there are, with the words worth trying as a dictionary if `POAMD_FUZZ_WORDS` names the reader.

#![no_main]

use std::sync::OnceLock;

mod findings;
mod targets;

use targets::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fn named(variable: &str) -> Option<&'static Target> {
    let name = std::env::var(variable).ok()?;
    TARGETS.iter().find(|target| target.name == name)
}

/// A word as libFuzzer's dictionaries have it.
fn entry(word: &str) -> String {
    let bytes: Vec<String> = word.bytes().map(|b| format!("\\x{b:02x}")).collect();
    format!("\"{}\"", bytes.concat())
}

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(target) = named("POAMD_FUZZ_WORDS") {
            for word in target.words {
                println!("{}", entry(word));
            }
            std::process::exit(0);
        }
        let Some(target) = named("POAMD_FUZZ_READER") else {
            for target in TARGETS {
                println!("{} {}", target.name, target.seeds.join(" "));
            }
            std::process::exit(0);
        };
        let _ = TARGET.set(target);
    },
    |bytes: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(bytes);
        }
    }
);
