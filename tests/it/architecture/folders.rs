//! Every folder has a purpose, and the papers say it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use walkdir::{DirEntry, WalkDir};

use super::source::{name, root};
use super::{FOLDERS, none_of};

/// Folders whose inside is data, not the project's to arrange.
const DATA: &str = "tests/fixtures/";

/// What tools leave behind in a checkout.
fn left_behind(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() > 0
        && (name == ".git"
            || name == "target"
            || name == "__pycache__"
            || name.starts_with(".venv"))
}

fn walk() -> impl Iterator<Item = DirEntry> {
    let entries = WalkDir::new(root()).min_depth(1).into_iter();
    entries
        .filter_entry(|entry| !left_behind(entry))
        .map(Result::unwrap)
}

/// All files of the checkout.
pub(super) fn files() -> impl Iterator<Item = PathBuf> {
    walk()
        .filter(|entry| entry.file_type().is_file())
        .map(DirEntry::into_path)
}

/// All folders that hold something.
fn folders() -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for file in files() {
        let path = name(&file);
        let ends = path.match_indices('/').map(|(end, _)| end);
        folders.extend(ends.map(|end| path[..end].to_owned()));
    }
    folders
}

/// The row of the table that a folder falls under.
fn row(folder: &str) -> Option<&'static str> {
    let exact = FOLDERS.iter().find(|(path, _)| *path == folder);
    let any = || {
        let (parent, _) = folder.rsplit_once('/')?;
        FOLDERS
            .iter()
            .find(|(path, _)| path.strip_suffix("/*") == Some(parent))
    };
    exact.or_else(any).map(|(path, _)| *path)
}

#[test]
fn every_folder_has_a_purpose_and_every_purpose_a_folder() {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for folder in folders() {
        match row(&folder) {
            Some(row) => {
                used.insert(row);
            }
            None if folder.starts_with(DATA) => {}
            None => broken.push(format!(
                "{folder}: say in tests/it/architecture.rs what it is for"
            )),
        }
    }
    let gone = FOLDERS.iter().filter(|(path, _)| !used.contains(path));
    broken.extend(gone.map(|(path, _)| format!("{path} stands in the table but not in the tree")));
    none_of(&broken);
}

#[test]
fn the_table_is_in_order_and_says_each_folder_once() {
    assert!(
        FOLDERS.is_sorted_by(|a, b| a.0 < b.0),
        "{:?}",
        FOLDERS.windows(2).find(|two| two[0].0 >= two[1].0)
    );
    assert!(
        FOLDERS
            .iter()
            .all(|(_, purpose)| !purpose.is_empty() && !purpose.contains('\n'))
    );
}

/// `POAMD_WRITE=1` with this test writes the file anew.
#[test]
fn the_map_is_the_table() {
    let mut map = "# What each folder is for\n\nMade from the table in `tests/it/architecture.rs`: `POAMD_WRITE=1 cargo t the_map_is_the_table`.\n\n".to_owned();
    map.push_str("| folder | what is in it |\n| --- | --- |\n");
    for (path, purpose) in FOLDERS {
        map.push_str(&format!("| `{path}` | {purpose} |\n"));
    }
    let file = root().join("docs/map.md");
    if std::env::var_os("POAMD_WRITE").is_some() {
        fs::write(&file, &map).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == map,
        "docs/map.md is out of date: POAMD_WRITE=1 cargo t the_map_is_the_table"
    );
}

/// The first two levels stand in the papers that are read first.
#[test]
fn the_architecture_names_every_module_and_crate() {
    let paper = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let wanted = FOLDERS.iter().map(|(path, _)| *path).filter(|path| {
        let inside = path
            .strip_prefix("src/")
            .or_else(|| path.strip_prefix("connectors/"));
        !path.ends_with('*') && !inside.unwrap_or(path).contains('/')
    });
    let missing = wanted.filter(|path| !paper.contains(&format!("`{path}`")));
    none_of(
        &missing
            .map(|path| format!("ARCHITECTURE.md does not name `{path}`"))
            .collect::<Vec<_>>(),
    );
}

/// Tests that the papers lean on are there, by name.
#[test]
fn the_tests_that_the_architecture_names_exist() {
    let paper = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, invariants) = paper
        .split_once("## Invariants")
        .expect("a section named Invariants");
    let (invariants, _) = invariants.split_once("\n## ").unwrap();
    let mut code = String::new();
    for file in files().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        code.push_str(&fs::read_to_string(file).unwrap());
    }
    let names: Vec<&str> = invariants
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.matches('_').count() > 1)
        .collect();
    assert!(names.len() > 10, "only {names:?}");
    let gone = names
        .iter()
        .filter(|name| !code.contains(&format!("fn {name}(")));
    none_of(
        &gone
            .map(|name| format!("ARCHITECTURE.md leans on the test {name}, which is not there"))
            .collect::<Vec<_>>(),
    );
}
