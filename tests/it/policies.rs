//! The policies in the folder: complete, each in the program, each test true.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use poamd::policy::{PolicySet, SourceFile, testing};
use walkdir::WalkDir;

fn folder() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let entries = WalkDir::new(&root).into_iter().map(Result::unwrap);
    let files = entries
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "rego"))
        .map(|entry| SourceFile {
            path: entry
                .path()
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/"),
            text: fs::read_to_string(entry.path()).unwrap(),
        });
    files.collect()
}

#[test]
fn every_policy_in_the_folder_is_in_the_program_as_it_stands() {
    let set = PolicySet::packaged().unwrap();
    let compiled: BTreeSet<_> = set
        .policies()
        .map(|p| (p.source().path.clone(), p.source().text.clone()))
        .collect();
    let written: BTreeSet<_> = folder()
        .into_iter()
        .filter(|file| !file.path.starts_with("lib/") && !file.path.ends_with("_test.rego"))
        .map(|file| (file.path, file.text))
        .collect();
    assert_eq!(
        compiled, written,
        "touch src/policy/source.rs if the build did not notice a new file"
    );
}

#[test]
fn a_policy_lies_in_the_folder_of_its_package() {
    for policy in PolicySet::packaged().unwrap().policies() {
        let source = policy.source();
        let package = source
            .path
            .trim_end_matches(".rego")
            .replace('/', ".")
            .replace('-', "_");
        assert!(
            source
                .text
                .lines()
                .any(|line| line == format!("package {package}")),
            "{}: package {package}",
            source.path
        );
        assert!(source.path.starts_with("checks/aws/"), "{}", source.path);
    }
}

#[test]
fn every_test_named_in_the_folder_is_run_and_true() {
    let outcomes = PolicySet::packaged().unwrap().test();
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed())
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let run: BTreeSet<_> = outcomes
        .into_iter()
        .map(|outcome| (outcome.file, outcome.name))
        .collect();
    let mut named = BTreeSet::new();
    for file in folder()
        .iter()
        .filter(|file| file.path.ends_with("_test.rego"))
    {
        named.extend(
            testing::names(file)
                .into_iter()
                .map(|name| (file.path.clone(), name.to_owned())),
        );
    }
    assert_eq!(run, named);
    assert!(run.len() >= 30, "only {} tests", run.len());
}

#[test]
fn every_policy_has_a_test_that_finds_and_one_that_does_not() {
    for file in folder()
        .iter()
        .filter(|file| file.path.starts_with("checks/") && file.path.ends_with("_test.rego"))
    {
        let names = testing::names(file);
        assert!(
            names
                .iter()
                .any(|name| name.contains("_finding") && !name.contains("no_finding")),
            "{}",
            file.path
        );
        assert!(
            file.text.contains("count(policy.findings) == 0"),
            "{} never expects nothing",
            file.path
        );
    }
}
