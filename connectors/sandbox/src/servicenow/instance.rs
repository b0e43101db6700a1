//! The state of the ServiceNow stand-in: tables of rows whose values are strings.
//!
//! Not in it: what an incident's writes mean ([`super::incident`]) and how rows are shown ([`super::show`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use poamd_contract::clock::Clock;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::options::ServiceNowOptions;
use crate::faults::FaultBook;
use crate::history::{History, Record, Reply};

/// A row; a field that is not in it is empty.
pub type Row = BTreeMap<String, String>;

/// The tables that are tasks; asking `task` finds the rows of all.
pub const TASKS: [&str; 3] = ["incident", "problem", "change_request"];

const SYSTEM: [&str; 6] = [
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
];

const TASK: [&str; 35] = [
    "number",
    "short_description",
    "description",
    "state",
    "impact",
    "urgency",
    "priority",
    "correlation_id",
    "correlation_display",
    "close_code",
    "close_notes",
    "hold_reason",
    "assigned_to",
    "assignment_group",
    "caller_id",
    "opened_by",
    "category",
    "subcategory",
    "due_date",
    "comments",
    "work_notes",
    "sys_class_name",
    "active",
    "opened_at",
    "resolved_at",
    "resolved_by",
    "closed_at",
    "parent_incident",
    "parent",
    "cmdb_ci",
    "business_service",
    "contact_type",
    "severity",
    "company",
    "incident_state",
];

/// Who does something, and what will become of the answer.
#[derive(Debug, Clone)]
pub struct By {
    pub user: String,
    pub reply: Reply,
}

impl By {
    /// A person in the web interface, a test, the demo's script.
    pub fn person(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            reply: Reply::Direct,
        }
    }
}

/// All of it.
pub struct Instance {
    pub base: String,
    pub options: ServiceNowOptions,
    pub tables: BTreeMap<String, Vec<Row>>,
    /// Correlation id and number of every incident made through the API, deleted or not.
    pub born: Vec<(String, String)>,
    /// Whether our own password is accepted.
    pub signed_off: bool,
    pub clock: Arc<dyn Clock>,
    pub history: History,
    pub faults: FaultBook,
    ids: u64,
    numbers: u64,
}

impl Instance {
    pub fn new(options: ServiceNowOptions, history: History, faults: FaultBook) -> Self {
        let mut instance = Self {
            base: String::new(),
            tables: BTreeMap::new(),
            born: vec![],
            signed_off: false,
            clock: history.clock(),
            history,
            faults,
            ids: 0,
            numbers: 10_000,
            options,
        };
        instance.seed();
        instance
    }

    fn seed(&mut self) {
        for table in TASKS
            .iter()
            .chain(&["sys_journal_field", "sys_user_has_role"])
        {
            self.tables.insert((*table).to_owned(), vec![]);
        }
        let mut groups: BTreeMap<String, String> = BTreeMap::new();
        for person in self.options.people.clone() {
            let flag = |on: bool| if on { "true" } else { "false" };
            let user = self.add(
                "sys_user",
                &[
                    ("user_name", &person.user_name),
                    ("name", &person.name),
                    ("active", flag(person.active)),
                    ("web_service_access_only", flag(person.integration)),
                    ("internal_integration_user", "false"),
                    ("time_zone", person.zone.name()),
                    ("email", &format!("{}@example.com", person.user_name)),
                ],
            );
            for group in person.groups {
                let group = match groups.get(&group) {
                    Some(id) => id.clone(),
                    None => {
                        let id =
                            self.add("sys_user_group", &[("name", &group), ("active", "true")]);
                        groups.insert(group, id.clone());
                        id
                    }
                };
                self.add("sys_user_grmember", &[("user", &user), ("group", &group)]);
            }
        }
        for (element, value, label) in CHOICES {
            self.choice(element, value, label);
        }
        for code in self.options.close_codes.clone() {
            self.choice("close_code", &code, &code);
        }
    }

    fn choice(&mut self, element: &str, value: &str, label: &str) {
        let fields = [
            ("name", "incident"),
            ("element", element),
            ("value", value),
            ("label", label),
            ("inactive", "false"),
            ("language", "en"),
        ];
        self.add("sys_choice", &fields);
    }

    /// Adds a row with system fields; returns its `sys_id`.
    pub fn add(&mut self, table: &str, fields: &[(&str, &str)]) -> String {
        let mut row: Row = fields
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        self.stamp_new(&mut row, "system");
        let id = row["sys_id"].clone();
        self.tables.entry(table.to_owned()).or_default().push(row);
        id
    }

    /// Gives a row its `sys_id`, times and authors.
    pub fn stamp_new(&mut self, row: &mut Row, user: &str) {
        self.ids += 1;
        let id = HEXLOWER.encode(&Sha256::digest(format!("row {}", self.ids).as_bytes())[..16]);
        let now = self.now_text();
        for (name, value) in [
            ("sys_id", id),
            ("sys_created_on", now.clone()),
            ("sys_created_by", user.to_owned()),
            ("sys_updated_on", now),
            ("sys_updated_by", user.to_owned()),
            ("sys_mod_count", "0".to_owned()),
        ] {
            row.insert(name.to_owned(), value);
        }
    }

    /// `INC0010001` and on.
    pub fn next_number(&mut self) -> String {
        self.numbers += 1;
        format!("INC{:07}", self.numbers)
    }

    /// Now as stored: UTC, to the second.
    pub fn now_text(&self) -> String {
        text_of(self.clock.now())
    }

    /// Rows of a table, or of every task for `task`; `None` if there is no such table.
    pub fn rows(&self, table: &str) -> Option<Vec<&Row>> {
        if table == "task" {
            return Some(
                TASKS
                    .iter()
                    .filter_map(|t| self.tables.get(*t))
                    .flatten()
                    .collect(),
            );
        }
        self.tables.get(table).map(|rows| rows.iter().collect())
    }

    pub fn row(&self, table: &str, sys_id: &str) -> Option<&Row> {
        self.rows(table)?
            .into_iter()
            .find(|r| r.get("sys_id").is_some_and(|id| id == sys_id))
    }

    pub fn row_mut(&mut self, table: &str, sys_id: &str) -> Option<&mut Row> {
        self.tables
            .get_mut(table)?
            .iter_mut()
            .find(|r| r.get("sys_id").is_some_and(|id| id == sys_id))
    }

    /// Whether a table has a field; only for the tables poamd can ask.
    pub fn has_field(&self, table: &str, field: &str) -> bool {
        if let Some((reference, rest)) = field.split_once('.') {
            return refers_to(reference).is_some_and(|to| self.has_field(to, rest));
        }
        let own: &[&str] = match table {
            "sys_user" => &[
                "user_name",
                "name",
                "active",
                "web_service_access_only",
                "internal_integration_user",
                "time_zone",
                "email",
                "locked_out",
            ],
            "sys_user_group" => &["name", "active", "description"],
            "sys_user_grmember" => &["user", "group"],
            "sys_user_has_role" => &["user", "role", "inherited"],
            "sys_choice" => &[
                "name", "element", "value", "label", "inactive", "language", "sequence",
            ],
            "sys_journal_field" => &["name", "element", "element_id", "value"],
            _ => &TASK,
        };
        let extra = TASKS.contains(&table) || table == "task";
        SYSTEM.contains(&field)
            || own.contains(&field)
            || (extra && self.options.extra_fields.iter().any(|f| f == field))
    }

    /// All fields of an incident.
    pub fn task_fields(&self) -> impl Iterator<Item = &str> {
        SYSTEM
            .into_iter()
            .chain(TASK)
            .chain(self.options.extra_fields.iter().map(String::as_str))
    }

    /// The value of a field, also one of a row it refers to (`user.user_name`).
    pub fn value(&self, row: &Row, field: &str) -> String {
        match field.split_once('.') {
            None => row.get(field).cloned().unwrap_or_default(),
            Some((reference, rest)) => {
                let to =
                    refers_to(reference).and_then(|table| self.row(table, row.get(reference)?));
                to.map(|r| self.value(r, rest)).unwrap_or_default()
            }
        }
    }

    pub fn user(&self, user_name: &str) -> Option<&Row> {
        self.rows("sys_user")?
            .into_iter()
            .find(|r| r.get("user_name").is_some_and(|n| n == user_name))
    }

    /// Writes an entry about a row into the history.
    pub fn note(&self, kind: &str, row: &Row, by: &By, detail: Value) {
        let get = |name: &str| row.get(name).cloned().unwrap_or_default();
        let marker = Some(get("correlation_id")).filter(|c| !c.is_empty());
        let record = Record::new("servicenow", kind)
            .id(get("sys_id"))
            .key(get("number"))
            .marker(marker);
        self.history
            .record(record.actor(&by.user).reply(by.reply).detail(detail));
    }
}

/// A time as stored.
pub fn text_of(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The table a reference field points to.
pub fn refers_to(field: &str) -> Option<&'static str> {
    Some(match field {
        "assigned_to" | "caller_id" | "opened_by" | "resolved_by" | "user" => "sys_user",
        "assignment_group" | "group" => "sys_user_group",
        "parent_incident" => "incident",
        "parent" => "task",
        _ => return None,
    })
}

const CHOICES: [(&str, &str, &str); 24] = [
    ("state", "1", "New"),
    ("state", "2", "In Progress"),
    ("state", "3", "On Hold"),
    ("state", "6", "Resolved"),
    ("state", "7", "Closed"),
    ("state", "8", "Canceled"),
    ("impact", "1", "1 - High"),
    ("impact", "2", "2 - Medium"),
    ("impact", "3", "3 - Low"),
    ("urgency", "1", "1 - High"),
    ("urgency", "2", "2 - Medium"),
    ("urgency", "3", "3 - Low"),
    ("priority", "1", "1 - Critical"),
    ("priority", "2", "2 - High"),
    ("priority", "3", "3 - Moderate"),
    ("priority", "4", "4 - Low"),
    ("priority", "5", "5 - Planning"),
    ("hold_reason", "1", "Awaiting Caller"),
    ("hold_reason", "3", "Awaiting Problem"),
    ("hold_reason", "4", "Awaiting Vendor"),
    ("hold_reason", "5", "Awaiting Change"),
    ("category", "inquiry", "Inquiry / Help"),
    ("category", "software", "Software"),
    ("category", "network", "Network"),
];
