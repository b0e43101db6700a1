//! Organizations, against a scripted service.

use std::sync::Arc;

use poamd_contract::organization::{Members, Organization, Wants};

use super::fake::{Asked, Fake, Reply, json_error, ok};
use super::{ACCOUNT, account, config, session};
use crate::organization::AwsOrganization;

const ALL: Wants = Wants {
    paths: true,
    tags: true,
};

async fn look(fake: &Fake, wants: Wants) -> Members {
    let organization = AwsOrganization::new(Arc::clone(&session(config(&fake.url))));
    organization
        .members(&account(ACCOUNT, None, &["us-gov-west-1"]), wants)
        .await
}

/// Two pages of accounts in a root and a unit of it.
fn answer(asked: &Asked) -> Reply {
    let target = |name: &str| asked.says(&format!("AWSOrganizationsV20161128.{name}\r"));
    ok(match () {
        () if target("ListAccounts") && asked.says(r#""NextToken":"2""#) => {
            r#"{"Accounts":[{"Id":"000000000002","Name":"b","Status":"SUSPENDED"}]}"#
        }
        () if target("ListAccounts") => {
            r#"{"Accounts":[{"Id":"000000000001","Name":"a","State":"ACTIVE","Status":"ACTIVE"}],"NextToken":"2"}"#
        }
        () if target("ListRoots") => r#"{"Roots":[{"Id":"r-1","Name":"Root"}]}"#,
        () if target("ListOrganizationalUnitsForParent") && asked.body.contains("r-1") => {
            r#"{"OrganizationalUnits":[{"Id":"ou-1","Name":"Work"}]}"#
        }
        () if target("ListAccountsForParent") && asked.body.contains("r-1") => {
            r#"{"Accounts":[{"Id":"000000000002"}]}"#
        }
        () if target("ListAccountsForParent") => r#"{"Accounts":[{"Id":"000000000001"}]}"#,
        () if target("ListTagsForResource") => r#"{"Tags":[{"Key":"env","Value":"prod"}]}"#,
        () => "{}",
    })
}

#[tokio::test]
async fn members_come_with_path_and_tags_where_rules_ask_for_them() {
    let fake = Fake::start(|asked, _| answer(asked)).await;
    let seen = look(&fake, ALL).await;
    assert!(seen.coverage.is_complete(), "{:?}", seen.coverage);
    let [a, b] = &seen.members[..] else {
        panic!("{:?}", seen.members)
    };
    assert_eq!(
        (a.path.as_str(), a.active, a.tags["env"].as_str()),
        ("/Work", true, "prod")
    );
    assert_eq!(
        (b.path.as_str(), b.active, b.state.as_str()),
        ("/", false, "SUSPENDED")
    );
    let full = fake.count();

    let fake = Fake::start(|asked, _| answer(asked)).await;
    let seen = look(&fake, Wants::default()).await;
    assert_eq!(
        (seen.members.len(), fake.count()),
        (2, 2),
        "only the listing is asked for"
    );
    assert!(full > 6);
}

#[tokio::test]
async fn trouble_anywhere_makes_the_look_no_look() {
    for name in [
        "ListAccounts",
        "ListRoots",
        "ListOrganizationalUnitsForParent",
        "ListAccountsForParent",
        "ListTagsForResource",
    ] {
        for (status, code, state) in [
            (400, "AccessDeniedException", "denied"),
            (400, "TooManyRequestsException", "failed"),
            (400, "AWSOrganizationsNotInUseException", "off"),
        ] {
            let fake = Fake::start(move |asked, _| {
                if asked.says(&format!("AWSOrganizationsV20161128.{name}\r")) {
                    json_error(status, code, "x")
                } else {
                    answer(asked)
                }
            })
            .await;
            let seen = look(&fake, ALL).await;
            assert_eq!(
                (seen.coverage.state(), seen.members.len()),
                (state, 0),
                "{name} {code}"
            );
        }
    }
}

#[tokio::test]
async fn a_member_in_no_unit_makes_the_look_no_look() {
    let fake = Fake::start(|asked, _| {
        if asked.says("ListAccountsForParent\r") {
            ok("{}")
        } else {
            answer(asked)
        }
    })
    .await;
    let seen = look(&fake, ALL).await;
    assert_eq!(seen.coverage.state(), "failed", "{:?}", seen.coverage);
}
