//! The unit files: as tight as measured, and in step with the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;

use crate::support::skips::skipped;

fn systemd(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("systemd")
        .join(name)
}

/// All values of a directive, in order.
fn values(file: &str, directive: &str) -> Vec<String> {
    let text = std::fs::read_to_string(systemd(file)).unwrap();
    let prefix = format!("{directive}=");
    text.lines()
        .filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
        .collect()
}

/// The command line the service is started with.
fn exec_start() -> Vec<String> {
    let [command] = values("poamd.service", "ExecStart").try_into().unwrap();
    command.split_whitespace().map(str::to_owned).collect()
}

/// The threshold is the exposure times ten: 1.1 passes, 1.2 does not.
#[test]
fn the_unit_is_exposed_no_more_than_measured() {
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("poamd.service");
    std::fs::copy(systemd("poamd.service"), &unit).unwrap();
    let analyze = |threshold: &str| {
        Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", threshold])
            .arg(&unit)
            .output()
    };
    let output = match analyze("--threshold=11") {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped(
                "the_unit_is_exposed_no_more_than_measured",
                "no systemd-analyze",
            );
            return;
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{said}");
    assert_eq!(stderr, "", "systemd understands every line of the unit");
    // The gate itself works: nothing reaches a threshold below the floor.
    assert!(!analyze("--threshold=1").unwrap().status.success());
}

#[test]
fn the_service_starts_the_daemon_with_the_installed_configuration() {
    assert_eq!(
        exec_start(),
        ["/usr/bin/poamd", "--config", "/etc/poamd/poamd.toml", "run"]
    );
    // And the program understands it.
    let parsed = poamd::cli::Cli::try_parse_from(exec_start()).unwrap();
    assert!(
        format!("{parsed:?}").contains("verb: Some(Run)"),
        "{parsed:?}"
    );
}

/// With a path behind its name a credential that is not there would keep the service from starting.
#[test]
fn credentials_stand_in_the_unit_by_name_only() {
    let credentials = values("poamd.service", "LoadCredentialEncrypted");
    assert!(
        credentials.iter().all(|name| !name.contains([':', '/'])),
        "{credentials:?}"
    );
    for info in poamd::config::schema::keys() {
        // A static AWS key is better not had at all; who has one adds it in a drop-in.
        let named = info.example.strip_prefix("{ credential = \"");
        let Some(name) = named.and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let given = credentials.iter().any(|given| given == name);
        assert!(
            given || info.section == "[aws]",
            "{} {}: {name}",
            info.section,
            info.key
        );
    }
}

#[test]
fn the_drop_in_opens_only_the_metadata_service() {
    let drop_in = "poamd.service.d/instance-profile.conf";
    let service = "169.254.169.254 fd00:ec2::254";
    assert_eq!(values(drop_in, "IPAddressAllow"), [service]);
    assert_eq!(
        values("poamd.service", "IPAddressDeny"),
        ["169.254.0.0/16 fd00:ec2::254"]
    );
    let text = std::fs::read_to_string(systemd(drop_in)).unwrap();
    let settings = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(
        settings.collect::<Vec<_>>(),
        ["[Service]", &format!("IPAddressAllow={service}")]
    );
}

/// The user, the folder and the modes that the unit leans on are those the companions make.
#[test]
fn the_companions_make_what_the_unit_needs() {
    let settings = |file: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(systemd(file)).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect()
    };
    let [user] = values("poamd.service", "User").try_into().unwrap();
    let users = settings("poamd.sysusers");
    assert_eq!(users[0][..2], ["u".to_owned(), user]);
    let [mode] = values("poamd.service", "ConfigurationDirectoryMode")
        .try_into()
        .unwrap();
    let folders = settings("poamd.tmpfiles");
    assert_eq!(
        folders[0].join(" "),
        format!("d /etc/poamd {mode} root poamd -")
    );
}
