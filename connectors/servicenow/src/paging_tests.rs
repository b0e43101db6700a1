//! Several pages, some of them short by access rules, against the stand-in.

use std::sync::Arc;

use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::conformance::draft;
use poamd_contract::secret::SecretString;
use poamd_sandbox::faults::Faults;
use poamd_sandbox::history::History;
use poamd_sandbox::servicenow::options::ALLOWED;
use poamd_sandbox::servicenow::{ServiceNowOptions, ServiceNowStandIn};

use super::*;

async fn desk() -> (ServiceNowStandIn, ServiceNow) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-11-22T06:00:00Z".parse().unwrap()));
    let stand_in = ServiceNowStandIn::start(ServiceNowOptions::default(), History::new(clock))
        .await
        .unwrap();
    let config = ServiceNowConfig::new(
        Endpoint::new(stand_in.url.parse().unwrap()),
        &stand_in.user_name,
        SecretString::from(stand_in.password.as_str()),
    );
    let mut desk = ServiceNow::new(config).unwrap();
    desk.api = desk.api.with_page(2);
    (stand_in, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_turned_and_a_short_one_is_not_the_last() {
    let (stand_in, desk) = desk().await;
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(desk.create(&draft(n)).await.unwrap().id);
    }
    let read = async |wanted: &[String]| -> Vec<String> {
        let tickets = desk.read(wanted).await.unwrap();
        tickets.into_iter().map(|each| each.ticket.id).collect()
    };
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(read(&ids).await, sorted);
    // The whole first page, and one row of the second.
    stand_in.set_faults(Faults {
        hidden_after_paging: sorted[..3].to_vec(),
        ..Faults::default()
    });
    assert_eq!(read(&ids).await, sorted[3..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_of_all_pages_are_read_and_one_hidden_among_them_is_an_error() {
    let (stand_in, desk) = desk().await;
    let made = desk.create(&draft(1)).await.unwrap();
    let mut ids = Vec::new();
    for n in 1..=5 {
        let text = format!("/justify {n}");
        ids.push(
            stand_in
                .person_comments(&made.key, ALLOWED, "work_notes", &text)
                .unwrap(),
        );
    }
    let mut seen: Vec<String> = desk
        .comments(&made)
        .await
        .unwrap()
        .into_iter()
        .map(|each| each.id)
        .collect();
    seen.sort();
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(seen, sorted);
    for hidden in &ids {
        stand_in.set_faults(Faults {
            hidden_after_paging: vec![hidden.clone()],
            ..Faults::default()
        });
        let error = desk.comments(&made).await.unwrap_err();
        assert!(error.what.contains("audit_viewer"), "{}", error.what);
    }
}
