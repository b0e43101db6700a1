//! What the repository says of this crate: the generated IAM policy, and lists that match folders.

use std::path::Path;
use std::sync::Arc;

use poamd_contract::clock::SystemClock;

use super::Middle;
use crate::{Aws, AwsConfig, sources, watches};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `POAMD_WRITE=1 cargo test -p poamd-aws permissions` writes the files anew.
#[test]
fn permissions_files_are_what_the_code_needs() {
    let aws = Aws::new(
        AwsConfig::default(),
        Arc::new(SystemClock),
        Arc::new(Middle),
    )
    .unwrap();
    for (name, document) in [
        ("aws-permissions.json", aws.permissions()),
        (
            "aws-organization-permissions.json",
            aws.organization_permissions(),
        ),
        (
            "aws-writeback-permissions.json",
            aws.writeback_permissions(),
        ),
    ] {
        let needed = serde_json::to_string_pretty(&document).unwrap() + "\n";
        let file = here().join("../../docs").join(name);
        if std::env::var_os("POAMD_WRITE").is_some() {
            std::fs::write(&file, &needed).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            written, needed,
            "{name}; run: POAMD_WRITE=1 cargo test -p poamd-aws permissions"
        );
    }
}

#[test]
fn every_action_reads() {
    let aws = Aws::new(
        AwsConfig::default(),
        Arc::new(SystemClock),
        Arc::new(Middle),
    )
    .unwrap();
    for action in aws.permissions()["Statement"][0]["Action"]
        .as_array()
        .unwrap()
    {
        let verb = action.as_str().unwrap().split_once(':').unwrap().1;
        assert!(
            ["Get", "List", "Describe", "BatchGet"]
                .iter()
                .any(|word| verb.starts_with(word)),
            "{action}"
        );
    }
}

#[test]
fn lists_name_every_file() {
    for (folder, listed, helpers) in [
        (
            "sources",
            sources::FILES,
            &[
                "mod",
                "health",
                "inspector_details",
                "inspector_scans",
                "look",
                "paging",
                "shards",
            ][..],
        ),
        ("watches", watches::FILES, &["mod", "authorization"]),
    ] {
        let mut files: Vec<String> = std::fs::read_dir(here().join("src").join(folder))
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| !helpers.contains(&name.as_str()))
            .collect();
        files.sort();
        let mut listed: Vec<&str> = listed.to_vec();
        listed.sort_unstable();
        assert_eq!(files, listed, "{folder}");
    }
}
