//! What has been out of sight for too long is told by the doctor, by its record.

use std::sync::Arc;

use chrono::TimeDelta;
use poamd::intake::Vigil;
use poamd::store::{coverage, runs};
use poamd_contract::clock::Clock;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::finding::{FindingReport, Signal};
use poamd_contract::severity::Severity;

use super::House;
use crate::support::findings::{hub, plan, report, take};

const ACCOUNT: &str = "123456789012";

#[test]
fn doctor_names_the_record_of_what_is_not_seen() {
    let house = House::with(&format!(
        "[[accounts]]\nid = \"{ACCOUNT}\"\nname = \"payments\"\nlabel = \"Prod\"\nregions = [\"us-east-1\"]\n\
         [mail]\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"p@example.gov\"\nsecurity = \"none\"\n\
         [[reports]]\nname = \"weekly\"\nrecipients = [\"isso@example.gov\"]\nschedule = \"0 7 * * MON\"\n"
    ));
    // Any verb that writes brings the account in.
    house
        .run(&["import", super::fixtures()[0].to_str().unwrap()])
        .done();
    let store = house.store();
    let cell = |service: &str| Cell {
        account: ACCOUNT.parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        service: service.to_owned(),
    };
    let now = Arc::clone(&house.clock).now();
    let denied = Coverage::Denied {
        reason: "no right to securityhub:GetFindings".to_owned(),
    };
    let note = |service: &str, seen: &Coverage, hours| {
        let at = now + TimeDelta::hours(hours);
        store
            .write_here(|c| coverage::note(c, &cell(service), seen, 1, at))
            .unwrap();
    };
    note("guardduty", &Coverage::Complete, 0);
    note("securityhub", &denied, 0);
    assert!(!house.run(&["doctor"]).out.contains("detection-gap"));
    note("guardduty", &Coverage::Complete, 25);
    let later = now + TimeDelta::hours(25);
    let run = store.write_here(|c| runs::begin(c, "pull", later)).unwrap();
    let vigil = Vigil {
        run,
        actor: "job:pull",
        now: later,
        limit: TimeDelta::hours(24),
        services: &|_| true,
    };
    assert_eq!(vigil.keep(&store).unwrap().new, 1);
    plan(&store, later);
    let doctor = house.run(&["doctor"]).out;
    assert!(
        doctor.contains("detection gaps") && doctor.contains("detection-gap/securityhub"),
        "{doctor}"
    );
    let rows = house.run(&["poam", "list", "--format", "json"]).rows();
    let gap = rows
        .iter()
        .find(|r| r["weakness"] == "detection-gap/securityhub")
        .unwrap();
    let id = gap["id"].as_str().unwrap();
    let mail = house.run(&["report", "preview", "weekly"]).done().out;
    assert!(mail.contains(&format!("now a record: {id}")), "{mail}");
    let report = house.run(&["export", "--format", "ver-report"]).done().out;
    assert!(report.contains("Failures of detection (1)"), "{report}");
    let results = house.run(&["export", "--format", "oscal-ar"]).json();
    let said = results["assessment-results"]["results"][0]["description"]
        .as_str()
        .unwrap();
    assert!(said.contains(&format!("tracked as {id} (")), "{said}");
    // One of two places shows nothing for want of rights: as bad as a scan without credentials.
    let triggers = house.run(&["poam", "triggers", "--format", "json"]).rows();
    let blind = triggers
        .iter()
        .find(|t| t["trigger"].as_str().unwrap().contains("unauthenticated"))
        .unwrap();
    assert_eq!(
        (&blind["count"], &blind["threshold"], &blind["left"]),
        (&1.into(), &1.into(), &0.into()),
        "{blind}"
    );
    let listed = house.run(&["poam", "list", "--format", "json"]).rows();
    let record = listed
        .iter()
        .find(|r| r["weakness"] == "detection-gap/securityhub")
        .unwrap();
    assert_eq!(record["sources"], serde_json::json!(["poamd"]));
    let known = listed.len();
    assert_eq!(known, 2, "{listed:#?}");
}

#[test]
fn findings_that_nobody_has_rated_are_told() {
    let house = House::with(
        "[mail]\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"p@example.gov\"\nsecurity = \"none\"\n\
         [[reports]]\nname = \"weekly\"\nrecipients = [\"isso@example.gov\"]\nschedule = \"0 7 * * MON\"\n",
    );
    let store = house.store();
    let now = Arc::clone(&house.clock).now();
    let take_in = |severity: Option<Severity>, ago| {
        let said = now - TimeDelta::hours(ago);
        let reports = ["a", "b"].map(|bucket| FindingReport {
            severity,
            source: "inspector".to_owned(),
            ..report(bucket, said, Signal::Open)
        });
        take(&store, hub(), reports.to_vec(), now);
        plan(&store, now);
    };
    take_in(None, 1);
    let told = || {
        let mail = house.run(&["report", "preview", "weekly"]).done().out;
        (house.run(&["doctor"]).out, mail)
    };
    let (doctor, mail) = told();
    // The table breaks lines where it likes.
    let words: Vec<&str> = doctor.split_whitespace().collect();
    let doctor = words.join(" ");
    assert!(doctor.contains("2 findings of inspector"), "{doctor}");
    assert!(
        mail.contains("Not yet rated by their detector") && mail.contains("2 findings."),
        "{mail}"
    );
    assert!(
        house
            .run(&["poam", "list", "--format", "json"])
            .rows()
            .is_empty()
    );
    // Rated, they have a record; nothing is left to tell.
    take_in(Some(Severity::Low), 0);
    let (doctor, mail) = told();
    assert!(!doctor.contains("of inspector"), "{doctor}");
    assert!(!mail.contains("Not yet rated"), "{mail}");
    assert_eq!(
        house
            .run(&["poam", "list", "--format", "json"])
            .rows()
            .len(),
        1
    );
}
