//! What needs no configuration, and what only reads it.

use poamd::cli::failure::Exit;

use super::{House, run_bare};

#[test]
fn version_says_what_a_report_of_a_problem_needs() {
    let short = run_bare(&["--version"]).done().out;
    assert_eq!(short, concat!("poamd ", env!("CARGO_PKG_VERSION"), "\n"));
    let long = run_bare(&["--version", "--verbose"]).done().out;
    let lines: Vec<&str> = long.lines().map(|l| l.split(' ').next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "poamd",
            "commit:",
            "features:",
            "database:",
            "cryptography:"
        ]
    );
    assert!(
        long.contains("SQLite 3.") && long.contains("aws-lc-rs 1."),
        "{long}"
    );
}

#[test]
fn verbs_that_need_no_configuration_work_without_one() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run_bare(&["completions", shell]).done().out;
        assert!(
            script.contains("poamd") && script.contains("coverage"),
            "{shell}"
        );
    }
    assert!(run_bare(&["man"]).done().out.contains(".TH poamd 1"));
    let example = run_bare(&["config", "example"]).done().out;
    assert!(example.contains("[database]"));
    assert!(
        run_bare(&["policy", "test"])
            .done()
            .out
            .contains(" 0 failed")
    );
    assert!(
        run_bare(&["policy", "check"])
            .done()
            .out
            .contains("well formed")
    );
    assert!(
        run_bare(&["policy", "list", "--format", "json"])
            .rows()
            .len()
            >= 4
    );
}

#[test]
fn every_verb_has_a_page() {
    let house = House::with("");
    let dir = house.path("man");
    run_bare(&["man", "--dir", dir.to_str().unwrap()]).done();
    for page in [
        "poamd.1",
        "poamd-poam-list.1",
        "poamd-account-add.1",
        "poamd-config-check.1",
        "poamd-run.1",
    ] {
        let text =
            std::fs::read_to_string(dir.join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn a_policy_of_ones_own_that_fails_its_test_is_named() {
    let house = House::with("");
    let dir = house.path("policies");
    std::fs::create_dir_all(dir.join("s3")).unwrap();
    std::fs::write(dir.join("s3/broken.rego"), "package x\n{{{").unwrap();
    let ran = run_bare(&["policy", "check", "--dir", dir.to_str().unwrap()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("broken"), "{}", ran.err);
}

#[test]
fn a_check_proves_each_part_and_names_the_next_runs_with_their_zone() {
    let mail = "[mail]\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"p@example.gov\"\nsecurity = \"none\"\n\
        [[reports]]\nname = \"weekly\"\nrecipients = [\"isso@example.gov\"]\nschedule = \"0 7 * * MON\"\n\
        time_zone = \"America/New_York\"\n";
    let house = House::with(mail);
    let ran = house.run(&["config", "check", "--offline", "--format", "json"]);
    let checks = ran.rows();
    let named = |name: &str| {
        checks
            .iter()
            .find(|c| c["name"] == name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    for part in ["configuration", "database", "policies", "templates"] {
        assert_eq!(named(part)["verdict"], "ok", "{part}");
    }
    let next = named("schedule: report weekly")["detail"].as_str().unwrap();
    assert!(
        next.contains("2026-11-23 07:00 EST (2026-11-23T12:00:00Z)"),
        "{next}"
    );
    assert!(
        house
            .run(&["report", "next"])
            .done()
            .out
            .starts_with("weekly: 2026-11-23 07:00 EST")
    );
    // Nobody listens on that port: asked for real, the mail server fails, and so does the check.
    let ran = house.run(&["config", "check"]);
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.out);
    let shown = house.run(&["config", "show"]).done().out;
    assert!(shown.contains("mail        127.0.0.1:1 (none)"), "{shown}");
}

#[test]
fn a_check_makes_no_ledger_and_changes_none() {
    let house = House::with("");
    let config = std::fs::read_to_string(house.path("poamd.toml")).unwrap();
    let database = |house: &House| {
        let ran = house.run(&["config", "check", "--offline", "--format", "json"]);
        let checks = ran.rows();
        let check = checks.iter().find(|c| c["name"] == "database").unwrap();
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        (text("verdict"), text("detail"))
    };
    let at = |place: &str| {
        let url = format!("url = \"sqlite://{}\"", house.path(place).display());
        let lines = config.lines().map(|line| match line.starts_with("url = ") {
            true => url.as_str(),
            false => line,
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        assert!(text.contains(place), "{text}");
        std::fs::write(house.path("poamd.toml"), text).unwrap();
    };
    at("mistyped/folder/poamd.db");
    let (verdict, said) = database(&house);
    assert_eq!(verdict, "warning");
    assert!(
        said.contains("does not exist yet, nor does its folder"),
        "{said}"
    );
    assert!(!house.path("mistyped").exists());
    at("fresh.db");
    let (verdict, said) = database(&house);
    assert_eq!(verdict, "ok");
    assert!(
        said.contains("fresh.db does not exist yet; it is created at start"),
        "{said}"
    );
    assert!(!house.path("fresh.db").exists());
    // One that an older program made is opened and left as it is.
    std::fs::write(house.path("fresh.db"), "").unwrap();
    let (verdict, said) = database(&house);
    assert_eq!(verdict, "ok");
    assert!(
        said.contains("the next start brings it up to date"),
        "{said}"
    );
    house.run(&["account", "list"]).done();
    let (_, said) = database(&house);
    assert!(
        said.contains("its schema is that of this program"),
        "{said}"
    );
}

#[test]
fn a_check_names_what_contradicts_itself_in_organization_and_write_back() {
    let organization =
        "[aws.organization]\naccount = \"999900001111\"\nregions = [\"us-gov-west-1\"]\n";
    let detail = |config: &str, name: &str| {
        let house = House::with(config);
        let ran = house.run(&["config", "check", "--offline", "--format", "json"]);
        let checks = ran.rows();
        let check = checks.iter().find(|c| c["name"] == name);
        check.map(|c| {
            let text = |key: &str| c[key].as_str().unwrap().to_owned();
            (text("verdict"), text("detail"))
        })
    };
    let good = format!("{organization}external_id = \"x-1\"\ninclude = [\"ou:/Workloads/*\"]\n");
    let (verdict, said) = detail(&good, "organization").unwrap();
    assert_eq!(verdict, "ok", "{said}");
    assert!(
        said.contains("999900001111 in aws-us-gov") && said.contains("ou:/Workloads/*"),
        "{said}"
    );
    for (more, want) in [
        ("include = [\"id:prod*\"]\n", "fits no account"),
        ("exclude = [\"name:*\"]\n", "leaves out every account"),
        (
            "include = [\"name:a\"]\nexclude = [\"name:a\"]\n",
            "included and excluded",
        ),
        (
            "labels = [\"Dev = name:*\", \"Test = name:t*\"]\n",
            "is never given",
        ),
        (
            "[[accounts]]\nid = \"123456789012\"\nname = \"shop\"\nregions = [\"us-east-1\"]\nexternal_id = \"y-1\"\n",
            "another partition",
        ),
    ] {
        let (verdict, said) = detail(
            &format!("{good}{more}").replace("include = [\"ou:/Workloads/*\"]\ninclude", "include"),
            "organization",
        )
        .unwrap();
        assert_eq!(verdict, "warning", "{more}");
        assert!(said.contains(want), "{more}: {said}");
    }
    let (_, said) = detail(organization, "organization").unwrap();
    assert!(said.contains("no external_id"), "{said}");
    // A label that only the organization gives is known.
    let report = "[mail]\nhost = \"127.0.0.1\"\nfrom = \"p@example.gov\"\nsecurity = \"none\"\n[[reports]]\nname = \"r\"\n\
        recipients = [\"i@example.gov\"]\nschedule = \"0 7 * * MON\"\naccount_labels = [\"Sandbox\"]\n";
    let (verdict, _) = detail(&format!("{good}{report}"), "names").unwrap();
    assert_eq!(verdict, "warning");
    let known = format!("{good}labels = [\"Sandbox = name:s*\"]\n{report}");
    assert_eq!(detail(&known, "names").unwrap().0, "ok");

    assert_eq!(detail("", "writeback"), None);
    let (verdict, said) = detail("[writeback]\nenabled = true\n", "writeback").unwrap();
    assert_eq!(verdict, "warning");
    assert!(said.contains("no ticket is ever made"), "{said}");
    assert_eq!(
        detail(
            "[writeback]\nenabled = true\nwhat = [\"fields\"]\n",
            "writeback"
        )
        .unwrap()
        .0,
        "ok"
    );
}

#[test]
fn a_secret_that_is_not_there_fails_the_check_and_is_never_printed() {
    let house = House::with(
        "[mail]\nhost = \"127.0.0.1\"\nfrom = \"p@example.gov\"\nuser = \"p\"\n\
         password = { file = \"password\" }\n",
    );
    let ran = house.run(&["config", "check", "--offline"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.out.contains("secret [mail] password"), "{}", ran.out);
    std::fs::write(house.path("password"), "hunter2\n").unwrap();
    let ran = house.run(&["config", "check", "--offline"]).done();
    let shown = house.run(&["config", "show"]).done();
    assert!(!ran.out.contains("hunter2") && !shown.out.contains("hunter2"));
}

#[test]
fn a_preview_is_written_and_nothing_is_mailed() {
    let house = House::with_findings();
    let config = std::fs::read_to_string(house.path("poamd.toml")).unwrap();
    std::fs::write(
        house.path("poamd.toml"),
        format!(
            "{config}[mail]\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"p@example.gov\"\nsecurity = \"none\"\n\
             [[reports]]\nname = \"weekly\"\nrecipients = [\"isso@example.gov\"]\nschedule = \"0 7 * * MON\"\n"
        ),
    )
    .unwrap();
    let out = house.path("preview");
    house
        .run(&[
            "report",
            "preview",
            "weekly",
            "--out",
            out.to_str().unwrap(),
        ])
        .done();
    let text = std::fs::read_to_string(out.join("weekly.txt")).unwrap();
    assert!(
        text.starts_with("Subject: ") && text.contains("POAM-0000"),
        "{text}"
    );
    assert!(out.join("weekly.html").exists());
    let reports = house.run(&["report", "list", "--format", "json"]).rows();
    assert_eq!(reports[0]["last"], serde_json::Value::Null);
    let ran = house.run(&["report", "run", "monthly"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("weekly"), "{}", ran.err);
}
