//! What an IAM policy document grants: statements with their lists made lists and their case folded, for
//! `input.access`. Not in it: what of that is a finding; that is a policy's to say.

use serde::Serialize;
use serde_json::Value;

/// `input.access` of an item that carries a policy document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Access {
    pub statements: Vec<Statement>,
    /// What could not be read; the evaluation then fails instead of passing.
    #[serde(skip)]
    pub unreadable: Vec<String>,
}

/// One statement. Actions are in lower case (IAM ignores theirs), resources as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// For people: `statement "Admin"`, or by position where it has no Sid (`statement 2`).
    pub label: String,
    /// `allow` or `deny`.
    pub effect: String,
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub resources: Vec<String>,
    pub not_resources: Vec<String>,
    /// It holds under conditions only.
    pub conditioned: bool,
    /// One of its actions is every action (`*`, `*:*`).
    pub all_actions: bool,
    /// One of its resources is every resource (`*`).
    pub all_resources: bool,
}

/// The default version's document of a customer managed policy, from IAM's `PolicyVersionList`
/// (`GetAccountAuthorizationDetails`).
pub fn of_managed_policy(config: &Value) -> Access {
    let default = config
        .get("PolicyVersionList")
        .and_then(Value::as_array)
        .and_then(|versions| {
            versions
                .iter()
                .find(|v| v.get("IsDefaultVersion") == Some(&Value::Bool(true)))
        })
        .and_then(|version| version.get("Document"));
    match default {
        Some(document) => of_document(document),
        None => Access {
            statements: Vec::new(),
            unreadable: vec!["PolicyVersionList has no default version with a document".to_owned()],
        },
    }
}

/// A document as JSON, or as a text that holds JSON.
pub fn of_document(document: &Value) -> Access {
    let parsed;
    let document = match document {
        Value::String(text) => {
            parsed = serde_json::from_str(text).unwrap_or(Value::Null);
            &parsed
        }
        other => other,
    };
    let mut access = Access::default();
    match element(document, "Statement") {
        Some(Value::Array(statements)) => {
            for (index, statement) in statements.iter().enumerate() {
                access.add(index, statement);
            }
        }
        Some(statement @ Value::Object(_)) => access.add(0, statement),
        _ => access
            .unreadable
            .push("the policy document has no Statement".to_owned()),
    }
    access
}

impl Access {
    fn add(&mut self, index: usize, value: &Value) {
        match Statement::read(index, value) {
            Some(statement) => self.statements.push(statement),
            None => self.unreadable.push(format!(
                "statement {} of the policy document cannot be read",
                index + 1
            )),
        }
    }
}

impl Statement {
    fn read(index: usize, value: &Value) -> Option<Self> {
        let effect = element(value, "Effect")?.as_str()?.to_ascii_lowercase();
        if effect != "allow" && effect != "deny" {
            return None;
        }
        let folded = |name| {
            texts(value, name).map(|list| list.iter().map(|a| a.to_ascii_lowercase()).collect())
        };
        let (actions, not_actions): (Vec<String>, Vec<String>) =
            (folded("Action")?, folded("NotAction")?);
        let (resources, not_resources) = (texts(value, "Resource")?, texts(value, "NotResource")?);
        let label = match element(value, "Sid")
            .and_then(Value::as_str)
            .filter(|sid| !sid.is_empty())
        {
            Some(sid) => format!("statement {:?}", sid.chars().take(80).collect::<String>()),
            None => format!("statement {}", index + 1),
        };
        Some(Self {
            label,
            effect,
            conditioned: element(value, "Condition")
                .is_some_and(|c| c.as_object().is_none_or(|c| !c.is_empty())),
            all_actions: actions.iter().any(|action| is_everything(action)),
            all_resources: resources.iter().any(|resource| is_everything(resource)),
            actions,
            not_actions,
            resources,
            not_resources,
        })
    }
}

/// `*`, and what amounts to it: more stars, and `*:*`.
fn is_everything(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|b| b == b'*' || b == b':')
}

/// An element by name in any case.
fn element<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, found)| found)
}

/// A text or a list of texts as a list; empty if absent, `None` if it is something else.
fn texts(value: &Value, name: &str) -> Option<Vec<String>> {
    match element(value, name) {
        None => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text.clone()]),
        Some(Value::Array(list)) => list
            .iter()
            .map(|entry| entry.as_str().map(str::to_owned))
            .collect(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn one(statement: Value) -> Statement {
        let access = of_document(&json!({ "Statement": statement }));
        assert_eq!(access.unreadable, Vec::<String>::new());
        access.statements.into_iter().next().unwrap()
    }

    #[test]
    fn text_and_list_and_case_mean_the_same() {
        for statement in [
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }),
            json!([{ "effect": "allow", "action": ["s3:Get*", "*"], "resource": ["*"] }]),
            json!([{ "Effect": "Allow", "Action": ["*:*"], "Resource": "**" }]),
        ] {
            let read = one(statement);
            assert!(
                read.all_actions && read.all_resources && read.effect == "allow",
                "{read:?}"
            );
        }
        assert_eq!(
            one(json!({ "Effect": "Allow", "Action": "S3:GetObject" })).actions,
            ["s3:getobject"]
        );
    }

    #[test]
    fn less_than_everything_is_not_everything() {
        for statement in [
            json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": "*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "NotResource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:x:s3:::b/*" }),
            json!({ "Effect": "Allow", "Action": "", "Resource": "" }),
        ] {
            let read = one(statement);
            assert!(!(read.all_actions && read.all_resources), "{read:?}");
        }
    }

    #[test]
    fn labels_name_the_sid_or_the_position() {
        assert_eq!(
            one(json!({ "Sid": "Admin", "Effect": "Deny", "Action": "*" })).label,
            "statement \"Admin\""
        );
        assert_eq!(
            one(json!({ "Effect": "Deny", "Action": "*" })).label,
            "statement 1"
        );
        assert!(one(json!({ "Effect": "Allow", "Condition": { "Bool": {} } })).conditioned);
        assert!(!one(json!({ "Effect": "Allow", "Condition": {} })).conditioned);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for document in [
            json!("%7B%22Statement%22"),
            json!(null),
            json!({}),
            json!({ "Statement": 7 }),
        ] {
            assert_eq!(of_document(&document).unreadable.len(), 1, "{document}");
        }
        for statement in [
            json!({ "Effect": "Maybe" }),
            json!({}),
            json!({ "Effect": "Allow", "Action": [1] }),
        ] {
            let good = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
            let access = of_document(&json!({ "Statement": [statement, good] }));
            assert_eq!((access.unreadable.len(), access.statements.len()), (1, 1));
        }
    }

    #[test]
    fn only_the_default_version_counts() {
        let admin = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
        let read = json!({ "Statement": { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" } });
        let config = json!({ "PolicyVersionList": [
            { "VersionId": "v1", "IsDefaultVersion": false, "Document": admin },
            { "VersionId": "v2", "IsDefaultVersion": true, "Document": read.to_string() },
        ]});
        assert!(!of_managed_policy(&config).statements[0].all_actions);
        assert_eq!(
            of_managed_policy(&json!({ "PolicyVersionList": [] }))
                .unreadable
                .len(),
            1
        );
    }
}
