//! What is listed: the contract of the names, completeness, filters, tables.

use std::collections::BTreeSet;

use diesel::{ExpressionMethods, RunQueryDsl};
use poamd::cli::failure::Exit;
use poamd::cli::shell::Screen;
use poamd::query::{Column, View};
use poamd::store::schema::{justifications, tickets};
use poamd::store::time::Stamp;
use serde_json::Value;

use super::House;

/// Names that programs rely on: never taken away, never changed in meaning.
const CONTRACT: [(&str, &[&str]); 3] = [
    (
        "poam",
        &[
            "id",
            "weakness",
            "title",
            "account",
            "rating",
            "score",
            "status",
            "detected",
            "due",
            "sources",
            "items",
            "tickets",
            "justification",
        ],
    ),
    (
        "finding",
        &[
            "id",
            "native_ids",
            "source",
            "channels",
            "account",
            "region",
            "title",
            "item",
            "items",
            "weakness",
            "severity",
            "score",
            "status",
            "first_seen",
            "last_seen",
            "justified",
            "poam",
            "tickets",
        ],
    ),
    (
        "item",
        &[
            "name",
            "arn",
            "technology",
            "account",
            "account_type",
            "region",
            "score",
            "unjustified_score",
            "findings",
            "first_seen",
            "last_modified",
            "active",
        ],
    ),
];

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// One ticket and one justification on the first record, as the desks' side would leave them.
fn answer_on_the_first_record(house: &House) {
    let at: Stamp = "2026-11-21T10:00:00".parse().unwrap();
    let until: Stamp = "2027-01-31T00:00:00".parse().unwrap();
    house
        .store()
        .write_here(|conn| {
            diesel::insert_into(tickets::table)
                .values((
                    (
                        tickets::record_id.eq(1),
                        tickets::desk.eq("tracker"),
                        tickets::generation.eq(1),
                        tickets::marker_key.eq("poamd:v1:t:POAM-000001"),
                        tickets::marker_label.eq("poamd-1"),
                        tickets::link.eq("linked"),
                        tickets::remote_id.eq("10001"),
                        tickets::remote_key.eq("SEC-1"),
                        tickets::url.eq("https://tracker.example/browse/SEC-1"),
                    ),
                    (
                        tickets::state.eq("in-progress"),
                        tickets::status.eq("Working"),
                        tickets::written.eq("{}"),
                        tickets::seen.eq("{}"),
                        tickets::created_at.eq(at),
                        tickets::changed_at.eq(at),
                    ),
                ))
                .execute(conn)?;
            diesel::insert_into(justifications::table)
                .values((
                    (
                        justifications::record_id.eq(1),
                        justifications::desk.eq("tracker"),
                        justifications::ticket_key.eq("SEC-1"),
                        justifications::comment_id.eq("7"),
                        justifications::author_id.eq("u-1"),
                        justifications::author.eq("Dana Reyes"),
                        justifications::reason.eq("=cmd|' /C calc'!A0 is not run"),
                    ),
                    (
                        justifications::verbatim.eq("/justify"),
                        justifications::verbatim_sha256.eq("0"),
                        justifications::state.eq("accepted"),
                        justifications::commented_at.eq(at),
                        justifications::accepted_at.eq(at),
                        justifications::expires_at.eq(until),
                    ),
                ))
                .execute(conn)?;
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_names_of_the_contract_are_there() {
    let house = House::with_findings();
    answer_on_the_first_record(&house);
    for (noun, names) in CONTRACT {
        let rows = house.run(&[noun, "list", "--format", "json"]).rows();
        assert!(rows.len() > 5, "{noun}");
        for row in &rows {
            let keys = keys(row);
            let missing: Vec<_> = names.iter().filter(|name| !keys.contains(**name)).collect();
            assert!(missing.is_empty(), "{noun} lacks {missing:?}");
        }
    }
    let record = &house.run(&["poam", "list", "--format", "json"]).rows()[0];
    assert_eq!(record["id"], "POAM-000001");
    assert_eq!(
        keys(&record["items"][0]),
        BTreeSet::from(["name", "arn", "technology", "region"])
    );
    assert_eq!(
        record["tickets"],
        serde_json::json!([{ "desk": "tracker", "key": "SEC-1",
            "url": "https://tracker.example/browse/SEC-1", "state": "in-progress" }])
    );
    assert_eq!(
        record["justification"],
        serde_json::json!({ "text": "=cmd|' /C calc'!A0 is not run", "author": "Dana Reyes",
            "at": "2026-11-21T10:00:00Z", "until": "2027-01-30" })
    );
    assert!(record["score"].is_number());
    assert!(record["detected"].as_str().unwrap().ends_with('Z'));
    assert_eq!(record["due"].as_str().unwrap().len(), 10);
}

/// Every field is a column or several, and every column a field.
fn columns_fit<T: View>(columns: &[Column], row: &Value) {
    let of_columns: BTreeSet<&str> = columns.iter().map(|(_, path)| path[0]).collect();
    assert_eq!(of_columns, keys(row), "{}", T::NOUN);
    for (name, path) in columns {
        assert_eq!(name.split('.').next().unwrap(), path[0], "{}", T::NOUN);
    }
}

#[test]
fn csv_has_the_same_names_as_json_and_no_formula() {
    use poamd::query::{finding::FindingView, item::ItemView, poam::PoamView, ticket::TicketView};
    let house = House::with_findings();
    answer_on_the_first_record(&house);
    let row = |noun: &str| house.run(&[noun, "list", "--format", "json"]).rows()[0].clone();
    columns_fit::<PoamView>(PoamView::COLUMNS, &row("poam"));
    columns_fit::<FindingView>(FindingView::COLUMNS, &row("finding"));
    columns_fit::<ItemView>(ItemView::COLUMNS, &row("item"));
    columns_fit::<TicketView>(TicketView::COLUMNS, &row("ticket"));
    for noun in ["poam", "finding", "item"] {
        let json = house.run(&[noun, "list", "--format", "json"]).rows();
        let text = house.run(&[noun, "list", "--format", "csv"]).done().out;
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), json.len(), "{noun}");
        for cell in rows.iter().flatten() {
            let number = cell.parse::<f64>().is_ok();
            assert!(
                number || !cell.starts_with(['=', '+', '-', '@']),
                "{noun}: {cell}"
            );
        }
    }
    let text = house.run(&["poam", "list", "--format", "csv"]).done().out;
    assert!(
        text.contains("\"'=cmd|' /C calc'!A0 is not run\""),
        "{text}"
    );
}

#[test]
fn json_holds_every_status_and_a_table_the_open_ones() {
    let house = House::with_findings();
    let rows = house.run(&["finding", "list", "--format", "json"]).rows();
    let statuses: BTreeSet<&str> = rows.iter().map(|f| f["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, BTreeSet::from(["open", "fixed", "not-observed"]));
    let open = rows.iter().filter(|f| f["status"] == "open").count();
    let table = house.run(&["finding", "list"]).done().out;
    let footer = table.lines().last().unwrap();
    assert_eq!(
        footer,
        format!(
            "{open} open findings, {} findings in all; see all: poamd finding list --all",
            rows.len()
        )
    );
    let all = house.run(&["finding", "list", "--all"]).done().out;
    assert_eq!(
        all.lines().last().unwrap(),
        format!("{} findings", rows.len())
    );
    assert_eq!(all.lines().count(), rows.len() + 2);
    let none = house.run(&["poam", "list", "--region", "mars"]).done();
    assert_eq!(none.out, "0 open records\n");
    assert_eq!(
        house
            .run(&["poam", "list", "--region", "mars", "--format", "json"])
            .out,
        "[]\n"
    );
}

#[test]
fn an_account_that_is_none_is_told_and_a_part_of_one_is_none() {
    let house = House::with_findings();
    for wanted in ["govcloud", "1234", "pay"] {
        for noun in ["poam", "finding", "item", "ticket", "coverage"] {
            let ran = house.run(&[noun, "list", "--account", wanted]);
            assert_eq!(ran.exit, Exit::Usage, "{noun} {}", ran.out);
            assert!(
                ran.err.contains(wanted) && ran.err.contains("payments"),
                "{}",
                ran.err
            );
        }
    }
    for wanted in ["payments", "PAY*", "123456789012"] {
        let rows = house
            .run(&["poam", "list", "--format", "json", "--account", wanted])
            .rows();
        assert!(!rows.is_empty(), "{wanted}");
        assert!(rows.iter().all(|r| r["account"] == "123456789012"));
    }
}

#[test]
fn late_records_are_those_past_their_day() {
    let house = House::with_findings();
    let rows = |args: &[&str]| house.run(args).rows();
    let all = rows(&["poam", "list", "--format", "json"]);
    let late = rows(&["poam", "list", "--late", "--format", "json"]);
    let expected: Vec<_> = all
        .iter()
        .filter(|r| r["status"] != "closed" && r["due"].as_str().is_some_and(|d| d < "2026-11-22"))
        .collect();
    assert!(!expected.is_empty() && expected.len() < all.len());
    assert_eq!(late.iter().collect::<Vec<_>>(), expected);
    assert_eq!(
        rows(&["export", "--late", "--format", "json"]).len(),
        late.len()
    );
}

#[test]
fn looking_makes_no_ledger() {
    let house = House::with("");
    for args in [
        &["poam", "list"][..],
        &["audit", "verify"],
        &["export", "--format", "csv"],
    ] {
        let ran = house.run(args);
        assert_eq!(ran.exit, Exit::Failed, "{args:?}");
        assert!(ran.err.contains("there is no ledger"), "{}", ran.err);
    }
    assert!(!house.database().exists());
}

#[test]
fn scores_of_items_are_the_sums_of_their_open_findings() {
    let house = House::with_findings();
    let findings = house.run(&["finding", "list", "--format", "json"]).rows();
    for item in house.run(&["item", "list", "--format", "json"]).rows() {
        let on_it = findings.iter().filter(|f| {
            f["status"] == "open"
                && f["item"]["arn"] == item["arn"]
                && f["account"] == item["account"]
        });
        let sum: f64 = on_it.clone().map(|f| f["score"].as_f64().unwrap()).sum();
        assert_eq!(item["score"].as_f64().unwrap(), sum, "{item}");
        assert_eq!(item["unjustified_score"].as_f64().unwrap(), sum, "{item}");
        assert_eq!(
            item["findings"].as_u64().unwrap(),
            on_it.count() as u64,
            "{item}"
        );
    }
}

#[test]
fn a_filter_lets_through_what_it_names_and_nothing_else() {
    let house = House::with_findings();
    type Test = fn(&Value) -> bool;
    let cases: [(&str, &[&str], Test); 14] = [
        ("poam", &["--account", "payments"], |r| {
            r["account"] == "123456789012"
        }),
        ("poam", &["--account-type", "dev"], |r| {
            r["account"] == "123456789012"
        }),
        ("poam", &["--rating", "low,moderate"], |r| {
            r["rating"] != "high"
        }),
        ("poam", &["--min-score", "9"], |r| {
            r["score"].as_f64() >= Some(9.0)
        }),
        ("poam", &["--min-unjustified", "9.5"], |r| {
            r["unjustified_score"].as_f64() >= Some(9.5)
        }),
        ("poam", &["--source", "GuardDuty"], |r| {
            r["sources"]
                .as_array()
                .unwrap()
                .contains(&"guardduty".into())
        }),
        ("poam", &["--name", "web-?"], |r| {
            r["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|i| i["name"] == "web-1")
        }),
        ("poam", &["--technology", "s3"], |r| {
            r["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|i| i["technology"] == "s3")
        }),
        ("finding", &["--status", "fixed"], |f| {
            f["status"] == "fixed"
        }),
        ("finding", &["--region", "us-gov-*"], |f| {
            let items = f["items"].as_array().unwrap();
            items
                .iter()
                .any(|i| i["region"].as_str().unwrap().starts_with("us-gov-"))
        }),
        ("finding", &["--arn", "arn:aws-us-gov:*"], |f| {
            let items = f["items"].as_array().unwrap();
            items
                .iter()
                .any(|i| i["arn"].as_str().unwrap().starts_with("arn:aws-us-gov:"))
        }),
        ("item", &["--technology", "ec2instance"], |i| {
            i["technology"] == "ec2instance"
        }),
        ("item", &["--min-score", "9"], |i| {
            i["score"].as_f64() >= Some(9.0)
        }),
        (
            "item",
            &["--account", "123456789012", "--status", "active"],
            |i| i["account"] == "123456789012" && i["active"] == true,
        ),
    ];
    for (noun, options, wanted) in cases {
        let all = house.run(&[noun, "list", "--format", "json"]).rows();
        let mut args = vec![noun, "list", "--format", "json"];
        args.extend(options);
        let some = house.run(&args).rows();
        let expected: Vec<Value> = all.iter().filter(|row| wanted(row)).cloned().collect();
        assert!(
            !expected.is_empty() && expected.len() < all.len(),
            "{noun} {options:?} proves nothing"
        );
        assert_eq!(some, expected, "{noun} {options:?}");
    }
}

#[test]
fn text_in_a_configuration_finds_its_item() {
    use poamd::store::items::{self, RevisionRow};
    let house = House::with_findings();
    let mut item = house.store().read_here(items::all).unwrap().remove(0);
    item.revision = 2;
    house
        .store()
        .write_here(|conn| {
            for (number, config) in [
                (1, r#"{"old": "needle"}"#),
                (2, r#"{"Encryption": "AES256"}"#),
            ] {
                let row = RevisionRow {
                    account: item.account.clone(),
                    arn: item.arn.clone(),
                    number,
                    seen_at: item.first_seen,
                    config: config.to_owned(),
                };
                items::insert_revision(conn, &row)?;
            }
            items::update(conn, &item, &item, item.first_seen)
        })
        .unwrap();
    let found = |text: &str| {
        house
            .run(&["item", "list", "--format", "json", "--config-text", text])
            .rows()
    };
    assert_eq!(found("aes256").len(), 1);
    assert_eq!(
        found("\"encryption\"*AES???\"")[0]["arn"],
        item.arn.as_str()
    );
    assert_eq!(
        found("needle").len(),
        0,
        "only the present configuration counts"
    );
    let shown = house
        .run(&["item", "show", &item.arn, "--format", "json"])
        .json();
    assert_eq!(shown["revisions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_filter_that_can_match_nothing_is_refused_with_the_valid_values() {
    let house = House::with("");
    for (args, words) in [
        (
            ["poam", "list", "--status", "opne"],
            "open, in-progress, pending-verification, closed, superseded",
        ),
        (
            ["finding", "list", "--status", "closed"],
            "open, not-observed, fixed",
        ),
        (["item", "list", "--status", "open"], "active, gone"),
        (
            ["ticket", "list", "--status", "open"],
            "creating, new, in-progress, done, closed, missing",
        ),
        (
            ["coverage", "list", "--status", "open"],
            "complete, partial, denied, off, ended, failed",
        ),
        (
            ["poam", "list", "--rating", "severe"],
            "low, moderate, high",
        ),
        (["poam", "list", "--name", ""], "filters nothing"),
        (["poam", "list", "--min-score", "-1"], "score"),
    ] {
        let ran = house.run(&args);
        assert_eq!(ran.exit, Exit::Usage, "{args:?}");
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn a_table_fits_the_screen() {
    let house = House::with_findings();
    for (columns, rows) in [(80, 24), (120, 12), (200, 60)] {
        for noun in ["poam", "finding", "item", "account"] {
            let screen = Screen { columns, rows };
            let table = house.run_on(Some(screen), &[noun, "list"]).done().out;
            assert!(table.contains("\u{1b}["), "a terminal has colours: {noun}");
            let plain = without_colours(&table);
            assert!(
                plain.lines().count() < usize::from(rows),
                "{noun} on {columns}×{rows}:\n{plain}"
            );
            for line in plain.lines() {
                assert!(
                    line.chars().count() <= usize::from(columns),
                    "{noun} on {columns}: {line}"
                );
            }
        }
    }
    let piped = house.run(&["poam", "list"]).done().out;
    assert!(!piped.contains('\u{1b}'), "a pipe has none");
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[test]
fn what_an_export_holds_is_the_same_each_time() {
    let house = House::with_findings();
    let once = house.run(&["export", "--format", "json"]).done().out;
    assert_eq!(once, house.run(&["export", "--format", "json"]).done().out);
    let entries: Vec<Value> = serde_json::from_str(&once).unwrap();
    let records = house.run(&["poam", "list", "--format", "json"]).rows();
    assert_eq!(entries.len(), records.len());
    for (entry, record) in entries.iter().zip(&records) {
        for (name, value) in record.as_object().unwrap() {
            assert_eq!(&entry[name], value);
        }
        assert_eq!(
            entry["findings"].as_array().unwrap().len() as u64,
            record["finding_count"].as_u64().unwrap()
        );
    }
    let file = house.path("poam.csv");
    let ran = house
        .run(&["export", "--format", "csv", "--out", file.to_str().unwrap()])
        .done();
    assert_eq!(ran.out, "");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        house.run(&["export", "--format", "csv"]).done().out
    );
    assert!(!house.path("poam.csv.part").exists());
}
