//! Manifests and the lock file.

use std::collections::BTreeMap;
use std::fs;

use toml::{Table, Value};

use super::none_of;
use super::source::{production, root};

/// Below these, advisories are open.
const FLOORS: &[(&str, [u64; 3])] = &[
    ("diesel", [2, 3, 10]),
    ("h2", [0, 4, 16]),
    ("lettre", [0, 11, 22]),
    ("rustls-webpki", [0, 103, 13]),
];

/// Never in the tree: TLS is rustls on aws-lc-rs, and `rsa` has an advisory without a cure.
const REFUSED: &[&str] = &["native-tls", "openssl", "openssl-sys", "rsa"];

/// Used by their features or their linking alone.
const SILENT: &[(&str, &str)] = &[];

fn read(file: &str) -> Table {
    fs::read_to_string(root().join(file))
        .unwrap()
        .parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The folders of all packages with their manifests.
fn packages() -> Vec<(String, Table)> {
    let mut packages = vec![(String::new(), read("Cargo.toml"))];
    for entry in fs::read_dir(root().join("connectors")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().join("Cargo.toml").is_file() {
            let folder = format!("connectors/{}/", entry.file_name().to_str().unwrap());
            packages.push((folder.clone(), read(&format!("{folder}Cargo.toml"))));
        }
    }
    packages
}

fn table<'a>(manifest: &'a Table, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    manifest
        .get(name)
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    let mut broken = Vec::new();
    for (folder, manifest) in packages() {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let own =
                table(&manifest, section).filter(|(_, value)| value.get("workspace").is_none());
            broken.extend(own.map(|(name, _)| {
                format!("{folder}Cargo.toml [{section}] {name}: write {name}.workspace = true")
            }));
        }
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(Value::as_bool);
        if lints != Some(true) {
            broken.push(format!(
                "{folder}Cargo.toml: [lints] workspace = true is missing"
            ));
        }
    }
    none_of(&broken);
}

/// What a test adds to a crate's features makes Cargo build that crate, and all above it, once more: the AWS SDK with it.
#[test]
fn tests_and_the_program_share_every_foreign_crate() {
    let mut broken = Vec::new();
    for (folder, manifest) in packages() {
        for (name, value) in table(&manifest, "dev-dependencies") {
            if value.get("features").is_some() && !name.starts_with("poamd-") {
                broken.push(format!(
                    "{folder}Cargo.toml: {name}: its features belong into the root manifest"
                ));
            }
        }
    }
    none_of(&broken);
}

#[test]
fn every_dependency_is_used() {
    let sources = production();
    let mut broken = Vec::new();
    for (folder, manifest) in packages() {
        let own: Vec<_> = sources
            .iter()
            .filter(|source| source.path.starts_with(&format!("{folder}src/")))
            .collect();
        for (name, _) in table(&manifest, "dependencies") {
            let word = name.replace('-', "_");
            let used = own.iter().any(|source| {
                source.code.match_indices(&word).any(|(at, _)| {
                    let after = source.code[at + word.len()..].chars().next();
                    !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
                })
            });
            if !used && !SILENT.iter().any(|(silent, _)| silent == name) {
                broken.push(format!(
                    "{folder}Cargo.toml: {name} is used nowhere in {folder}src"
                ));
            }
        }
    }
    none_of(&broken);
}

/// `ARCHITECTURE.md` gives a reason for each.
#[test]
fn every_dependency_has_its_reason() {
    let paper = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let reasons: BTreeMap<&str, &str> = paper
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once("` | "))
        .collect();
    let workspace = read("Cargo.toml");
    let listed = workspace["workspace"]["dependencies"].as_table().unwrap();
    let foreign: Vec<&str> = listed
        .keys()
        .map(String::as_str)
        .filter(|name| !name.starts_with("poamd-"))
        .collect();
    let missing = foreign.iter().filter(|name| !reasons.contains_key(*name));
    let mut broken: Vec<String> = missing
        .map(|name| format!("docs/dependencies.md: no reason for {name}"))
        .collect();
    let idle = reasons.keys().filter(|name| !foreign.contains(name));
    broken.extend(idle.map(|name| format!("docs/dependencies.md: {name} is no dependency")));
    none_of(&broken);
}

#[test]
fn the_lock_file_holds_no_version_below_its_floor_and_no_foreign_source() {
    let lock = read("Cargo.lock");
    let mut broken = Vec::new();
    let mut floors = FLOORS.to_vec();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let version = package["version"].as_str().unwrap();
        if REFUSED.contains(&name) {
            broken.push(format!("{name} {version} is in the tree"));
        }
        if let Some(source) = package.get("source").and_then(Value::as_str)
            && !source.starts_with("registry+")
        {
            broken.push(format!("{name} comes from {source}"));
        }
        if let Some((_, floor)) = FLOORS.iter().find(|(floored, _)| *floored == name) {
            floors.retain(|(floored, _)| *floored != name);
            if numbers(version) < *floor {
                broken.push(format!("{name} {version} is below {floor:?}"));
            }
        }
    }
    broken.extend(
        floors
            .iter()
            .map(|(name, _)| format!("{name} is in the tree no more: strike its floor")),
    );
    none_of(&broken);
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap();
    let parts: Vec<u64> = plain.split('.').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}
