//! What tests and the demo's scripted person do on the ServiceNow stand-in, past the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ServiceNowStandIn;
use super::instance::{By, Instance, Row};
use super::refusal::Refusal;
use crate::faults::{Faults, Scripted};

/// A journal entry as a test reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub sys_id: String,
    /// `comments` or `work_notes`.
    pub element: String,
    /// User name.
    pub author: String,
    pub text: String,
}

impl ServiceNowStandIn {
    /// All incidents as stored, in the order made.
    pub fn incidents(&self) -> Vec<Row> {
        self.desk
            .instance()
            .tables
            .get("incident")
            .cloned()
            .unwrap_or_default()
    }

    /// By number or `sys_id`, in whatever task table it is.
    pub fn incident(&self, name: &str) -> Option<Row> {
        find(&self.desk.instance(), name).ok()
    }

    /// Journal entries of an incident, oldest first.
    pub fn journal(&self, name: &str) -> Vec<Note> {
        let instance = self.desk.instance();
        let Ok(row) = find(&instance, name) else {
            return vec![];
        };
        let entries = instance.rows("sys_journal_field").unwrap_or_default();
        let mine = entries
            .into_iter()
            .filter(|e| e.get("element_id") == row.get("sys_id"));
        let get = |e: &Row, name: &str| e.get(name).cloned().unwrap_or_default();
        mine.map(|e| Note {
            sys_id: get(e, "sys_id"),
            element: get(e, "element"),
            author: get(e, "sys_created_by"),
            text: get(e, "value"),
        })
        .collect()
    }

    /// Numbers of the incidents made through the API under one correlation id, where there is more than one; deleted ones count.
    pub fn duplicates(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_marker: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (marker, number) in &self.desk.instance().born {
            by_marker
                .entry(marker.clone())
                .or_default()
                .push(number.clone());
        }
        by_marker.retain(|_, numbers| numbers.len() > 1);
        by_marker
    }

    /// A person writes into a journal field (`work_notes`, `comments`); returns the entry's `sys_id`.
    ///
    /// # Errors
    /// As the instance refuses.
    pub fn person_comments(
        &self,
        name: &str,
        user_name: &str,
        element: &str,
        text: &str,
    ) -> Result<String, Refusal> {
        self.person_sets(name, user_name, &json!({ element: text }))?;
        self.journal(name)
            .pop()
            .map(|n| n.sys_id)
            .ok_or_else(Refusal::no_record)
    }

    /// A person moves an incident; a resolution gets a close code and notes.
    ///
    /// # Errors
    /// As the instance refuses.
    pub fn person_moves(&self, name: &str, user_name: &str, state: &str) -> Result<(), Refusal> {
        let mut body = json!({ "state": state });
        if state == "6" || state == "7" {
            let code = self
                .desk
                .instance()
                .options
                .close_codes
                .first()
                .cloned()
                .unwrap_or_default();
            body["close_code"] = json!(code);
            body["close_notes"] = json!("Done by hand");
        }
        if state == "3" {
            body["hold_reason"] = json!("4");
        }
        self.person_sets(name, user_name, &body)
    }

    /// A person changes fields.
    ///
    /// # Errors
    /// As the instance refuses.
    pub fn person_sets(&self, name: &str, user_name: &str, fields: &Value) -> Result<(), Refusal> {
        let mut instance = self.desk.instance();
        let row = find(&instance, name)?;
        instance.change("task", &row["sys_id"], fields, &By::person(user_name))
    }

    /// A person copies an incident, correlation id and all; returns the new number.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn copy_incident(&self, name: &str, user_name: &str) -> Result<String, Refusal> {
        let mut instance = self.desk.instance();
        let row = find(&instance, name)?;
        let id = instance.insert(&json!(row), &By::person(user_name))?;
        instance
            .row("incident", &id)
            .map(|r| r["number"].clone())
            .ok_or_else(Refusal::no_record)
    }

    /// An administrator deletes an incident.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn delete(&self, name: &str, user_name: &str) -> Result<(), Refusal> {
        let mut instance = self.desk.instance();
        let row = find(&instance, name)?;
        instance.note(
            "incident.deleted",
            &row,
            &By::person(user_name),
            Value::Null,
        );
        for rows in instance.tables.values_mut() {
            rows.retain(|r| r.get("sys_id") != row.get("sys_id"));
        }
        Ok(())
    }

    /// A record changes its table and keeps its `sys_id`; only `task` finds it still.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn reclass(&self, name: &str, table: &str) -> Result<(), Refusal> {
        let mut instance = self.desk.instance();
        let mut row = find(&instance, name)?;
        for rows in instance.tables.values_mut() {
            rows.retain(|r| r.get("sys_id") != row.get("sys_id"));
        }
        row.insert("sys_class_name".to_owned(), table.to_owned());
        instance
            .tables
            .entry(table.to_owned())
            .or_default()
            .push(row);
        Ok(())
    }

    /// The timer that makes Resolved Closed runs.
    pub fn run_close_timer(&self) {
        let mut instance = self.desk.instance();
        let now = instance.now_text();
        for row in instance.tables.get_mut("incident").into_iter().flatten() {
            if row.get("state").is_some_and(|s| s == "6") {
                for (field, value) in [
                    ("state", "7"),
                    ("active", "false"),
                    ("closed_at", &now),
                    ("sys_updated_on", &now),
                ] {
                    row.insert(field.to_owned(), value.to_owned());
                }
            }
        }
    }

    pub fn set_faults(&self, faults: Faults) {
        self.faults.set(faults);
    }

    pub fn script(&self, fault: Scripted) {
        self.faults.script(fault);
    }

    /// Our password stops or starts being accepted.
    pub fn sign_off(&self, off: bool) {
        self.desk.instance().signed_off = off;
    }

    /// Whether our account can read journal entries.
    pub fn journal_readable(&self, readable: bool) {
        self.desk.instance().options.journal_readable = readable;
    }

    /// Whether our account can read the entries of `work_notes`, which are counted all the same.
    pub fn work_notes_readable(&self, readable: bool) {
        self.desk.instance().options.work_notes_readable = readable;
    }

    /// These columns, and no others, are hidden from our account.
    pub fn hide_fields(&self, fields: &[&str]) {
        self.desk.instance().options.hidden_fields =
            fields.iter().map(|f| (*f).to_owned()).collect();
    }

    /// The row of a user.
    pub fn user(&self, user_name: &str) -> Option<Row> {
        self.desk.instance().user(user_name).cloned()
    }
}

fn find(instance: &Instance, name: &str) -> Result<Row, Refusal> {
    let rows = instance.rows("task").unwrap_or_default();
    let is = |row: &Row| {
        row.get("number").is_some_and(|n| n == name) || row.get("sys_id").is_some_and(|i| i == name)
    };
    rows.into_iter()
        .find(|r| is(r))
        .cloned()
        .ok_or_else(Refusal::no_record)
}
