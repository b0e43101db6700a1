//! What the compiler does not notice by itself: files that are compiled in by folder, and the commit.
//!
//! Not in it: anything a build could fail by.

use std::path::Path;
use std::process::Command;

/// Folders that `include_dir!` and `embed_migrations!` read; without this a new file would not be seen.
const FOLDERS: [&str; 3] = ["policies", "templates", "migrations"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
    }
    println!("cargo::rustc-env=POAMD_AWS_LC_RS={}", locked("aws-lc-rs"));
    println!("cargo::rerun-if-env-changed=POAMD_COMMIT");
    // A packager who builds from an archive names the commit; otherwise the checkout does.
    if let Some(commit) = std::env::var("POAMD_COMMIT").ok().or_else(checkout) {
        println!("cargo::rustc-env=POAMD_COMMIT={commit}");
    }
}

/// The version of a package in the lock file, for `--version --verbose`.
fn locked(package: &str) -> String {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    lock.split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{package}\"\n")))
        .and_then(|entry| {
            entry
                .lines()
                .find_map(|line| line.strip_prefix("version = "))
        })
        .map_or_else(
            || "unknown".to_owned(),
            |version| version.trim_matches('"').to_owned(),
        )
}

/// The commit checked out here, if this is a checkout and there is a git to ask.
fn checkout() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if release {
        // Both, because a commit on a branch leaves HEAD as it is. Only for releases: following every commit would
        // compile the whole package anew after each.
        for file in [".git/HEAD", ".git/logs/HEAD"] {
            if Path::new(file).exists() {
                println!("cargo::rerun-if-changed={file}");
            }
        }
    }
    let output = Command::new("git")
        .args([
            "describe",
            "--always",
            "--dirty",
            "--abbrev=12",
            "--exclude=*",
        ])
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let commit = said.trim();
    if !output.status.success() || commit.is_empty() {
        return None;
    }
    // A development build is not made anew for each commit, so it must not claim to be exactly this one.
    Some(if release {
        commit.to_owned()
    } else {
        format!("{commit} or later (development build)")
    })
}
