//! The committed example configuration: it is the generated one, and it is valid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn example_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/poamd.example.toml")
}

/// With `POAMD_WRITE_EXAMPLE` set the file is written anew instead.
#[test]
fn the_committed_example_is_the_generated_one() {
    let generated = poamd::config::example::render();
    if std::env::var_os("POAMD_WRITE_EXAMPLE").is_some() {
        std::fs::write(example_file(), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(example_file()).unwrap();
    let differs = committed
        .lines()
        .zip(generated.lines())
        .enumerate()
        .find(|(_, (committed, generated))| committed != generated);
    assert!(
        committed == generated,
        "config/poamd.example.toml is out of date, first at {differs:?}; set POAMD_WRITE_EXAMPLE=1 and run this test"
    );
}

#[test]
fn the_committed_example_loads_as_it_stands() {
    let env: BTreeMap<String, String> = BTreeMap::new();
    let config = poamd::config::load(&example_file(), &env).unwrap();
    assert!(config.desks.is_empty() && config.reports.is_empty());
}

#[test]
fn every_key_stands_in_the_example_with_its_comment_above() {
    let text = std::fs::read_to_string(example_file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for info in poamd::config::schema::keys() {
        let setting = format!("#{} = ", info.key);
        let at = lines.iter().position(|line| line.starts_with(&setting));
        let at = at.unwrap_or_else(|| panic!("{} {} is missing", info.section, info.key));
        assert!(
            lines[at - 1].starts_with("# "),
            "{} has no comment",
            info.key
        );
    }
}
