//! Encoded queries. A clause on an unknown field or with a bad operator is ignored, which widens the result:
//! that is what an instance does by default.

use std::cmp::Ordering;

use super::instance::{Instance, Row};

/// A query as understood, and what of it was not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Encoded {
    /// Any of these (`^NQ`), each all of these (`^`), each any of these (`^OR`).
    sets: Vec<Vec<Vec<Clause>>>,
    order: Vec<(String, bool)>,
    /// Clauses that were left out.
    pub ignored: Vec<String>,
    /// Values that the real instance would have run as a script.
    pub scripts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Clause {
    field: String,
    op: &'static str,
    value: String,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [&str; 15] = [
    "ISNOTEMPTY",
    "STARTSWITH",
    "NOT LIKE",
    "ENDSWITH",
    "ISEMPTY",
    "NOT IN",
    "SAMEAS",
    "LIKE",
    "IN",
    "!=",
    ">=",
    "<=",
    "=",
    ">",
    "<",
];

impl Encoded {
    pub fn read(instance: &Instance, table: &str, text: &str) -> Self {
        let mut query = Self::default();
        for set in text.split("^NQ") {
            let mut groups: Vec<Vec<Clause>> = vec![];
            for term in set.split('^').filter(|t| !t.is_empty() && *t != "EQ") {
                query.term(instance, table, term, &mut groups);
            }
            query
                .sets
                .push(groups.into_iter().filter(|g| !g.is_empty()).collect());
        }
        query
    }

    fn term(
        &mut self,
        instance: &Instance,
        table: &str,
        term: &str,
        groups: &mut Vec<Vec<Clause>>,
    ) {
        let ordering = term.strip_prefix("ORDERBYDESC").map(|f| (f, true));
        if let Some((field, descending)) =
            ordering.or_else(|| term.strip_prefix("ORDERBY").map(|f| (f, false)))
        {
            let fields = field.split(',').filter(|f| instance.has_field(table, f));
            self.order
                .extend(fields.map(|f| (f.to_owned(), descending)));
            return;
        }
        let (joins, term) = term
            .strip_prefix("OR")
            .map_or((false, term), |rest| (true, rest));
        if !joins || groups.is_empty() {
            groups.push(vec![]);
        }
        match clause(term).filter(|c| instance.has_field(table, &c.field)) {
            Some(clause) => {
                if clause.value.starts_with("javascript:") {
                    self.scripts.push(clause.value.clone());
                }
                if let Some(group) = groups.last_mut() {
                    group.push(clause);
                }
            }
            None => self.ignored.push(term.to_owned()),
        }
    }

    pub fn matches(&self, instance: &Instance, row: &Row) -> bool {
        let any = |group: &Vec<Clause>| {
            group
                .iter()
                .any(|c| c.holds(&instance.value(row, &c.field)))
        };
        self.sets.is_empty() || self.sets.iter().any(|set| set.iter().all(any))
    }

    pub fn compare(&self, instance: &Instance, a: &Row, b: &Row) -> Ordering {
        for (field, descending) in &self.order {
            let by = ordered(&instance.value(a, field), &instance.value(b, field));
            let by = if *descending { by.reverse() } else { by };
            if by.is_ne() {
                return by;
            }
        }
        Ordering::Equal
    }
}

fn clause(term: &str) -> Option<Clause> {
    let end = term
        .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.'))?;
    let (field, rest) = term.split_at(end);
    let op = OPERATORS
        .into_iter()
        .find(|op| rest.starts_with(op))
        .filter(|_| !field.is_empty())?;
    Some(Clause {
        field: field.to_owned(),
        op,
        value: rest[op.len()..].to_owned(),
    })
}

impl Clause {
    fn holds(&self, have: &str) -> bool {
        let (have_low, value_low) = (have.to_lowercase(), self.value.to_lowercase());
        match self.op {
            "=" | "SAMEAS" => have_low == value_low,
            "!=" => have_low != value_low,
            "IN" => self
                .value
                .split(',')
                .any(|v| v.trim().eq_ignore_ascii_case(have)),
            "NOT IN" => !self
                .value
                .split(',')
                .any(|v| v.trim().eq_ignore_ascii_case(have)),
            "LIKE" => have_low.contains(&value_low),
            "NOT LIKE" => !have_low.contains(&value_low),
            "STARTSWITH" => have_low.starts_with(&value_low),
            "ENDSWITH" => have_low.ends_with(&value_low),
            "ISEMPTY" => have.is_empty(),
            "ISNOTEMPTY" => !have.is_empty(),
            ">" => ordered(have, &self.value).is_gt(),
            ">=" => ordered(have, &self.value).is_ge(),
            "<" => ordered(have, &self.value).is_lt(),
            _ => ordered(have, &self.value).is_le(),
        }
    }
}

/// Numbers as numbers, everything else (times among it) as text.
fn ordered(a: &str, b: &str) -> Ordering {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}
