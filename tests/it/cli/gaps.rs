//! What has been out of sight for too long is told by the doctor, by its record.

use std::sync::Arc;

use chrono::TimeDelta;
use poamd::intake::Vigil;
use poamd::store::{coverage, runs};
use poamd_contract::clock::Clock;
use poamd_contract::coverage::{Cell, Coverage};

use super::House;
use crate::support::findings::plan;

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
