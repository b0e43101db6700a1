//! What writing an incident does: fields dropped without a word, rules, data policies, computed priority,
//! journal entries.

use serde_json::{Value, json};

use super::instance::{By, Instance, Row};
use super::options::Rule;
use super::refusal::Refusal;

/// Fields nobody can write through the API.
const READ_ONLY: [&str; 11] = [
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_class_name",
    "number",
    "priority",
    "active",
    "opened_at",
];

/// Fields that take text and give nothing back raw.
pub const JOURNALS: [&str; 2] = ["comments", "work_notes"];

impl Instance {
    /// Makes an incident; returns its `sys_id`.
    ///
    /// # Errors
    /// 403 by a rule or a data policy.
    pub fn insert(&mut self, body: &Value, by: &By) -> Result<String, Refusal> {
        let mut row: Row = [
            ("state", "1"),
            ("impact", "3"),
            ("urgency", "3"),
            ("sys_class_name", "incident"),
            ("active", "true"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let (fields, notes, dropped) = self.sort_out("incident", body);
        self.abort_by_rule(&fields)?;
        row.extend(fields);
        for rule in &self.options.rules {
            if let Rule::OnInsert { field, value } = rule {
                row.insert(field.clone(), value.clone());
            }
        }
        self.policies(&row, &notes, true)?;
        compute(&mut row);
        self.stamp_new(&mut row, &by.user);
        let (number, opened) = (self.next_number(), self.now_text());
        let opener = self
            .user(&by.user)
            .and_then(|u| u.get("sys_id").cloned())
            .unwrap_or_default();
        for (name, value) in [
            ("number", number),
            ("opened_at", opened),
            ("opened_by", opener),
        ] {
            row.insert(name.to_owned(), value);
        }
        let id = row["sys_id"].clone();
        let marker = row.get("correlation_id").cloned().unwrap_or_default();
        if !marker.is_empty() && by.reply != crate::history::Reply::Direct {
            self.born.push((marker, row["number"].clone()));
        }
        self.note("incident.created", &row, by, json!({ "dropped": dropped }));
        self.tables
            .entry("incident".to_owned())
            .or_default()
            .push(row);
        self.write_notes("incident", &id, notes, by);
        Ok(id)
    }

    /// Changes the named fields of a task; writing nothing new leaves `sys_mod_count` alone.
    ///
    /// # Errors
    /// 404 if it is not in this table, 403 if it is closed, or by a rule or a data policy.
    pub fn change(
        &mut self,
        table: &str,
        sys_id: &str,
        body: &Value,
        by: &By,
    ) -> Result<(), Refusal> {
        let row = self.row(table, sys_id).ok_or_else(Refusal::no_record)?;
        let before = row.clone();
        if before.get("state").is_some_and(|s| s == "7" || s == "8") {
            return Err(Refusal::forbidden(
                "ACL Exception Update Failed due to security constraints",
            ));
        }
        let (fields, notes, dropped) = self.sort_out(table, body);
        self.abort_by_rule(&fields)?;
        let mut after = before.clone();
        after.extend(fields);
        self.policies(&after, &notes, false)?;
        compute(&mut after);
        let changed: Vec<&String> = after
            .iter()
            .filter(|(k, v)| before.get(*k).map_or("", String::as_str) != v.as_str())
            .map(|(k, _)| k)
            .collect();
        if changed.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let detail = json!({ "fields": changed, "state": after.get("state"), "dropped": dropped });
        let moved = before.get("state") != after.get("state");
        let count: u64 = before
            .get("sys_mod_count")
            .and_then(|c| c.parse().ok())
            .unwrap_or(0);
        let now = self.now_text();
        if moved && after.get("state").is_some_and(|s| s == "6") {
            after.insert("resolved_at".to_owned(), now.clone());
        }
        after.insert("sys_mod_count".to_owned(), (count + 1).to_string());
        after.insert("sys_updated_on".to_owned(), now);
        after.insert("sys_updated_by".to_owned(), by.user.clone());
        self.note(
            if moved {
                "incident.moved"
            } else {
                "incident.edited"
            },
            &after,
            by,
            detail,
        );
        let class = after.get("sys_class_name").cloned().unwrap_or_default();
        if let Some(row) = self.row_mut(&class, sys_id) {
            *row = after;
        }
        self.write_notes(&class, sys_id, notes, by);
        Ok(())
    }

    /// Fields to write, journal entries to add, and names that are dropped without a word.
    fn sort_out(&self, table: &str, body: &Value) -> (Row, Vec<(String, String)>, Vec<String>) {
        let silently = self.faults.standing().silently_dropped;
        let (mut fields, mut notes, mut dropped) = (Row::new(), vec![], vec![]);
        for (name, value) in body.as_object().into_iter().flatten() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let known = self.has_field(table, name) && !name.contains('.');
            if !known || READ_ONLY.contains(&name.as_str()) || silently.contains(name) {
                dropped.push(name.clone());
            } else if JOURNALS.contains(&name.as_str()) {
                if !text.trim().is_empty() {
                    notes.push((name.clone(), text));
                }
            } else {
                fields.insert(name.clone(), text);
            }
        }
        (fields, notes, dropped)
    }

    fn abort_by_rule(&self, fields: &Row) -> Result<(), Refusal> {
        for rule in &self.options.rules {
            if let Rule::Abort {
                field,
                value,
                message,
            } = rule
                && fields.get(field) == Some(value)
            {
                return Err(Refusal::forbidden(&format!(
                    "Operation against file 'incident' was aborted by Business Rule: {message}"
                )));
            }
        }
        Ok(())
    }

    fn policies(&self, row: &Row, notes: &[(String, String)], new: bool) -> Result<(), Refusal> {
        let state = row.get("state").map_or("", String::as_str);
        let mut needed: Vec<&str> = match state {
            "6" | "7" => vec!["close_code", "close_notes"],
            "3" => vec!["hold_reason"],
            _ => vec![],
        };
        if new {
            needed.push("short_description");
            needed.extend(self.options.mandatory.iter().map(String::as_str));
        }
        let mut missing: Vec<&str> = needed
            .into_iter()
            .filter(|f| row.get(*f).is_none_or(String::is_empty))
            .collect();
        let awaiting_caller = state == "3" && row.get("hold_reason").is_some_and(|r| r == "1");
        if awaiting_caller && !notes.iter().any(|(f, _)| f == "comments") {
            missing.push("comments");
        }
        if missing.is_empty() {
            return Ok(());
        }
        let list = missing.join(", ");
        Err(Refusal::forbidden(&format!(
            "Data Policy Exception: The following fields are mandatory: {list}"
        )))
    }

    fn write_notes(&mut self, table: &str, sys_id: &str, notes: Vec<(String, String)>, by: &By) {
        for (element, text) in notes {
            let mut entry: Row = [
                ("name", table),
                ("element", element.as_str()),
                ("element_id", sys_id),
                ("value", text.as_str()),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
            self.stamp_new(&mut entry, &by.user);
            let id = entry["sys_id"].clone();
            self.tables
                .entry("sys_journal_field".to_owned())
                .or_default()
                .push(entry);
            if let Some(row) = self.row(table, sys_id) {
                self.note(
                    "comment.created",
                    row,
                    by,
                    json!({ "comment": id, "element": element, "text": text }),
                );
            }
        }
    }
}

/// Priority from impact and urgency; `active` from state.
fn compute(row: &mut Row) {
    let level = |name: &str| {
        row.get(name)
            .and_then(|v| v.parse::<u8>().ok())
            .filter(|v| (1..=3).contains(v))
            .unwrap_or(3)
    };
    let priority = (level("impact") + level("urgency") - 1).to_string();
    let active = row.get("state").is_none_or(|s| s != "7" && s != "8");
    let state = row.get("state").cloned().unwrap_or_default();
    row.insert("priority".to_owned(), priority);
    row.insert("incident_state".to_owned(), state);
    row.insert("active".to_owned(), active.to_string());
}
