//! A watched AWS account: how it is reached, and what people say of it.

use poamd_contract::account::{self, AccountAccess, BadPartition};

/// An account as it is declared in a file or added by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub access: AccountAccess,
    /// Prod, Dev, Test or a word of one's own.
    pub label: String,
    pub contacts: Vec<String>,
    pub notes: String,
    /// In hundredths: 100 counts as it is.
    pub weight: i64,
    pub active: bool,
    pub s3_canonical_id: Option<String>,
    pub s3_name: Option<String>,
}

impl Account {
    /// What cannot work, each with the name of its field.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let access = &self.access;
        let mut problems = Vec::new();
        if access.name.trim().is_empty() {
            problems.push(("name", "is empty; say what people call it".to_owned()));
        }
        if let Err(what) = account::check_regions(&access.regions) {
            problems.push(("regions", what));
        } else {
            match account::partition_of(&access.regions, Some(&access.partition)) {
                Err(BadPartition::Regions(what)) => problems.push(("regions", what)),
                Err(BadPartition::Given(what)) => problems.push(("partition", what)),
                Ok(_) => {}
            }
        }
        if let Some(Err(what)) = access
            .role
            .as_deref()
            .map(|role| account::check_role(role, &access.partition, &access.id))
        {
            problems.push(("role", what));
        }
        if let Some(Err(what)) = access
            .external_id
            .as_deref()
            .map(account::check_external_id)
        {
            problems.push(("external_id", what));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            access: AccountAccess {
                id: "123456789012".parse().unwrap(),
                name: "payments".into(),
                partition: "aws-us-gov".parse().unwrap(),
                role: Some("poamd-audit".into()),
                external_id: Some("7f3c-0a52".into()),
                regions: vec!["us-gov-west-1".parse().unwrap()],
            },
            label: "Prod".into(),
            contacts: vec![],
            notes: String::new(),
            weight: 100,
            active: true,
            s3_canonical_id: None,
            s3_name: None,
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        assert_eq!(account().problems(), []);
        let named = |change: &dyn Fn(&mut Account)| {
            let mut account = account();
            change(&mut account);
            account.problems().iter().map(|p| p.0).collect::<Vec<_>>()
        };
        assert_eq!(named(&|a| a.access.name = " ".into()), ["name"]);
        assert_eq!(named(&|a| a.access.regions.clear()), ["regions"]);
        assert_eq!(
            named(&|a| a.access.regions.push("us-east-1".parse().unwrap())),
            ["regions"]
        );
        assert_eq!(
            named(&|a| a.access.partition = "aws-cn".parse().unwrap()),
            ["partition"]
        );
        assert_eq!(
            named(&|a| a.access.role = Some("arn:aws-us-gov:iam::210987654321:role/x".into())),
            ["role"]
        );
        assert_eq!(
            named(&|a| a.access.external_id = Some("a b".into())),
            ["external_id"]
        );
    }
}
