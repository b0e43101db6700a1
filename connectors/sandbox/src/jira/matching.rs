//! Which issues a JQL query means: fields, values, and dates by the minute in the caller's zone.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::fields::RESOLUTIONS;
use super::jql::{Clause, Expr, Op, Query};
use super::site::{Indexed, Issue, Site};

const FIELDS: [&str; 15] = [
    "project",
    "labels",
    "key",
    "issuekey",
    "issue",
    "id",
    "created",
    "updated",
    "status",
    "statuscategory",
    "issuetype",
    "resolution",
    "assignee",
    "summary",
    "reporter",
];

/// # Errors
/// The service's complaint: an unbounded query, an unknown field, a value that does not exist, a bad date.
pub fn check(site: &Site, query: &Query, zone: Tz) -> Result<(), String> {
    let Some(wanted) = &query.wanted else {
        return Err("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.".to_owned());
    };
    for clause in clauses(wanted) {
        check_clause(site, clause, zone)?;
    }
    match query
        .order
        .iter()
        .find(|(f, _)| !FIELDS.contains(&f.as_str()))
    {
        Some((field, _)) => Err(format!(
            "Field '{field}' does not exist or you do not have permission to view it."
        )),
        None => Ok(()),
    }
}

fn clauses(expr: &Expr) -> Vec<&Clause> {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().flat_map(clauses).collect(),
        Expr::Not(inner) => clauses(inner),
        Expr::Clause(clause) => vec![clause],
    }
}

fn check_clause(site: &Site, clause: &Clause, zone: Tz) -> Result<(), String> {
    let Clause { field, op, values } = clause;
    if !FIELDS.contains(&field.as_str()) {
        return Err(format!(
            "Field '{field}' does not exist or you do not have permission to view it."
        ));
    }
    let compares = matches!(
        op,
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual
    );
    let ordered = matches!(
        field.as_str(),
        "created" | "updated" | "key" | "issuekey" | "issue" | "id"
    );
    if (compares && !ordered) || (matches!(op, Op::Like | Op::NotLike) && field != "summary") {
        return Err(format!(
            "The operator is not supported by the '{field}' field."
        ));
    }
    for value in values {
        let known = match field.as_str() {
            "project" => site.project(value).is_some(),
            "status" => site
                .workflow()
                .statuses
                .iter()
                .any(|s| s.id == *value || s.name.eq_ignore_ascii_case(value)),
            "issuetype" => site
                .issue_types
                .iter()
                .any(|(id, name)| id == value || name.eq_ignore_ascii_case(value)),
            "key" | "issuekey" | "issue" | "id" => {
                compares || site.issues.values().any(|i| is_named(i, value))
            }
            "created" | "updated" => {
                moment(value, zone, site.now()).ok_or_else(|| {
                    format!("Date value '{value}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.")
                })?;
                true
            }
            _ => true,
        };
        if !known {
            return Err(format!(
                "The value '{value}' does not exist for the field '{field}'."
            ));
        }
    }
    Ok(())
}

fn is_named(issue: &Issue, value: &str) -> bool {
    issue.key() == value || issue.id.to_string() == value
}

/// A JQL date: relative (`-90m`), by the minute or day in `zone`, or milliseconds since 1970.
fn moment(value: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Some(period) = value.strip_suffix(['m', 'h', 'd', 'w']) {
        let number: i64 = period.parse().ok()?;
        return Some(
            now + match &value[value.len() - 1..] {
                "m" => TimeDelta::minutes(number),
                "h" => TimeDelta::hours(number),
                "d" => TimeDelta::days(number),
                _ => TimeDelta::weeks(number),
            },
        );
    }
    if value.len() > 10 && value.bytes().all(|b| b.is_ascii_digit()) {
        return DateTime::from_timestamp_millis(value.parse().ok()?);
    }
    let text = value.replace('/', "-");
    let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M").ok();
    let local = local.or_else(|| {
        NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    })?;
    zone.from_local_datetime(&local)
        .earliest()
        .map(|t| t.to_utc())
}

/// Whether the issue, as the index knows it, is meant.
pub fn matches(site: &Site, expr: &Expr, issue: &Issue, indexed: &Indexed, zone: Tz) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|p| matches(site, p, issue, indexed, zone)),
        Expr::Any(parts) => parts.iter().any(|p| matches(site, p, issue, indexed, zone)),
        Expr::Not(inner) => !matches(site, inner, issue, indexed, zone),
        Expr::Clause(clause) => meets(site, clause, issue, indexed, zone),
    }
}

fn meets(site: &Site, clause: &Clause, issue: &Issue, indexed: &Indexed, zone: Tz) -> bool {
    match clause.field.as_str() {
        "created" => by_time(clause, indexed.created, zone, site.now()),
        "updated" => by_time(clause, indexed.updated, zone, site.now()),
        "key" | "issuekey" | "issue" | "id" => by_key(clause, issue, indexed),
        field => by_text(clause, &texts(site, field, indexed)),
    }
}

/// Everything a value of the clause may equal: id and name alike.
fn texts(site: &Site, field: &str, indexed: &Indexed) -> Vec<String> {
    let status = site.workflow().status(&indexed.status);
    match field {
        "project" => site
            .project(&indexed.project)
            .map(|p| vec![p.key.clone(), p.id.clone(), p.name.clone()]),
        "labels" => Some(indexed.labels.clone()),
        "status" => status.map(|s| vec![s.id.clone(), s.name.clone()]),
        "statuscategory" => {
            status.map(|s| vec![s.category.clone(), category_name(&s.category).to_owned()])
        }
        "issuetype" => site
            .issue_types
            .iter()
            .find(|(id, _)| *id == indexed.issue_type)
            .map(|(i, n)| vec![i.clone(), n.clone()]),
        "resolution" => Some(pair(&RESOLUTIONS, &indexed.resolution)),
        "assignee" => Some(vec![indexed.assignee.clone()]),
        "reporter" => Some(vec![indexed.creator.clone()]),
        _ => Some(vec![indexed.summary.clone()]),
    }
    .unwrap_or_default()
    .into_iter()
    .filter(|t| !t.is_empty())
    .collect()
}

fn category_name(key: &str) -> &str {
    match key {
        "new" => "To Do",
        "done" => "Done",
        _ => "In Progress",
    }
}

fn pair(known: &[(&str, &str)], id: &str) -> Vec<String> {
    known
        .iter()
        .find(|(i, _)| *i == id)
        .map(|(i, n)| vec![(*i).to_owned(), (*n).to_owned()])
        .unwrap_or_default()
}

fn by_text(clause: &Clause, texts: &[String]) -> bool {
    let equal = || {
        clause
            .values
            .iter()
            .any(|v| texts.iter().any(|t| t.eq_ignore_ascii_case(v)))
    };
    let like = || {
        let texts: Vec<String> = texts.iter().map(|t| t.to_lowercase()).collect();
        let words = clause.values.iter().flat_map(|v| v.split_whitespace());
        words.into_iter().all(|w| {
            texts
                .iter()
                .any(|t| t.contains(&w.trim_matches('*').to_lowercase()))
        })
    };
    match clause.op {
        Op::Equal | Op::In => equal(),
        // A field without a value meets no negated clause either, as in the real service.
        Op::NotEqual | Op::NotIn => !texts.is_empty() && !equal(),
        Op::Like => like(),
        Op::NotLike => !like(),
        Op::IsEmpty => texts.is_empty(),
        Op::IsNotEmpty => !texts.is_empty(),
        _ => false,
    }
}

fn by_key(clause: &Clause, issue: &Issue, indexed: &Indexed) -> bool {
    let key = format!("{}-{}", indexed.project, indexed.number);
    let named = |v: &String| *v == key || *v == issue.id.to_string();
    let order = |v: &String| match v.rsplit_once('-') {
        Some((project, number)) if project == indexed.project => {
            Some(indexed.number.cmp(&number.parse().ok()?))
        }
        Some(_) => None,
        None => Some(issue.id.cmp(&v.parse().ok()?)),
    };
    match clause.op {
        Op::Equal | Op::In => clause.values.iter().any(named),
        Op::NotEqual | Op::NotIn => !clause.values.iter().any(named),
        op => clause
            .values
            .first()
            .and_then(order)
            .is_some_and(|o| holds(op, o)),
    }
}

fn by_time(clause: &Clause, at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> bool {
    let value = clause.values.first().and_then(|v| moment(v, zone, now));
    value.is_some_and(|v| holds(clause.op, at.cmp(&v)))
}

fn holds(op: Op, order: Ordering) -> bool {
    match op {
        Op::Equal | Op::In => order.is_eq(),
        Op::NotEqual | Op::NotIn => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        _ => false,
    }
}

/// The order of two issues by the query's ORDER BY; newest first without one.
pub fn compare(order: &[(String, bool)], a: &(u64, &Indexed), b: &(u64, &Indexed)) -> Ordering {
    for (field, descending) in order {
        let by = match field.as_str() {
            "created" => a.1.created.cmp(&b.1.created),
            "updated" => a.1.updated.cmp(&b.1.updated),
            "id" => a.0.cmp(&b.0),
            "key" | "issuekey" | "issue" | "project" => {
                (&a.1.project, a.1.number).cmp(&(&b.1.project, b.1.number))
            }
            "summary" => a.1.summary.cmp(&b.1.summary),
            _ => a.1.status.cmp(&b.1.status),
        };
        let by = if *descending { by.reverse() } else { by };
        if by.is_ne() {
            return by;
        }
    }
    b.0.cmp(&a.0)
}
