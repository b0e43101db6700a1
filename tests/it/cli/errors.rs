//! Exit codes, and errors that name the thing, the cause and the next step.

use poamd::cli::failure::Exit;
use poamd::daemon::instance::Instance;
use poamd::store::DatabaseUrl;

use super::{House, run_bare};

#[test]
fn a_missing_or_wrong_configuration_is_78() {
    let ran = run_bare(&["poam", "list"]);
    assert_eq!(ran.exit, Exit::Configuration);
    assert!(
        ran.err.contains("/nowhere/poamd.toml") && ran.err.contains("poamd config example"),
        "{}",
        ran.err
    );
    let house = House::with("[mial]\nhost = \"x\"\n[schedule]\nscan = 7\n");
    for args in [
        &["poam", "list"][..],
        &["config", "check", "--offline"],
        &["run"],
    ] {
        let ran = house.run(args);
        assert_eq!(ran.exit, Exit::Configuration, "{args:?}");
        assert!(
            ran.err.contains("did you mean \"mail\"") && ran.err.contains("[schedule] scan"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn usage_is_2_and_help_is_0() {
    for args in [
        &["poam"][..],
        &["nonsense"],
        &["export"],
        &["account", "add", "12"],
        &["import"],
        &[],
    ] {
        assert_eq!(run_bare(args).exit, Exit::Usage, "{args:?}");
    }
    let help = run_bare(&["--help"]);
    assert_eq!(help.exit, Exit::Done);
    assert!(help.out.contains("79 another instance"), "{}", help.out);
    assert_eq!(help.err, "");
}

#[test]
fn a_damaged_database_and_a_second_instance_are_79() {
    let house = House::with("");
    std::fs::write(
        house.database(),
        "this is no database, and long enough to be looked at".repeat(100),
    )
    .unwrap();
    let ran = house.run(&["poam", "list"]);
    assert_eq!(ran.exit, Exit::Locked, "{}", ran.err);
    assert!(
        ran.err.contains("damaged") && ran.err.contains("backup"),
        "{}",
        ran.err
    );

    let house = House::with_findings();
    let held = Instance::claim(&DatabaseUrl::Sqlite(house.database())).unwrap();
    for args in [
        &["pull"][..],
        &["scan"],
        &["sync"],
        &["import", "-"],
        &["run"],
    ] {
        let ran = house.run(args);
        assert_eq!(ran.exit, Exit::Locked, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("another poamd"), "{}", ran.err);
    }
    // Looking is allowed while the daemon works.
    house.run(&["poam", "list"]).done();
    drop(held);
    house.run(&["sync"]).done();
}

/// Suricata's log, packed: the account comes from the command, traffic is counted, a damaged file says so by name.
#[test]
fn a_packed_log_of_suricata_is_imported_for_the_account_that_is_said() {
    let house = House::with("");
    let alert = r#"{"timestamp":"2026-11-20T05:12:41.123456+0000","event_type":"alert","src_ip":"198.51.100.7","src_port":51234,"dest_ip":"10.20.1.25","dest_port":22,"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2001219,"signature":"ET SCAN Potential SSH Scan","category":"c","severity":2}}"#;
    let flow = r#"{"timestamp":"2026-11-20T05:12:41.123456+0000","event_type":"flow","src_ip":"10.20.1.25"}"#;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, format!("{alert}\n{flow}\n{flow}\n").as_bytes()).unwrap();
    let bytes = gz.finish().unwrap();
    let file = house.path("eve.json.gz");
    std::fs::write(&file, &bytes).unwrap();
    let file = file.to_str().unwrap();

    let ran = house.run(&["import", file]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.out.contains("--account"), "{}", ran.out);

    let whose = ["--account", "123456789012", "--region", "us-east-1"];
    let ran = house.run(&[&["import", file], &whose[..]].concat());
    ran.done();
    let ran = house.run(&[&["import", file, "--format", "json"], &whose[..]].concat());
    assert!(
        ran.out.contains("\"passed\": 2") || ran.out.contains("\"passed\":2"),
        "{}",
        ran.out
    );
    let rows = house.run(&["finding", "list", "--format", "json"]).rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["source"], "suricata");

    let cut = house.path("cut.json.gz");
    std::fs::write(&cut, &bytes[..bytes.len() - 12]).unwrap();
    let ran = house.run(&["import", cut.to_str().unwrap()]);
    assert!(
        ran.err.contains("cut.json.gz") && ran.err.contains("cut off"),
        "{}",
        ran.err
    );
}

#[test]
fn an_import_without_anything_usable_is_1_and_visible_in_the_doctor() {
    let house = House::with("");
    let file = house.path("bad.json");
    std::fs::write(&file, r#"{"Findings": [{"Title": "who am I"}]}"#).unwrap();
    let ran = house.run(&["import", file.to_str().unwrap()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.out.contains("set aside: ") && ran.err.contains("nothing of it could be used"),
        "{}",
        ran.err
    );
    let doctor = house.run(&["doctor", "--format", "json"]);
    let checks = doctor.rows();
    let aside = checks.iter().find(|c| c["name"] == "set aside").unwrap();
    assert_eq!(aside["verdict"], "warning");
    assert!(
        aside["detail"].as_str().unwrap().contains("bad.json"),
        "{aside}"
    );
    assert_eq!(doctor.exit, Exit::Done, "a warning is no failure");

    let ran = house.run(&["import", "/nowhere/x.json"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("/nowhere/x.json"), "{}", ran.err);
}

#[test]
fn the_doctor_fails_where_something_is_lost() {
    use chrono::TimeDelta;
    let house = House::with_findings();
    house.run(&["doctor"]).done();
    // The clock of the machine falls behind what was written.
    house.clock.advance(-TimeDelta::minutes(30));
    let ran = house.run(&["doctor"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.out.contains("FAILED") && ran.out.contains("NTP"),
        "{}",
        ran.out
    );
}

#[test]
fn nothing_that_comes_from_outside_steers_a_terminal() {
    let ran = run_bare(&[
        "--config",
        "/nowhere/\u{1b}[2J\u{202e}x.toml",
        "poam",
        "list",
    ]);
    assert_eq!(ran.exit, Exit::Configuration);
    assert!(
        !ran.err.contains('\u{1b}') && !ran.err.contains('\u{202e}'),
        "{:?}",
        ran.err
    );
    let house = House::with("");
    let file = house.path("f.json");
    let finding = std::fs::read_to_string(&super::fixtures()[0]).unwrap();
    let finding = finding.replacen(
        "S3 general purpose",
        "\\u001b[2J\\u202eS3 general purpose",
        1,
    );
    assert!(finding.contains("u001b"), "the fixture has that title");
    std::fs::write(&file, finding).unwrap();
    house.run(&["import", file.to_str().unwrap()]).done();
    for args in [
        &["poam", "list"][..],
        &["finding", "list"],
        &["poam", "show", "1"],
        &["audit", "list"],
    ] {
        let ran = house.run(args).done();
        assert!(
            !ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'),
            "{args:?}: {:?}",
            ran.out
        );
    }
}

#[test]
fn the_audit_log_proves_itself_and_shows_where_it_was_broken() {
    use diesel::connection::SimpleConnection;
    let house = House::with_findings();
    assert!(
        house
            .run(&["audit", "verify"])
            .done()
            .out
            .contains(" events, head ")
    );
    house
        .store()
        .write_here(|conn| {
            let poamd::store::AnyConnection::Sqlite(conn) = conn else {
                unreachable!()
            };
            conn.batch_execute("DROP TRIGGER audit_keeps_text")?;
            Ok(conn.batch_execute("UPDATE audit SET actor = 'nobody' WHERE n = 2")?)
        })
        .unwrap();
    let ran = house.run(&["audit", "verify"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("event 2") && ran.err.contains("altered"),
        "{}",
        ran.err
    );
}
