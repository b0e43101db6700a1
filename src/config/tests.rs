//! Whole files: what is valid, and what each mistake is answered with.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn read(text: &str) -> Result<Config, ConfigErrors> {
    parse(Path::new("/etc/poamd/poamd.toml"), text, &env(&[]))
}

/// The problems, one line each, without the folder.
fn wrong(text: &str) -> Vec<String> {
    let problems = read(text).unwrap_err().problems;
    problems
        .iter()
        .map(|p| p.to_string().replace("/etc/poamd/", ""))
        .collect()
}

const JIRA: &str = r#"
[[desks]]
name = "tracker"
system = "jira-cloud"
url = "https://agency.atlassian.net"
email = "poamd@example.gov"
token = { credential = "jira_token" }
project = "SEC"
"#;

const SERVICENOW: &str = r#"
[[desks]]
name = "snow"
system = "servicenow"
url = "https://agency.service-now.com"
user = "poamd"
password = { file = "snow.secret" }
"#;

#[test]
fn an_empty_file_and_one_with_only_a_database_are_valid() {
    let config = read("").unwrap();
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite("/var/lib/poamd/poamd.db".into())
    );
    assert_eq!(config.schedule.sync.as_str(), "*/5 * * * *");
    assert_eq!(config.tickets.creates_per_run, 50);
    // The new Security Hub is read by whoever asks for it.
    let asked: Vec<&str> = aws::SOURCES
        .iter()
        .copied()
        .filter(|s| *s != "securityhub-v2")
        .collect();
    assert_eq!(config.aws.sources, asked);
    assert!(config.desks.is_empty() && config.mail.is_none());

    let config = read("[database]\nurl = \"sqlite:///absolute/path.db\"\n").unwrap();
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite("/absolute/path.db".into())
    );
}

#[test]
fn the_environment_gives_the_state_directory_and_the_journal() {
    let env = env(&[
        ("STATE_DIRECTORY", "/srv/state:/srv/other"),
        ("JOURNAL_STREAM", "8:1"),
    ]);
    let path = Path::new("poamd.toml");
    let config = parse(path, "", &env).unwrap();
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite("/srv/state/poamd.db".into())
    );
    assert_eq!(config.telemetry.format, telemetry::LogFormat::Journald);
    let config = parse(
        path,
        "database.url = \"sqlite://here.db\"\ntelemetry.format = \"json\"",
        &env,
    )
    .unwrap();
    assert_eq!(config.database.url, DatabaseUrl::Sqlite("here.db".into()));
    assert_eq!(config.telemetry.format, telemetry::LogFormat::Json);
}

#[test]
fn a_home_region_that_is_read_nowhere_is_a_problem() {
    let file = |home: &str, more: &str| {
        format!(
            "[aws]\nread = \"aggregator\"\naggregator = \"111122223333\"\nhome_region = \"{home}\"\n\
             [[accounts]]\nid = \"111122223333\"\nname = \"hub\"\nregions = [\"us-gov-west-1\"]\n{more}"
        )
    };
    assert!(read(&file("us-gov-west-1", "")).is_ok());
    assert_eq!(
        wrong(&file("us-gov-east-1", "")),
        [
            "poamd.toml:4: [aws] home_region: \"us-gov-east-1\" is none of the regions of the aggregator 111122223333 \
          (us-gov-west-1), so Security Hub would be read nowhere: add it to regions of that [[accounts]], or name here the \
          one that gathers the findings of all"
        ]
    );
    let lines = wrong(&file("us-gov-west-1", "active = false\n"));
    assert!(
        lines.len() == 1 && lines[0].contains("[aws] aggregator: \"111122223333\" is not watched"),
        "{lines:?}"
    );
    // An account of the database is asked when it is read.
    let elsewhere = file("us-gov-east-1", "").replacen("111122223333", "444455556666", 1);
    assert!(read(&elsewhere).is_ok());
}

#[test]
fn what_would_have_no_effect_is_a_problem() {
    let organization =
        "[aws.organization]\naccount = \"999900001111\"\nregions = [\"us-gov-west-1\"]\n";
    let asking = "asking_external_id = \"0d5f2c1e-9a53-4a3a-8c5e-7a1b7c0f4d10\"\n";
    let role = "asking_role = \"poamd-organization\"\n";
    let sources = |list: &str| format!("[aws]\nsources = [{list}]\n[writeback]\n");
    let (hub, new) = (
        sources("\"securityhub\""),
        sources("\"securityhub-v2\", \"guardduty\""),
    );
    for (text, want) in [
        (format!("{organization}{role}{asking}"), None),
        (organization.to_owned(), None),
        (
            format!("{organization}{asking}"),
            Some("poamd.toml:4: [aws.organization] asking_external_id: is asked of nobody"),
        ),
        (format!("{hub}enabled = true\n"), None),
        (format!("{hub}enabled = false\nwhat = []\n"), None),
        (format!("{new}enabled = false\n"), None),
        (
            format!("{hub}enabled = true\nwhat = []\n"),
            Some("poamd.toml:5: [writeback] what: is empty"),
        ),
        (
            format!("{new}enabled = true\n"),
            Some("poamd.toml:4: [writeback] enabled: has nothing to write to"),
        ),
    ] {
        match (read(&text), want) {
            (Ok(_), None) => {}
            (Err(_), Some(want)) => {
                let lines = wrong(&text);
                assert!(lines.len() == 1 && lines[0].starts_with(want), "{lines:?}");
            }
            (got, _) => panic!("{text}: {got:?}"),
        }
    }
}

#[test]
fn all_problems_come_at_once_each_with_line_key_and_nearest_name() {
    let text = r#"
[mail]
host = "smtp.example.gov"
prot = 587
from = "poamd"
security = "starttl"

[schedule]
scan = "0 25 * * *"
time_zone = "America/NewYork"

[tikets]
enabled = true

[tickets]
enabled = "yes"
creates_per_run = -1

[[accounts]]
id = 123456789012
name = "a"
regions = []
"#;
    assert_eq!(
        wrong(text),
        [
            r#"poamd.toml:4: [mail] prot: unknown key; did you mean "port"?"#,
            r#"poamd.toml:5: [mail] from: "poamd" is not a mail address: write "name@host" or "Name <name@host>""#,
            r#"poamd.toml:6: [mail] security: "starttl" is not one of starttls, tls, none; did you mean "starttls"?"#,
            r#"poamd.toml:9: [schedule] scan: "0 25 * * *": "25" is not a valid hour: 0-23"#,
            r#"poamd.toml:10: [schedule] time_zone: "America/NewYork" is not an IANA time zone such as "America/New_York"; did you mean "America/New_York"?"#,
            r#"poamd.toml:12: [tikets]: unknown section; did you mean "tickets"?"#,
            r#"poamd.toml:16: [tickets] enabled: is text in quotes, expected true or false"#,
            r#"poamd.toml:17: [tickets] creates_per_run: -1 is impossible, expected whole number from 0 to 10000"#,
            r#"poamd.toml:20: [[accounts]] id: is a number, expected account number, twelve digits in quotes"#,
            r#"poamd.toml:22: [[accounts]] regions: names no region; an account without one is never looked at (active = false says so openly)"#,
        ]
    );
}

#[test]
fn missing_keys_are_named_at_their_section_with_an_example() {
    assert_eq!(
        wrong("\n[mail]\nport = 25\n"),
        [
            r#"poamd.toml:2: [mail] host: missing; write for instance host = "smtp.example.gov""#,
            r#"poamd.toml:2: [mail] from: missing; write for instance from = "POA&M <poamd@example.gov>""#,
        ]
    );
    let lines = wrong(&format!(
        "{JIRA}\n[[desks]]\nname = \"two\"\nsystem = \"servicenow\"\n"
    ));
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("poamd.toml:10: [[desks]] ")),
        "{lines:#?}"
    );
    assert_eq!(lines.len(), 3, "url, user, password: {lines:#?}");
}

#[test]
fn syntax_errors_come_with_their_line() {
    let lines = wrong("[mail]\nhost = \nfrom = \"x\n");
    assert!(
        lines[0].starts_with("poamd.toml:2: not TOML: "),
        "{lines:#?}"
    );
    let lines = wrong("[mail]\nport = 1\nport = 2\n");
    assert_eq!(
        lines,
        ["poamd.toml:3: not TOML: this name stands here a second time"]
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for text in [
        "[mail]\nhost = \"h\"\nfrom = \"a@b\"\nuser = \"u\"\npassword = \"hunter2\"\n",
        "[aws]\naccess_key_id = \"hunter2\"\nsecret_access_key = \"hunter2\"\n",
        "[database]\nurl = \"postgres://u:hunter2@h/d\"\n",
        "[aws]\nendpoint_url = \"https://u:hunter2@h\"\n",
    ] {
        let lines = wrong(text).join("\n");
        assert!(!lines.contains("hunter2"), "{lines}");
        assert!(
            lines.contains("never stands in this file") || lines.contains("password in it"),
            "{lines}"
        );
    }
    for (secret, words) in [
        ("{}", "names no place or more than one"),
        (
            "{ env = \"A\", file = \"b\" }",
            "names no place or more than one",
        ),
        ("{ credentail = \"x\" }", "did you mean \"credential\""),
        (
            "{ credential = \"../x\" }",
            "not the name of a systemd credential",
        ),
        ("{ file = 3 }", "is a number, expected path"),
    ] {
        let lines = wrong(&format!(
            "[database]\nurl = \"postgres://h/d\"\npassword = {secret}\n"
        ))
        .join("\n");
        assert!(
            lines.starts_with("poamd.toml:3: [database] password") && lines.contains(words),
            "{lines}"
        );
    }
}

#[test]
fn sections_in_the_wrong_form_or_keys_in_the_wrong_place_are_told_where_they_belong() {
    for (text, line) in [
        (
            "[desks]\nname = \"x\"\n",
            "poamd.toml:1: [[desks]]: has to be a list of sections, each headed [[desks]] with two brackets",
        ),
        (
            "[[mail]]\nhost = \"x\"\n",
            "poamd.toml:1: [mail]: has to be one section, headed [mail]",
        ),
        (
            "budget = 0.5\n",
            "poamd.toml:1: [budget]: stands outside of its section; put it under [aws]",
        ),
        (
            "[tickets]\nbudget = 0.5\n",
            "poamd.toml:2: [tickets] budget: unknown key here; it belongs into [aws]",
        ),
        ("[colour]\n", "poamd.toml:1: [colour]: unknown section"),
    ] {
        let lines = wrong(text);
        assert!(lines.contains(&line.to_owned()), "{lines:#?}");
    }
    let lines = wrong(&format!("{SERVICENOW}project = \"SEC\"\n"));
    assert_eq!(
        lines,
        [
            r#"poamd.toml:8: [[desks]] project: unknown key here; it belongs to system = "jira-cloud""#
        ]
    );
}

#[test]
fn desks_read_with_the_defaults_of_their_system() {
    let config = read(&format!(
        "{JIRA}accounts = [\"123456789012\"]\n{SERVICENOW}"
    ))
    .unwrap();
    let [jira, snow] = config.desks.as_slice() else {
        panic!("two desks")
    };
    assert_eq!(
        (jira.settle, snow.settle),
        (Duration::from_secs(900), Duration::from_secs(300))
    );
    assert_eq!(jira.browse_url, jira.url);
    assert!(jira.justifiers.is_empty());
    let desks::Backend::ServiceNow(backend) = &snow.backend else {
        panic!("a ServiceNow desk")
    };
    assert_eq!(
        backend.password,
        Secret::File("/etc/poamd/snow.secret".into())
    );
    assert_eq!(backend.impacts[&poamd_contract::desk::Urgency::High], "1");
    assert_eq!(backend.accept_from, ["work_notes"]);
    assert_eq!(
        config
            .secrets()
            .iter()
            .map(|(key, _)| key.as_str())
            .collect::<Vec<_>>(),
        ["[[desks]] tracker token", "[[desks]] snow password"]
    );
}

#[test]
fn a_record_goes_to_the_first_desk_that_takes_its_account() {
    let config = read(&format!("{JIRA}accounts = [\"123456789012\", \"by-name\"]\naccount_labels = [\"prod\"]\n{SERVICENOW}")).unwrap();
    let desk =
        |id: &str, name: &str, label: &str| config.desk_for(id, name, label).unwrap().name.clone();
    assert_eq!(desk("123456789012", "x", "Dev"), "tracker");
    assert_eq!(desk("000000000000", "by-name", "Dev"), "tracker");
    assert_eq!(desk("000000000000", "x", "Prod"), "tracker");
    assert_eq!(desk("000000000000", "x", "Dev"), "snow");
    // With labels alone, accounts do not decide.
    let config = read(&format!("{JIRA}account_labels = [\"Prod\"]\n")).unwrap();
    assert!(config.desk_for("123456789012", "x", "Dev").is_none());
    let lines = wrong(&format!("{JIRA}{SERVICENOW}"));
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("gets no record: the desk \"tracker\" above takes every account"),
        "{lines:#?}"
    );
}

#[test]
fn a_short_settle_time_and_plain_http_are_for_loopback_only() {
    let with = |url: &str, settle: &str| {
        read(
            &JIRA
                .replace("https://agency.atlassian.net", url)
                .replace("project", &format!("settle = \"{settle}\"\nproject")),
        )
    };
    assert!(with("http://127.0.0.1:8080", "200ms").is_ok());
    assert!(with("https://agency.atlassian.net", "5m").is_ok());
    assert!(
        with("https://agency.atlassian.net", "4m")
            .unwrap_err()
            .to_string()
            .contains("too short")
    );
    assert!(
        with("http://jira.example", "15m")
            .unwrap_err()
            .to_string()
            .contains("not encrypted")
    );
    assert!(
        with("https://agency.atlassian.net", "2d")
            .unwrap_err()
            .to_string()
            .contains("impossible")
    );
}

#[test]
fn justifiers_are_ids_and_never_addresses() {
    assert!(
        read(&format!(
            "{JIRA}justifiers = [\"557058:f58131cb-b67d-43c7-b30d-6b58d40bd077\"]\n"
        ))
        .is_ok()
    );
    let lines = wrong(&format!("{JIRA}justifiers = [\"ann@example.gov\"]\n"));
    assert!(lines[0].contains("is not an id"), "{lines:#?}");
}

#[test]
fn accounts_know_their_partition_and_their_role() {
    let account = |rest: &str| {
        read(&format!(
            "[[accounts]]\nid = \"123456789012\"\nname = \"a\"\n{rest}\n"
        ))
    };
    let config = account("regions = [\"us-gov-west-1\", \"us-gov-east-1\"]").unwrap();
    let access = config.accounts[0].access();
    assert_eq!(
        access.role_arn().unwrap(),
        "arn:aws-us-gov:iam::123456789012:role/poamd-audit"
    );
    assert_eq!(
        account("regions = [\"us-east-1\"]\nrole = \"\"")
            .unwrap()
            .accounts[0]
            .role,
        None
    );
    for (rest, words) in [
        (
            "regions = [\"us-east-1\", \"cn-north-1\"]",
            "several partitions (aws, aws-cn)",
        ),
        (
            "regions = [\"us-gov-west-1\"]\npartition = \"aws\"",
            "the regions are of aws-us-gov",
        ),
        (
            "regions = [\"us-east-1\", \"us-east-1\"]",
            "us-east-1 twice",
        ),
        (
            "regions = [\"us-east-1\", \"global\"]",
            "is not a region to list",
        ),
        (
            "regions = [\"us-east-1\"]\nrole = \"arn:aws:iam::999999999999:role/x\"",
            "is not a role of this account",
        ),
        (
            "regions = [\"us-east-1\"]\nrole = \"a b\"",
            "is not the name of a role",
        ),
        (
            "regions = [\"us-east-1\"]\nexternal_id = \"a b\"",
            "is not one that STS accepts",
        ),
        ("regions = [\"us-east-1\"]\nweight = 11", "11 is impossible"),
    ] {
        let errors = account(rest).unwrap_err().to_string();
        assert!(errors.contains(words), "{rest}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    let twice =
        "[[accounts]]\nid = \"123456789012\"\nname = \"a\"\nregions = [\"us-east-1\"]\n".repeat(2);
    let lines = wrong(&twice);
    assert_eq!(lines.len(), 2, "number and name: {lines:#?}");
    assert!(
        lines[0].starts_with(
            "poamd.toml:6: [[accounts]] id: \"123456789012\" stands here a second time"
        ),
        "{lines:#?}"
    );
}

const REPORT: &str =
    "[[reports]]\nname = \"weekly\"\nrecipients = [\"a@b.gov\"]\nschedule = \"0 7 * * 1\"\n";

#[test]
fn reports_take_the_zone_of_the_schedule_and_need_mail() {
    let mail =
        "[mail]\nhost = \"127.0.0.1\"\nsecurity = \"none\"\nfrom = \"POAM <poamd@example.gov>\"\n";
    let config = read(&format!(
        "[schedule]\ntime_zone = \"America/Denver\"\n{mail}{REPORT}"
    ))
    .unwrap();
    assert_eq!(config.reports[0].time_zone, Tz::America__Denver);
    assert_eq!(config.reports[0].attachments, [reports::Attachment::Csv]);
    let mail = config.mail.unwrap();
    assert_eq!(
        (mail.port, mail.message_id_domain.as_str()),
        (25, "example.gov")
    );
    assert!(wrong(REPORT)[0].contains("there is no section [mail]"));
}

#[test]
fn mail_is_encrypted_off_loopback() {
    let mail = |rest: &str| read(&format!("[mail]\nfrom = \"a@b.gov\"\n{rest}\n"));
    assert_eq!(
        mail("host = \"smtp.example.gov\"")
            .unwrap()
            .mail
            .unwrap()
            .port,
        587
    );
    assert_eq!(
        mail("host = \"smtp.example.gov\"\nsecurity = \"tls\"")
            .unwrap()
            .mail
            .unwrap()
            .port,
        465
    );
    assert!(
        mail("host = \"smtp.example.gov\"\nsecurity = \"none\"")
            .unwrap_err()
            .to_string()
            .contains("loopback only")
    );
    assert!(
        mail("host = \"smtp.example.gov:25\"").is_ok_and(|_| false)
            || mail("host = \"a b\"").is_err()
    );
    assert!(
        mail("host = \"h\"\nuser = \"u\"")
            .unwrap_err()
            .to_string()
            .contains("add password")
    );
}

#[test]
fn endpoints_of_unknown_services_are_refused() {
    let lines = wrong(
        "[aws]\nendpoint_urls = { secuirtyhub = \"https://x.example\", sts = \"http://x.example\" }\n",
    );
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|l| l.contains("did you mean \"securityhub\"")),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|l| l.contains("[aws] endpoint_urls.sts") && l.contains("not encrypted")),
        "{lines:#?}"
    );
    assert!(read("[aws]\nendpoint_urls.sts = \"http://127.0.0.1:5000\"\n").is_ok());
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("poamd.toml");
    let error = |env: &dyn Env| load(&path, env).unwrap_err().to_string();
    assert!(error(&env(&[])).contains("cannot be read (No such file"));
    std::fs::write(&path, b"[mail]\nhost = \"\xff\"\n").unwrap();
    assert!(error(&env(&[])).contains("poamd.toml:2: is not UTF-8 here"));
    std::fs::write(&path, "").unwrap();
    assert!(load(&path, &env(&[])).is_ok());
}

/// Every setting of the example, without the comments.
fn uncommented(example: &str) -> String {
    let setting = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| !rest.starts_with(' '))
            .map(str::to_owned)
    };
    example
        .lines()
        .map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

#[test]
fn the_example_is_valid_as_it_is_and_uncommented() {
    let example = example::render();
    assert_eq!(
        read(&example).unwrap(),
        read("").unwrap(),
        "as it stands it is the defaults"
    );
    // Some settings exclude each other, which the file says; take one of each pair.
    let text: String = uncommented(&example)
        .lines()
        .filter(|l| !l.starts_with("profile ="))
        .fold(String::new(), |t, l| t + l + "\n");
    let text = text.replace(
        "url = \"sqlite:///var/lib/poamd/poamd.db\"",
        "url = \"postgres://poamd@db/poamd\"",
    );
    let config = read(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(
        (
            config.desks.len(),
            config.accounts.len(),
            config.reports.len()
        ),
        (2, 1, 1)
    );
    assert_eq!(config.secrets().len(), 6);
}

#[test]
fn every_key_is_described_and_every_described_key_is_read() {
    for info in schema::keys() {
        assert!(
            !info.doc.is_empty() && info.doc.ends_with('.'),
            "{} {}",
            info.section,
            info.key
        );
        assert!(
            !info.required || info.default.is_none(),
            "{} {}",
            info.section,
            info.key
        );
    }
    // A value of a type no key takes: each described key has to complain.
    let mut variants = vec![];
    for section in schema::SECTIONS {
        match section.variants {
            Some((by, names)) => {
                variants.extend(names.iter().map(|name| (section, Some((by, *name)))))
            }
            None => variants.push((section, None)),
        }
    }
    for (section, variant) in variants {
        for key in section.keys_of(variant.map(|(_, name)| name)) {
            let system = variant
                .filter(|(by, _)| *by != key.name)
                .map(|(by, name)| format!("{by} = \"{name}\"\n"));
            let text = format!(
                "{}\n{}{} = 1979-05-27\n",
                section.heading(),
                system.unwrap_or_default(),
                key.name
            );
            let line = format!(
                "{} {}: is a date or time, expected",
                section.heading(),
                key.name
            );
            let secret = format!(
                "{} {}: a secret never stands in this file",
                section.heading(),
                key.name
            );
            let lines = wrong(&text).join("\n");
            assert!(
                lines.contains(&line) || lines.contains(&secret),
                "{} is not read: {lines}",
                key.name
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_broken_example_never_panics_and_every_problem_is_one_line(cut in 0usize..20_000, junk in "\\PC{0,6}") {
        let text = uncommented(&example::render());
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let broken = format!("{}{junk}{}", &text[..cut], &text[cut..]);
        if let Err(errors) = read(&broken) {
            prop_assert!(!errors.problems.is_empty());
            prop_assert_eq!(errors.to_string().lines().count(), errors.problems.len());
        }
    }
}
