//! Against an emulator seeded with a known estate (`scripts/moto`). Runs where `POAMD_TEST_MOTO_SEEDED` holds its
//! address and `POAMD_TEST_MOTO_KEY` the folder with `answers.json` and `findings.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use poamd_contract::account::AccountAccess;
use poamd_contract::health::Verdict;
use poamd_contract::item::SeenItem;
use poamd_contract::watch::AccountProbe;
use serde_json::Value;

use super::{account, config, observe, pull, session};
use crate::probe::Probe;
use crate::session::Session;
use crate::watches;

struct Estate {
    session: Arc<Session>,
    answers: Value,
    findings: Value,
}

fn estate(test: &str) -> Option<Estate> {
    let (Some(url), Some(key)) = (
        std::env::var_os("POAMD_TEST_MOTO_SEEDED"),
        std::env::var_os("POAMD_TEST_MOTO_KEY"),
    ) else {
        let all = std::env::var_os("POAMD_TEST_ALL").is_some();
        assert!(
            !all,
            "POAMD_TEST_ALL is set, and there is no seeded emulator"
        );
        // Written past the test harness, which would swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {test} (POAMD_TEST_MOTO_SEEDED and POAMD_TEST_MOTO_KEY are not set)"
        );
        return None;
    };
    let read = |name: &str| {
        serde_json::from_slice(&std::fs::read(PathBuf::from(&key).join(name)).unwrap()).unwrap()
    };
    let config = crate::AwsConfig {
        attempts: 1,
        ..config(url.to_str().unwrap())
    };
    Some(Estate {
        session: session(config),
        answers: read("answers.json"),
        findings: read("findings.json"),
    })
}

impl Estate {
    fn regions(&self) -> Vec<&str> {
        self.answers["made_with"]["regions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect()
    }

    fn accounts(&self) -> Vec<AccountAccess> {
        let known = self.answers["accounts"].as_array().unwrap().iter();
        known
            .map(|a| {
                account(
                    a["id"].as_str().unwrap(),
                    a["role_arn"].as_str(),
                    &self.regions(),
                )
            })
            .collect()
    }

    /// The ARNs of the key for a technology in an account, with the region of each.
    fn expected(&self, account: &AccountAccess, technology: &str) -> BTreeMap<String, String> {
        let resources = self.answers["resources"].as_object().unwrap().iter();
        resources
            .filter(|(_, r)| r["account"] == account.id.as_str() && r["tech"] == technology)
            .map(|(arn, r)| (arn.clone(), r["region"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// The ARNs that the key gives an issue.
    fn with_issue(&self, issue: &str) -> BTreeSet<String> {
        let answers = self.answers["answers"].as_object().unwrap().iter();
        let has = |issues: &Value| issues.as_array().unwrap().iter().any(|i| i == issue);
        answers
            .filter(|(_, issues)| has(issues))
            .map(|(arn, _)| arn.clone())
            .collect()
    }

    async fn items(&self, technology: &str) -> Vec<SeenItem> {
        let global = watches::all(&self.session)
            .iter()
            .any(|w| w.technology() == technology && w.is_global());
        let regions = if global {
            vec![self.regions()[0]]
        } else {
            self.regions()
        };
        let mut items = Vec::new();
        for account in self.accounts() {
            for region in &regions {
                let seen = observe(&self.session, technology, &account, region).await;
                assert!(
                    seen.coverage.is_complete(),
                    "{technology}: {:?}",
                    seen.coverage
                );
                items.extend(seen.items);
            }
        }
        items
    }
}

#[tokio::test]
async fn watches_see_exactly_the_estate() {
    let Some(estate) = estate("watches_see_exactly_the_estate") else {
        return;
    };
    for technology in ["securitygroup", "s3", "iamuser", "policy"] {
        let items = estate.items(technology).await;
        for account in estate.accounts() {
            let mine = items.iter().filter(|item| item.account == account.id);
            let seen: BTreeMap<String, String> = mine
                .map(|i| (i.arn.clone(), i.region.to_string()))
                .collect();
            let expected = estate.expected(&account, technology);
            assert!(!expected.is_empty());
            assert_eq!(seen, expected, "{technology} of {}", account.id);
        }
        let again = estate.items(technology).await;
        let configs = |items: &[SeenItem]| -> Vec<String> {
            items.iter().map(|i| i.config.to_string()).collect()
        };
        assert_eq!(
            configs(&items),
            configs(&again),
            "{technology}: a second look sees no change"
        );
    }
}

#[tokio::test]
async fn configurations_tell_good_from_bad() {
    let Some(estate) = estate("configurations_tell_good_from_bad") else {
        return;
    };
    let chosen = |items: &[SeenItem], bad: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
        items
            .iter()
            .filter(|item| bad(&item.config))
            .map(|item| item.arn.clone())
            .collect()
    };
    let buckets = estate.items("s3").await;
    let bare = chosen(&buckets, &|config| {
        config["ServerSideEncryptionConfiguration"].is_null()
    });
    assert_eq!(bare, estate.with_issue("s3-no-encryption"));
    let unversioned = chosen(&buckets, &|config| {
        config["Versioning"]["Status"] != "Enabled"
    });
    assert_eq!(unversioned, estate.with_issue("s3-no-versioning"));

    let users = estate.items("iamuser").await;
    let active = |config: &Value| {
        config["AccessKeys"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["Status"] == "Active")
            .count()
    };
    assert_eq!(
        chosen(&users, &|config| active(config) == 2),
        estate.with_issue("iam-user-two-active-keys")
    );
    let bare_login = |config: &Value| {
        !config["LoginProfile"].is_null() && config["MFADevices"] == serde_json::json!([])
    };
    assert_eq!(
        chosen(&users, &bare_login),
        estate.with_issue("iam-user-console-no-mfa")
    );

    let admin = |config: &Value| {
        let versions = config["PolicyVersionList"].as_array().unwrap();
        let default = versions
            .iter()
            .find(|version| version["IsDefaultVersion"] == true)
            .unwrap();
        let statement = default["Document"]["Statement"].as_array().unwrap();
        statement
            .iter()
            .any(|s| s["Effect"] == "Allow" && s["Action"] == "*" && s["Resource"] == "*")
    };
    assert_eq!(
        chosen(&estate.items("policy").await, &admin),
        estate.with_issue("iam-policy-full-admin")
    );
}

#[tokio::test]
async fn sources_page_through_everything() {
    let Some(estate) = estate("sources_page_through_everything") else {
        return;
    };
    let counts = &estate.findings["counts"];
    let (home, region) = (
        account(super::ACCOUNT, None, &estate.regions()),
        estate.regions()[0].to_owned(),
    );

    let (kept, coverage) = pull(&estate.session, "securityhub", &home, &region).await;
    assert!(coverage.is_complete(), "{coverage:?}");
    let documents = kept.documents();
    assert_eq!(
        documents.iter().sum::<usize>() as u64,
        counts["total"].as_u64().unwrap()
    );
    assert!(documents.len() > 1 && documents[0] == 100, "{documents:?}");
    assert!(
        kept.pages.iter().all(|page| page.set_aside.is_empty()),
        "every seeded finding is taken"
    );

    let (kept, coverage) = pull(&estate.session, "inspector", &home, &region).await;
    assert!(coverage.is_complete(), "{coverage:?}");
    let total: usize = kept.documents().iter().sum();
    assert_eq!(total as u64, counts["inspector2"].as_u64().unwrap());

    let (_, coverage) = pull(&estate.session, "inspector-classic", &home, &region).await;
    assert_eq!(coverage.state(), "ended", "{coverage:?}");
}

#[tokio::test]
async fn what_is_called_is_what_is_declared() {
    let Some(estate) = estate("what_is_called_is_what_is_declared") else {
        return;
    };
    let watches = watches::all(&estate.session);
    for watch in &watches {
        estate.items(watch.technology()).await;
    }
    let mut declared: BTreeSet<&str> = watches
        .iter()
        .flat_map(|watch| watch.actions().iter().copied())
        .collect();
    // For the roles; the hub's right, not the account's.
    declared.insert("sts:AssumeRole");
    assert_eq!(estate.session.wiring().throttle.called(), declared);
}

#[tokio::test]
async fn every_account_is_who_it_is() {
    let Some(estate) = estate("every_account_is_who_it_is") else {
        return;
    };
    for account in estate.accounts() {
        let checks = Probe::new(Arc::clone(&estate.session))
            .probe(&account)
            .await;
        assert_eq!(checks[0].verdict, Verdict::Ok, "{checks:?}");
        // The emulator checks no trust policy, so every role of it is open.
        assert_eq!(checks[1].verdict, Verdict::Failed, "{checks:?}");
    }
}
