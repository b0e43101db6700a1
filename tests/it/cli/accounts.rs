//! Accounts: added, declared, imported, removed; none is ever forgotten.

use std::collections::BTreeMap;

use poamd::cli::failure::Exit;
use poamd::cli::load::declare_accounts;
use poamd_contract::clock::Clock;
use serde_json::Value;

use super::House;

fn listed(house: &House) -> Vec<(String, String, bool, bool)> {
    let rows = house.run(&["account", "list", "--format", "json"]).rows();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let yes = |v: &Value| v.as_bool().unwrap();
    rows.iter()
        .map(|a| {
            (
                text(&a["account"]),
                text(&a["name"]),
                yes(&a["active"]),
                yes(&a["declared"]),
            )
        })
        .collect()
}

fn events(house: &House) -> Vec<String> {
    let mut rows = house.run(&["audit", "list", "--format", "json"]).rows();
    rows.reverse();
    rows.iter()
        .map(|e| {
            format!(
                "{} {}",
                e["kind"].as_str().unwrap(),
                e["subject"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn an_account_is_added_shown_removed_and_kept() {
    let house = House::with("");
    let add = [
        "account",
        "add",
        "123456789012",
        "--name",
        "pay",
        "--regions",
        "us-gov-west-1",
        "--external-id",
        "generate",
    ];
    let ran = house.run(&add).done();
    assert!(
        ran.out
            .contains("sts:ExternalId 01234567-89ab-cdef-0123-456789abcdef"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("poamd scan --account 123456789012"),
        "{}",
        ran.out
    );
    let shown = house
        .run(&["account", "show", "pay", "--format", "json"])
        .json();
    assert_eq!(shown["partition"], "aws-us-gov");
    assert_eq!(shown["account_type"], "Prod");
    assert_eq!(shown["role"], "poamd-audit");
    let again = house.run(&add);
    assert_eq!(again.exit, Exit::Failed);
    assert!(again.err.contains("watched already"), "{}", again.err);
    house.run(&["account", "remove", "pay"]).done();
    assert_eq!(house.run(&["account", "remove", "pay"]).exit, Exit::Failed);
    assert_eq!(
        listed(&house),
        [("123456789012".into(), "pay".into(), false, false)]
    );
    assert_eq!(
        house.run(&["account", "list"]).out,
        "0 accounts, 1 account in all; see all: poamd account list --all\n"
    );
    house.run(&add).done();
    assert_eq!(
        events(&house),
        [
            "account.added account:123456789012",
            "account.removed account:123456789012",
            "account.added-again account:123456789012"
        ]
    );
}

#[test]
fn what_cannot_work_is_refused_and_nothing_is_written() {
    let house = House::with("");
    for (options, words) in [
        (
            vec!["--regions", "us-east-1,us-gov-west-1"],
            "--regions are of several partitions",
        ),
        (vec!["--regions", "global"], "--regions"),
        (
            vec!["--regions", "us-gov-west-1", "--partition", "aws"],
            "--partition is aws",
        ),
        (
            vec!["--regions", "us-east-1", "--external-id", "a b"],
            "--external-id is not one that STS accepts",
        ),
        (
            vec![
                "--regions",
                "us-east-1",
                "--role",
                "arn:aws:iam::210987654321:role/x",
            ],
            "--role is not a role of this",
        ),
        (
            vec!["--regions", "us-east-1", "--weight", "11"],
            "outside 0.1 to 10",
        ),
    ] {
        let mut args = vec!["account", "add", "123456789012", "--name", "pay"];
        args.extend(&options);
        let ran = house.run(&args);
        assert_eq!(ran.exit, Exit::Usage, "{options:?}");
        assert!(ran.err.contains(words), "{options:?}: {}", ran.err);
    }
}

#[test]
fn declared_accounts_follow_the_file_and_stay_when_they_leave_it() {
    let one = "[[accounts]]\nid = \"123456789012\"\nname = \"pay\"\nregions = [\"us-east-1\"]\n";
    let two =
        "[[accounts]]\nid = \"210987654321\"\nname = \"gov\"\nregions = [\"us-gov-west-1\"]\n";
    let house = House::with(&format!("{one}{two}"));
    let pay = |name: &str, active, declared| {
        ("123456789012".to_owned(), name.to_owned(), active, declared)
    };
    let gov = ("210987654321".to_owned(), "gov".to_owned(), true, true);
    assert_eq!(listed(&house), [pay("pay", true, true), gov.clone()]);
    let before = events(&house).len();
    assert_eq!(before, 2);
    listed(&house);
    assert_eq!(
        events(&house).len(),
        before,
        "the same file again writes nothing"
    );
    house.configure(&format!("{}{two}", one.replace("pay", "paying")));
    assert_eq!(listed(&house), [pay("paying", true, true), gov.clone()]);
    house.configure(two);
    let watched = [pay("paying", true, true), gov.clone()];
    assert_eq!(listed(&house), watched, "looking takes nothing away");
    let config = poamd::config::load(&house.path("poamd.toml"), &BTreeMap::new()).unwrap();
    let now = house.clock.now();
    declare_accounts(&config, &house.store(), "daemon", now).unwrap();
    assert_eq!(listed(&house), [pay("paying", false, false), gov.clone()]);
    house.configure(&format!("{one}{two}"));
    assert_eq!(listed(&house), [pay("pay", true, true), gov]);
    let ran = house.run(&["account", "remove", "pay"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("stands in the configuration"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_of_accounts_is_taken_whole_or_not_at_all() {
    let house = House::with("");
    let file = house.path("accounts.csv");
    let path = file.to_str().unwrap();
    std::fs::write(
        &file,
        "id,name,regions\n123456789012,a,us-east-1\n12,b,us-east-1\n",
    )
    .unwrap();
    let ran = house.run(&["account", "import", path]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("line 3") && ran.err.contains("nothing was taken"),
        "{}",
        ran.err
    );
    assert_eq!(listed(&house), []);
    std::fs::write(
        &file,
        "id,name,regions\n123456789012,a,us-east-1\n210987654321,b,us-east-1 us-west-2\n",
    )
    .unwrap();
    assert!(
        house
            .run(&["account", "import", path])
            .done()
            .out
            .starts_with("2 accounts added, 0 were watched")
    );
    assert!(
        house
            .run(&["account", "import", path])
            .done()
            .out
            .starts_with("0 accounts added, 2 were watched")
    );
    assert_eq!(listed(&house).len(), 2);
}
