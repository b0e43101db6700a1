//! A file of accounts to add: CSV with a line of names, or a JSON array of objects. The names are those of
//! `[[accounts]]` in the configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use poamd_contract::account::{AccountAccess, BadPartition, partition_of};
use poamd_contract::chance::Chance;
use poamd_contract::ids::{AccountId, Partition, Region};
use serde::Deserialize;

use super::add::generated;
use crate::cli::failure::Failure;
use crate::config::accounts::DEFAULT_ROLE;
use crate::domain::account::Account;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: AccountId,
    name: String,
    /// A list, or text with blanks, commas or semicolons between.
    regions: Several,
    #[serde(default)]
    partition: Option<Partition>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    contacts: Option<Several>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    weight: Option<f64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    s3_canonical_id: Option<String>,
    #[serde(default)]
    s3_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    List(Vec<String>),
    Text(String),
}

impl Several {
    fn parts(&self) -> Vec<&str> {
        match self {
            Self::List(parts) => parts.iter().map(String::as_str).collect(),
            Self::Text(text) => text
                .split([',', ';', ' '])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect(),
        }
    }
}

/// Reads all accounts of a file; what is wrong with any of them is said at once and nothing is taken.
pub fn read(file: &Path, chance: &dyn Chance) -> Result<Vec<Account>, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|cause| Failure::work(format!("{} cannot be read: {cause}", file.display())))?;
    let json = text
        .trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
        .starts_with('[');
    let entries = if json {
        from_json(&text)
    } else {
        from_csv(&text)
    };
    let mut problems = Vec::new();
    let mut accounts = Vec::new();
    let mut seen = BTreeSet::new();
    for (place, entry) in entries {
        match entry.and_then(|entry| entry.into_account(chance)) {
            Ok(account) if !seen.insert(account.access.id.clone()) => {
                problems.push(format!(
                    "{place}: account {} stands there twice",
                    account.access.id
                ));
            }
            Ok(account) => accounts.push(account),
            Err(what) => problems.push(format!("{place}: {what}")),
        }
    }
    if problems.is_empty() && accounts.is_empty() {
        problems.push("it names no account".to_owned());
    }
    if problems.is_empty() {
        return Ok(accounts);
    }
    Err(Failure::work(format!(
        "{}: nothing was taken; put this right and import it again:\n{}",
        file.display(),
        problems.join("\n")
    )))
}

type Read = Vec<(String, Result<Entry, String>)>;

fn from_json(text: &str) -> Read {
    match serde_json::from_str::<Vec<serde_json::Value>>(text.trim_start_matches('\u{feff}')) {
        Ok(values) => values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                let entry = serde_json::from_value(value).map_err(|e| e.to_string());
                (format!("entry {}", index + 1), entry)
            })
            .collect(),
        Err(cause) => vec![(
            "the file".to_owned(),
            Err(format!("is no JSON array: {cause}")),
        )],
    }
}

fn from_csv(text: &str) -> Read {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    reader
        .deserialize::<Entry>()
        .enumerate()
        // The names stand in line 1.
        .map(|(index, entry)| (format!("line {}", index + 2), entry.map_err(|e| reason(&e))))
        .collect()
}

/// The cause without the crate's own place, which counts differently.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    }
}

impl Entry {
    fn into_account(self, chance: &dyn Chance) -> Result<Account, String> {
        let regions = self
            .regions
            .parts()
            .into_iter()
            .map(|region| region.parse::<Region>().map_err(|e| e.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        let partition =
            partition_of(&regions, self.partition.as_ref()).map_err(|bad| match bad {
                BadPartition::Regions(what) => format!("regions {what}"),
                BadPartition::Given(what) => format!("partition {what}"),
            })?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let external_id = given(self.external_id);
        let account = Account {
            access: AccountAccess {
                id: self.id,
                name: self.name,
                partition,
                role: given(self.role).or_else(|| Some(DEFAULT_ROLE.to_owned())),
                external_id: external_id.map(|id| {
                    if id == "generate" {
                        generated(chance)
                    } else {
                        id
                    }
                }),
                regions,
            },
            label: given(self.label).unwrap_or_else(|| "Prod".to_owned()),
            contacts: self
                .contacts
                .iter()
                .flat_map(Several::parts)
                .map(str::to_owned)
                .collect(),
            notes: self.notes.unwrap_or_default(),
            weight: weight(self.weight.unwrap_or(1.0))?,
            active: self.active.unwrap_or(true),
            s3_canonical_id: given(self.s3_canonical_id),
            s3_name: given(self.s3_name),
        };
        match account.problems().first() {
            None => Ok(account),
            Some((field, what)) => Err(format!("{field} {what}")),
        }
    }
}

/// Hundredths of a weight; the bounds of `[[accounts]] weight`.
pub fn weight(points: f64) -> Result<i64, String> {
    if (0.1..=10.0).contains(&points) {
        Ok((points * 100.0).round() as i64)
    } else {
        Err(format!("weight {points} lies outside 0.1 to 10"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    struct Fixed;

    impl Chance for Fixed {
        fn next_u64(&self) -> u64 {
            0x0123_4567_89ab_cdef
        }
    }

    fn taken(text: &str) -> Result<Vec<Account>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), &Fixed).map_err(|f| f.text)
    }

    #[test]
    fn both_forms_say_the_same() {
        let csv = "\u{feff}id,name,regions,label,external_id,weight\r\n\
                   123456789012,pay,us-east-1 us-west-2,Dev,generate,2.5\r\n\
                   210987654321,gov,us-gov-west-1,,,\r\n";
        let json = r#"[{"id": "123456789012", "name": "pay", "regions": ["us-east-1", "us-west-2"],
                        "label": "Dev", "external_id": "generate", "weight": 2.5},
                       {"id": "210987654321", "name": "gov", "regions": "us-gov-west-1"}]"#;
        let accounts = taken(csv).unwrap();
        assert_eq!(accounts, taken(json).unwrap());
        assert_eq!(accounts[0].weight, 250);
        assert_eq!(
            accounts[0].access.external_id.as_deref(),
            Some("01234567-89ab-cdef-0123-456789abcdef")
        );
        assert_eq!(accounts[1].access.partition.as_str(), "aws-us-gov");
        assert_eq!(accounts[1].label, "Prod");
    }

    #[test]
    fn everything_wrong_is_said_at_once_with_its_line() {
        let text = taken(
            "id,name,regions\n12345,short,us-east-1\n123456789012,ok,us-east-1\n123456789012,again,us-east-1\n\
             210987654321,two,us-east-1 us-gov-west-1\n",
        )
        .unwrap_err();
        for words in [
            "line 2: ",
            "twelve digits",
            "line 4: account 123456789012 stands there twice",
            "line 5: regions are of several partitions",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("line 3"), "{text}");
        for (bad, words) in [
            ("[{]", "is no JSON array"),
            ("[]", "names no account"),
            ("id,nome,regions\n123456789012,a,us-east-1\n", "nome"),
        ] {
            assert!(taken(bad).unwrap_err().contains(words), "{bad}");
        }
    }
}
