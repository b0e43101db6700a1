//! A full disk under the ledger: one clear message, nothing committed is lost, and it goes on when there is room.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Findings that take far more room than the small disk of the test has.
const FINDINGS: usize = 6_000;

fn document(n: usize) -> Value {
    json!({
        "SchemaVersion": "2018-10-08", "Id": format!("arn:aws:x:us-east-1:123456789012:finding/{n:05}"),
        "ProductArn": "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default",
        "GeneratorId": format!("rule-{}", n % 50), "AwsAccountId": "123456789012", "Types": ["Software and Configuration Checks"],
        "CreatedAt": "2026-10-01T00:00:00Z", "UpdatedAt": "2026-11-01T00:00:00Z", "Severity": { "Label": "HIGH" },
        "Title": format!("A title of finding {n}"), "Description": "d".repeat(900),
        "Resources": [{ "Type": "AwsS3Bucket", "Id": format!("arn:aws:s3:::bucket-{n}"), "Region": "us-east-1" }],
        "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" },
    })
}

/// Runs a script where `$DISK` is a disk of five mebibytes of its own, and `$POAMD` is the program.
fn on_a_small_disk(folder: &Path, script: &str) -> Output {
    let mount = format!("set -e; mount -t tmpfs -o size=5m tmpfs \"$DISK\"; {script}");
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
        .env("DISK", folder)
        .env("POAMD", env!("CARGO_BIN_EXE_poamd"))
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_is_said_clearly_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    if !on_a_small_disk(&disk, "true").status.success() {
        println!("skipped: this machine lets nobody mount a disk of his own (user namespaces)");
        return;
    }
    let page = |from: usize, to: usize| {
        let list: Vec<Value> = (from..to).map(document).collect();
        let path = folder.path().join(format!("{from}.json"));
        std::fs::write(&path, json!({ "Findings": list }).to_string()).unwrap();
        path
    };
    let (few, many) = (page(0, 100), page(100, FINDINGS));
    let config = folder.path().join("poamd.toml");
    let database = disk.join("poamd.db");
    std::fs::write(
        &config,
        format!("[database]\nurl = \"sqlite://{}\"\n", database.display()),
    )
    .unwrap();
    let script = format!(
        "run() {{ code=0; \"$POAMD\" --config {config} \"$@\" || code=$?; echo \"exit $code\"; }}
         run import {few}; run import {many}; run audit verify
         mount -o remount,size=64m \"$DISK\"
         run import {many}; run audit verify; run finding list --format json",
        config = config.display(),
        few = few.display(),
        many = many.display(),
    );
    let output = on_a_small_disk(&disk, &script);
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let exits: Vec<&str> = said.lines().filter(|l| l.starts_with("exit ")).collect();
    assert_eq!(
        exits,
        ["exit 0", "exit 1", "exit 0", "exit 0", "exit 0", "exit 0"],
        "{said}{complained}"
    );
    assert!(
        complained.contains("the database disk is full: free space"),
        "{complained}"
    );
    let start = said.find("\n[").unwrap();
    let end = said.rfind(']').unwrap();
    let findings: Vec<Value> = serde_json::from_str(&said[start..=end]).unwrap();
    assert_eq!(findings.len(), FINDINGS);
}
