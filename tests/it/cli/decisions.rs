//! Who decides: two people where the rules ask for two, told apart by the operating system and not by what a variable says.

use poamd::cli::failure::Exit;

use super::House;

const WHY: &str = "the load balancer in front of it takes no such request";

/// Somebody's environment: the number of the process's user, what sudo left, and what `$USER` claims.
fn as_user<'a>(uid: &'a str, sudo: Option<&'a str>, claims: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut env = vec![("TEST_UID", uid), ("USER", claims)];
    env.extend(sudo.map(|uid| ("SUDO_UID", uid)));
    env
}

fn first_high(house: &House) -> String {
    let rows = house.run(&["poam", "list", "--format", "json"]).rows();
    let high = rows
        .iter()
        .find(|r| r["rating"] == "high" && r["status"] == "open");
    high.unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn one_person_does_not_approve_under_another_name() {
    let house = House::with_findings();
    let id = first_high(&house);
    let deviate = |env: &[(&str, &str)], args: &[&str]| {
        let mut all = vec!["poam", "deviation"];
        all.extend(args);
        house.run_in(env, None, &all)
    };
    let asked = [
        "request",
        &id,
        "--kind",
        "risk-adjustment",
        "--to",
        "moderate",
        "--mitigations",
        "the load balancer",
        "--why",
        WHY,
    ];
    deviate(&as_user("1001", None, "dana"), &asked).done();
    for same in [
        as_user("1001", None, "omar"),
        as_user("1001", Some("1002"), "omar"),
        as_user("0", Some("1001"), "root"),
        as_user("990", Some("1001"), "poamd"),
    ] {
        let ran = deviate(&same, &["approve-internally", &id]);
        assert_eq!(ran.exit, Exit::Failed, "{same:?}");
        assert!(
            ran.err.contains("cli:dana#1001 asked for it") && ran.err.contains("same person"),
            "{}",
            ran.err
        );
    }
    deviate(
        &as_user("990", Some("1002"), "dana"),
        &["approve-internally", &id],
    )
    .done();
    let history = house
        .run(&["poam", "history", &id, "--format", "json"])
        .rows();
    let by = |kind: &str| {
        let event = history.iter().find(|e| e["kind"] == kind).unwrap();
        event["actor"].as_str().unwrap().to_owned()
    };
    assert_eq!(by("deviation.requested"), "cli:dana#1001");
    assert_eq!(by("deviation.approved-internally"), "cli:omar#1002/sudo");
}

#[test]
fn a_shared_item_is_for_monthly_monitoring_and_not_for_an_assessment() {
    let house = House::with_findings();
    let out = house.path("poam.xlsx");
    let export = |more: &[&str]| {
        let mut args = vec![
            "export",
            "--format",
            "fedramp-xlsx",
            "--out",
            out.to_str().unwrap(),
        ];
        args.extend(more);
        house.run(&args)
    };
    let both = export(&["--roll-up", "--occasion", "assessment"]);
    assert_eq!(both.exit, Exit::Usage);
    assert!(both.err.contains("monthly monitoring"), "{}", both.err);
    let shares = || {
        let bytes = std::fs::read(&out).unwrap();
        let sheet = crate::forms::workbook::sheet(&bytes, "Open POA&M Items");
        crate::forms::workbook::said(&sheet, 6, 1) == "POAM-CM-6"
    };
    export(&[]).done();
    assert!(!shares());
    export(&["--roll-up"]).done();
    assert!(shares());
    let config = std::fs::read_to_string(house.path("poamd.toml")).unwrap();
    std::fs::write(
        house.path("poamd.toml"),
        format!("{config}[poam]\nroll_up = true\n"),
    )
    .unwrap();
    export(&[]).done();
    assert!(shares(), "the rule of the configuration");
    export(&["--occasion", "assessment"]).done();
    assert!(!shares());
}
