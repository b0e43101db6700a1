//! How a row is shown: stored values, display values in the caller's zone, or both; references with links.

use chrono::{NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::incident::JOURNALS;
use super::instance::{Instance, Row, TASKS, refers_to};

/// What the caller asked to see.
#[derive(Debug, Clone)]
pub struct View {
    /// `None` shows every field.
    pub fields: Option<Vec<String>>,
    /// `false`, `true` or `all`.
    pub display: String,
    pub plain_references: bool,
    pub zone: Tz,
}

impl Instance {
    pub fn shown(&self, table: &str, row: &Row, view: &View) -> Value {
        let is_task = TASKS.contains(&table) || table == "task";
        let all: Vec<String> = match (&view.fields, is_task) {
            (Some(fields), _) => fields.clone(),
            (None, true) => self.task_fields().map(str::to_owned).collect(),
            (None, false) => row.keys().cloned().collect(),
        };
        let hidden = &self.options.hidden_fields;
        let known = all
            .into_iter()
            .filter(|f| self.has_field(table, f) && !hidden.contains(f));
        known
            .map(|f| (f.clone(), self.shown_field(row, &f, view)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn shown_field(&self, row: &Row, field: &str, view: &View) -> Value {
        let journal = JOURNALS.contains(&field);
        let stored = if journal {
            String::new()
        } else {
            self.value(row, field)
        };
        if view.display == "false" {
            return match refers_to(field).filter(|_| !view.plain_references && !stored.is_empty()) {
                Some(table) => json!({ "link": self.link(table, &stored), "value": stored }),
                None => json!(stored),
            };
        }
        let display = if journal {
            self.journal_text(row, field, view.zone)
        } else {
            self.display(row, field, view.zone)
        };
        if view.display == "all" {
            return json!({ "display_value": display, "value": stored });
        }
        match refers_to(field).filter(|_| !view.plain_references && !stored.is_empty()) {
            Some(table) => json!({ "display_value": display, "link": self.link(table, &stored) }),
            None => json!(display),
        }
    }

    fn link(&self, table: &str, sys_id: &str) -> String {
        format!("{}/api/now/table/{table}/{sys_id}", self.base)
    }

    fn display(&self, row: &Row, field: &str, zone: Tz) -> String {
        let stored = self.value(row, field);
        if let Some(table) = refers_to(field) {
            let to = self.row(table, &stored);
            return to
                .and_then(|r| r.get("name").or(r.get("number")).cloned())
                .unwrap_or_default();
        }
        if let Some(local) = local_time(&stored, zone) {
            return local;
        }
        let mut choices = self.rows("sys_choice").unwrap_or_default().into_iter();
        let is =
            |choice: &Row, name: &str, wanted: &str| choice.get(name).is_some_and(|v| v == wanted);
        let choice = choices.find(|c| is(c, "element", field) && is(c, "value", &stored));
        choice
            .and_then(|c| c.get("label").cloned())
            .unwrap_or(stored)
    }

    /// All entries with their headers, newest first.
    fn journal_text(&self, row: &Row, field: &str, zone: Tz) -> String {
        let label = if field == "comments" {
            "Additional comments"
        } else {
            "Work notes"
        };
        let mine = |e: &&&Row| {
            e.get("element_id") == row.get("sys_id") && e.get("element").is_some_and(|n| n == field)
        };
        let entries = self.rows("sys_journal_field").unwrap_or_default();
        let mut text: Vec<String> = entries
            .iter()
            .filter(mine)
            .map(|e| {
                let author = self.value(e, "sys_created_by");
                let name = self
                    .user(&author)
                    .map_or_else(|| author.clone(), |u| self.value(u, "name"));
                let at = self.value(e, "sys_created_on");
                format!(
                    "{} - {name} ({label})\n{}\n\n",
                    local_time(&at, zone).unwrap_or(at),
                    self.value(e, "value")
                )
            })
            .collect();
        text.reverse();
        text.concat()
    }
}

fn local_time(stored: &str, zone: Tz) -> Option<String> {
    let time = NaiveDateTime::parse_from_str(stored, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(
        Utc.from_utc_datetime(&time)
            .with_timezone(&zone)
            .format("%Y-%m-%d %H:%M:%S")
            .to_string(),
    )
}
